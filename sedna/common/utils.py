"""The two small things that user code imports from here; the module's name is the original's import path."""

from __future__ import annotations

import fcntl
import functools
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

__all__ = ("get_host_ip", "singleton")

Made = TypeVar("Made")

# linux/sockios.h: the IPv4 address of a network interface.
_SIOCGIFADDR = 0x8915
_INTERFACE_NAME_BYTES = 16


def get_host_ip() -> str:
    """This host's IPv4 address: that of the default route's interface, else of any other, else 127.0.0.1.

    Asks the kernel only. No packet is sent and no route to the internet is needed, so it also works on a
    site that has none.
    """
    names = [name for _, name in socket.if_nameindex() if name != "lo"]
    preferred = _default_route_interfaces()
    for name in sorted(names, key=lambda name: name not in preferred):
        address = _address_of(name)
        if address and not address.startswith("127."):
            return address
    return "127.0.0.1"


def _default_route_interfaces() -> list[str]:
    try:
        lines = Path("/proc/net/route").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return []
    rows = [line.split() for line in lines]
    return [row[0] for row in rows if len(row) > 1 and row[1] == "00000000"]


def _address_of(interface: str) -> str | None:
    request = struct.pack(f"{_INTERFACE_NAME_BYTES}s240x", interface.encode()[: _INTERFACE_NAME_BYTES - 1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            answer = fcntl.ioctl(asking.fileno(), _SIOCGIFADDR, request)
        except OSError:
            return None  # an interface without an IPv4 address
    return socket.inet_ntoa(answer[20:24])


def singleton(cls: Callable[..., Made]) -> Callable[..., Made]:
    """Class decorator: the first call makes the instance, every later call returns the same one."""
    lock = threading.Lock()
    made: list[Made] = []

    @functools.wraps(cls, updated=())
    def instance(*args: Any, **kwargs: Any) -> Made:
        with lock:
            if not made:
                made.append(cls(*args, **kwargs))
        return made[0]

    return instance
