"""Every parser of something that comes from outside: bytes in, a value or one of its own refusals out.

`test_parsers` feeds them what hypothesis thinks of, `fuzz` what atheris finds by following the code. Whatever else a
parser raises is a crash, and taking long is a hang.
"""

from __future__ import annotations

import functools
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from sedna.api import yaml12
from sedna.api.kinds import UnknownKind
from sedna.api.quantities import cpu_cores, memory_bytes
from sedna.api.trees import Tree
from sedna.api.triggers import Trigger, holds
from sedna.api.validating import Invalid, validate
from sedna.common import archives
from sedna.core.hot_updating import read_wanted
from sedna.daemons.configuring import Misconfigured
from sedna.images import archives as image_archives
from sedna.images.records import ImageProblem, read_record
from sedna_gm.daemon import configuring as gm_configuring
from sedna_gm.errors import BadRequest, GMError, Refused
from sedna_gm.http import bodies, media, patches
from sedna_gm.labelling import coco
from sedna_gm.labelling.reading import label_of
from sedna_gm.store.selecting import selector
from sedna_lc.artifacts.listing import list_samples
from sedna_lc.artifacts.naming import split_csv, split_txt
from sedna_lc.daemon import configuring as lc_configuring
from sedna_lc.datasets.cutting import BadLine, LineCutter, Whole
from sedna_lc.errors import Again, Never, SettingsInvalid
from sedna_lc.http.door import make_application
from sedna_lc.labelling.headers import size_of
from sedna_lc.labelling.side_files import boxes_of
from sedna_lc.reconcile import spools
from tests.attacks import seeds

# A parser that copies what it reads must not be slowed down by a disk.
_MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None


@dataclass(frozen=True)
class Parser:
    """`read` may raise `refuses` and nothing else. `seeds` are what it accepts, to begin from."""

    read: Callable[[bytes], object]
    refuses: tuple[type[Exception], ...]
    seeds: tuple[bytes, ...]


def attack(parser: Parser, data: bytes) -> bool:
    """Whether the parser accepts the bytes. Whatever it should not raise goes through."""
    try:
        parser.read(data)
    except parser.refuses:
        return False
    return True


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sedna-attack-", dir=_MEMORY) as folder:
        yield Path(folder)


def _manifests(data: bytes) -> None:
    for document in bodies.decode_documents(data, media.YAML):
        if not isinstance(document, Mapping):
            continue
        try:
            validate(document, strictness="Warn")
        except Invalid as error:
            # What is wrong is told in the answer, and must be tellable.
            json.dumps([cause.dump() for cause in error.causes], allow_nan=False).encode("ascii")
            raise


