"""The Estimator of the helmet-detection example: what the `sedna` library trains, evaluates, saves, loads and asks.

The library makes one (a second one for a hot update) and calls these methods; `train.py`, `eval.py` and `inference.py`
hand it their parameters. The work is done in `helmets`. Its half without training is `helmets.asking`, which workers
without TensorFlow have, too (`lite_interface`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ["BACKEND_TYPE"] = "TENSORFLOW"

import keras
import numpy as np
from helmets import exporting, parameters, samples, training
from helmets.asking import Asking
from helmets.detecting import Detector

from sedna.common.log import LOGGER
from sedna.core.progress import report_progress

# From scratch, and on top of a model that is good already.
RATE, FINE_TUNING_RATE = 3e-3, 2.5e-3


class Estimator(Asking[Detector]):
    """A helmet detector with the interface that the library expects."""

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
            stepped=lambda done, loss: report_progress(round(done, 3), epochs, metrics={"loss": loss}),
        )
        return {"loss": history[-1]}

    def opened(self, path: Path, shape: tuple[int, int] | None) -> Detector:
        """As `Asking` wants it."""
        return Detector.load(path, shape)

    def save(self, model_path: str, **_kwargs: Any) -> str:
        """Write the model to a file and return its path; with `format=tflite`, its form for LiteRT goes along."""
        lite = exporting.export(self.detector) if parameters.model_format() == parameters.TFLITE else None
        return str(self.detector.save(Path(model_path), lite))

    def get_weights(self) -> list[Any]:
        """All weights, as numpy arrays in the order of the network."""
        return list(self.detector.network.get_weights())

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Replace all weights."""
        self.detector.network.set_weights([np.asarray(weight) for weight in weights])
