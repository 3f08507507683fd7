"""What systemd wants to hear from a service of `Type=notify`: READY, STOPPING, and a sign of life now and then.

The unit needs `NotifyAccess=all`: it is the serving process that knows when it is ready, not its parent.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import MutableMapping

logger = logging.getLogger(__name__)


class Notifier:
    """Speaks to the socket in NOTIFY_SOCKET; says nothing where there is none."""

    def __init__(self, address: str | None, watchdog_seconds: float | None = None) -> None:
        self._address = address
        self._watchdog_seconds = watchdog_seconds
        self._stopped = threading.Event()

    @classmethod
    def taken_from(cls, environment: MutableMapping[str, str]) -> Notifier:
        """Takes the address out of the environment: gunicorn would use it to say READY too early."""
        address = environment.pop("NOTIFY_SOCKET", None)
        microseconds = environment.pop("WATCHDOG_USEC", "")
        environment.pop("WATCHDOG_PID", None)
        return cls(address, int(microseconds) / 1e6 if microseconds.isdecimal() else None)

    def ready(self) -> None:
        """The service answers; from now on the watchdog is fed, if there is one."""
        self._say("READY=1\nSTATUS=Serving.")
        if self._address and self._watchdog_seconds:
            threading.Thread(target=self._feed, name="watchdog", daemon=True).start()

    def stopping(self) -> None:
        """The service is about to end."""
        self._stopped.set()
        self._say("STOPPING=1")

    def _feed(self) -> None:
        # Half of the period, as sd_watchdog_enabled(3) advises. A loop that is stuck feeds nobody, as it should be.
        while not self._stopped.wait((self._watchdog_seconds or 0) / 2):
            self._say("WATCHDOG=1")

    def _say(self, state: str) -> None:
        if not self._address:
            return
        # A leading @ is how systemd writes the abstract namespace.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
                speaker.connect(address)
                speaker.sendall(state.encode())
        except OSError as error:
            logger.warning("systemd could not be told %s: %s.", state.split("\n", maxsplit=1)[0], error)


def from_environment() -> Notifier:
    """The notifier of this process."""
    return Notifier.taken_from(os.environ)
