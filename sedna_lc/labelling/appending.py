"""A person's label becomes a sample of its dataset, exactly once: whatever dies in between. The I/O is the list.

In this order, each durable before the next: the label is kept as intended, with its line and how long the list is; the
picture appears beside the list; the line is added in one write; the label is kept as done. After an accident, and
before anything else is done for anybody, the list is looked through from where it ended: a line that is there is done,
and one that is not was told to nobody as saved, so it is forgotten, and whoever saved it saves it again.

Should this node have lost its state, a picture that is beside the list already makes the list be looked through for it.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sedna.api.datasets import Dataset
from sedna.api.validating import parse
from sedna.common.faults import reached
from sedna_lc.allowed import outside
from sedna_lc.errors import Again
from sedna_lc.guarded import real_path, refusal
from sedna_lc.labelling.counting import seen_soon
from sedna_lc.labelling.headers import MOST_HEADER, size_of
from sedna_lc.labelling.lines import FOLDER, agree, already, line_of, read_boxes, version_of
from sedna_lc.labelling.lists import ListFile, content_of, opened_list, put_picture, read_beside
from sedna_lc.labelling.refusing import CannotLabel
from sedna_lc.places import Places, local_path
from sedna_lc.state.records import StoredLabel
from sedna_lc.state.stores import Store
from sedna_lc.users import WorkerUser, hindrance_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Source:
    """The picture that is labelled: name and bytes of its file, and the time that its folder tells of it."""

    name: str
    data: bytes
    time: str = ""


@dataclass(frozen=True)
class Wish:
    """What somebody wants saved; `picture` brings it, and may find that it is gone."""

    example: str
    by: str
    boxes: object
    version: str | None
    picture: Callable[[], Source]


class Appender:
    """Adds labelled samples to the lists of this node. Safe to call from any thread."""

    def __init__(
        self, store: Store, places: Places, user: Callable[[], WorkerUser | None], clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._places = places
        self._user = user
        self._clock = clock
        self._lock = threading.Lock()

    def labels(self, namespace: str, name: str, most: int) -> list[StoredLabel]:
        """Return the newest labels of a dataset. Raises CannotLabel."""
        dataset = self._dataset(namespace, name)
        with self._lock:
            self._settle_all()
        return self._store.labels(dataset.metadata.uid or "", most)

    def seen(self, namespace: str, name: str) -> int | None:
        """Return how many samples the dataset will have seen with what its list holds now; None where that is unknown.

        Whoever asks has got, or will get, a better word from the watcher: so what cannot be read is no error here.
        """
        try:
            dataset = self._dataset(namespace, name)
            path, _ = self._judged(dataset)
            with opened_list(path) as file:
                self._refuse(file)
                # Before the list is looked at: what the watcher reads meanwhile is counted here, not twice.
                progress = self._store.progress(dataset.metadata.uid or "")
                return seen_soon(progress, file.inode, file.size, file.count)
        except (OSError, CannotLabel):
            return None

    def save(self, namespace: str, name: str, wish: Wish) -> tuple[StoredLabel, bool]:
        """Save a label; return it, and whether it is new. Raises CannotLabel, Again."""
        dataset = self._dataset(namespace, name)
        try:
            with self._lock:
                self._settle_all()
                return self._save(dataset, wish)
        except FileNotFoundError as problem:
            message = f"The list of dataset {name} is not there: {dataset.spec.url}. Make it, then save again."
            raise CannotLabel(404, "ListNotFound", message) from problem
        except OSError as problem:
            where = problem.filename or dataset.spec.url
            raise Again("CannotSave", f"Nothing was saved: {where}: {problem.strerror or problem}.") from problem

    def _save(self, dataset: Dataset, wish: Wish) -> tuple[StoredLabel, bool]:
        uid = dataset.metadata.uid or ""
        path, images = self._judged(dataset)
        present = self._store.label(uid, wish.example)
        if present is not None:
            if not present.done:
                # It could not be looked at just now, so nobody knows what is in the list.
                raise Again("CannotSave", f"Nothing was saved: {path} cannot be looked through now. Save it again.")
            again = _again(present, wish)
            if again is None:
                return _as_present(present, wish, images), False
            # Its line stays in the list; under this name the camera has put another picture.
            source = again
        else:
            source = wish.picture()
        name, data = source.name, source.data
        boxes = read_boxes(wish.boxes, *(size_of(data) or (None, None)))
        content = hashlib.sha256(data).hexdigest()
        with opened_list(path) as file:
            self._refuse(file)
            name = _free_name(images, name, content)
            adopted = self._adopt(uid, wish, source, images / name, content, file)
            if adopted is not None:
                return _as_present(adopted, wish, images), False
            line, time = line_of(name, boxes), self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
            version = version_of(wish.example, line, wish.by, time)
            label = StoredLabel(
                uid, wish.example, line, content, wish.by, time, version, file.inode, file.size, taken=source.time
            )
            self._store.put_label(label)
            reached("lc.label.intend.after")
            try:
                put_picture(images, name, data, file.owner)
                reached("lc.label.picture.after")
                file.append(line)
            except (OSError, Again):
                # Not `_forget` alone: an append that failed late may still be there.
                self._settle(label, file)
                if (self._store.label(uid, wish.example) or label).done:
                    return replace(label, done=True), True
                raise
            reached("lc.label.append.after")
            label = replace(label, done=True)
            self._store.put_label(label)
            reached("lc.label.done.after")
        logger.info("%s labelled the hard example %s: one more line in %s.", wish.by or "Somebody", wish.example, path)
        return label, True

    def _adopt(
        self, uid: str, wish: Wish, source: Source, picture: Path, content: str, file: ListFile
    ) -> StoredLabel | None:
        """Take over a line that this node does not remember: somebody else's, or from before its state was lost."""
        if content_of(picture.parent, picture.name) is None:
            return None
        line = file.find(f"{FOLDER}/{picture.name}".encode())
        if line is None:
            return None
        version = version_of(wish.example, line, "", "")
        label = StoredLabel(
            uid, wish.example, line, content, "", "", version, file.inode, 0, done=True, taken=source.time
        )
        self._store.put_label(label)
        return label

    def _settle_all(self) -> None:
        """Find out what became of labels that were on their way when something died."""
        for label in self._store.open_labels():
            wires = self._store.wanted("datasets").values()
            wire = next((one for one in wires if one["metadata"].get("uid") == label.dataset), None)
            if wire is None:
                # The dataset is gone from this node, and nobody can ask for its labels.
                self._store.drop_label(label)
                continue
            try:
                path, _ = self._judged(parse(Dataset, wire))
                with opened_list(path) as file:
                    self._settle(label, file)
            except FileNotFoundError:
                self._store.drop_label(label)
            except (OSError, CannotLabel) as problem:
                logger.warning("Whether %s was labelled cannot be told now: %s.", label.example, problem)

    def _settle(self, label: StoredLabel, file: ListFile) -> None:
        same = file.inode == label.inode and file.size >= label.size
        found = file.find(label.line.encode(), label.size if same else 0)
        if found is None:
            if same:
                file.mend(label.line, label.size)
            self._store.drop_label(label)
            return
        file.sync()
        self._store.put_label(replace(label, done=True))
        reached("lc.label.settle.after")

    def _dataset(self, namespace: str, name: str) -> Dataset:
        wire = self._store.wanted("datasets").get((namespace, name))
        if wire is None:
            raise CannotLabel(404, "DatasetNotFound", f"No dataset {namespace}/{name} is on this node.")
        return parse(Dataset, wire)

    def _judged(self, dataset: Dataset) -> tuple[Path, Path]:
        """Return where the list really is, and the folder of its pictures. Raises CannotLabel."""
        name, path = dataset.metadata.name, local_path(dataset.spec.url)
        if dataset.spec.format != "txt":
            raise CannotLabel(
                422,
                "NotATxtList",
                f"Dataset {name} is a csv table, whose columns do not say where boxes belong: labels are added to txt "
                "lists only. Export the labels instead, and add rows of your own.",
            )
        if path is None:
            raise CannotLabel(422, "NotAFile", f"Dataset {name} is {dataset.spec.url}, and labels go into files only.")
        # Relative paths in a list count from the folder by whose name it is known, also where the list is a link.
        real, images = real_path(Path(path)), real_path(Path(path).parent / FOLDER)
        for one in (real, images):
            why = outside(one, self._places, written=True) or refusal(one, self._places, made=False)
            if why is None and self._user() is not None:
                why = refusal(one, self._places, made=True)
            if why is not None:
                raise CannotLabel(403, "NotAllowed", f"Nothing is added to dataset {name}: {why}.")
        return real, images

    def _refuse(self, file: ListFile) -> None:
        """Judge the list that is open. Raises CannotLabel."""
        user = self._user()
        led = Path(f"/proc/self/fd/{file.descriptor}").readlink()
        why = outside(led, self._places, written=True)
        if why is None and user is not None:
            why = hindrance_of(file.descriptor, user)
        if why is not None:
            raise CannotLabel(403, "NotAllowed", f"Nothing is added to the list: {why}.")


def _again(present: StoredLabel, wish: Wish) -> Source | None:
    """The picture that has the name of a labelled one and is another; None where it is the same, or gone."""
    try:
        source = wish.picture()
    except CannotLabel:
        return None
    return None if hashlib.sha256(source.data).hexdigest() == present.picture else source


def _as_present(present: StoredLabel, wish: Wish, images: Path) -> StoredLabel:
    """The label that is there, where it is the one that is saved again. Raises CannotLabel."""
    picture = present.line.split(" ", 1)[0].removeprefix(f"{FOLDER}/")
    size = size_of(read_beside(images, picture, MOST_HEADER) or b"")
    if not agree(present, line_of(picture, read_boxes(wish.boxes, *(size or (None, None)))), wish.version):
        raise already(present)
    return present


def _free_name(images: Path, name: str, content: str) -> str:
    """The picture's own name, or, where another picture has it, one with its content's."""
    if content_of(images, name) in (None, content):
        return name
    stem, dot, ending = name.rpartition(".")
    return f"{stem}-{content[:12]}{dot}{ending}"
