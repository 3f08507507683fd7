"""Whom this node believes to be its GM.

`clients` hands the context to every new connection. It looks each time whether the file of authorities is another one
than before: an authority can be changed on hosts that nobody visits, and no program has to be started anew.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sedna_lc.errors import SettingsInvalid

logger = logging.getLogger(__name__)

_Stamp = tuple[int, int, int] | None


def trust_of(address: str, ca_file: str | None) -> Trust | None:
    """Return what judges the GM's certificate; None where there is none to judge. Raises SettingsInvalid."""
    return Trust(ca_file) if urlsplit(address).scheme == "https" else None


class Trust(ssl.SSLContext):
    """Judges each new connection by the authorities that the file holds at that moment. Safe for use by many threads.

    It believes nobody itself: what is asked of it goes to a context that was made from the file. A file that cannot be
    used, half written or gone, changes nothing; `trouble` says so until it can.
    """

    def __new__(cls, _ca_file: str | None) -> Trust:
        return super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)

    def __init__(self, ca_file: str | None) -> None:
        """Read the authorities; None means those of this host. Raises SettingsInvalid."""
        self._ca_file = ca_file
        self._file = ca_file or ssl.get_default_verify_paths().cafile
        self._renewing = threading.Lock()
        self._protocols: list[str] = []
        self._stamp = _stamp_of(self._file)
        self._inner = self._read()
        self.trouble = ""

    def current(self) -> ssl.SSLContext:
        """Return the context by which a connection is judged now."""
        with self._renewing:
            # Looked at before it is read: what is written in between is read at the next connection.
            stamp = _stamp_of(self._file)
            if stamp != self._stamp:
                self._stamp = stamp
                self._renew()
            return self._inner

    def _renew(self) -> None:
        try:
            self._inner = self._read()
        except SettingsInvalid as problem:
            self.trouble = f"{str(problem).rstrip('.')}; who was believed before still is"
            logger.warning("%s.", self.trouble)
            return
        self.trouble = ""
        logger.info("%s has changed: what it holds now is believed, from the next connection on.", self._file)

    def _read(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self._ca_file)
        except OSError as problem:
            # SSLError is one, too.
            reason = problem.strerror or problem
            raise SettingsInvalid(f"caFile: {self._ca_file} cannot be used as certificates in PEM: {reason}.") from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._protocols:
            context.set_alpn_protocols(self._protocols)
        return context

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        """Offer these, now and after every change of the file."""
        with self._renewing:
            self._protocols = list(alpn_protocols)
            self._inner.set_alpn_protocols(self._protocols)

    def wrap_socket(self, sock: socket.socket, *arguments: Any, **named: Any) -> ssl.SSLSocket:
        """Begin a connection."""
        return self.current().wrap_socket(sock, *arguments, **named)


def _stamp_of(file: str | None) -> _Stamp:
    if file is None:
        return None
    try:
        status = Path(file).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def explained(problem: str) -> str:
    """Return what OpenSSL says of a certificate, with what a person may do about it."""
    if "CERTIFICATE_VERIFY_FAILED" not in problem:
        return problem
    if "not yet valid" in problem or "expired" in problem:
        return f"{problem}; compare the GM's certificate with this host's clock"
    return f"{problem}; caFile in lc.yml says whose certificates are believed, and gm must name the GM as it does"
