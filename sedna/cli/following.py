"""`sedna logs -f` over a restart of the GlobalManager: the log goes on where it was, and no line comes twice.

The log itself is on the worker's node, which a restart of the GlobalManager does not touch. So its last lines are read
once more, what was shown already is found in them, and the stream is followed from there. Pure but for the streams.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import httpx

from sedna.cli.errors import CommandError, Refused, Unreachable

# So far back a log is read again: as much as a busy worker prints while a GlobalManager is away.
LOOKED_BACK = 5000
# So many lines in a row stand at one place only, but in a log that says the same for ever.
_MARK = 100
GIVE_UP_SECONDS = 300.0
_SETTLES_SECONDS = 1.0

Open = Callable[[dict[str, str]], Iterator[bytes]]
"""The pieces of a log, with these parameters of its address."""


@dataclass
class Following:
    """One worker's log. `ended` tells whether nothing more will come; `wait` waits, `warn` tells a person."""

    name: str
    open: Open
    ended: Callable[[], bool]
    wait: Callable[[float], None]
    warn: Callable[[str], None]
    _shown: deque[bytes] = field(default_factory=lambda: deque(maxlen=LOOKED_BACK))
    _count: int = 0
    _rest: bytes = b""

    def pieces(self, tail: int | None) -> Iterator[bytes]:
        """Yield what is printed. Raises CommandError when it cannot go on within GIVE_UP_SECONDS."""
        params = {"follow": "true"} | ({} if tail is None else {"tailLines": str(tail)})
        stream = self.open(params)
        waited, delays, told, begun = 0.0, _delays(), False, False
        while True:
            try:
                for piece in stream:
                    begun, waited, delays, told = True, 0.0, _delays(), False
                    self._note(piece)
                    yield piece
                # The log ends some moments before the worker's status says so.
                if self.ended():
                    return
                self.wait(_SETTLES_SECONDS)
                if self.ended():
                    return
                why = "the log ended before its worker has."
            except (Unreachable, Refused) as error:
                if isinstance(error, Refused) and not ((begun or told) and _passes(error)):
                    raise
                why = error.message.splitlines()[0]
            if not told:
                self.warn(f"{self.name}: {why} Trying again for {GIVE_UP_SECONDS / 60:g} minutes.")
            told = True
            pause = next(delays)
            if waited + pause > GIVE_UP_SECONDS:
                raise CommandError(
                    f"{self.name}: the GlobalManager, or the worker's node, was away for {GIVE_UP_SECONDS / 60:g}"
                    f" minutes: {why}\nThe worker prints on; `sedna logs -f {self.name}` shows it when they are back."
                )
            self.wait(pause)
            waited += pause
            stream = self._resumed(whole=tail is None)

    def _note(self, piece: bytes) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self._shown.extend(lines)
        self._count += len(lines)

    def _resumed(self, *, whole: bool) -> Iterator[bytes]:
        """What was printed since, and then what is printed from now on."""
        back = {"tailLines": str(LOOKED_BACK)}
        history = _lines(b"".join(self.open(back)))
        start = unseen(history, list(self._shown), self._count if whole and len(history) < LOOKED_BACK else None)
        if start is None:
            self.warn(f"{self.name}: its log does not go back to where it was cut off; some lines may be missing.")
            start = 0
        yield from self._without_rest(history[start:])
        pieces = self.open({**back, "follow": "true"})
        again: list[bytes] = []
        rest = b""
        for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            again += lines
            if len(again) >= len(history):
                break
        new = again[overlap(history, again) :]
        yield from self._without_rest(new)
        if rest:
            # Its beginning may be on the screen already.
            yield rest.removeprefix(self._rest)
        yield from pieces

    def _without_rest(self, lines: Sequence[bytes]) -> Iterator[bytes]:
        for line in lines:
            yield line.removeprefix(self._rest) + b"\n"


def unseen(history: Sequence[bytes], shown: Sequence[bytes], count: int | None) -> int | None:
    """Return where in the last lines of a log those begin that were not shown; None where that cannot be found.

    `count` is how many were shown in all, where both begin with the log's first line.
    """
    mark = list(shown[-_MARK:])
    if count is not None and count <= len(history) and list(history[count - len(mark) : count]) == mark:
        return count
    for end in range(len(history), len(mark) - 1, -1):
        if list(history[end - len(mark) : end]) == mark:
            return end
    return None


def overlap(before: Sequence[bytes], after: Sequence[bytes]) -> int:
    """Return how many of the first lines of `after` are the last ones of `before`: as many as can be."""
    for size in range(min(len(before), len(after)), 0, -1):
        if list(before[len(before) - size :]) == list(after[:size]):
            return size
    return 0


def _lines(data: bytes) -> list[bytes]:
    """The finished lines; one that is still being printed comes with the stream."""
    return data.split(b"\n")[:-1]


def _passes(error: Refused) -> bool:
    return error.code >= httpx.codes.INTERNAL_SERVER_ERROR


def _delays() -> Iterator[float]:
    return itertools.chain([1.0, 2.0, 4.0, 8.0], itertools.repeat(10.0))
