"""How many samples a dataset will have seen once its watcher has read what its list holds now. Pure.

A label is in the list some milliseconds before the watcher tells the GlobalManager of it. Who saved it is told the
number at once: one that counts from the beginning of the dataset, as `samplesSeen` does, so that nobody who knows the
watcher's count as well adds the sample a second time.
"""

from __future__ import annotations

from collections.abc import Callable

from sedna_lc.state.records import Progress

# Further behind, the watcher has a file to read that somebody else has filled; its count is worth the wait.
MOST_UNREAD = 4 << 20


def seen_soon(progress: Progress | None, inode: int, size: int, lines_from: Callable[[int], int]) -> int | None:
    """Return that number; None where only the watcher can tell, since it compares the list with an earlier one.

    `inode` and `size` are the list's; `lines_from` counts its finished lines with something in them, from a byte on.
    """
    known = progress or Progress("", "")
    if known.counted or known.matched != known.log_size or known.inode not in (0, inode):
        return None
    if not 0 <= size - known.offset <= MOST_UNREAD:
        return None
    return known.samples + lines_from(known.offset)
