"""The wrapper that fits any estimator, and what the frameworks' wrappers build on.

`sedna.core` calls it; it calls the user's class. What that class must offer: `train` or `fit`, `predict`,
and for what it is used for `evaluate`, `load`, `save`, `get_weights`, `set_weights`. Where scikit-learn's
way differs (`fit(x, y)`, `score(x, y)`, no `save` and `load`), this wrapper bridges.
"""

from __future__ import annotations

import copy
import inspect
import weakref
from collections.abc import Callable
from pathlib import Path
from types import FunctionType, MethodType
from typing import Any

from sedna.backend.saved_models import format_of, saved_as
from sedna.common.file_ops import FileOps
from sedna.common.temporaries import temporary_folder


class BackendBase:
    """One estimator and where its models are.

    `estimator`: a class or a function that makes one (made at first use), or an instance.
    `fine_tune`: whether training starts from the base model; an estimator that loads the base model itself
    says `fine_tune = False` on its class. `model_save_path`: the model, or the folder for new ones;
    `model_name`: the file name for new ones.
    """

    framework = ""
    suffix = ".pkl"

    def __init__(
        self,
        estimator: Any,
        fine_tune: bool = True,
        *,
        model_save_path: str = "",
        model_name: str = "",
        use_cuda: bool = False,
        **kwargs: Any,  # noqa: ARG002 - the original's further settings, for other devices
    ) -> None:
        self._origin = estimator
        self.estimator = estimator
        self.fine_tune = fine_tune and getattr(estimator, "fine_tune", True) is not False
        self.model_save_path = model_save_path
        self.default_name = model_name
        self.use_cuda = use_cuda
        self.has_load = False

    def another(self) -> BackendBase:
        """A second wrapper with an estimator of its own, to load another model beside this one.

        Raises TypeError when the estimator was given as an instance that cannot be copied.
        """
        made = copy.copy(self)
        made.has_load = False
        made.estimator = self._origin
        if not _is_factory(self._origin):
            try:
                made.estimator = copy.deepcopy(self._origin)
            except Exception as problem:
                raise TypeError(
                    f"this {type(self._origin).__name__} cannot be copied for a second model ({problem}); give "
                    "the estimator's class instead of an instance"
                ) from problem
            # The copy is of the estimator as it was given, not of the model in use.
            made._origin = self._origin
        return made

    @property
    def model_name(self) -> str:
        """The file name of new models: MODEL_NAME, the estimator's own `model_name`, else one by framework.

        MODEL_NAME may be the name of a Model resource; a name without a suffix gets the framework's, because
        the suffix is the model's format.
        """
        own = getattr(self.estimator, "model_name", None)
        name = self.default_name or (own if isinstance(own, str) else "")
        if name:
            return name if Path(name).suffix else f"{name}{self.suffix}"
        return f"model{'_finetune_' if self.fine_tune else ''}{self.framework}{self.suffix}"

    @staticmethod
    def parse_kwargs(func: Any, **kwargs: Any) -> dict[str, Any]:
        """Those of the keywords that a function takes; all, when it takes any."""
        if not kwargs or not callable(func):
            return kwargs
        names = _keywords(func)
        return kwargs if names is None else {name: value for name, value in kwargs.items() if name in names}

    def make(self, **kwargs: Any) -> Any:
        """The estimator, made now if it was given as a class or function."""
        # Not callable(): a network of PyTorch or Keras is callable, and calling it is a prediction.
        if _is_factory(self.estimator):
            self.estimator = self.estimator(**self.parse_kwargs(self.estimator, **kwargs))
        return self.estimator

    def train(self, train_data: Any, valid_data: Any = None, **kwargs: Any) -> Any:
        """Train with the estimator's `train`, else its `fit`; returns what that returns."""
        estimator = self.make(**kwargs)
        method = getattr(estimator, "train", None)
        # PyTorch's networks have a `train(mode)` that only switches between two ways of predicting.
        if method is None or _names(method) == {"mode"}:
            method = getattr(estimator, "fit", None)
        if method is None:
            raise TypeError(f"{type(estimator).__name__} has neither train nor fit")
        given = {"valid_data": valid_data, **kwargs}
        if method.__name__ == "fit" and "train_data" not in _names(method):
            # Only what is named: `fit(X, y, **fit_params)` would hand the rest on to where it is unknown.
            named = {name: value for name, value in given.items() if name in _names(method)}
            labels = getattr(train_data, "y", None)
            trained = method(_features(train_data), *([] if labels is None else [labels]), **named)
        else:
            trained = method(train_data, **self.parse_kwargs(method, **given))
        self.has_load = True
        return trained

    def update(self, *args: Any, **kwargs: Any) -> Any:
        """Go on training with the estimator's `update`."""
        method = self.make(**kwargs).update
        return method(*args, **self.parse_kwargs(method, **kwargs))

    def predict(self, data: Any, **kwargs: Any) -> Any:
        """The estimator's prediction for `data`."""
        method = self.make().predict
        return method(self._predicted(data), **self.parse_kwargs(method, **kwargs))

    def predict_proba(self, data: Any, **kwargs: Any) -> Any:
        """The classes' probabilities for `data`, of an estimator that has them."""
        method = self.make().predict_proba
        return method(self._predicted(data), **self.parse_kwargs(method, **kwargs))

    def evaluate(self, data: Any, **kwargs: Any) -> Any:
        """The estimator's `evaluate(data)`, else `{"accuracy" or "score": its score(x, y)}`."""
        estimator = self.make()
        method = getattr(estimator, "evaluate", None)
        if method is not None:
            return method(data, **self.parse_kwargs(method, **kwargs))
        if not hasattr(estimator, "score"):
            raise TypeError(f"{type(estimator).__name__} has neither evaluate nor score")
        # What scikit-learn's score is depends on the estimator; one with classes gives the accuracy.
        metric = "accuracy" if hasattr(estimator, "classes_") else "score"
        return {metric: float(estimator.score(data.x, data.y))}

    def evaluate_model(self, model_url: str, data: Any, **kwargs: Any) -> Any:
        """Load a model, if there is a URL, and evaluate it; the estimator gets `model_path=` if it takes that."""
        method = getattr(self.make(), "evaluate", None)
        reads_itself = method is not None and "model_path" in _names(method)
        if model_url and (hasattr(self.estimator, "load") or not reads_itself):
            self.load(model_url)
        return self.evaluate(data, model_path=model_url, **kwargs)

    def save(self, model_url: str = "", model_name: str | None = None) -> str:
        """Save the model to `model_url` (a file, a folder for `model_name`, or a URL); return where it is.

        The estimator may write a file or a folder of that name, several files that start with it (the
        folder is the model then), or return another path. Raises FileNotFoundError when it wrote nothing.
        """
        goal = model_url or self.model_save_path
        if not FileOps.is_remote(goal):
            return self._save_below(Path(goal), model_name)
        with temporary_folder() as folder:
            saved = self._save_below(folder / (model_name or self.model_name), None)
            return FileOps.upload(saved, FileOps.join_path(goal, Path(saved).name), clean=False)

    def _save_below(self, goal: Path, model_name: str | None) -> str:
        name = model_name or self.model_name
        # A model may itself be a folder, and of this name, when a worker that was restarted saves again.
        if goal.is_dir() and goal.name != name:
            goal = goal / name
        goal.parent.mkdir(parents=True, exist_ok=True)
        saver = getattr(self.estimator, "save", None)
        returned = saver(str(goal)) if saver is not None else FileOps.dump(self.estimator, str(goal))
        return str(saved_as(goal, returned))

    def load(self, model_url: str = "", model_name: str | None = None, **kwargs: Any) -> Any:
        """Load a model: a file, a folder, a URL, or the file `model_name` in a folder if it is there.

        Raises FileNotFoundError when it is missing, and whatever the estimator's `load` raises.
        """
        source = model_url or self.model_save_path
        if not source:
            raise FileNotFoundError("there is no model to load: MODEL_URL is not set")
        if not FileOps.is_remote(source):
            return self._load_file(self._found(source, model_name), **kwargs)
        with temporary_folder() as folder:
            fetched = FileOps.download(source, str(folder / (Path(source).name or "model")))
            return self._load_file(self._found(fetched, model_name), **kwargs)

    def _found(self, source: str, model_name: str | None) -> str:
        path = Path(FileOps.download(source))
        named = path / (model_name or self.model_name)
        return str(named if path.is_dir() and named.exists() else path)

    def _load_file(self, path: str, **kwargs: Any) -> Any:
        estimator = self.make(**kwargs)
        method = getattr(estimator, "load", None)
        if method is None:
            self.estimator = loaded = FileOps.load(path)
        elif _takes(method, "model_url"):
            loaded = method(model_url=path, **self.parse_kwargs(method, **kwargs))
        else:
            loaded = method(path)
        self.has_load = True
        return loaded

    def finetune(self, base_model_url: str) -> None:
        """Start from an existing model: the estimator's `load_weights`, else its `load`."""
        estimator = self.make()
        if not hasattr(estimator, "load_weights"):
            self.load(base_model_url)
            return
        with temporary_folder() as folder:
            path = base_model_url
            if FileOps.is_remote(path):
                path = FileOps.download(path, str(folder / (Path(path).name or "model")))
            estimator.load_weights(self._found(path, None))

    def model_info(self, model: str, relpath: str | None = None, result: Any = None) -> list[dict[str, Any]]:
        """What a report says of a model: one entry of format (its suffix), url and metrics."""
        url = FileOps.remove_path_prefix(model, relpath or "")
        return [{"format": format_of(model), "url": url, "metrics": result}]

    def set_weights(self, weights: Any) -> None:
        """Put weights, as `get_weights` gives them, into the estimator."""
        self.make().set_weights(weights)

    def get_weights(self) -> Any:
        """The weights of the estimator, as its own `get_weights` gives them."""
        return self.make().get_weights()

    def _predicted(self, data: Any) -> Any:
        # scikit-learn's own estimators take features; an estimator of the original's contract takes the data.
        return data if hasattr(self.estimator, "evaluate") else _features(data)


