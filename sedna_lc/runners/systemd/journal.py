"""What a worker wrote, from the journal, through journalctl(1): it knows every way a journal may be stored."""

from __future__ import annotations

import collections
import contextlib
import os
import select
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence

from sedna_lc.runners.errors import RunnerUnavailable

#: Seconds between two looks at `stop`, and how long a silence after the unit's end means that all has been read.
_PERIOD = 0.25
_BLOCK = 65536
_CURSOR = b"-- cursor: "


def read(
    command: Sequence[str],
    unit: str,
    since: float,
    tail_lines: int | None,
    follow: bool,
    stop: threading.Event,
    ended: Callable[[], bool],
) -> Iterator[bytes]:
    """The unit's lines in pieces; with `follow` until `stop`, or until `ended` says so and nothing comes any more.

    Args:
        command: the program to ask, normally `("journalctl",)`.
        unit: the unit's full name.
        since: seconds since 1970; an earlier unit of the same name is left out.
        tail_lines: how many of the last lines to begin with; None for all.
        follow: whether to wait for more.
        stop: ends the reading.
        ended: whether the unit has ended.
    """
    # By the unit's own processes; `--unit` would add what systemd says about it.
    about = [*command, f"_SYSTEMD_UNIT={unit}", "--output=cat", "--no-pager", "--quiet", "--lines=all"]
    since_launch = f"--since=@{since:.6f}"
    backlog = _ask([*about, since_launch, "--show-cursor"])

    def pieces() -> Iterator[bytes]:
        # Together with --since, journalctl's --lines counts from the beginning; so the tail is taken here.
        lines: collections.deque[bytes] = collections.deque(maxlen=tail_lines)
        cursor = None
        for line in _lines(backlog):
            if line.startswith(_CURSOR):
                cursor = line[len(_CURSOR) :].decode().strip()
            elif tail_lines is None:
                yield line
            else:
                lines.append(line)
        yield from lines
        if follow:
            place = f"--after-cursor={cursor}" if cursor else since_launch
            yield from _follow(_ask([*about, place, "--follow"]), stop, ended)

    return pieces()


def _ask(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError as error:
        raise RunnerUnavailable(f"The journal cannot be read: {error}.") from error


def _lines(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    with process:
        try:
            yield from process.stdout or ()
        finally:
            process.kill()


def _follow(process: subprocess.Popen[bytes], stop: threading.Event, ended: Callable[[], bool]) -> Iterator[bytes]:
    assert process.stdout is not None  # noqa: S101
    with process, contextlib.ExitStack() as cleanup:
        cleanup.callback(process.kill)
        fd = process.stdout.fileno()
        over = False
        while not stop.is_set():
            ready, _, _ = select.select([fd], [], [], _PERIOD)
            if ready:
                if not (block := os.read(fd, _BLOCK)):
                    return
                yield block
            elif over:
                return
            else:
                # Asked while it is silent; one more silence then shows that nothing was under way.
                over = ended()
