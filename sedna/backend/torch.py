"""Wrapper for estimators of PyTorch; the framework is imported only when it is used."""

from __future__ import annotations

from typing import Any

from sedna.backend.base import BackendBase


class TorchBackend(BackendBase):
    """An estimator of PyTorch: one with `train` and `predict`, that is or has (`.model`) a network.

    Models are `model_finetune_pytorch.pth`. Where the estimator has no `save` or `load` of its own, the
    network's state is saved and loaded.
    """

    framework = "pytorch"
    suffix = ".pth"

    def _network(self) -> Any:
        estimator = self.make()
        network = getattr(estimator, "model", estimator)
        if not hasattr(network, "state_dict"):
            raise TypeError(
                f"{type(estimator).__name__} has neither save and load nor a network (`.model` with state_dict)"
            )
        return network

    def _save_below(self, goal: Any, model_name: str | None) -> str:
        if hasattr(self.make(), "save"):
            return super()._save_below(goal, model_name)
        import torch

        if goal.is_dir():
            goal = goal / (model_name or self.model_name)
        goal.parent.mkdir(parents=True, exist_ok=True)
        torch.save(self._network().state_dict(), str(goal))
        return str(goal)

    def _load_file(self, path: str, **kwargs: Any) -> Any:
        if hasattr(self.make(**kwargs), "load"):
            return super()._load_file(path, **kwargs)
        import torch

        network = self._network()
        try:
            # weights_only: a model file is data, and unpickling would run its code.
            state = torch.load(path, map_location=self._device(), weights_only=True)
        except OSError:
            raise
        except Exception as problem:
            # A broken file makes it raise anything, as a struct.error that names no file.
            raise ValueError(f"{path} is no state of a network that PyTorch can read: {problem}") from problem
        network.load_state_dict(state)
        self.has_load = True
        return network

    def get_weights(self) -> Any:
        """The estimator's own weights, else one numpy array per entry of the network's state."""
        if hasattr(self.make(), "get_weights"):
            return super().get_weights()
        # Copies: PyTorch's arrays are the network's own memory, and would change when it goes on training.
        return [one.detach().cpu().numpy().copy() for one in self._network().state_dict().values()]

    def set_weights(self, weights: Any) -> None:
        """Take weights as `get_weights` gives them; ValueError when their number does not fit."""
        if hasattr(self.make(), "set_weights"):
            super().set_weights(weights)
            return
        import torch

        network = self._network()
        names = list(network.state_dict())
        if len(names) != len(weights):
            raise ValueError(f"the network has {len(names)} arrays of weights, {len(weights)} were given")
        network.load_state_dict({name: torch.as_tensor(one) for name, one in zip(names, weights, strict=True)})

    def _device(self) -> str:
        return "cuda" if self.use_cuda else "cpu"
