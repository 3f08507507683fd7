"""Notice at once when one path changes, whatever is done to it: the only importer of watchdog.

Used by the LocalController for dataset files and by `sedna.core` for the hot-update file. It watches the
folder rather than the file, because a file that is replaced by a rename, or does not exist yet, has
nothing to hold on to; and the nearest folder that exists, when the path's own does not exist yet. A slow
poll catches what the kernel does not tell: network filesystems, a moved parent folder, a full watch list.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from watchdog import events
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from sedna.common.digests import StrPath

logger = logging.getLogger(__name__)

# Reading a file is no change: opened and closed-without-writing are not asked for, or a callback that
# reads its file would call itself for ever.
_CHANGES: list[type[events.FileSystemEvent]] = [
    events.FileCreatedEvent,
    events.FileModifiedEvent,
    events.FileMovedEvent,
    events.FileDeletedEvent,
    events.FileClosedEvent,
    events.DirCreatedEvent,
    events.DirMovedEvent,
    events.DirDeletedEvent,
    # A file that became readable; older watchdogs report it as modified.
    *(getattr(events, name) for name in ("FileAttribEvent", "DirAttribEvent") if hasattr(events, name)),
]

# How many times the quiet time a path that never falls silent may hold its callback back.
_LONGEST_WAIT = 10


class WatchHandle:
    """One watched path; `close()` ends the watch. A callback that is running may still finish."""

    def __init__(self, path: Path, watcher: FileWatcher, callback: Callable[[], None], *, entries: bool) -> None:
        self.path = path
        self.entries = entries
        self.callback = callback
        self.seen = _signature(path)
        # Full names whose events concern this path, and the folders to watch for them.
        self.names: frozenset[Path] = frozenset()
        self.folders: frozenset[Path] = frozenset()
        # The folder whose every entry concerns this path.
        self.inside: Path | None = None
        self._watcher = watcher

    def matters(self, name: Path) -> bool:
        """Tell whether an event of this name concerns the path."""
        return name in self.names or name.parent == self.inside

    def close(self) -> None:
        """Stop watching; more calls do nothing."""
        self._watcher.forget(self)


@dataclass
class _Due:
    first: float
    """Since when it waits."""
    at: float
    """When it is called."""


class FileWatcher:
    """Calls back, on one thread of its own, as soon as anything happened to a watched path.

    The first change after a quiet time is told at once; what follows within `quiet_seconds` is gathered into one more
    call (a path that never falls silent is called at the latest after ten times that). `poll_seconds` is the period of
    the safety poll. Callbacks take no argument, read for themselves what is there now, which may be half of what
    somebody is writing, and should be quick: they share the thread. One that raises is logged and called again next
    time.
    """

    def __init__(self, *, quiet_seconds: float = 0.05, poll_seconds: float = 30.0) -> None:
        self._quiet_seconds = quiet_seconds
        self._poll_seconds = poll_seconds
        self._handles: set[WatchHandle] = set()
        self._watched: dict[Path, tuple[ObservedWatch, tuple[int, int]]] = {}
        self._unwatchable: set[Path] = set()
        self._changes: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        # Guards the two tables. Never taken by the observer's threads: watchdog holds its own lock while it
        # calls a handler, and the two orders of locking would meet.
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._observer: BaseObserver | None = None
        self._thread: threading.Thread | None = None

    def watch(
        self, path: StrPath, callback: Callable[[], None], *, at_once: bool = False, entries: bool = False
    ) -> WatchHandle:
        """Call `callback()` after every change of `path`: create, write, truncate, replace, move, delete.

        Neither the file nor its folder need exist. Nothing is missed when the path is read once after this
        returns; `at_once` makes a first call that does so. With `entries` the path is a folder, and a change of
        anything directly in it counts. Raises RuntimeError after `close()`.
        """
        with self._lock:
            if self._stopping.is_set():
                raise RuntimeError("this FileWatcher is closed")
            self._start()
            handle = WatchHandle(Path(path).absolute(), self, callback, entries=entries)
            self._handles.add(handle)
            self._anchor(handle)
            if at_once:
                self._changes.put(next(iter(handle.names)))
        return handle

    def forget(self, handle: WatchHandle) -> None:
        """End one watch; what `handle.close()` calls."""
        with self._lock:
            self._handles.discard(handle)
            self._drop_unused_folders()

    def close(self) -> None:
        """Stop all watches and wait for the threads to end; more calls do nothing."""
        self._stopping.set()
        self._changes.put(None)
        with self._lock:
            observer, self._observer = self._observer, None
            self._handles.clear()
            self._watched.clear()
        if observer is not None:
            observer.stop()
            observer.join()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _start(self) -> None:
        if self._thread is not None:
            return
        try:
            observer = Observer()
            observer.start()
            self._observer = observer
        except OSError as problem:
            logger.warning(
                "The kernel grants no file notifications (%s); changes are noticed every %s seconds instead.",
                problem,
                self._poll_seconds,
            )
        self._thread = threading.Thread(target=self._run, name="sedna-file-watcher", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        waiting: dict[WatchHandle, _Due] = {}
        called: dict[WatchHandle, float] = {}
        next_poll = time.monotonic() + self._poll_seconds
        while not self._stopping.is_set():
            wake = min([next_poll, *(due.at for due in waiting.values())])
            changed = self._changed_until(wake)
            now = time.monotonic()
            # Whoever was called longer ago than that has fallen silent.
            called = {handle: at for handle, at in called.items() if now - at < self._quiet_seconds}
            for handle in changed:
                quiet = handle not in waiting and handle not in called
                due = waiting.setdefault(handle, _Due(now, now))
                if not quiet:
                    due.at = min(now + self._quiet_seconds, due.first + _LONGEST_WAIT * self._quiet_seconds)
            if now >= next_poll:
                for handle in self._changed_unnoticed():
                    waiting.setdefault(handle, _Due(now, now))
                next_poll = now + self._poll_seconds
            for handle in [one for one, due in waiting.items() if due.at <= now]:
                del waiting[handle]
                called[handle] = now
                self._call(handle)

    def _changed_until(self, wake: float) -> list[WatchHandle]:
        try:
            name = self._changes.get(timeout=max(0.0, wake - time.monotonic()))
        except queue.Empty:
            return []
        with self._lock:
            # A watched folder itself came or went. One made anew may have the inode number of the one that
            # is gone, so its identity does not tell; the next `_anchor` watches what is there then.
            stale = self._watched.pop(name, None) if name is not None else None
            if stale is not None and self._observer is not None:
                self._observer.unschedule(stale[0])
            return [handle for handle in self._handles if name is not None and handle.matters(name)]

    def _changed_unnoticed(self) -> list[WatchHandle]:
        with self._lock:
            for handle in self._handles:
                self._anchor(handle)
            return [handle for handle in self._handles if _signature(handle.path) != handle.seen]

    def _call(self, handle: WatchHandle) -> None:
        with self._lock:
            if handle not in self._handles:
                return
            # Before the callback reads: a folder that appeared is watched by now, so what is written into
            # it after the read makes another call.
            self._anchor(handle)
            handle.seen = _signature(handle.path)
        try:
            handle.callback()
        except Exception:
            # One faulty callback must not end the watch of the others.
            logger.exception("The callback for a change of %s failed.", handle.path)

    def _anchor(self, handle: WatchHandle) -> None:
        """Watch the folders that matter for a path now; what does not exist yet may since exist."""
        path = handle.path / "*" if handle.entries else handle.path
        handle.inside = _real(handle.path) if handle.entries else None
        while True:
            names = _names_that_matter(path)
            handle.folders = frozenset(name.parent for name in names)
            handle.names = names | handle.folders
            for folder in handle.folders:
                self._watch_folder(folder)
            # A folder made between the look and the watch would stay unseen: look again until it holds.
            if _names_that_matter(path) == names:
                break
        self._drop_unused_folders()

    def _watch_folder(self, folder: Path) -> None:
        if self._observer is None:
            return
        try:
            status = folder.stat()
            identity = (status.st_dev, status.st_ino)
            old = self._watched.get(folder)
            if old is not None:
                if old[1] == identity:
                    return
                # The name now belongs to another folder; the kernel still watches the old one.
                del self._watched[folder]
                self._observer.unschedule(old[0])
            watch = self._observer.schedule(_Listener(self._changes), str(folder), event_filter=_CHANGES)
            self._watched[folder] = (watch, identity)
            self._unwatchable.discard(folder)
        except FileNotFoundError:
            return  # gone since it was looked for: `_anchor` looks again
        except OSError as problem:
            if folder in self._unwatchable:
                return  # said already; every poll tries again
            self._unwatchable.add(folder)
            logger.warning(
                "Cannot watch %s (%s); changes there are noticed every %s seconds instead.",
                folder,
                problem,
                self._poll_seconds,
            )

    def _drop_unused_folders(self) -> None:
        used = {folder for handle in self._handles for folder in handle.folders}
        self._unwatchable &= used
        for folder in self._watched.keys() - used:
            watch, _ = self._watched.pop(folder)
            if self._observer is not None:
                self._observer.unschedule(watch)


class _Listener(events.FileSystemEventHandler):
    """Hands the names of changed paths to the watcher's thread, and does nothing else here."""

    def __init__(self, changes: queue.SimpleQueue[Path | None]) -> None:
        self._changes = changes

    def on_any_event(self, event: events.FileSystemEvent) -> None:
        for name in (event.src_path, event.dest_path):
            if name:
                self._changes.put(Path(os.fsdecode(name)))


def _names_that_matter(path: Path) -> frozenset[Path]:
    """Full names, with real folders, whose events can mean a change of `path`.

    The path itself or its first missing parent; the folder that holds it, which may be replaced as a
    whole; and, when it is a link, what it points to.
    """
    found = path
    while not _is_folder(found.parent) and found != found.parent:
        found = found.parent
    folder = _real(found.parent)
    names = {folder / found.name}
    if folder != folder.parent:
        names.add(folder)
    # One step only: a link to itself must not end the watch of everything else.
    with contextlib.suppress(OSError):
        pointed = folder / path.readlink()
        if _is_folder(pointed.parent):
            names.add(_real(pointed.parent) / pointed.name)
    return frozenset(names)


def _is_folder(path: Path) -> bool:
    # Not Path.is_dir: below a folder that may not be entered it raises, on some Pythons.
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except OSError:
        return False


def _real(folder: Path) -> Path:
    return Path(os.path.realpath(folder))


def _signature(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns)
