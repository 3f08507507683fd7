"""What the views work with, handed to the app factory once and found by each view through `parts()`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from flask import current_app

from sedna_gm.http.exchange import Exchange
from sedna_gm.settings import HttpSettings
from sedna_gm.store.heartbeats import Heartbeats
from sedna_gm.store.interface import Clock, Store

_NAME = "sedna_gm"
T = TypeVar("T")


class Aside(Protocol):
    """Does work of some size (in bytes), which may take long, so that others are served meanwhile."""

    def __call__(self, work: Callable[[], T], size: int) -> T: ...


def at_once(work: Callable[[], T], size: int) -> T:  # noqa: ARG001 - one way to do an Aside
    """Where nobody else waits, or the system shares time among threads by itself."""
    return work()


@dataclass(frozen=True)
class Parts:
    """The services behind the door."""

    store: Store
    heartbeats: Heartbeats
    clock: Clock
    settings: HttpSettings = field(default_factory=HttpSettings)
    exchange: Exchange = field(default_factory=Exchange)
    aside: Aside = at_once

    def install(self, extensions: dict[str, object]) -> None:
        """Makes these the parts of an app."""
        extensions[_NAME] = self


def parts() -> Parts:
    """The parts of the app that serves the current request."""
    found = current_app.extensions[_NAME]
    assert isinstance(found, Parts)  # noqa: S101 - for the type checker; only `install` writes it
    return found
