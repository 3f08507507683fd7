"""One D-Bus connection: calls that wait with a timeout, signals that are handed on. Nothing of systemd's meaning.

A reader thread takes every message; it must never wait, so signals go to a function that only queues them.
When the connection ends, every waiting call fails and the owner is told; a `Bus` is not mended but replaced.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jeepney import DBusAddress, HeaderFields, Message, MessageType, new_method_call
from jeepney.bus import get_bus
from jeepney.io.blocking import prep_socket
from jeepney.io.threading import DBusConnection, ReceiveStopped

from sedna_lc.runners.errors import NoSuchUnit, RunnerError, RunnerUnavailable, UnitBusy, UnitRefused

log = logging.getLogger(__name__)

_DBUS = DBusAddress("/org/freedesktop/DBus", "org.freedesktop.DBus", "org.freedesktop.DBus")
#: Seconds for the handshake with the bus daemon, which takes a millisecond where it works.
_AUTH_TIMEOUT = 10.0

_NO_SUCH_UNIT = ("org.freedesktop.systemd1.NoSuchUnit", "org.freedesktop.DBus.Error.UnknownObject")
_BUSY = ("org.freedesktop.systemd1.UnitExists", "org.freedesktop.systemd1.TransactionIsDestructive")
_AWAY = (
    "org.freedesktop.DBus.Error.NoReply",
    "org.freedesktop.DBus.Error.Timeout",
    "org.freedesktop.DBus.Error.TimedOut",
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.NameHasNoOwner",
    "org.freedesktop.DBus.Error.Disconnected",
    "org.freedesktop.DBus.Error.LimitsExceeded",
    "org.freedesktop.DBus.Error.AccessDenied",
    "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired",
    "org.freedesktop.systemd1.ShuttingDown",
)
_REFUSED = (
    "org.freedesktop.DBus.Error.InvalidArgs",
    "org.freedesktop.DBus.Error.PropertyReadOnly",
    "org.freedesktop.systemd1.LoadFailed",
    "org.freedesktop.systemd1.BadUnitSetting",
    "org.freedesktop.systemd1.UnitMasked",
)


@dataclass(frozen=True)
class Signal:
    """A signal as it came."""

    path: str
    interface: str
    member: str
    body: tuple[Any, ...]


def from_bus_error(name: str, text: str) -> RunnerError:
    """The one place where errors of the bus become ours."""
    said = f"systemd says: {text or name}"
    if name in _NO_SUCH_UNIT:
        return NoSuchUnit(said)
    if name in _BUSY:
        return UnitBusy(said)
    if name in _AWAY:
        return RunnerUnavailable(said)
    if name in _REFUSED:
        return UnitRefused(said)
    return RunnerError(f"{said} ({name})")


class Bus:
    """A connection to a message bus.

    Args:
        address: `SYSTEM`, or a D-Bus address.
        on_signal: called with every signal, in the reader's thread; must not wait and must not call.
        on_lost: called once when the connection has ended without `close`; same rules.

    Raises:
        RunnerUnavailable: there is no bus.
    """

    def __init__(self, address: str, on_signal: Callable[[Signal], None], on_lost: Callable[[], None]) -> None:
        try:
            sock = prep_socket(get_bus(address), enable_fds=False, timeout=_AUTH_TIMEOUT)
        except (OSError, EOFError, RuntimeError, ValueError) as error:
            raise RunnerUnavailable(f"There is no message bus at {address}: {error}.") from error
        self._connection = DBusConnection(sock)
        self._on_signal, self._on_lost = on_signal, on_lost
        self._serials = itertools.count(1)
        self._waiting: dict[int, concurrent.futures.Future[Message]] = {}
        self._guard = threading.Lock()
        self._closing = False
        self._ended = False
        self._thread = threading.Thread(target=self._read, name="systemd-bus", daemon=True)
        self._thread.start()
        try:
            self.call(_DBUS, "Hello")
        except RunnerError:
            self.close()
            raise

    def call(
        self,
        address: DBusAddress,
        method: str,
        signature: str | None = None,
        body: tuple[Any, ...] = (),
        timeout: float = 30.0,
    ) -> tuple[Any, ...]:
        """Call a method and return the body of its reply.

        Raises:
            RunnerError: a kind of it, see `from_bus_error`; RunnerUnavailable after `timeout` seconds.
        """
        serial = next(self._serials)
        reply: concurrent.futures.Future[Message] = concurrent.futures.Future()
        with self._guard:
            if self._ended:
                raise RunnerUnavailable("The connection to systemd is lost.")
            self._waiting[serial] = reply
        try:
            self._connection.send(new_method_call(address, method, signature, body), serial=serial)
            message = reply.result(timeout)
        except (concurrent.futures.TimeoutError, TimeoutError) as error:
            raise RunnerUnavailable(f"systemd did not answer {method} within {timeout:.0f} s.") from error
        except (OSError, concurrent.futures.CancelledError) as error:
            raise RunnerUnavailable(f"The connection to systemd was lost during {method}.") from error
        finally:
            with self._guard:
                self._waiting.pop(serial, None)
        if message.header.message_type is MessageType.error:
            text = message.body[0] if message.body and isinstance(message.body[0], str) else ""
            raise from_bus_error(message.header.fields.get(HeaderFields.error_name, ""), text)
        return tuple(message.body)

    def match(self, rule: str) -> None:
        """Ask the bus for signals."""
        self.call(_DBUS, "AddMatch", "s", (rule,))

    def close(self) -> None:
        """End the connection; waiting calls fail."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._connection.interrupt()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _read(self) -> None:
        try:
            while True:
                self._dispatch(self._connection.receive())
        except ReceiveStopped:
            pass
        except (OSError, EOFError) as error:
            log.debug("The connection to the message bus ended: %s.", error)
        with self._guard:
            self._ended = True
            waiting = list(self._waiting.values())
        for reply in waiting:
            reply.cancel()
        self._release()
        if not self._closing:
            self._on_lost()

    def _release(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.close()
        for fd_name in ("_stop_r", "_stop_w"):
            # jeepney leaves the two ends of its stop pipe open.
            with contextlib.suppress(OSError, AttributeError):
                os.close(getattr(self._connection, fd_name))

    def _dispatch(self, message: Message) -> None:
        fields = message.header.fields
        kind = message.header.message_type
        if kind in (MessageType.method_return, MessageType.error):
            with self._guard:
                reply = self._waiting.get(fields.get(HeaderFields.reply_serial, -1))
            if reply is not None and not reply.done():
                reply.set_result(message)
        elif kind is MessageType.signal:
            self._on_signal(
                Signal(
                    path=fields.get(HeaderFields.path, ""),
                    interface=fields.get(HeaderFields.interface, ""),
                    member=fields.get(HeaderFields.member, ""),
                    body=tuple(message.body),
                )
            )
