"""As whom this node speaks to the GM: which key a request shows, and what follows when the GM does not take it.

`clients` asks here before each request and tells what came of it; `joining` brings keys that are good. While no key is
good, requests are held back here, without a line to the GM: what is local goes on, and the GM is spared.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from sedna_lc.errors import GmUnavailable
from sedna_lc.gm.keys import KeyFile, NodeKeys

logger = logging.getLogger(__name__)


class Identity(Protocol):
    """What a client needs of the one it speaks for."""

    def bearer(self) -> str | None:
        """Return the token to show; None for none. Raises GmUnavailable while there is no use in asking."""

    def refused(self, token: str | None) -> str | None:
        """The GM answered 401 to this token, or to none; return another one to try at once."""

    def accepted(self, token: str) -> None:
        """The GM knows whose this token is."""


class Nobody:
    """For a GM that asks nobody for a credential."""

    def bearer(self) -> str | None:
        """Return none."""
        return None

    def refused(self, token: str | None) -> str | None:  # noqa: ARG002 - as every Identity
        """Have no other."""
        return None

    def accepted(self, token: str) -> None:
        """Remember nothing."""


class NodeIdentity:
    """This node, known by its key. Safe for use by many threads.

    Args:
        file: where its keys are kept.
        clock: the present.
        is_private: whether the line to the GM may carry a key; without, none is ever shown.
    """

    def __init__(self, file: KeyFile, clock: Callable[[], datetime], *, is_private: bool = True) -> None:
        self._file = file
        self._clock = clock
        self.is_private = is_private
        self._lock = threading.RLock()
        self._keys = file.load()
        self._refused: set[str] = set()
        self._held = ""
        self._wanted = threading.Event()

    @property
    def keys(self) -> NodeKeys:
        """All that is kept."""
        with self._lock:
            return self._keys

    @property
    def trouble(self) -> str:
        """Why requests are held back, and what a person must do; "" while they are not."""
        with self._lock:
            return self._held

    def bearer(self) -> str | None:
        """Return the token to show; None for none. Raises GmUnavailable while there is no use in asking."""
        with self._lock:
            if self._held:
                raise GmUnavailable(self._held)
            if not self.is_private:
                return None
            return next((token for token in self._keys.candidates() if token not in self._refused), None)

    def refused(self, token: str | None) -> str | None:
        """The GM answered 401 to this token, or to none; return another one to try at once."""
        with self._lock:
            if token is not None:
                self._refused.add(token)
            other = next((one for one in self._keys.candidates() if one not in self._refused), None)
            if other is None or not self.is_private:
                # Whoever looks after keys says what a person must do.
                self._held = self._held or "The GlobalManager asks for a key that this node does not have"
                self._wanted.set()
                return None
            return other

    def accepted(self, token: str) -> None:
        """The GM knows whose this token is."""
        with self._lock:
            if token == self._keys.current and not self._refused:
                return
            if token not in self._keys.candidates():
                # An answer from before the last change.
                return
            keys = self._keys.promoted(token, self._clock())
            try:
                self.keep(keys)
            except OSError as problem:
                # What is written down leads here again, by way of keys that are refused.
                logger.warning("Which key is good cannot be written down: %s.", problem)
                self._keys = keys
            self._refused.clear()

    def hold(self, trouble: str, level: int = logging.ERROR) -> None:
        """Hold requests back, and say why."""
        with self._lock:
            if trouble != self._held:
                logger.log(level, "%s.", trouble)
            self._held = trouble

    def release(self) -> None:
        """Let requests go again: there may be a key that is good, or none may be needed."""
        with self._lock:
            self._held = ""
            self._refused.clear()

    def keep(self, keys: NodeKeys) -> None:
        """Write keys down, and show them from now on. Raises OSError."""
        with self._lock:
            if keys != self._keys:
                self._file.save(keys)
                self._keys = keys

    def wait_until_wanted(self, seconds: float) -> None:
        """Wait until requests are held back, for at most so long; `wake` ends it, too."""
        self._wanted.wait(seconds)
        self._wanted.clear()

    def wake(self) -> None:
        """End a wait."""
        self._wanted.set()
