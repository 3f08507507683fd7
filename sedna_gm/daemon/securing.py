"""TLS at the door: the certificate that counts at present, and the handshake of each connection.

`sedna_gm.daemon.serving` hands connections through here when the settings name a certificate, and asks for a new look
at the files on SIGHUP: connections that are open keep the certificate they began with.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import gevent

from sedna_gm.certificates import checking
from sedna_gm.certificates.making import Pair
from sedna_gm.settings import TlsSettings

logger = logging.getLogger(__name__)

# A client on the worst line has finished within this; one that has not holds a place that others want.
HANDSHAKE_SECONDS = 15.0
# A renewal that does not work shall be seen before anything stops; ours come when a third of the life is left.
_NOTICE = timedelta(days=30)
# The files are swapped by one link, but read one after the other; a swap in between needs a second look.
_LOOKS = 3
# What every TLS connection begins with: the type of a record that holds a handshake.
_HANDSHAKE = b"\x16"
_SPEAK_HTTPS = b"This address speaks https: write https:// in front of it.\n"
_NOT_TLS = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_SPEAK_HTTPS), _SPEAK_HTTPS)
)

Handle = Callable[..., None]
"""(client, address, leave): serves a connection, and calls `leave` when it is closed."""
"""What serves one connection: its socket, and the address at its other end."""


class CertificateUnusable(Exception):
    """Nobody can serve with these files; the text names them and says why."""


class Security:
    """The certificate that new connections get. Raises CertificateUnusable."""

    def __init__(self, tls: TlsSettings, handshake_seconds: float = HANDSHAKE_SECONDS) -> None:
        self._seconds = handshake_seconds
        self._certificate, self._key = Path(tls.certificate or ""), Path(tls.key or "")
        self.load()

    def load(self) -> None:
        """Read the files (again); what counted so far goes on when they cannot be used. Raises CertificateUnusable."""
        self._context, self._end = _read(self._certificate, self._key)

    def trouble(self, now: datetime | None = None) -> str:
        """What an operator must see: a certificate that is about to end, or over; "" while it is good for long."""
        left = self._end - (now or datetime.now(timezone.utc))
        if left > _NOTICE:
            return ""
        when = f"ends on {self._end:%Y-%m-%d}" if left > timedelta() else f"is over since {self._end:%Y-%m-%d}"
        return f"The certificate {self._certificate} {when}: renew it (sedna-gm certificates renew) and reload."

    def handling(self, handle: Handle) -> Handle:
        """Return what shakes hands with a client first, in its own greenlet, and then serves it by `handle`."""

        def secured(client: Any, address: Any, leave: Callable[[], None]) -> None:
            connection = None
            try:
                connection = self._shaken(client, address)
            finally:
                if connection is None:
                    leave()
            if connection is not None:
                handle(connection, address, leave)

        return secured

    def _shaken(self, client: Any, address: Any) -> Any:
        connection = client
        try:
            # One limit for all of it: a client that sends a byte now and then would never meet one for each.
            with gevent.Timeout(self._seconds, TimeoutError("it took too long")):
                if client.recv(1, socket.MSG_PEEK) not in (_HANDSHAKE, b""):
                    client.sendall(_NOT_TLS)
                    raise ssl.SSLError("it does not speak TLS")
                connection = self._context.wrap_socket(client, server_side=True, do_handshake_on_connect=False)
                connection.do_handshake()
        except OSError as problem:
            # Whoever knocks, such as a port scanner, must not fill the log.
            logger.debug("%s was not let in: %s.", address[0] if address else "A client", problem)
            connection.close()
            return None
        return connection


def check(tls: TlsSettings) -> None:
    """Raises CertificateUnusable when the settings name a certificate that nobody can serve with."""
    if tls.certificate is not None:
        _read(Path(tls.certificate), Path(tls.key or ""))


def _read(certificate: Path, key: Path) -> tuple[ssl.SSLContext, datetime]:
    for look in range(1, _LOOKS + 1):
        try:
            pair = Pair(certificate.read_bytes(), key.read_bytes())
            problem = checking.unusable(pair)
            if not problem:
                return _context(certificate, key), checking.end_of(pair.certificate)
        except OSError as error:
            # SSLError is one, too: the pair was swapped between our look and OpenSSL's.
            problem = f"{error.filename or certificate}: {error.strerror or error}"
        if look == _LOOKS:
            break
    raise CertificateUnusable(f"tls.certificate {certificate} with tls.key {key} cannot be used: {problem}")


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A client that asks for a new handshake over and over would keep the processor busy.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key)
    return context
