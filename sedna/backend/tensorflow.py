"""Wrappers for estimators of TensorFlow 2 and Keras; neither framework is imported here.

Weights travel as lists of numpy arrays (`TFBackend`) or nested lists (`KerasBackend`, as in the original).
`ProgressCallback` has a training of Keras be watched live; an estimator that is itself a Keras model gets it by itself.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sedna.backend.base import BackendBase
from sedna.common.file_ops import FileOps


class TFBackend(BackendBase):
    """An estimator of TensorFlow; the model file is `model_finetune_tensorflow.pb` unless told otherwise."""

    framework = "tensorflow"
    suffix = ".pb"

    def train(self, train_data: Any, valid_data: Any = None, **kwargs: Any) -> Any:
        """As of any estimator; a Keras model, whose `fit` we call ourselves, tells its progress as well."""
        model = self.make(**kwargs)
        if not hasattr(model, "train") and _is_keras(model):
            kwargs["callbacks"] = [*(kwargs.get("callbacks") or ()), ProgressCallback(model)]
        return super().train(train_data, valid_data, **kwargs)

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


def ProgressCallback(model: Any = None) -> Any:
    """Return a Keras callback that tells how far the training is: `model.fit(…, callbacks=[ProgressCallback()])`.

    Told are the epochs, with the part of the one under way, and the newest loss and metrics, as
    `sedna.core.progress.report_progress` tells them: about once a second, in the background. `model`: the model that
    is trained, where several versions of Keras are loaded. Raises ImportError where there is no Keras.
    """
    from sedna.core.progress import report_progress

    class Progress(_callback_class(model)):  # type: ignore[misc]
        # Keras goes on with the next batch meanwhile, and need not make numbers of logs that are not looked at.
        async_safe = True
        _supports_tf_logs = True

        def __init__(self) -> None:
            super().__init__()
            self._epoch = 0
            self._next = 0.0

        def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002 - as Keras calls it
            report_progress(self._epoch, self._of("epochs"))

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - as Keras calls it
            self._epoch = epoch

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            steps = self._of("steps")
            if not steps or time.monotonic() < self._next:
                return
            self._next = time.monotonic() + 1.0
            # Not the whole epoch: that is told when its validation is known, too.
            part = min((batch + 1) / steps, 0.999)
            report_progress(round(self._epoch + part, 3), self._of("epochs"), metrics=_logs(logs))

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            report_progress(epoch + 1, self._of("epochs"), metrics=_logs(logs))

        def _of(self, name: str) -> Any:
            return (self.params or {}).get(name)

    return Progress()


def _is_keras(model: Any) -> bool:
    return any(one.__module__.partition(".")[0] in ("keras", "tf_keras") for one in type(model).__mro__)


def _logs(logs: Any) -> Mapping[str, Any]:
    return logs if isinstance(logs, Mapping) else {}


def _callback_class(model: Any) -> Any:
    """The class Callback of the Keras that a model is of; of the loaded one, where that is not known."""
    names = [one.__module__.partition(".")[0] for one in type(model).__mro__]
    loaded = [name for name in ("keras", "tf_keras") if name in sys.modules]
    wanted = next((name for name in names if name in ("keras", "tf_keras")), None) or next(iter(loaded), "keras")
    return importlib.import_module(f"{wanted}.callbacks").Callback
