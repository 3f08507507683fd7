"""What systemd wants to hear from a service of `Type=notify`: READY, STOPPING, and a sign of life now and then."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

logger = logging.getLogger(__name__)


class Notifier:
    """Speaks to the socket in NOTIFY_SOCKET; says nothing where there is none."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET")
        microseconds = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        fed = bool(self._address) and mine and microseconds.isdecimal()
        # Half of the period, as sd_watchdog_enabled(3) advises.
        self.watchdog_seconds = int(microseconds) / 2e6 if fed else None

    def ready(self) -> None:
        """All parts work."""
        self._say("READY=1")

    def alive(self) -> None:
        """The main thread goes round."""
        if self.watchdog_seconds is not None:
            self._say("WATCHDOG=1")

    def stopping(self) -> None:
        """The program is about to end."""
        self._say("STOPPING=1")

    def _say(self, state: str) -> None:
        if not self._address:
            return
        # A leading @ is how systemd writes the abstract namespace.
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
                speaker.connect(address)
                speaker.sendall(state.encode())
        except OSError as problem:
            logger.warning("systemd could not be told %s: %s.", state, problem)
