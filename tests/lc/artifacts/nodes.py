"""The two ends of a transfer, without a GM: a node whose dataset and models are to be sent, and one that fetches."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sedna.api.artifacts import ArtifactReference, ArtifactStatus
from sedna_lc.artifacts.caching import ArtifactCache
from sedna_lc.artifacts.fetching import Fetcher, Needed
from sedna_lc.artifacts.keeping import ArtifactKeeper, Sources
from sedna_lc.datasets.tailing import Tail
from sedna_lc.errors import Hindered
from sedna_lc.places import Places
from sedna_lc.state.memory import MemoryStore
from sedna_lc.state.stores import Key
from tests.lc.fakes.blobs import MemoryBlobs

KEY = ("default", "a")


def no_pauses() -> Iterator[float]:
    while True:
        yield 0.01


def wait_until(holds: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    waited = threading.Event()
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        waited.wait(0.005)


class Source:
    """A node that has something to give; `keeper()` is the LC's part that gives it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places = Places(folder / "state", folder / "images")
        self.store = MemoryStore()
        self.blobs = MemoryBlobs()
        self.data = folder / "data"
        self.data.mkdir(parents=True)
        self.list = self.data / "list.txt"
        self._format = "txt"
        self.letters: list[dict[str, Any]] = []
        self._keepers: list[ArtifactKeeper] = []
        self.packing: Callable[[], None] = lambda: None
        """Called when something is about to be packed."""
        self._seconds = itertools.count(60)

    def clock(self) -> datetime:
        # Later than every file here, so that what was read is remembered; and each time another second.
        return datetime.fromtimestamp(time.time() + next(self._seconds), timezone.utc)

    def show(self, text: str, file_format: str = "txt") -> None:
        """Let the dataset's list say this, and let it be read."""
        self._format = file_format
        self.list = self.data / f"list.{file_format}"
        self.list.write_text(text)
        self.store.put_wanted("datasets", {"metadata": {"name": "d", "namespace": "default", "uid": "du"}})
        folder = self.places.state_dir / "datasets" / "du"
        tail = Tail(folder, self.store, "du", str(self.list), file_format)
        tail.poll(threading.Event())
        tail.close()

    def picture(self, name: str, content: bytes) -> Path:
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def samples(self, start: int, end: int, **fields: Any) -> dict[str, Any]:
        dataset = {"name": "d", "url": str(self.list), "format": self._format}
        return {"dataset": dataset, "ranges": [{"dataset": "d", "start": start, "end": end, **fields}]}

    def resource(self, name: str = "a", status: dict[str, Any] | None = None, **content: Any) -> dict[str, Any]:
        job = {"kind": "IncrementalLearningJob", "name": "j", "uid": "ju"}
        metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "generation": 1}
        spec = {"nodeName": "edge", "job": job, **content}
        found = {"apiVersion": "sedna.io/v1alpha1", "kind": "Artifact", "metadata": metadata, "spec": spec}
        return {**found, **({"status": status} if status else {})}

    def keeper(self) -> ArtifactKeeper:
        """Let an LC begin here (the next one, when there was one)."""

        def user() -> None:
            self.packing()

        made = ArtifactKeeper(
            Sources(self.store, self.places, self.clock, user),
            lambda _: self.blobs,
            self._note,
            no_pauses,
            time.monotonic,
        )
        self._keepers.append(made)
        made.start()
        return made

    def _note(self) -> None:
        self.letters += [dict(letter.body["status"]) for letter in self.store.letters()]

    def told(self, name: str = "a") -> ArtifactStatus:
        """What the GM will have heard last."""
        letters = [letter for letter in self.store.letters() if letter.path.endswith(f"/{name}/status")]
        if not letters:
            return ArtifactStatus()
        known = {key: value for key, value in letters[-1].body["status"].items() if value is not None}
        return ArtifactStatus.model_validate(known)

    def wait_for(self, phase: str, name: str = "a") -> ArtifactStatus:
        wait_until(lambda: self.told(name).update_time and self.told(name).phase == phase)
        return self.told(name)

    def close(self) -> None:
        for keeper in self._keepers:
            keeper.close()


class Wants:
    """What workers want, said by the test."""

    def __init__(self) -> None:
        self.trees: set[str] = set()

    def named(self) -> set[str]:
        return set(self.trees)

    def needed(self) -> set[str]:
        return set(self.trees)


class Consumer:
    """A node that fetches; `restart()` lets the next LC take over."""

    def __init__(self, folder: Path, blobs: MemoryBlobs) -> None:
        self.folder = folder / "artifacts"
        self.blobs = blobs
        self.wants = Wants()
        self.woken: list[Key] = []
        self.free = 10**9
        self.restart()

    def restart(self) -> None:
        self.cache = ArtifactCache(self.folder, lambda _: self.free)
        self.fetcher = Fetcher(self.cache, lambda _: self.blobs, self.wants, no_pauses, time.monotonic)
        self.fetcher.subscribe(self.woken.append)
        self.fetcher.start()

    def want(self, tree: str, size: int = 0, what: str = "model m") -> Needed:
        self.wants.trees.add(tree)
        reference = ArtifactReference(name="a", tree=tree, size_bytes=size)
        return Needed(reference, "model", what, "FetchingModel")

    def ask(self, needed: Needed) -> Path | Hindered:
        try:
            return self.fetcher.bring(needed, KEY)
        except Hindered as problem:
            return problem

    def bring(self, needed: Needed) -> Path:
        """Ask until it is there."""
        found: list[Path] = []

        def arrived() -> bool:
            answer = self.ask(needed)
            found.extend([answer] if isinstance(answer, Path) else [])
            return bool(found)

        wait_until(arrived)
        return found[0]

    def close(self) -> None:
        self.fetcher.close()
