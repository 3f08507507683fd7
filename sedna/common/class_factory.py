"""The table of names that manifests and scripts use for classes and functions.

`HEM_NAME=IBT` finds its algorithm here, `post_process="name"` its function. Algorithms register when
their package is imported; `sedna.core` looks them up.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import isclass, isfunction
from types import ModuleType
from typing import Any, TypeVar

__all__ = ("ClassFactory", "ClassType")

Registered = TypeVar("Registered", bound=Callable[..., Any])


class ClassType:
    """The groups of the table; one name may mean different things in different groups."""

    GENERAL = "general"
    HEM = "hard_example_mining"
    FL_AGG = "aggregation"
    MTL = "multi_task_learning"
    UTD = "unseen_task_detect"
    OF = "optical_flow"
    ALGORITHM = "algorithm"
    DATASET = "data_process"
    CALLBACK = "post_process_callback"
    UTP = "unseen_task_processing"
    KM = "knowledge_management"
    STP = "seen_task_processing"


class ClassFactory:
    """Register and find classes and functions by group and name."""

    __registry__: dict[str, dict[str, Callable[..., Any]]] = {}  # noqa: RUF012 - the original's name

    @classmethod
    def register(
        cls, type_name: str = ClassType.GENERAL, alias: str | None = None
    ) -> Callable[[Registered], Registered]:
        """Decorator that registers a class or function under `alias`, else under its own name.

        Raises ValueError when the name is taken by something else in the same group.
        """

        def wrapper(t_cls: Registered) -> Registered:
            return cls.register_cls(t_cls, type_name, alias)

        return wrapper

    @classmethod
    def register_cls(
        cls, t_cls: Registered, type_name: str = ClassType.GENERAL, alias: str | None = None
    ) -> Registered:
        """Register one class or function; returns it. Raises ValueError when the name is taken."""
        name = alias if alias is not None else t_cls.__name__
        group = cls.__registry__.setdefault(type_name, {})
        known = group.get(name)
        if known is not None and not _same_definition(known, t_cls):
            raise ValueError(f"{name} is already registered as {type_name} by {known.__module__}.{known.__qualname__}")
        group[name] = t_cls
        return t_cls

    @classmethod
    def register_from_package(cls, package: ModuleType, type_name: str = ClassType.GENERAL) -> None:
        """Register every public class and function of a module under its own name."""
        for name in dir(package):
            found = getattr(package, name)
            if not name.startswith("_") and (isclass(found) or isfunction(found)):
                cls.register_cls(found, type_name)

    @classmethod
    def is_exists(cls, type_name: str, cls_name: str | None = None) -> bool:
        """Whether the group exists and, when `cls_name` is given, holds that name."""
        group = cls.__registry__.get(type_name)
        return group is not None and (cls_name is None or cls_name in group)

    @classmethod
    def get_cls(cls, type_name: str, t_cls_name: str | None = None) -> Callable[..., Any]:
        """The class or function of that name; ValueError names the ones there are."""
        group = cls.__registry__.get(type_name, {})
        if t_cls_name is None or t_cls_name not in group:
            known = ", ".join(sorted(group)) or "none"
            raise ValueError(f"nothing is registered as {t_cls_name!r} in {type_name}; there are: {known}")
        return group[t_cls_name]


def _same_definition(one: Callable[..., Any], other: Callable[..., Any]) -> bool:
    # A module that is imported again (a notebook, a reload) defines the same class anew; that is no clash.
    return one is other or (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)
