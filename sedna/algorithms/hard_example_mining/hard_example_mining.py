"""Six rules that say whether a prediction is a hard example; chosen by HEM_NAME, called per prediction.

Each is made with the parameters of the manifest, which arrive as text, and called with one result: lists
and numpy arrays alike. True means hard. Where nothing was detected the model may have missed everything,
so an empty result (or None) is hard for the three rules that look at the result; `hard_if_empty=false`
turns that off for cameras that mostly see nothing.

A result of another shape than the rule reads is not hard; the first one is logged, because then nothing is
ever mined.
"""

from __future__ import annotations

import abc
import logging
import math
import random
from collections.abc import Sequence
from typing import Any

from sedna.common.class_factory import ClassFactory, ClassType

__all__ = (
    "BaseFilter",
    "CloudOnlyFilter",
    "CrossEntropyFilter",
    "EdgeOnlyFilter",
    "IBTFilter",
    "RandomFilter",
    "ThresholdFilter",
)

logger = logging.getLogger(__name__)

# A box is [xmin, ymin, xmax, ymax, score, label].
_SCORE = 4
_ROUNDING = 1e-5


class BaseFilter(abc.ABC):
    """A rule: call it with one prediction, it answers whether that is a hard example."""

    def __init__(self, **unknown: Any) -> None:
        if unknown:
            logger.warning("%s has no parameter %s.", type(self).__name__, ", ".join(sorted(unknown)))
        self._warned = False

    @abc.abstractmethod
    def __call__(self, infer_result: Any = None) -> bool:
        """True when the sample of this result is hard."""

    @classmethod
    def data_check(cls, data: Any) -> bool:
        """Whether a value is a probability: a number in [0, 1]."""
        return 0 <= float(data) <= 1

    def _unreadable(self, infer_result: Any, wanted: str) -> bool:
        if not self._warned:
            self._warned = True
            logger.warning(
                "%s reads %s and got %.200r; such results are never hard examples.",
                type(self).__name__,
                wanted,
                infer_result,
            )
        return False


class _ResultFilter(BaseFilter):
    """The part common to the rules that look at the result."""

    def __init__(self, hard_if_empty: bool | str = True, **unknown: Any) -> None:
        super().__init__(**unknown)
        self.hard_if_empty = _truth("hard_if_empty", hard_if_empty)

    def __call__(self, infer_result: Any = None) -> bool:
        """True when the sample of this result is hard; an empty one as `hard_if_empty` says."""
        if _is_empty(infer_result):
            return self.hard_if_empty
        return self._is_hard(infer_result)

    @abc.abstractmethod
    def _is_hard(self, infer_result: Any) -> bool: ...

    def _scores(self, infer_result: Any) -> Sequence[float] | None:
        """The scores of all boxes; None, and a warning, when these are not boxes."""
        try:
            # Nearly always floats, all of them chances: three passes in C, not three calls for each box.
            plain = [box[_SCORE] for box in infer_result]
            if set(map(type, plain)) == {float} and min(plain) >= 0 and max(plain) <= 1 and sum(plain) >= 0:
                return plain  # and none of them is NaN, which only the sum shows
            scores = [_chance(box[_SCORE]) for box in infer_result]
        except (TypeError, ValueError, IndexError, KeyError):
            scores = [math.nan]
        if not all(self.data_check(score) for score in scores):
            self._unreadable(infer_result, "boxes [xmin, ymin, xmax, ymax, score, label] with scores in [0, 1]")
            return None
        return scores


@ClassFactory.register(ClassType.HEM, alias="Threshold")
class ThresholdFilter(_ResultFilter):
    """Hard when the mean score of the boxes is below `threshold` (0.5)."""

    def __init__(self, threshold: float | str = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold = _share("threshold", threshold)

    def _is_hard(self, infer_result: Any) -> bool:
        scores = self._scores(infer_result)
        return scores is not None and sum(scores) / len(scores) < self.threshold


@ClassFactory.register(ClassType.HEM, alias="CrossEntropy")
class CrossEntropyFilter(_ResultFilter):
    """Hard when the classes' probabilities p are undecided: 1 + Σ p·ln p / ln n below the threshold (0.5).

    A single probability counts as one of two classes. A class with p = 0 adds nothing.
    """

    def __init__(self, threshold_cross_entropy: float | str = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold_cross_entropy = _share("threshold_cross_entropy", threshold_cross_entropy)

    def _is_hard(self, infer_result: Any) -> bool:
        try:
            chances = [_chance(chance) for chance in infer_result]
        except (TypeError, ValueError):
            chances = [math.nan]
        if not all(self.data_check(chance) for chance in chances):
            return self._unreadable(infer_result, "the classes' probabilities in [0, 1]")
        if len(chances) == 1:
            chances.append(1 - chances[0])
        entropy = sum(chance * math.log(chance) for chance in chances if chance > 0)
        return 1 + entropy / math.log(len(chances)) < self.threshold_cross_entropy


@ClassFactory.register(ClassType.HEM, alias="IBT")
class IBTFilter(_ResultFilter):
    """Image and box threshold: hard when too many boxes are uncertain.

    A box is uncertain when its score is at most `threshold_box` (0.5); the sample is hard when the share of
    uncertain boxes is at least 1 - `threshold_img` (0.5).
    """

    def __init__(self, threshold_img: float | str = 0.5, threshold_box: float | str = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.threshold_img = _share("threshold_img", threshold_img)
        self.threshold_box = _share("threshold_box", threshold_box)

    def _is_hard(self, infer_result: Any) -> bool:
        scores = self._scores(infer_result)
        if scores is None:
            return False
        limit = self.threshold_box
        uncertain = len([score for score in scores if score <= limit])
        return uncertain / len(scores) >= 1 - self.threshold_img


@ClassFactory.register(ClassType.HEM, alias="Random")
class RandomFilter(BaseFilter):
    """Hard by chance, for models so good that no rule finds anything: a share of `random_ratio` (0.3)."""

    def __init__(self, random_ratio: float | str = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.random_ratio = _share("random_ratio", random_ratio)

    def __call__(self, infer_result: Any = None) -> bool:  # noqa: ARG002
        """True with the probability `random_ratio`."""
        return random.random() < self.random_ratio  # noqa: S311 - picks samples, guards nothing


@ClassFactory.register(ClassType.HEM, alias="CloudOnly")
class CloudOnlyFilter(BaseFilter):
    """Every sample is hard."""

    def __call__(self, infer_result: Any = None) -> bool:  # noqa: ARG002
        """Always True."""
        return True


@ClassFactory.register(ClassType.HEM, alias="EdgeOnly")
class EdgeOnlyFilter(BaseFilter):
    """No sample is hard."""

    def __call__(self, infer_result: Any = None) -> bool:  # noqa: ARG002
        """Always False."""
        return False


def _is_empty(result: Any) -> bool:
    if result is None:
        return True
    try:
        # Not bool(result): a numpy array of several values has no truth.
        return len(result) == 0
    except TypeError:
        return False


def _chance(value: Any) -> float:
    # A softmax in single precision ends a little above 1.
    number = float(value)
    return min(max(number, 0.0), 1.0) if -_ROUNDING <= number <= 1 + _ROUNDING else number


def _share(name: str, value: float | str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not 0 <= number <= 1:
        raise ValueError(f"{name} must be a number from 0 to 1, not {value!r}")
    return number


def _truth(name: str, value: bool | str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    try:
        return words[str(value).strip().lower()]
    except KeyError:
        raise ValueError(f"{name} must be true or false, not {value!r}") from None