def _lines(file_format: str, data: bytes) -> None:
    """Cut in three ways: how the bytes come in pieces must not change the samples."""
    ways = {size: _cut(file_format, data, size) for size in (len(data) or 1, 7, 1 + len(data) // 3)}
    assert len(set(ways.values())) == 1, f"samples depend on how the file was read: {ways}"
    for sample in data.decode(errors="replace").splitlines():
        assert "".join(split_csv(sample, "/data", lambda _: True)) is not None
        assert split_txt(sample, "/data")


def _cut(file_format: str, data: bytes, size: int) -> tuple[str | None, tuple[bytes, ...]]:
    cutter, samples, long = LineCutter("/data/list.txt", file_format, long_line=64), list[bytes](), b""
    try:
        for begin in range(0, len(data), size):
            for piece in cutter.feed(data[begin : begin + size]):
                if isinstance(piece, Whole):
                    samples += piece.samples
                else:
                    long += piece.data
                    samples += [long] if piece.last else []
                    long = b"" if piece.last else long
    except BadLine:
        # Of two things that are wrong, either may be met first.
        samples.append(b"bad line")
    return cutter.header, tuple(samples)


def _archive(unpack: Callable[[Path, Path], None], data: bytes) -> None:
    with _folder() as folder:
        (folder / "archive").write_bytes(data)
        inside = folder / "inside"
        inside.mkdir()
        try:
            unpack(folder / "archive", inside)
        finally:
            left = {path.name for path in folder.iterdir()} - {"archive", "inside"}
            assert not left, f"written outside the folder: {left}"
            links = [path for path in inside.rglob("*") if path.is_symlink()]
            assert not links, f"links were unpacked: {links}"


def _open_image(archive: Path, _inside: Path) -> None:
    with image_archives.opened(archive) as folder:
        links = [path for path in folder.rglob("*") if path.is_symlink()]
        assert not links


def _in_file(name: str, read: Callable[[Path], object], data: bytes) -> None:
    with _folder() as folder:
        (folder / name).write_bytes(data)
        read(folder / name)


def _listed(data: bytes) -> None:
    with _folder() as folder:
        (folder / "samples.jsonl").write_bytes(data)
        list_samples(folder, folder / "list.txt")
        for line in (folder / "list.txt").read_text().splitlines():
            assert ".." not in line.split("/") or str(folder) not in line, "a sample leads out of its tree"


def _posted(what: str, data: bytes) -> None:
    """What a worker posts at the LocalController's door: a report (info) or news (progress)."""
    told: list[str] = []
    with _folder() as folder:
        (folder / "body").write_bytes(data)
        with (folder / "body").open("rb") as body:
            environ = {
                "REQUEST_METHOD": "POST",
                "PATH_INFO": f"/sedna/workers/w/{what}",
                "CONTENT_LENGTH": str(len(data)),
                "wsgi.input": body,
            }
            application = make_application(lambda *_: None, lambda _token: None, lambda *_: None)
            list(application(environ, lambda status, _headers: told.append(status)))
    assert told[0][:1] in "24", told


def _spool(data: bytes) -> None:
    with _folder() as folder:
        (folder / "00000001.json").write_bytes(data)
        spools.read_leftovers(folder)


def _selected(data: bytes) -> None:
    labels, _, fields = data.decode(errors="replace").partition("\n")
    matches = selector(labels, fields)
    if matches is not None:
        matches({"metadata": {"name": "a", "labels": {"a": "b"}}, "spec": {"nodeName": "n"}})


def _patched(data: bytes) -> None:
    patch = bodies.decode(data, media.JSON)
    target = json.loads(seeds.MODEL)
    done = patches.apply_operations(target, patch) if isinstance(patch, list) else patches.merge(target, patch)
    json.dumps(done, allow_nan=False)


def _trigger(data: bytes) -> None:
    trigger = Trigger.model_validate(json.loads(data))
    if trigger.condition is not None:
        holds(trigger.condition, {"precision": [0.5, 0.25], "loss": 1e308}, {"precision": [0.25], "loss": -1e308})


def _quantity(data: bytes) -> None:
    text = data.decode()
    memory_bytes(text)
    cpu_cores(text)


def _label(data: bytes) -> None:
    json.dumps([box.dump() for box in label_of(bodies.decode(data, media.JSON)).boxes], allow_nan=False)


def _coco(data: bytes) -> None:
    for image in coco.imported(bodies.decode(data, media.JSON), ["person", "helmet"]):
        json.dumps(image.boxes, allow_nan=False)


def _side_file(data: bytes) -> None:
    # They are told in an answer, which has no infinity.
    json.dumps([box.dump() for box in boxes_of(data)], allow_nan=False)


_BROKEN_JSON = (ValueError, RecursionError)

PARSERS: Mapping[str, Parser] = {
    "yaml": Parser(yaml12.load_documents, (yaml12.YamlError,), seeds.YAML),
    "json": Parser(lambda data: bodies.decode(data, media.JSON), (BadRequest,), seeds.DOCUMENTS),
    "manifests": Parser(_manifests, (Invalid, UnknownKind, GMError), seeds.MANIFESTS),
    "patches": Parser(_patched, (BadRequest, Refused), seeds.PATCHES),
    "selectors": Parser(_selected, (BadRequest,), seeds.SELECTORS),
    "triggers": Parser(_trigger, (ValidationError, *_BROKEN_JSON), seeds.TRIGGERS),
    "quantities": Parser(_quantity, (ValueError,), seeds.QUANTITIES),
    "trees": Parser(Tree.parse, (ValueError,), seeds.TREES),
    "txt lists": Parser(functools.partial(_lines, "txt"), (), seeds.LISTS),
    "csv tables": Parser(functools.partial(_lines, "csv"), (), seeds.LISTS),
    "sample lists": Parser(_listed, (Again, Never), seeds.SAMPLE_LISTS),
    "archives": Parser(functools.partial(_archive, archives.unpack), (ValueError,), seeds.ARCHIVES),
    "image archives": Parser(functools.partial(_archive, _open_image), (ImageProblem,), seeds.TARS),
    "image records": Parser(
        functools.partial(_in_file, "image.yml", lambda path: read_record(path.parent)),
        (ImageProblem,),
        seeds.IMAGE_RECORDS,
    ),
    "hot updates": Parser(read_wanted, (ValueError,), seeds.HOT_UPDATES),
    "reports": Parser(functools.partial(_posted, "info"), (), seeds.REPORTS),
    "news": Parser(functools.partial(_posted, "progress"), (), seeds.NEWS),
    "labels": Parser(_label, (BadRequest, Refused), seeds.LABELS),
    "coco": Parser(_coco, (BadRequest, coco.NotCoco), seeds.COCO),
    "side files": Parser(_side_file, (), seeds.SIDE_FILES),
    "picture headers": Parser(size_of, (), seeds.PICTURES),
    "spooled reports": Parser(_spool, (), seeds.REPORTS),
    "gm.yml": Parser(functools.partial(_in_file, "gm.yml", gm_configuring.load), (Misconfigured,), seeds.GM_SETTINGS),
    "lc.yml": Parser(functools.partial(_in_file, "lc.yml", lc_configuring.load), (SettingsInvalid,), seeds.LC_SETTINGS),
}
