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
from sedna.common.log import LOGGER
from sedna.core.failures import describe

MOST_FRAMES = 4
MOST_BYTES = 64 << 20
# A first prediction may compile for minutes on a small host; one that never ends must not hold up all later models.
WARM_UP_SECONDS = 300.0

# Between two frames that are kept: neighbours look alike, and their sizes need not be found out at every inference.
_SECONDS_BETWEEN = 1.0
# Of what is nested: an input with more parts takes too long to measure.
_MOST_PARTS = 2_000
# As above, where it is about an answer.
_MOST_PARTS_READ_TWICE = 1_000_000

Frame = tuple[Any, dict[str, Any]]
"""What `inference` was given: the data and the keywords."""


class WarmUpError(Exception):
    """The new model cannot answer what the one in use has answered; the text says why."""


class Frames:
    """The last inputs that were answered: at most `most`, and at most `most_bytes` bytes of them.

    A frame is copied before the estimator sees it (`take`), which may rewrite what it is given, and kept once it was
    answered (`keep`). Only plain data is kept (arrays, tensors, bytes, text, numbers, lists and mappings of these, data
    sources); what can be read once, such as a stream, is not. Nothing here raises into an inference, or waits in one:
    whatever goes wrong with an input is told once, and no more are kept.
    """

    def __init__(self, most: int = MOST_FRAMES, most_bytes: int = MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: collections.deque[tuple[Frame, int]] = collections.deque()
        self._is_over = most <= 0 or most_bytes <= 0
        self.due = float("inf") if self._is_over else 0.0
        """From when on the next one is wanted, by the clock of the caller; asked before `take` to save the call."""

    def take(self, data: Any, keywords: Mapping[str, Any], now: float) -> tuple[Frame, int] | None:
        """Copy one for `keep`, if it is plain data of a fitting size and one is due; None otherwise."""
        with self._lock:
            if now < self.due:
                return None
            # Whoever asks beside this one copies nothing meanwhile, and a series of failures copies once a second.
            self.due = now + _SECONDS_BETWEEN
        try:
            frame = (data, dict(keywords))
            size = size_of(frame)
            return None if size is None or size > self._most_bytes else (copy.deepcopy(frame), size)
        except Exception as problem:  # noqa: BLE001 - a user's type may raise anything when it is looked at
            self._end(problem)
            return None

    def keep(self, taken: tuple[Frame, int]) -> None:
        """Remember one that was answered."""
        with self._lock:
            self._kept.append(taken)
            while len(self._kept) > self._most or sum(size for _, size in self._kept) > self._most_bytes:
                self._kept.popleft()
            if len(self._kept) < self._most and not self._is_over:
                self.due = 0.0

    def copies(self) -> list[Frame]:
        """Copies of those that are kept, oldest first: what a model does to its input, the next one does not meet."""
        with self._lock:
            kept = [frame for frame, _ in self._kept]
        try:
            return copy.deepcopy(kept)
        except Exception as problem:  # noqa: BLE001 - a copy that cannot be copied says nothing about a model
            self._end(problem)
            return []

    def _end(self, problem: Exception) -> None:
        with self._lock:
            was_over, self._is_over, self.due = self._is_over, True, float("inf")
        if not was_over:
            LOGGER.warning("No more inputs are kept for the warm-up of new models: %s.", describe(problem))


def size_of(value: Any, most_parts: int = _MOST_PARTS) -> int | None:
    """About how many bytes an input holds; None for what is no plain data, or too finely divided to measure."""
    waiting, total = [value], 0
    for _ in range(most_parts):
        if not waiting:
            return total
        one = waiting.pop()
        total += 64
        if one is None or isinstance(one, bool | int | float | complex):
            continue
        if isinstance(one, str | bytes | bytearray):
            total += len(one)
        elif isinstance(one, list | tuple | dict):
            if len(one) > most_parts:
                return None
            waiting.extend(one.values() if isinstance(one, dict) else one)
        elif isinstance(getattr(one, "nbytes", None), int):
            if getattr(getattr(one, "dtype", None), "hasobject", False):
                return None
            total += one.nbytes
        elif hasattr(one, "x") and hasattr(one, "y"):
            waiting.extend((one.x, one.y))
        else:
            return None
    return None


def can_be_read_twice(value: Any) -> bool:
    """Whether an input still is what it was after it was read: plain data is, a stream or a generator is not."""
    try:
        return size_of(value, _MOST_PARTS_READ_TWICE) is not None
    except Exception:  # noqa: BLE001 - what cannot even be looked at is not tried again
        return False


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