def _features(data: Any) -> Any:
    return data.x if hasattr(data, "x") and hasattr(data, "y") else data


def _is_factory(estimator: Any) -> bool:
    return callable(estimator) and (inspect.isclass(estimator) or inspect.isroutine(estimator))


# A signature takes longer to read than the rest of an inference; weak, because a function may hold a whole model.
_known: weakref.WeakKeyDictionary[FunctionType, frozenset[str] | None] = weakref.WeakKeyDictionary()


def _keywords(func: Any) -> frozenset[str] | None:
    """The names of the keywords that a function takes; None when it takes any, or does not tell."""
    plain = func.__func__ if isinstance(func, MethodType) else func
    if not isinstance(plain, FunctionType):
        return _read_keywords(func)
    try:
        return _known[plain]
    except KeyError:
        _known[plain] = names = _read_keywords(func)
        return names


def _read_keywords(func: Any) -> frozenset[str] | None:
    try:
        parameters = inspect.signature(func).parameters.values()
    except ValueError:
        return None  # a function of C code that does not tell
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    return frozenset(one.name for one in parameters if one.kind is not one.POSITIONAL_ONLY)


def _names(method: Callable[..., Any]) -> set[str]:
    try:
        return set(inspect.signature(method).parameters)
    except ValueError:
        return set()


def _takes(method: Callable[..., Any], name: str) -> bool:
    return name in BackendBase.parse_kwargs(method, **{name: None})
