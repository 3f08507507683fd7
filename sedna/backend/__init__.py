"""Wrap the user's estimator so that `sedna.core` can train, save, load and ask any of them the same way.

BACKEND_TYPE chooses: TENSORFLOW (the default), KERAS, TORCH (or PYTORCH), or anything else for a plain
estimator such as scikit-learn's. No wrapper imports its framework: the user's own code does.
"""

from __future__ import annotations

import os
from typing import Any

from sedna.backend.base import BackendBase
from sedna.common.config import BaseConfig

__all__ = ("BackendBase", "set_backend")


def set_backend(estimator: Any = None, config: Any = None) -> BackendBase | None:
    """The wrapper for an estimator (a class, a function that makes one, or an instance); None without one.

    `config` is a `BaseConfig` or the like; what it says of backend_type, model_url and model_name holds.
    """
    if estimator is None:
        return None
    settings = config if config is not None else BaseConfig()
    kind = str(settings.get("backend_type")).upper()
    wrapper: type[BackendBase]
    if kind == "TENSORFLOW":
        from sedna.backend.tensorflow import TFBackend as wrapper
    elif kind == "KERAS":
        from sedna.backend.tensorflow import KerasBackend as wrapper
    elif kind in {"TORCH", "PYTORCH"}:
        from sedna.backend.torch import TorchBackend as wrapper
    else:
        wrapper = BackendBase
    # A device the container or unit was given counts, whatever the manifest says.
    use_cuda = "CUDA_VISIBLE_DEVICES" in os.environ or settings.get("device_category") == "GPU"
    if use_cuda:
        os.environ["DEVICE_CATEGORY"] = "GPU"
    return wrapper(
        estimator,
        use_cuda=use_cuda,
        model_save_path=settings.get("model_url"),
        model_name=settings.get("model_name"),
    )
