"""A node with one inference worker that saves hard examples, and one dataset; and pictures without a decoder."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sedna_lc.labelling.answering import Labelling
from sedna_lc.places import Places
from sedna_lc.settings import EVERY_PATH, PathRule
from sedna_lc.state.memory import MemoryStore
from sedna_lc.state.stores import Store
from sedna_lc.users import WorkerUser

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=timezone.utc)
WORKER, DATASET = "helmet-inference", "helmets"


def jpeg(width: int = 640, height: int = 480, more: bytes = b"") -> bytes:
    """The beginning of a JPEG, as far as anybody here looks, and something to tell it from others."""
    app0 = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8" + app0 + frame + b"\xff\xda" + more + b"\xff\xd9"


def png(width: int = 64, height: int = 48) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">II", width, height) + bytes(9)


def worker(folder: Path, role: str = "inference") -> dict[str, Any]:
    container = {
        "name": "infer",
        "image": "helmet:v1",
        "env": [{"name": "HE_SAVED_URL", "value": "/he_saved_url"}],
        "volumeMounts": [{"name": "he", "mountPath": "/he_saved_url"}],
    }
    return {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": "Worker",
        "metadata": {"name": WORKER, "namespace": "default", "uid": "w1"},
        "spec": {
            "job": {"kind": "IncrementalLearningJob", "name": "helmet", "uid": "j1"},
            "role": role,
            "round": 0,
            "nodeName": "edge",
            "template": {
                "containers": [container],
                "volumes": [{"name": "he", "hostPath": {"path": str(folder), "type": "DirectoryOrCreate"}}],
            },
        },
    }


def dataset(path: Path, file_format: str = "txt", uid: str = "d1", name: str = DATASET) -> dict[str, Any]:
    return {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": "Dataset",
        "metadata": {"name": name, "namespace": "default", "uid": uid},
        "spec": {"url": str(path), "format": file_format, "nodeName": "edge"},
    }


class Node:
    """Asks as the GlobalManager asks, and unpacks the answers."""

    def __init__(
        self,
        folder: Path,
        store: Store | None = None,
        rules: tuple[PathRule, ...] = EVERY_PATH,
        user: WorkerUser | None = None,
    ) -> None:
        self.folder = folder.resolve()
        self.examples, self.list = self.folder / "he", self.folder / "data" / "train_data.txt"
        self.examples.mkdir(exist_ok=True)
        self.list.parent.mkdir(exist_ok=True)
        self.list.touch()
        self.store: Store = store or MemoryStore()
        self.store.put_wanted("workers", worker(self.examples))
        self.store.put_wanted("datasets", dataset(self.list))
        places = Places(self.folder / "state", self.folder / "images", self.folder / "credentials", rules)
        self.labelling = Labelling(self.store, places, lambda: user, lambda: NOW)

    def ask(self, kind: str, **details: Any) -> dict[str, Any]:
        whole = b"".join(self.labelling.answers[kind](details, threading.Event()))
        answer = json.loads(whole)
        assert isinstance(answer, dict)
        return answer

    def page(self, **details: Any) -> dict[str, Any]:
        return self.ask("hard-examples", **{"namespace": "default", "worker": WORKER, "limit": 50, **details})

    def keep(self, name: str, boxes: Any = None, picture: bytes | None = None, ending: str = ".jpg") -> Path:
        """A hard example, as a worker saves it."""
        path = self.examples / f"{name}{ending}"
        path.write_bytes(jpeg(more=name.encode()) if picture is None else picture)
        if boxes is not None:
            (self.examples / f"{name}.json").write_text(json.dumps({"picture": path.name, "boxes": boxes}))
        return path

    def save(self, name: str, boxes: Any = (), version: str | None = None, **details: Any) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "namespace": "default",
            "dataset": DATASET,
            "example": name,
            "by": "ada",
            "boxes": list(boxes) if isinstance(boxes, tuple) else boxes,
            "version": version,
            "picture": {"name": name, "worker": WORKER},
        }
        return self.ask("label", **(asked | details))

    @property
    def lines(self) -> list[str]:
        return self.list.read_text().splitlines()


def box(x0: float = 10, y0: float = 20, x1: float = 30, y1: float = 40, class_: int = 1) -> Mapping[str, Any]:
    return {"box": [x0, y0, x1, y1], "class": class_}
