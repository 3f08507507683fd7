"""A store under which the GlobalManager dies at its n-th write, before or after the write has happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sedna_gm.store.interface import Store

WRITES = ("create", "update", "update_status", "delete", "append_round")


class Crash(BaseException):
    """The process is gone. Not an Exception: nothing may catch it and go on."""


class CrashingStore:
    """Everything goes to the real store; the n-th write from now (counting from 0) is the last thing that happens."""

    def __init__(self, store: Store, at: int, *, after: bool) -> None:
        self._store = store
        self._left = at
        self._after = after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        return self._counted(found) if name in WRITES else found

    def _counted(self, write: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left >= 0:
                return write(*args, **kwargs)
            if self._after:
                write(*args, **kwargs)
            raise Crash

        return call
