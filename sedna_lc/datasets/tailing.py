"""Follows one list file: reads what was appended, notices when it became another file, keeps what it saw.

`watching` calls `Tail.poll` after every event and now and then without one. Order of safety: samples reach the log,
the log reaches the disk, then the progress row is stored. A crash in between leaves a log that is longer than its
progress; it is cut back at the next start, and the same lines are read again.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from sedna.common.faults import reached
from sedna_lc.datasets.comparing import Comparer, Counted, InStep, OutOfStep, Uncounted
from sedna_lc.datasets.cutting import LONG_LINE, BadLine, LineCutter
from sedna_lc.datasets.fingerprints import Window, window_of
from sedna_lc.datasets.logs import SampleLog
from sedna_lc.state.records import Progress
from sedna_lc.state.stores import Store
from sedna_lc.users import WorkerUser, hindrance_of

logger = logging.getLogger(__name__)

CHUNK = 1 << 18
# So much is read between two syncs: a power cut costs this much reading again, a sync costs milliseconds.
_COMMIT_BYTES = 8 << 20
# So far behind the beginning, a bad line is told by its byte alone: whoever counts lines there reads for seconds.
_COUNTED_BYTES = 256 << 20


class PathNotAllowed(PermissionError):
    """No rule of this host opens the file to manifests."""


_REASONS = {
    PathNotAllowed: "PathNotAllowed",
    FileNotFoundError: "NotFound",
    NotADirectoryError: "NotFound",
    IsADirectoryError: "IsADirectory",
    PermissionError: "PermissionDenied",
}


@dataclass(frozen=True)
class Problem:
    """Why the file cannot be read now: a word and a sentence."""

    reason: str
    message: str


class Tail:
    """One dataset's file and its log. Used by one thread at a time."""

    def __init__(
        self,
        folder: Path,
        store: Store,
        uid: str,
        path: str,
        file_format: str,
        *,
        user: Callable[[], WorkerUser | None] = lambda: None,
        refusal: Callable[[int], str | None] = lambda _: None,
        long_line: int = LONG_LINE,
        chunk: int = CHUNK,
    ) -> None:
        self._folder = folder
        self._store = store
        self._path = path
        self._format = file_format
        # This program reads everything, and what it reads here workers and other nodes are given.
        self._user = user
        self._refusal = refusal
        self._long_line = long_line
        self._chunk = chunk
        self._file: BinaryIO | None = None
        self._counted: Counted | None = None
        # Whether this pass compares a file that was written to without growing: only a difference makes it new.
        self._verifying = False
        self.problem: Problem | None = None
        self.log = SampleLog(folder)
        self.progress = self._recover(uid)
        self._resume()

    def poll(self, stop: threading.Event) -> None:
        """Bring the log up to date with the file as it is now; afterwards `progress` and `problem` tell.

        Raises OSError or a store's error when the log or the progress cannot be written (disk full): nothing is
        lost by it, and the next call tries again. Returns early, at a good place, when `stop` is set.
        """
        try:
            self._poll(stop)
        except BaseException:
            # What is in memory may be ahead of the disk: go on from what is stored.
            self._drop_table()
            self._resume()
            raise

    def close(self) -> None:
        """Let go of all files."""
        self._close_file()
        self._drop_table()
        self.log.close()

    @property
    def _source(self) -> str:
        return f"{self._format} {self._path}"

    def _recover(self, uid: str) -> Progress:
        kept = self._store.progress(uid)
        if kept is not None and self.log.cut_to(kept.samples, kept.log_size):
            if self.log.is_whole():
                return kept
            self._set_aside()
        # The log outlives its progress: what it holds was seen, and the file is compared with it from the beginning.
        self.log.recount()
        if not self.log.is_whole():
            # The same accident may have hit both: its lines are no samples then, and none of them has a known place.
            self._set_aside()
            self.log.recount()
        generation = 1
        if kept is not None:
            generation = kept.generation + 1
            logger.error(
                "The sample log in %s was damaged: %s of %s samples are left.",
                self._folder,
                self.log.samples,
                kept.samples,
            )
        begun = Progress(uid, self._source, generation, samples=self.log.samples, log_size=self.log.size)
        self._store.put_progress(begun)
        return begun

    def _set_aside(self) -> None:
        aside = self.log.set_aside()
        logger.error("The sample log was spoilt, by its disk or by somebody: it is kept as %s.", aside)

    def _resume(self) -> None:
        """Go on behind the last finished line that is stored."""
        progress = self.progress
        self.log.cut_to(progress.samples, progress.log_size)
        self._comparer: Comparer
        if not progress.counted:
            self._comparer = InStep(self.log, progress.matched)
        elif self._counted is not None:
            self._counted.abandon()
            self._comparer = self._counted
        else:
            self._comparer = Uncounted()
        self._cutter = LineCutter(self._path, self._format, progress.offset, progress.header, long_line=self._long_line)
        self._lines = progress.lines
        self._window = Window() if progress.offset == 0 else None
        self._tail_window = Window()

    def _poll(self, stop: threading.Event) -> None:
        try:
            opened = self._open()
        except OSError as problem:
            self._drain(stop)
            self._close_file()
            reason = next((word for kind, word in _REASONS.items() if isinstance(problem, kind)), "ReadError")
            self.problem = Problem(reason, f"{self._path} cannot be read: {problem.strerror or problem}.")
            return
        if self._file is not None and os.path.sameopenfile(self._file.fileno(), opened.fileno()):
            opened.close()
        else:
            self._drain(stop)
            self._close_file()
            self._file = opened
        self._follow(self._file, stop)

    def _open(self) -> BinaryIO:
        # Without O_NONBLOCK a named pipe in the file's place would hold this thread for ever.
        descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            self._check(descriptor)
            return os.fdopen(descriptor, "rb", buffering=0)
        except BaseException:
            os.close(descriptor)
            raise

    def _check(self, descriptor: int) -> None:
        mode = os.fstat(descriptor).st_mode
        if (sentence := self._refusal(descriptor)) is not None:
            raise PathNotAllowed(errno.EACCES, sentence)
        if stat.S_ISREG(mode):
            user = self._user()
            if user is not None and (sentence := hindrance_of(descriptor, user)) is not None:
                raise PermissionError(errno.EACCES, sentence)
            return
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(0, "it is a folder, not a file that lists samples")
        raise OSError(0, "it is not a regular file")

    def _drain(self, stop: threading.Event) -> None:
        """Read what was still appended to the file that has just been renamed or removed."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            status = os.fstat(self._file.fileno())
            if status.st_size > self.progress.offset and self._is_what_was_read(self._file):
                self._read(self._file, status, stop)

    def _follow(self, file: BinaryIO, stop: threading.Event) -> None:
        status = os.fstat(file.fileno())
        progress = self.progress
        if progress.inode == 0:
            self.progress = replace(progress, source=self._source, inode=status.st_ino)
        elif progress.source != self._source or progress.inode != status.st_ino or not self._is_what_was_read(file):
            self._begin_generation(status, bump=True)
        elif progress.modified_ns != status.st_mtime_ns and status.st_size <= self._offset:
            # Written to, yet no longer than what was read: compare it with what was seen, from its beginning.
            self._verifying = True
            self._begin_generation(status, bump=False)
        self._read(file, status, stop)

    @property
    def _offset(self) -> int:
        return self._window.offset if self._window is not None else self.progress.offset

    def _is_what_was_read(self, file: BinaryIO) -> bool:
        if self._window is not None:
            if self._window.fits(file.fileno()):
                return True
            # Perhaps only the line that was not finished has been written anew.
            self._resume()
        progress = self.progress
        window = window_of(file.fileno(), progress.offset)
        if progress.offset == 0 or window.digests() == (progress.head, progress.tail):
            self._window = window
            return True
        return False

    def _begin_generation(self, status: os.stat_result, *, bump: bool) -> None:
        progress = self.progress
        if bump:
            logger.info("%s is another file than before, its generation %s.", self._path, progress.generation + 1)
        self.progress = Progress(
            progress.uid,
            self._source,
            generation=progress.generation + bump,
            inode=status.st_ino,
            samples=progress.samples,
            log_size=progress.log_size,
        )
        self._resume()

    def _begin_counting(self, status: os.stat_result) -> None:
        self._begin_generation(status, bump=self._verifying)
        self._verifying = False
        self.progress = replace(self.progress, counted=True)
        if self._counted is not None and not self._counted.is_current():
            self._drop_table()
        if self._counted is None:
            self._counted = Counted(self.log, self._folder)
        self._counted.begin_generation()
        self._comparer = self._counted

    def _read(self, file: BinaryIO, status: os.stat_result, stop: threading.Event) -> None:
        if self.problem is not None:
            self.problem = None
            self._resume()
            if not self._is_what_was_read(file):
                self._begin_generation(status, bump=True)
        try:
            try:
                ended = self._read_to(file, status.st_size, stop)
            except OutOfStep:
                self._begin_counting(status)
                ended = self._read_to(file, status.st_size, stop)
        except BadLine as problem:
            self.problem = Problem(problem.reason, f"{self._path}: {problem}{_line_of(file, problem.offset)}.")
            self._comparer.abandon()
            ended = True
        self._commit(status if ended else None)
        self._verifying = self._verifying and not ended

    def _read_to(self, file: BinaryIO, end: int, stop: threading.Event) -> bool:
        """Read up to the size that the file had at the beginning of this pass; what came since is for the next.

        Reading further would make the file seem written to without growing when it is next looked at.
        """
        since_commit = 0
        while self._offset < end:
            if stop.is_set():
                return False
            try:
                chunk = os.pread(file.fileno(), min(self._chunk, end - self._offset), self._offset)
            except OSError as problem:
                raise BadLine("ReadError", problem.strerror or str(problem)) from problem
            if not chunk:
                break
            self._take(chunk)
            since_commit += len(chunk)
            if since_commit >= _COMMIT_BYTES:
                self._commit(None)
                since_commit = 0
        return True

    def _take(self, chunk: bytes) -> None:
        before = self._window
        if before is None:
            raise AssertionError("a file is looked at before it is read on")
        try:
            for piece in self._cutter.feed(chunk):
                self._lines += self._comparer.take(piece)
        finally:
            read = self._cutter.finished - before.offset
            if read > 0:
                self._tail_window = before.advance(chunk[:read])
        self._window = before.advance(chunk)

    def _commit(self, status: os.stat_result | None) -> None:
        """Make everything up to the last finished line durable; `status` is given when the end was reached."""
        changed = replace(
            self.progress,
            offset=self._cutter.finished,
            lines=self._lines,
            samples=self.log.samples,
            log_size=self.log.size,
            matched=self._comparer.matched if isinstance(self._comparer, InStep) else 0,
            header=self._cutter.header,
        )
        if self._tail_window.offset == changed.offset and changed.offset:
            head, tail = self._tail_window.digests()
            changed = replace(changed, head=head, tail=tail)
        if status is not None:
            changed = replace(changed, size=status.st_size, modified_ns=status.st_mtime_ns)
        if changed.samples != self.progress.samples:
            reached("lc.samples.sync.before")
            self.log.sync()
            reached("lc.samples.sync.after")
        if changed != self._store.progress(changed.uid):
            self._store.put_progress(changed)
        self.progress = changed

    def _drop_table(self) -> None:
        if self._counted is not None:
            self._counted.close()
            self._counted = None

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _line_of(file: BinaryIO, offset: int | None) -> str:
    """Say which line of the file has this byte, as editors count; nothing where that is far to read."""
    if offset is None or offset > _COUNTED_BYTES:
        return ""
    ends, at = 0, 0
    with contextlib.suppress(OSError):
        while at < offset and (piece := os.pread(file.fileno(), min(CHUNK, offset - at), at)):
            ends += piece.count(b"\n")
            at += len(piece)
    return f" (line {ends + 1})" if at >= offset else ""
