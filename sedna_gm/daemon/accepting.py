"""Where connections come in: so many from one address, and the rest of the room stays for the others.

Who is over the bound is shut out right after `accept`, before a place of the pool or a TLS handshake is spent on it:
a full pool stops accepting from everybody. `sedna_gm.daemon.serving` puts this in front of what serves.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from gevent.pool import Pool
from gevent.server import StreamServer

from sedna_gm.daemon.securing import Handle
from sedna_gm.settings import Settings

logger = logging.getLogger(__name__)

# Whoever keeps coming is told of this often: the log must not be what fills up.
_TELL_SECONDS = 60.0
# Addresses remembered for that. Whoever has more of them is told of more often, which costs us lines only.
_MOST_TOLD = 1_000
# What one host with IPv6 has at the least, and may change at will.
_HOST_BITS_6 = 64


def most_of_one_address(settings: Settings) -> int | None:
    """Return how many connections one address may hold; None for as many as it likes."""
    http = settings.http
    if settings.tls.terminated_by_proxy:
        # They all come from the proxy, which knows better.
        return None
    if http.max_connections_per_address is not None:
        return http.max_connections_per_address
    return max(1, http.max_connections // 3)


def host_of(address: str) -> str:
    """Return whom an address counts for: itself, or the /64 network of one of IPv6."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    if ip.is_loopback:
        return str(ip)
    return str(ipaddress.ip_network((ip, _HOST_BITS_6), strict=False))


class Counts:
    """Open connections by host. It remembers hosts that hold some, and a bounded number of those it told of."""

    def __init__(self, most: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._monotonic = monotonic
        self._held: dict[str, int] = {}
        self._told: OrderedDict[str, float] = OrderedDict()

    def take(self, host: str) -> bool:
        """Whether one more was counted; False, and told in the log now and then, where the host holds all it may."""
        held = self._held.get(host, 0)
        if held >= self._most:
            self._tell(host)
            return False
        self._held[host] = held + 1
        return True

    def give_back(self, host: str) -> None:
        """One connection less."""
        self._held[host] -= 1
        if not self._held[host]:
            del self._held[host]

    def _tell(self, host: str) -> None:
        now = self._monotonic()
        told = self._told.get(host)
        if told is not None and now - told < _TELL_SECONDS:
            return
        self._told[host] = now
        self._told.move_to_end(host)
        if len(self._told) > _MOST_TOLD:
            self._told.popitem(last=False)
        logger.warning(
            "%s holds %d connections, which is all that one address may have: more of them are closed at once. Where "
            "many hosts share that address, raise http.maxConnectionsPerAddress in gm.yml.",
            host,
            self._most,
        )


class Entrance(StreamServer):  # type: ignore[misc]  # gevent has no types
    """gevent's server, which turns connections away before it gives them a place in its pool."""

    def __init__(self, listener: Any, handle: Handle, pool: Pool, counts: Counts | None) -> None:
        self._counts = counts
        super().__init__(listener, handle=handle, spawn=pool)

    def do_handle(self, client: Any, address: Any) -> None:
        """Serve a connection in a greenlet of its own, or close it at once. gevent's loop asks for this."""
        counts = self._counts
        if counts is None:
            super().do_handle(client, address)
            return
        host = host_of(address[0])
        if not counts.take(host):
            client.close()
            return
        try:
            greenlet = self.pool.spawn(self._serve, self._handle, client, address)
        except BaseException:
            counts.give_back(host)
            client.close()
            raise
        # However it ends, killed before it began included.
        greenlet.rawlink(lambda _: counts.give_back(host))

    def _serve(self, handle: Handle, client: Any, address: Any) -> None:
        try:
            handle(client, address)
        finally:
            self.do_close(client, address)
