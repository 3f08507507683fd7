"""Wrappers for estimators of TensorFlow 2 and Keras; neither framework is imported here.

Weights travel as lists of numpy arrays (`TFBackend`) or nested lists (`KerasBackend`, as in the original).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sedna.backend.base import BackendBase
from sedna.common.file_ops import FileOps


class TFBackend(BackendBase):
    """An estimator of TensorFlow; the model file is `model_finetune_tensorflow.pb` unless told otherwise."""

    framework = "tensorflow"
    suffix = ".pb"

    def model_info(self, model: str, relpath: str | None = None, result: Any = None) -> list[dict[str, Any]]:
        """The model's entry; for a `.pb` file a second one for its folder, which holds the checkpoint."""
        found = super().model_info(model, relpath, result)
        if found[0]["format"] == "pb" and Path(model).is_file():
            folder = FileOps.remove_path_prefix(str(Path(model).parent), relpath or "")
            found.append({"format": "ckpt", "url": folder, "metrics": result})
        return found


class KerasBackend(TFBackend):
    """An estimator of Keras; its weights are nested lists of numbers."""

    framework = "keras"

    def get_weights(self) -> list[Any]:
        """One nested list of numbers per layer's array."""
        return [one.tolist() if hasattr(one, "tolist") else one for one in super().get_weights()]

    def set_weights(self, weights: list[Any]) -> None:
        """Take such nested lists, or arrays."""
        import numpy as np

        super().set_weights([np.asarray(one) for one in weights])
