"""What systemd wants to hear from a service of `Type=notify`, as sd_notify(3) says it.

READY, RELOADING, STOPPING, a sign of life now and then, and the sentence that `systemctl status` shows.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, MutableMapping

logger = logging.getLogger(__name__)


def _monotonic_micros() -> int:
    return time.monotonic_ns() // 1000


class Notifier:
    """Speaks to the socket in NOTIFY_SOCKET; says nothing where there is none.

    Args:
        address: the socket; a leading @ is how systemd writes the abstract namespace.
        watchdog_seconds: how often a sign of life is due; None when nobody waits for one.
        monotonic_micros: the clock that systemd orders reloads by.
    """

    def __init__(
        self,
        address: str | None,
        watchdog_seconds: float | None = None,
        monotonic_micros: Callable[[], int] = _monotonic_micros,
    ) -> None:
        self._address = address
        self._micros = monotonic_micros
        self.watchdog_seconds = watchdog_seconds if address else None
        self._status = ""

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

    @property
    def is_heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._address)

    def ready(self, status: str = "") -> None:
        """All parts work, for the first time or again after `reloading`."""
        self._say("READY=1", status)

    def reloading(self) -> None:
        """Settings are being read again; `ready` ends it.

        The time tells a systemd that knows Type=notify-reload (253 and later) which reload this answers.
        """
        self._say(f"RELOADING=1\nMONOTONIC_USEC={self._micros()}", "Reading the settings again.")

    def alive(self) -> None:
        """The service goes round; due every `watchdog_seconds`.

        To be called by the loop that does the work, never by a thread beside it: that one would go on feeding the
        watchdog of a service that is stuck.
        """
        if self.watchdog_seconds is not None:
            self._say("WATCHDOG=1")

    def status(self, sentence: str) -> None:
        """What `systemctl status` shows; said only when it differs from what was said last."""
        if sentence != self._status:
            self._say("", sentence)

    def stopping(self) -> None:
        """The service is about to end."""
        self._say("STOPPING=1", "Stopping.")

    def _say(self, state: str, status: str = "") -> None:
        if not self._address:
            return
        if status:
            self._status = status
            # One line: a line break would begin another assignment.
            state = f"{state}\nSTATUS={' '.join(status.split())}".strip()
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
                speaker.connect(address)
                speaker.sendall(state.encode())
        except OSError as error:
            logger.warning("systemd could not be told %s: %s.", state, error)
