"""What this host is, for the GM: looked at with every heartbeat, and when an image comes or goes."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from sedna.api.nodes import NodeStatus
from sedna_lc.images import list_images

_ZONES = "zoneinfo/"


def describer(
    images_dir: Path, runner: Literal["process", "systemd"], gm: str, timezone: str | None
) -> Callable[[], NodeStatus]:
    """Return a function that describes the host as it is when it is called."""
    zone = timezone or host_timezone(Path("/etc/localtime"), os.environ.get("TZ", ""))
    versions = {
        "python": platform.python_version(),
        "sedna": importlib.metadata.version("sedna-metal"),
        "kernel": platform.release(),
    }
    # The unit names it; it differs between two commits of one version, and without an installation there is none.
    if release := os.environ.get("SEDNA_RELEASE"):
        versions["release"] = release
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    capacity = {"cpu": str(os.cpu_count() or 1), "memory": f"{memory // 1024}Ki"}

    def describe() -> NodeStatus:
        return NodeStatus(
            addresses=_addresses(gm),
            images=list_images(images_dir),
            runner=runner,
            timezone=zone,
            capacity=capacity,
            versions=versions,
        )

    return describe


def host_timezone(localtime: Path, variable: str) -> str:
    """Return the zone's name: TZ, else where /etc/localtime points to, else UTC."""
    if variable and not variable.startswith((":", "/")):
        return variable
    target = str(localtime.resolve())
    if _ZONES in target:
        return target.rpartition(_ZONES)[2]
    return "UTC"


def _addresses(gm: str) -> list[str]:
    """The host's name, and its address on the way to the GM. No packet is sent, no other host is asked."""
    found = [socket.gethostname()]
    url = urlsplit(gm)
    try:
        for family, kind, protocol, _, address in socket.getaddrinfo(
            url.hostname, url.port or 80, type=socket.SOCK_DGRAM
        ):
            with socket.socket(family, kind, protocol) as probe:
                probe.connect(address)
                found.append(str(probe.getsockname()[0]))
                break
    except OSError:
        # Without a route or a name server there is only the name.
        return found
    return found
