"""What a worker wrote, from the journal, through journalctl(1): it knows every way a journal may be stored."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sedna_lc.runners.errors import RunnerUnavailable

#: Seconds between two looks at `stop`, and how long a silence after the unit's end means that all has been read.
_PERIOD = 0.25
_BLOCK = 65536
_CURSOR = b"-- cursor: "
_MACHINE = Path("/etc/machine-id")


def read(
    command: Sequence[str],
    unit: str,
    since: float,
    tail_lines: int | None,
    follow: bool,
    stop: threading.Event,
    ended: Callable[[], bool],
    until: float | None = None,
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
        until: seconds since 1970; a later unit of the same name is left out.
    """
    # By the unit's own processes; `--unit` would add what systemd says about it.
    about = [*command, f"_SYSTEMD_UNIT={unit}", "--no-pager", "--quiet", "--all"]
    if until is not None:
        about.append(f"--until=@{until:.6f}")
    since_launch = f"--since=@{since:.6f}"
    if tail_lines is None:
        return _read_all([*about, "--output=cat"], since_launch, follow, stop, ended)
    return _read_tail(about, since_launch, tail_lines, follow, stop, ended)


def _read_all(
    about: list[str], since_launch: str, follow: bool, stop: threading.Event, ended: Callable[[], bool]
) -> Iterator[bytes]:
    backlog = _ask([*about, "--lines=all", since_launch, "--show-cursor"])

    def pieces() -> Iterator[bytes]:
        cursor = None
        for line in _lines(backlog):
            if line.startswith(_CURSOR):
                cursor = line[len(_CURSOR) :].decode().strip()
            else:
                yield line
        if follow:
            place = f"--after-cursor={cursor}" if cursor else since_launch
            yield from _follow(_ask([*about, "--lines=all", place, *_following()]), stop, ended)

    return pieces()


def _read_tail(
    about: list[str],
    since_launch: str,
    tail_lines: int,
    follow: bool,
    stop: threading.Event,
    ended: Callable[[], bool],
) -> Iterator[bytes]:
    # From the end: a worker that ran for a week has written gigabytes, and the last words are asked for at every end.
    # As JSON, since the cursor to go on from is that of the newest line, and --show-cursor tells the oldest one's.
    count = max(1, tail_lines)
    newest = [since_launch, "--reverse", f"--lines={count}", "--output=json", "--output-fields=MESSAGE"]
    backlog = _ask([*about, *newest])

    def pieces() -> Iterator[bytes]:
        entries = [json.loads(line) for line in _lines(backlog)]
        for entry in reversed(entries[:tail_lines]):
            yield _message(entry) + b"\n"
        if follow:
            place = f"--after-cursor={entries[0]['__CURSOR']}" if entries else since_launch
            yield from _follow(_ask([*about, "--output=cat", "--lines=all", place, *_following()]), stop, ended)

    return pieces()


def _following() -> list[str]:
    """The words that have journalctl wait for more.

    By itself it waits for entries of this boot only, by the id that /proc says. A container that was booted has one of
    its own, laid over that file, and this program, which has a /proc of its own, sees the machine's instead: then it
    would wait for ever. Merged, no boot is asked for, but journals of other machines are read as well where there are
    any, so this one is named.
    """
    try:
        machine = _MACHINE.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ["--follow"]
    return ["--follow", "--merge", f"_MACHINE_ID={machine}"] if machine else ["--follow"]


def _message(entry: Mapping[str, Any]) -> bytes:
    """The bytes of a line: journalctl writes a text where it can, else a list of numbers."""
    message = entry.get("MESSAGE")
    if isinstance(message, str):
        return message.encode(errors="surrogatepass")
    if isinstance(message, list) and all(isinstance(one, int) for one in message):
        return bytes(message)
    # Without a message, or with several, as nobody writes to a worker's output.
    return b""


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
