"""Which samples of a file's new generation are new, and which were seen in an earlier one.

Two ways, behind one `take`: `InStep` holds as long as the file and the sample log say the same from the beginning
(every file that only grows, and every rewrite that kept the old content in front); it costs one comparison of
bytes. `Counted` counts every line in a table on disk: a line that earlier generations held three times is new
from its fourth occurrence on. Memory is constant in both.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Protocol

from sedna_lc.datasets.cutting import Part, Whole
from sedna_lc.datasets.logs import SampleLog, new_digest


class OutOfStep(Exception):
    """The file differs from the log: begin the generation again, and count."""


class Comparer(Protocol):
    """Takes the samples of one generation in order and appends the new ones to the log."""

    def take(self, piece: Whole | Part) -> int:
        """Return how many samples the piece finishes."""

    def abandon(self) -> None:
        """Forget the beginning of an unfinished long sample."""


class InStep:
    """The file's samples are the log's samples, one by one; `matched` bytes of the log so far."""

    def __init__(self, log: SampleLog, matched: int) -> None:
        self._log = log
        self.matched = matched
        self._part = 0

    def take(self, piece: Whole | Part) -> int:
        """See `Comparer.take`. Raises OutOfStep."""
        if isinstance(piece, Part):
            return self._take_part(piece)
        samples = piece.samples
        known = self._log.size - self.matched
        if known and samples:
            data = b"\n".join(samples) + b"\n"
            expected = self._log.read_at(self.matched, len(data))
            if not data.startswith(expected):
                raise OutOfStep
            self.matched += len(expected)
            samples = samples[expected.count(b"\n") :]
        if samples:
            self._log.extend(samples)
            self.matched = self._log.size
        return len(piece.samples)

    def _take_part(self, piece: Part) -> int:
        if self.matched == self._log.size:
            self._log.write_part(piece.data)
            if piece.last:
                self._log.finish_part()
                self.matched = self._log.size
            return int(piece.last)
        data = piece.data + b"\n" if piece.last else piece.data
        if self._log.read_at(self.matched + self._part, len(data)) != data:
            raise OutOfStep
        self._part += len(data)
        if piece.last:
            self.matched += self._part
            self._part = 0
        return int(piece.last)

    def abandon(self) -> None:
        """See `Comparer.abandon`."""
        self._part = 0
        self._log.drop_part()


class Uncounted:
    """Stands for a `Counted` whose table went with its process: the first sample asks for it again."""

    def take(self, piece: Whole | Part) -> int:
        """See `Comparer.take`. Raises OutOfStep."""
        if isinstance(piece, Whole) and not piece.samples:
            return 0
        raise OutOfStep

    def abandon(self) -> None:
        """See `Comparer.abandon`."""


class Counted:
    """Every line of this generation is counted and compared with the count of earlier ones.

    The table is made from the log and thrown away with this object: it is a shortcut, never the truth.
    """

    # 16 MB of cache: enough for the upper levels of the tree; the rest stays on disk.
    _CACHE_KIBIBYTES = 16_384

    def __init__(self, log: SampleLog, folder: Path) -> None:
        self._log = log
        self._path = folder / "lines.tmp"
        self._path.unlink(missing_ok=True)
        self._table = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        for setting in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{self._CACHE_KIBIBYTES}"):
            self._table.execute(f"PRAGMA {setting}")
        self._table.execute(
            "CREATE TABLE lines (digest BLOB PRIMARY KEY, seen INTEGER NOT NULL, here INTEGER NOT NULL) WITHOUT ROWID"
        )
        self._table.execute("BEGIN")
        self._table.executemany(
            "INSERT INTO lines VALUES (?, 1, 0) ON CONFLICT (digest) DO UPDATE SET seen = seen + 1",
            ((one,) for one in log.digests()),
        )
        self._part = new_digest()
        self._covers = log.size

    def is_current(self) -> bool:
        """Tell whether the table knows everything that is in the log."""
        return self._covers == self._log.size

    def take(self, piece: Whole | Part) -> int:
        """See `Comparer.take`."""
        if isinstance(piece, Part):
            return self._take_part(piece)
        new = []
        for sample in piece.samples:
            digest = new_digest()
            digest.update(sample)
            if self._is_new(digest.digest()):
                new.append(sample)
        self._log.extend(new)
        self._covers = self._log.size
        return len(piece.samples)

    def _take_part(self, piece: Part) -> int:
        self._part.update(piece.data)
        self._log.write_part(piece.data)
        if piece.last:
            digest, self._part = self._part.digest(), new_digest()
            if self._is_new(digest):
                self._log.finish_part()
            else:
                self._log.drop_part()
            self._covers = self._log.size
        return int(piece.last)

    def _is_new(self, digest: bytes) -> bool:
        row = self._table.execute("SELECT seen, here FROM lines WHERE digest = ?", (digest,)).fetchone()
        seen, here = row or (0, 0)
        here += 1
        self._table.execute("INSERT OR REPLACE INTO lines VALUES (?, ?, ?)", (digest, max(seen, here), here))
        return bool(here > seen)

    def abandon(self) -> None:
        """See `Comparer.abandon`."""
        self._part = new_digest()
        self._log.drop_part()

    def begin_generation(self) -> None:
        """Count the occurrences of a new generation from zero."""
        self.abandon()
        self._table.execute("UPDATE lines SET here = 0")

    def close(self) -> None:
        """Throw the table away."""
        self._table.close()
        self._path.unlink(missing_ok=True)
