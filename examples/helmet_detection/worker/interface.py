"""The Estimator of the helmet-detection example: what the `sedna` library trains, evaluates, saves, loads and asks.

The library makes one (a second one for a hot update) and calls these methods; `train.py`, `eval.py` and `inference.py`
hand it their parameters. The work is done in `helmets`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ["BACKEND_TYPE"] = "TENSORFLOW"

import cv2
import keras
import numpy as np
from helmets import metrics, parameters, samples, training
from helmets.detecting import Detector

from sedna.common.config import Context
from sedna.common.log import LOGGER

# From scratch, and on top of a model that is good already.
RATE, FINE_TUNING_RATE = 3e-3, 2.5e-3
# Average precision ranks all findings, so it wants to see the doubtful ones too.
DOUBTFUL = 0.05
cv2.setNumThreads(1)


class Estimator:
    """A helmet detector with the interface that the library expects."""

    def __init__(self, **_kwargs: Any) -> None:
        self._detector: Detector | None = None
        self._loaded_from = ""
        # The size of a picture in the worker's environment wins over the one that the model was trained at.
        self._shape = parameters.input_shape() if Context.get_parameters("input_shape") else None

    @property
    def detector(self) -> Detector:
        """The model in use; RuntimeError before `load` or `train`."""
        if self._detector is None:
            raise RuntimeError("no model is loaded: call load or train first")
        return self._detector

    def train(
        self,
        train_data: Any,
        valid_data: Any = None,  # noqa: ARG002 (the library hands it over; no epoch is chosen by it)
        *,
        class_names: Sequence[str],
        input_shape: tuple[int, int],
        epochs: int = 1,
        batch_size: int = 16,
        replay: Sequence[str] = (),
        learning_rate: float | None = None,
        seed: int = 0,
        told: Callable[[int, int, float], None] | None = None,
        **_kwargs: Any,
    ) -> dict[str, float]:
        """Train on the lines of `train_data.x`: the loaded model (fine-tuning), or a new one when none is loaded.

        replay: lines of older data that are mixed in, so that the model does not forget what it was trained on first
        told: called after each epoch with its number, the number of epochs and the loss
        """
        keras.utils.set_random_seed(seed)
        classes = len(class_names)
        material = samples.load([*train_data.x, *replay], input_shape, classes)
        if not material:
            raise ValueError("the list of training samples is empty")
        fine_tuning = self._detector is not None
        if self._detector is None:
            self._detector = Detector(class_names, input_shape)
        elif self._detector.class_names != tuple(class_names):
            raise ValueError(f"the base model knows {self._detector.class_names}, the job asks for {class_names}")
        self._detector.input_shape = input_shape
        LOGGER.info("Training on %s new and %s older samples, %s epochs.", len(train_data.x), len(replay), epochs)
        history: list[float] = []

        def note(epoch: int, of: int, loss: float) -> None:
            history.append(loss)
            LOGGER.info("Epoch %s of %s: loss %.3f.", epoch, of, loss)
            if told:
                told(epoch, of, loss)

        training.fit(
            self._detector.network,
            material,
            classes=classes,
            epochs=epochs,
            # A batch cannot be larger than what there is to learn from.
            batch_size=min(batch_size, len(material)),
            rate=learning_rate or (FINE_TUNING_RATE if fine_tuning else RATE),
            frozen_statistics=fine_tuning,
            seed=seed,
            told=note,
        )
        return {"loss": history[-1]}

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
        detector = Detector.load(Path(model_url), self._shape)
        detector.warm_up()
        self._detector, self._loaded_from = detector, model_url

    def save(self, model_path: str, **_kwargs: Any) -> str:
        """Write the model to a file and return its path."""
        return str(self.detector.save(Path(model_path)))

    def get_weights(self) -> list[Any]:
        """All weights, as numpy arrays in the order of the network."""
        return list(self.detector.network.get_weights())

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace all weights."""
        self.detector.network.set_weights([np.asarray(weight) for weight in weights])
