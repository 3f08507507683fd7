"""What a worker is told by its environment: `BaseConfig` for the known settings, `Context` for any.

The LocalController sets the variables, user scripts and `sedna.core` read them. `Config` is the original's
dictionary with attributes, read from YAML, JSON, Python or a dict.
"""

from __future__ import annotations

import builtins
import copy
import inspect
import json
import os
import runpy
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import yaml

__all__ = ("BaseConfig", "Config", "ConfigSerializable", "Context")


class Config(dict[str, Any]):
    """A dictionary whose entries are attributes too; nested dictionaries become Configs.

    Each argument is a dict, the path of a `.yaml`, `.yml`, `.json` or `.py` file, or JSON text; later ones
    and keywords override earlier ones. Raises FileNotFoundError for a missing file, ValueError for text
    that is none of these or does not hold a mapping, TypeError for another type.
    """

    def __init__(self, *args: str | Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__()
        for source in (*args, kwargs):
            if isinstance(source, str):
                self._merge(_read(source))
            elif isinstance(source, Mapping):
                self._merge(source)
            else:
                raise TypeError(f"a Config is made from a path, JSON text or a dict, not {type(source).__name__}")

    def _merge(self, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            self[key] = Config(value) if isinstance(value, Mapping) else value

    def __call__(self, *args: str | Mapping[str, Any], **kwargs: Any) -> Config:
        """A copy with overrides."""
        return Config(self, *args, **kwargs)

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(key) from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delattr__(self, key: str) -> None:
        try:
            del self[key]
        except KeyError:
            raise AttributeError(key) from None

    def __deepcopy__(self, memo: dict[int, Any]) -> Config:
        return Config(copy.deepcopy(dict(self), memo))

    def __reduce__(self) -> tuple[type[Config], tuple[dict[str, Any]]]:
        return Config, (dict(self),)


def _read(source: str) -> Mapping[str, Any]:
    suffix = Path(source).suffix if "\n" not in source else ""
    values: Any
    if suffix in {".yaml", ".yml"}:
        values = yaml.safe_load(Path(source).read_text(encoding="utf-8"))
    elif suffix == ".json":
        values = json.loads(Path(source).read_text(encoding="utf-8"))
    elif suffix == ".py":
        values = {key: value for key, value in runpy.run_path(source).items() if not key.startswith("__")}
    else:
        try:
            values = json.loads(source)
        except json.JSONDecodeError as problem:
            raise ValueError(f"neither a .yaml, .json or .py file nor JSON text: {source!r}") from problem
    if not isinstance(values, Mapping):
        raise ValueError(f"a configuration is a mapping, and this is not: {source!r}")
    return values


class ConfigSerializable:
    """A class whose public attributes are its settings."""

    def _settings(self) -> builtins.dict[str, Any]:
        names = (name for name in dir(self) if not name.startswith("_"))
        found = {name: getattr(self, name) for name in names}
        return {name: value for name, value in found.items() if not inspect.isroutine(value)}

    def update(self, **kwargs: Any) -> None:
        """Set the attributes that exist already; other names are ignored."""
        for name in self._settings().keys() & kwargs.keys():
            setattr(self, name, kwargs[name])

    def to_json(self) -> Config:
        """All settings as a Config, a deep copy."""
        return Config(copy.deepcopy(self.dict()))

    def dict(self) -> builtins.dict[str, Any]:
        """All settings as a dict, nested ones too."""
        return {
            name: value.dict() if isinstance(value, ConfigSerializable) else value
            for name, value in self._settings().items()
        }

    def get(self, item: str, default: Any = "") -> Any:
        """One setting; `default` when it is missing or empty."""
        return self[item] or default

    def __getitem__(self, item: str) -> Any:
        return getattr(self, item, None)

    @classmethod
    def from_json(cls, data: str | Mapping[str, Any] | None) -> type[ConfigSerializable]:
        """Set class attributes from a dict, a file or JSON text; returns the class."""
        for name, value in Config(data or {}).items():
            setattr(cls, name, value)
        return cls


class _Setting:
    """An attribute read from the environment whenever it is looked at, on the class and on instances.

    At use and not at import, because scripts set variables (`os.environ["BACKEND_TYPE"] = …`) after their
    imports. Assigning to the attribute replaces it. An empty variable counts as missing.
    """

    def __init__(self, variable: str, default: str = "", *, fallback: str = "") -> None:
        self._variables = (variable, fallback)
        self._default = default

    def __get__(self, instance: object, owner: type) -> str:
        for name in self._variables:
            if name and os.environ.get(name):
                return os.environ[name]
        return self._default


class BaseConfig(ConfigSerializable):
    """The settings every worker knows; usable as a class or as an instance, all text.

    `model_url` is the output folder of a train worker and the model of an inference worker;
    `base_model_url` is what training starts from. Paths inside a worker are those outside, so
    `data_path_prefix` is empty unless the environment sets it.
    """

    device_category = _Setting("DEVICE_CATEGORY", "CPU")
    backend_type = _Setting("BACKEND_TYPE", "TENSORFLOW")
    lc_server = _Setting("LC_SERVER")
    original_dataset_url = _Setting("ORIGINAL_DATASET_URL")
    train_dataset_url = _Setting("TRAIN_DATASET_URL")
    test_dataset_url = _Setting("TEST_DATASET_URL")
    data_path_prefix = _Setting("DATA_PATH_PREFIX")
    namespace = _Setting("NAMESPACE")
    worker_name = _Setting("WORKER_NAME")
    service_name = _Setting("SERVICE_NAME")
    # A service's worker has no JOB_NAME: without the fall-back it would report for a job named "sedna".
    job_name = _Setting("JOB_NAME", "sedna", fallback="SERVICE_NAME")
    pretrained_model_url = _Setting("PRETRAINED_MODEL_URL", "./")
    base_model_url = _Setting("BASE_MODEL_URL")
    model_url = _Setting("MODEL_URL")
    model_name = _Setting("MODEL_NAME")
    log_level = _Setting("LOG_LEVEL", "INFO")
    transmitter = _Setting("TRANSMITTER", "ws")
    agg_data_path = _Setting("AGG_DATA_PATH", "./")
    s3_endpoint_url = _Setting("S3_ENDPOINT_URL")
    access_key_id = _Setting("ACCESS_KEY_ID")
    secret_access_key = _Setting("SECRET_ACCESS_KEY")
    parameters = _Setting("PARAMETERS")


class Context:
    """Any variable of the worker: those of the manifest's `env` and those the LocalController adds."""

    parameters: MutableMapping[str, str] = os.environ

    @classmethod
    def get_parameters(cls, param: str, default: Any = None) -> Any:
        """The variable `param`, else the same in upper case, else `default`; an empty one counts as missing.

        The value is the text of the environment: numbers and lists are the caller's to read.
        """
        return cls.parameters.get(param) or cls.parameters.get(str(param).upper()) or default

    @classmethod
    def get_algorithm_from_api(cls, algorithm: str, **param: Any) -> dict[str, Any]:
        """The algorithm the manifest names: `{"method": name, "param": {key: value}}`, or `{}` for none.

        Reads `<ALGORITHM>_NAME` and `<ALGORITHM>_PARAMETERS` (JSON: a list of `{"key", "value"}`, or an
        object); keywords override. Raises ValueError when the parameters cannot be read.
        """
        name = cls.get_parameters(f"{algorithm}_NAME")
        if not name:
            return {}
        text = cls.get_parameters(f"{algorithm}_PARAMETERS", "[]")
        try:
            given = json.loads(text)
            pairs = given if isinstance(given, dict) else {one["key"]: one.get("value", "") for one in given or []}
        except (ValueError, TypeError, KeyError, AttributeError) as problem:
            raise ValueError(
                f'{algorithm.upper()}_PARAMETERS must be a JSON list of {{"key", "value"}}, not {text!r}'
            ) from problem
        return {"method": name, "param": {**pairs, **param}}
