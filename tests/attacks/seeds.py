"""What is right, for attacks to begin from: one or a few accepted inputs of each parser."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from typing import Any

from sedna.api.trees import Tree, TreeFile
from tests.gm.controllers.world import job_manifest
from tests.gm.http import doors


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def tar(*members: tuple[str, bytes], mode: str = "w:gz", type_: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """An archive with these members, whatever they are called."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(content), type_, link
            archive.addfile(info, io.BytesIO(content))
    return whole.getvalue()


def zipped(*members: tuple[str, bytes]) -> bytes:
    """The same as a zip."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            # With a date of its own, so that it is the same archive every time.
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return whole.getvalue()


MODEL = _json(doors.model())
RESOURCES = (doors.model(), doors.dataset(), doors.worker(), doors.node(), job_manifest())
DOCUMENTS = tuple(_json(each) for each in RESOURCES)
MANIFESTS = (
    *DOCUMENTS,
    b"---\nkind: Model\napiVersion: sedna.io/v1alpha1\nmetadata: {name: a}\nspec: {url: /a, format: pb}\n---\n",
)
YAML = (*MANIFESTS, b"timer: {start: 02:00, end: 20:00}\ntext: |\n  two\n  lines\n")
PATCHES = (
    _json([{"op": "add", "path": "/a~1b", "value": {"a": "b"}}, {"op": "test", "path": "/a~1b/a", "value": "b"}]),
    _json([{"op": "move", "from": "/spec/url", "path": "/spec/format"}, {"op": "copy", "from": "", "path": "/x"}]),
    _json({"spec": {"url": "/other", "format": None}}),
)
SELECTORS = (b"a=b,c!=d,e in (f,g),h notin (i),j,!k\nmetadata.name=a,spec.nodeName!=b", b"a==b\n")
TRIGGERS = (
    _json({"condition": {"operator": ">", "threshold": 0.1, "metric": "precision_delta[0]"}, "checkPeriodSeconds": 6}),
    _json({"timer": {"start": "02:00", "end": "20:00", "timezone": "Europe/Berlin"}}),
)
QUANTITIES = (b"2Gi", b"500m", b"1e3", b"0.5", b"12E2")
_FILES = (TreeFile("a", 1, "a" * 64), TreeFile("b/c", 2, "b" * 64))
TREES = (
    Tree("folder", _FILES).dump(),
    Tree("samples", (TreeFile("samples.jsonl", 1, "a" * 64), TreeFile("files/x", 1, "b" * 64))).dump(),
)
LISTS = (
    b"image/a.jpg 1,2,3\n\n  /b.jpg 4\r\ns3://c/d 5\n",
    b'a,b\n1,"2,3"\n',
    "\ufeffä.jpg 1\n".encode(),
    # What decides about a line may lie further on than the piece in which it is read.
    b" " * 70 + b"s" * 70 + b"://b/k" + b"\t" * 70 + b"1\n",
    b" " * 70 + b"\na,b" + b"\r" * 70 + b"\n1,2\n",
)
SAMPLE_LISTS = (b'{"header": "a,b"}\n["", "files/data/x.jpg", " 1,2"]\n["plain"]\n',)
TARS = (
    tar(("a", b"1"), ("b/c", b"2")),
    tar(("a", b"1"), mode="w"),
    tar(("a", b"1"), mode="w:bz2"),
    tar(("a", b"1"), mode="w:xz"),
)
ARCHIVES = (
    *TARS,
    zipped(("a", b"1"), ("b/c", b"2" * 100)),
)
IMAGE_RECORDS = (b"name: a\ntag: v1\npython: /usr/bin/python3\ncommand: [python]\nenv: {A: b}\n",)
HOT_UPDATES = (
    _json({"model_config": {"model_path": "/m", "model_update_time": "2026-11-22T12:00:00Z", "sha256": "A" * 64}}),
)
LABELS = (_json({"boxes": [{"box": [10, 20, 40, 60], "class": 1}], "version": "1", "pictureTime": None}),)
COCO = (
    _json(
        {
            "images": [
                {
                    "id": 1,
                    "file_name": "1a2b3c4d-a.jpg",
                    "sedna": {
                        "example": "a",
                        "labelled": False,
                        "time": "2026-11-22T12:00:00Z",
                        "predicted": [{"box": [1, 2, 4, 6], "class": 1}],
                    },
                }
            ],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 2, "bbox": [1.2, 2, 3, 4]}],
            "categories": [{"id": 2, "name": "helmet"}],
        }
    ),
)
SIDE_FILES = (_json({"boxes": [[1, 2, 30, 40, 0.5, 1], {"box": [1, 2, 30, 40], "score": 0.5, "class": 2.0}]}),)
PICTURES = (
    b"\xff\xd8\xff\xe0\x00\x04ab\xff\xff\xc0\x00\x11\x08\x01\x60\x02\x80\x03",
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x02\x80\x00\x00\x01\x60",
)
NEWS = (
    _json(
        {
            "name": "w",
            "namespace": "default",
            "progress": {"done": 1.5, "total": 3, "unit": "epoch", "metrics": {"loss": 0.5}},
        }
    ),
    _json(
        {
            "name": "w",
            "namespace": "default",
            "inference": {
                "count": 3,
                "hard": 1,
                "hardShare": 0.5,
                "latencySeconds": {"p50": 0.1, "p95": 0.2, "p99": 0.3},
                "perSecond": 1.5,
                "since": "2026-11-22T14:00:00Z",
            },
        }
    ),
)
REPORTS = (
    _json(
        {
            "name": "w",
            "namespace": "default",
            "ownerName": "j",
            "ownerKind": "incrementallearningjob",
            "kind": "eval",
            "status": "completed",
            "ownerInfo": {"currentRound": 1},
            "results": [{"format": "pb", "url": "/m", "metrics": {"precision": [0.5]}}],
        }
    ),
)
GM_SETTINGS = (
    b"listen: 127.0.0.1:9000\nauth: none\ndatabase: memory\nhttp: {maxBodyBytes: 100}\nartifacts: {folder: /a}\n",
)
LC_SETTINGS = (b"nodeName: a\ngm: http://127.0.0.1:9000\nlabels: {a: b}\nrunner: process\nsystemd: {sandbox: true}\n",)
