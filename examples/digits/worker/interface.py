"""The estimator: a small network of scikit-learn that learns new digits without forgetting the old ones.

Imported by train.py, eval.py and inference.py. It has the seven methods the library may call; a model is one
joblib file with the network and a memory of earlier samples.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from sedna.core.progress import report_progress

# Neither TensorFlow nor any other framework with a wrapper of its own.
os.environ.setdefault("BACKEND_TYPE", "SKLEARN")

DIGITS = np.arange(10)
PIXELS = 64
# Pixels are counts from 0 to 16.
BRIGHTEST = 16.0
# Enough of each digit to be remembered, few enough that the new samples lead.
MEMORY = 500


class Estimator:
    """Tells digits from images of 8 × 8 pixels; `x` has the shape (samples, 64), values from 0 to 16."""

    model_name = "model.joblib"

    def __init__(self) -> None:
        self.network: MLPClassifier | None = None
        self.memory_x = np.empty((0, PIXELS))
        self.memory_y = np.empty(0, dtype=np.int64)

    def train(self, train_data: Any, epochs: str | int = 60, **_: Any) -> None:
        """Train `epochs` times over the new samples mixed with the remembered ones."""
        if len(train_data) == 0:
            raise ValueError("there is no sample to train on")
        # The same samples always make the same model.
        chosen = np.random.default_rng(len(self.memory_y))
        x = np.concatenate([self.memory_x, np.asarray(train_data.x, dtype=float)])
        y = np.concatenate([self.memory_y, np.asarray(train_data.y, dtype=np.int64)])
        if self.network is None:
            self.network = MLPClassifier((64,), random_state=1, learning_rate_init=0.003)
        # One thread: for matrices as small as these, several cost five times as long.
        with threadpool_limits(1):
            for epoch in range(int(epochs)):
                order = chosen.permutation(len(y))
                self.network.partial_fit(x[order] / BRIGHTEST, y[order], classes=DIGITS)
                report_progress(done=epoch + 1, total=int(epochs), metrics={"loss": self.network.loss_})
        kept = chosen.permutation(len(y))[:MEMORY]
        self.memory_x, self.memory_y = x[kept], y[kept]

    def evaluate(self, data: Any, **_: Any) -> dict[str, Any]:
        """The share of digits that are told right, of all and of each digit (0 where there is none)."""
        predicted = DIGITS[self._chances(data.x).argmax(axis=1)]
        right = predicted == data.y
        recall = [float(right[data.y == digit].mean()) if (data.y == digit).any() else 0.0 for digit in DIGITS]
        return {"accuracy": float(right.mean()), "recall": recall}

    def predict(self, data: Any, **_: Any) -> dict[str, Any]:
        """One image's digit and the probabilities of all ten."""
        chances = self._chances(np.asarray(data, dtype=float).reshape(1, PIXELS))[0]
        return {"digit": int(chances.argmax()), "probabilities": chances}

    def save(self, model_path: str) -> None:
        """Write the model."""
        said = {"network": self.network, "memory_x": self.memory_x, "memory_y": self.memory_y}
        joblib.dump(said, model_path)

    def load(self, model_url: str, **_: Any) -> None:
        """Read a model; raises ValueError for a file that holds something else."""
        said = joblib.load(Path(model_url))
        if not (isinstance(said, dict) and isinstance(said.get("network"), MLPClassifier)):
            raise ValueError(f"{model_url} is not a model of digits")
        self.network, self.memory_x, self.memory_y = said["network"], said["memory_x"], said["memory_y"]

    def get_weights(self) -> list[Any]:
        """The network's arrays, layer by layer."""
        return [*self._trained().coefs_, *self._trained().intercepts_]

    def set_weights(self, weights: list[Any]) -> None:
        """Take such arrays."""
        layers = len(self._trained().coefs_)
        self._trained().coefs_, self._trained().intercepts_ = list(weights[:layers]), list(weights[layers:])

    def _chances(self, x: Any) -> Any:
        return self._trained().predict_proba(np.asarray(x, dtype=float) / BRIGHTEST)

    def _trained(self) -> MLPClassifier:
        if self.network is None:
            raise RuntimeError("no model was trained or loaded yet")
        return self.network
