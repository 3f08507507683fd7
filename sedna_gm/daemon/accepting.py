"""Where connections come in: so many from one address, and the rest of the room stays for the others.

Who is over the bound is shut out right after `accept`, before a place or a TLS handshake is spent on it:
a full room stops accepting from everybody. `sedna_gm.daemon.serving` puts this in front of what serves.
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from gevent.lock import Semaphore
from gevent.pool import Group
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


class Room(Group):  # type: ignore[misc]  # gevent has no types
    """Places for connections. One that rests keeps its place, though no greenlet serves it (`connections`)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        # gevent's server looks for this name: it accepts again when a place was given back.
        self._semaphore = Semaphore(size)

    def full(self) -> bool:
        """Whether nobody more can be let in. gevent's server asks."""
        return bool(self._semaphore.locked())

    def take(self) -> None:
        """One place less. Only while it is not full."""
        self._semaphore.acquire()

    def give_back(self) -> None:
        """One place more."""
        self._semaphore.release()


class Entrance(StreamServer):  # type: ignore[misc]
    """gevent's server, which turns connections away before it gives them a place."""

    def __init__(self, listener: Any, handle: Handle, room: Room, counts: Counts | None) -> None:
        """`handle` serves a connection and calls what it gets as `leave` when that is closed."""
        self._counts = counts
        self._room = room
        super().__init__(listener, handle=handle, spawn=room)

    def do_handle(self, client: Any, address: Any) -> None:
        """Serve a connection in a greenlet of its own, or close it at once. gevent's loop asks for this."""
        counts, room = self._counts, self._room
        host = host_of(address[0])
        if counts is not None and not counts.take(host):
            client.close()
            return
        room.take()

        def leave() -> None:
            room.give_back()
            if counts is not None:
                counts.give_back(host)

        try:
            room.spawn(self._handle, client, address, leave)
        except BaseException:
            leave()
            client.close()
            raise
