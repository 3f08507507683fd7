"""What systemd wants to hear from a service of `Type=notify`: READY, STOPPING, and a sign of life now and then."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import MutableMapping

logger = logging.getLogger(__name__)


class Notifier:
    """Speaks to the socket in NOTIFY_SOCKET; says nothing where there is none.

    Args:
        address: the socket; a leading @ is how systemd writes the abstract namespace.
        watchdog_seconds: how often a sign of life is due; None when nobody waits for one.
    """

    def __init__(self, address: str | None, watchdog_seconds: float | None = None) -> None:
        self._address = address
        self.watchdog_seconds = watchdog_seconds if address else None
        self._stopped = threading.Event()

    @classmethod
    def taken_from(cls, environment: MutableMapping[str, str]) -> Notifier:
        """Take the address out of the environment: what this process starts must not speak in its name.

        (gunicorn would say READY too early; a worker could feed the watchdog.)
        """
        address = environment.pop("NOTIFY_SOCKET", None)
        microseconds = environment.pop("WATCHDOG_USEC", "")
        environment.pop("WATCHDOG_PID", None)
        # Half of the period, as sd_watchdog_enabled(3) advises.
        return cls(address, int(microseconds) / 2e6 if microseconds.isdecimal() else None)

    def ready(self) -> None:
        """All parts work."""
        self._say("READY=1")

    def alive(self) -> None:
        """The service goes round; due every `watchdog_seconds`."""
        if self.watchdog_seconds is not None:
            self._say("WATCHDOG=1")

    def keep_alive(self) -> None:
        """Say `alive` from a thread of its own until `stopping`, for a service whose threads stop all together."""
        if self.watchdog_seconds is not None:
            threading.Thread(target=self._feed, name="watchdog", daemon=True).start()

    def stopping(self) -> None:
        """The service is about to end."""
        self._stopped.set()
        self._say("STOPPING=1")

    def _feed(self) -> None:
        while not self._stopped.wait(self.watchdog_seconds):
            self.alive()

    def _say(self, state: str) -> None:
        if not self._address:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
                speaker.connect(address)
                speaker.sendall(state.encode())
        except OSError as error:
            logger.warning("systemd could not be told %s: %s.", state, error)
