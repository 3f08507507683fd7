"""The half of the Estimator that only asks a model: what eval and inference workers need, whatever runs the network.

`interface.Estimator` adds training to it, `lite_interface.Estimator` is this half with LiteRT.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Generic, TypeVar

import cv2
import numpy as np

from helmets import metrics, parameters, samples
from helmets.finding import Finder
from sedna.common.config import Context

# Average precision ranks all findings, so it wants to see the doubtful ones too.
DOUBTFUL = 0.05
cv2.setNumThreads(1)

Found = TypeVar("Found", bound=Finder)


class Asking(Generic[Found]):
    """A helmet detector with the part of the library's interface that loads, predicts and evaluates."""

    def __init__(self, **_kwargs: Any) -> None:
        self._detector: Found | None = None
        self._loaded_from = ""
        # The size of a picture in the worker's environment wins over the one that the model was trained at.
        self._shape = parameters.input_shape() if Context.get_parameters("input_shape") else None

    @property
    def detector(self) -> Found:
        """The model in use; RuntimeError before `load` or `train`."""
        if self._detector is None:
            raise RuntimeError("no model is loaded: call load or train first")
        return self._detector

    def evaluate(
        self,
        data: Any,
        *,
        model_path: str | None = None,
        obj_threshold: float = 0.3,
        nms_threshold: float = 0.4,
        **_kwargs: Any,
    ) -> dict[str, float | list[float]]:
        """Precision, recall and mAP on the lines of `data.x`; lists have one entry per class."""
        # Sedna's library has loaded the model and names it here as well; the original's only names it.
        if model_path and model_path != self._loaded_from:
            self.load(model_path)
        detector = self.detector
        shown = samples.load(list(data.x), detector.input_shape, len(detector.class_names))
        found = list(detector.find([sample.picture for sample in shown], DOUBTFUL, nms_threshold))
        scores = metrics.score(found, [sample.boxes for sample in shown], len(detector.class_names), obj_threshold)
        return scores.as_metrics()

    def predict(self, data: Any, *, obj_threshold: float = 0.3, nms_threshold: float = 0.4, **_kwargs: Any) -> Any:
        """Boxes `[x1, y1, x2, y2, score, class]` of a picture, or one such list per picture of a sequence."""
        single = isinstance(data, np.ndarray) and data.ndim == 3
        found = [
            boxes.tolist() for boxes in self.detector.find([data] if single else data, obj_threshold, nms_threshold)
        ]
        return found[0] if single else found

    def load(self, model_url: str, **_kwargs: Any) -> None:
        """Take the model at this path, whatever its name; it is ready for its first picture when this returns."""
        detector = self.opened(Path(model_url), self._shape)
        detector.warm_up()
        self._detector, self._loaded_from = detector, model_url

    def opened(self, path: Path, shape: tuple[int, int] | None) -> Found:
        """The detector in a file; `shape`: the size of pictures that the worker's environment asks for."""
        raise NotImplementedError
