"""The last few inputs of inference, and the run of a new model on them before it serves.

`sedna.core.base` keeps them while it follows new models. What a first prediction costs (memory, compiled graphs) and
what it may break on then happens in the background, beside the model that serves; nothing of it is counted,
post-processed or taken for a hard example.
"""

from __future__ import annotations

import collections
import copy
import threading
from collections.abc import Mapping
from typing import Any

from sedna.backend import BackendBase
from sedna.core.failures import describe

MOST_FRAMES = 4
MOST_BYTES = 64 << 20
# A first prediction may compile for minutes on a small host; one that never ends must not hold up all later models.
WARM_UP_SECONDS = 300.0

# Between two frames that are kept: neighbours look alike, and their sizes need not be found out at every inference.
_SECONDS_BETWEEN = 1.0
# Of what is nested: an input with more parts takes too long to measure.
_MOST_PARTS = 2_000

Frame = tuple[Any, dict[str, Any]]
"""What `inference` was given: the data and the keywords."""


class WarmUpError(Exception):
    """The new model cannot answer what the one in use has answered; the text says why."""


class Frames:
    """The last inputs that were answered: at most `most`, and at most `most_bytes` bytes of them.

    Inputs are kept as they are, not copied: keeping costs next to nothing, and a buffer that the script fills again is
    a newer frame. Only plain data is kept (arrays, tensors, bytes, text, numbers, lists and mappings of these, data
    sources); what can be read once, such as a stream, is not.
    """

    def __init__(self, most: int = MOST_FRAMES, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: collections.deque[tuple[Frame, int]] = collections.deque()
        self.due = 0.0 if most > 0 and most_bytes > 0 else float("inf")
        """From when on the next one is wanted, by the clock of the caller; asked before `keep` to save the call."""

    def keep(self, data: Any, keywords: Mapping[str, Any], now: float) -> None:
        """Remember one, if it is plain data of a fitting size."""
        with self._lock:
            if now < self.due:
                return
            size = size_of((data, dict(keywords)))
            if size is None or size > self._most_bytes:
                self.due = now + _SECONDS_BETWEEN
                return
            self._kept.append(((data, dict(keywords)), size))
            while len(self._kept) > self._most or sum(one for _, one in self._kept) > self._most_bytes:
                self._kept.popleft()
            if len(self._kept) == self._most:
                self.due = now + _SECONDS_BETWEEN

    def copies(self) -> list[Frame]:
        """Copies of those that are kept, oldest first: a model that writes into its input spoils nobody's."""
        with self._lock:
            kept = [frame for frame, _ in self._kept]
        return copy.deepcopy(kept)


def size_of(value: Any) -> int | None:
    """About how many bytes an input holds; None for what is no plain data, or too finely divided to measure."""
    waiting, total = [value], 0
    for _ in range(_MOST_PARTS):
        if not waiting:
            return total
        one = waiting.pop()
        total += 64
        if one is None or isinstance(one, bool | int | float | complex):
            continue
        if isinstance(one, str | bytes | bytearray):
            total += len(one)
        elif isinstance(one, list | tuple):
            waiting.extend(one[:_MOST_PARTS])
            total += 64 * max(0, len(one) - _MOST_PARTS)
        elif isinstance(one, dict):
            waiting.extend(list(one.values())[:_MOST_PARTS])
        elif isinstance(getattr(one, "nbytes", None), int):
            if getattr(getattr(one, "dtype", None), "hasobject", False):
                return None
            total += one.nbytes
        elif hasattr(one, "x") and hasattr(one, "y"):
            waiting.extend((one.x, one.y))
        else:
            return None
    return None


def warm_up(candidate: BackendBase, frames: list[Frame], seconds: float = WARM_UP_SECONDS) -> None:
    """Let a model that does not serve yet predict each frame. Returns when it has.

    Raises WarmUpError when a prediction raises, or all of them take longer than `seconds`.
    """
    if not frames:
        return
    problems: list[str] = []
    over = threading.Event()

    def run() -> None:
        try:
            for data, keywords in frames:
                candidate.predict(data, **keywords)
        except BaseException as error:  # noqa: BLE001 - whatever it is, it would have hit an inference
            problems.append(describe(error))
        finally:
            over.set()

    # A thread of its own: nothing else can give up on a prediction that does not come back.
    threading.Thread(target=run, name="sedna-warm-up", daemon=True).start()
    count = f"the last {len(frames)} inputs" if len(frames) > 1 else "the last input"
    if not over.wait(seconds):
        raise WarmUpError(f"its warm-up on {count} has not ended within {seconds:g} s")
    if problems:
        raise WarmUpError(f"its warm-up on {count}, which the model in use has answered, failed: {problems[0]}")
