"""The model that serves: asked and measured at every inference, changed between two of them, taken back on trial.

`sedna.core.base` loads models and reports; here is what happens between two inferences, and in each of them. That way
is short: two looks at a clock and one lock that nobody holds for long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from sedna.backend import BackendBase
from sedna.common.log import LOGGER
from sedna.core.guarding import Limits, Measured
from sedna.core.metering import Meter
from sedna.core.trials import Served, Trial
from sedna.core.warming import Frames, can_be_read_twice

Result = TypeVar("Result")

Answer = Callable[[BackendBase], tuple[Result, bool]]
"""One inference with an estimator: its result, and whether it is a hard example."""


class Serving:
    """What serves at this moment, and what watches it.

    `tell(described, state, sentence)` reports how a trial has ended.
    """

    def __init__(self, first: BackendBase, tell: Callable[[dict[str, str], str, str], None]) -> None:
        self.now = Served(first)
        self.frames = Frames(most=0)
        self.meter = Meter()
        self._tell = tell
        self._trial: Trial | None = None

    def ask(self, served: Served, answer: Answer[Result], data: Any, keywords: dict[str, Any]) -> Result:
        """One inference. Raises what the estimator raises."""
        frame, began = None, time.perf_counter()
        if began >= self.frames.due:
            # Before the answer: the estimator may change what it is given.
            frame = self.frames.take(data, keywords, began)
            began = time.perf_counter()
        try:
            result, is_hard = answer(served.estimator)
        except Exception as error:  # noqa: BLE001 - the next line raises it, or has the answer
            return self._ask_the_last_good(served, answer, error, (data, keywords))
        seconds = time.perf_counter() - began
        served.measure.answered(seconds, is_hard)
        self.meter.answered(seconds, is_hard)
        if frame is not None:
            self.frames.keep(frame)
        return result

    def _ask_the_last_good(self, served: Served, answer: Answer[Result], error: Exception, given: Any) -> Result:
        """An input on which a new model raises: no prediction is lost as long as the model before it is at hand."""
        trial = self._trial
        if trial is None or trial.new is not served:
            served.measure.failed()
            raise error
        if trial.substitute is None or not can_be_read_twice(given):
            # From what is left of a stream, the last good model would answer something else.
            trial.failed()
            raise error
        try:
            result, _ = answer(trial.substitute.estimator)
        except Exception:  # noqa: BLE001 - what both cannot answer says nothing about the new one
            raise error from None
        if not served.measure.summary().exceptions:
            LOGGER.error("The new model raises where the last good one answers; that answer is used.", exc_info=error)
        trial.failed()
        return result

    def change(self, new: Served, limits: Limits | None) -> None:
        """Let another model serve from the next inference on, on trial if there are limits."""
        old = self.now
        if self._trial is not None:
            self._trial.abandon()
            self._trial = None
        if limits is not None and old.estimator.has_load:
            self._trial = self._begin(new, limits, old, old.measure.summary())
        elif limits is not None:
            self._trial = self._begin(new, limits, None, None)
        # The swap: inferences that have begun end with the old model, the next ones take this.
        self.now = new

    def watch(self, limits: Limits, before: Measured | None) -> None:
        """Put the model that serves on trial; the one before it is in no memory any more."""
        self._trial = self._begin(self.now, limits, None, before)

    def trial_of(self, described: dict[str, str]) -> Trial | None:
        """The trial of the model that a report describes so."""
        trial = self._trial
        return trial if trial is not None and trial.new.described == described else None

    def close(self) -> None:
        """Watch no more."""
        if self._trial is not None:
            self._trial.close()

    def _begin(self, new: Served, limits: Limits, old: Served | None, before: Measured | None) -> Trial:
        def give_way() -> None:
            # Not over a third model that has come meanwhile.
            if old is not None and self.now is new:
                self.now = old

        def tell(state: str, sentence: str) -> None:
            self._tell(new.described, state, sentence)
            if self._trial is trial:
                # Lets go of the model that is not needed any more.
                self._trial = None

        trial = Trial(limits, new, old, before, give_way=give_way, tell=tell)
        return trial
