"""Worker images as the LC needs them: where the code of a manifest's `image:` is, and what runs it.

`sedna image build` and the Ansible role install images (`sedna.images`); the LC only looks. What it finds goes to
`sedna_lc.units`; the list goes to the Node's status, so that the GM places workers where their image is.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sedna.common.watching import FileWatcher, WatchHandle
from sedna.images import records, references
from sedna_lc.errors import Again


@dataclass(frozen=True)
class Image:
    """An installed image, ready to run."""

    reference: str
    command: tuple[str, ...]
    python: str
    app: str
    env: Mapping[str, str]
    library: str = ""
    """Folder of the `sedna` library that its workers import; empty: the interpreter has it."""


def find_image(images_dir: Path, text: str) -> Image:
    """The image that a manifest names.

    Raises:
        sedna_lc.errors.Again: it is not installed (ImageNotFound) or cannot be used (ImageBroken). Both end when
            somebody installs it, so they are looked at again.
    """
    try:
        reference = references.parse(text)
    except ValueError as error:
        raise Again("ImageNotFound", f"{error}.") from error
    folder = reference.folder(images_dir)
    if not (folder / records.RECORD).is_file():
        raise Again("ImageNotFound", f"Image {reference} is not installed here: there is no {folder}.")
    try:
        record = records.read_record(folder)
    except records.ImageProblem as error:
        raise Again("ImageBroken", f"Image {reference} cannot be used: {error}.") from error
    app = folder / records.APP
    if not app.is_dir():
        raise Again("ImageBroken", f"Image {reference} cannot be used: its folder {app} is missing.")
    if not os.access(record.python, os.X_OK):
        raise Again("ImageBroken", f"Image {reference} cannot be used: {record.python} cannot be executed.")
    if record.library and not Path(record.library).is_dir():
        raise Again("ImageBroken", f"Image {reference} cannot be used: its library {record.library} is missing.")
    command = record.command or (record.python,)
    return Image(str(reference), command, record.python, str(app.absolute()), dict(record.env), record.library)


def list_images(images_dir: Path) -> list[str]:
    """`NAME:TAG` of every usable image, sorted; nothing when the folder is not there (yet)."""
    return sorted(str(record.reference) for record in records.installed(images_dir))


class ImageWatch:
    """Calls `changed` when an image may have come or gone, from the moment it is made until the watcher closes."""

    def __init__(self, watcher: FileWatcher, images_dir: Path, changed: Callable[[], None]) -> None:
        self._watcher = watcher
        self._images_dir = images_dir
        self._changed = changed
        self._handles: dict[Path, WatchHandle] = {}
        self._lock = threading.Lock()
        self._look()

    def _look(self) -> None:
        with self._lock:
            # What came into a folder before it was watched is found by the next turn.
            while (shelves := records.shelves(self._images_dir)) != self._handles.keys():
                for gone in self._handles.keys() - shelves:
                    self._handles.pop(gone).close()
                for new in shelves - self._handles.keys():
                    self._handles[new] = self._watcher.watch(new, self._look, entries=True)
        self._changed()
