"""What a worker may not do, whatever the user's code is; and what stays open, with the reason. Pure.

Named as in systemd.exec(5). Left open, because work that is usual on an edge host needs it:

- the network (PrivateNetwork=, IPAddressDeny=): cameras by RTSP, object stores, the door of the LocalController;
- writable and executable memory (MemoryDenyWriteExecute=): every ML framework compiles at run time;
- @resources: numerical libraries pin their threads and their memory to cores;
- reading home folders (ProtectHome=read-only) as far as the workers' user may: datasets and interpreters of a
  single-host set-up are there;
- /proc beyond processes (ProcSubset=): frameworks ask /proc/cpuinfo and /proc/meminfo what they may use;
- UMask=0022: what was trained is for others to read;
- RootDirectory=: worker images bring an environment and no system.

Of devices only those that the manifest mounts are there: a camera is a volume of type `CharDevice`.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from typing import Any

from sedna_lc.runners.base import Bind

Line = tuple[str, str, str, Any]
"""Key and text of a line in a unit file; signature and value of the property of that name."""

_YES = (
    "LockPersonality",
    "NoNewPrivileges",
    "PrivateDevices",
    "PrivateMounts",
    "PrivateTmp",
    "ProtectClock",
    "ProtectControlGroups",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "RestrictRealtime",
    "RestrictSUIDSGID",
)
#: EPERM, instead of a signal that says nothing: Python then names the call in its traceback.
_EPERM = 1
#: Netlink is how a program asks which interfaces there are; distributed training does.
_FAMILIES = ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_UNIX"]
_DEVICES = "/dev"
_NO_DEVICES = ("/dev/shm/", "/dev/mqueue/", "/dev/hugepages/")  # noqa: S108 - named, not used
#: Folders of device nodes that come and go; systemd knows their kinds by these names and not by the folder.
_KINDS = {
    "/dev/bus/usb": "char-usb_device",
    "/dev/dri": "char-drm",
    "/dev/input": "char-input",
    "/dev/snd": "char-alsa",
}


def lines(user: str | None, binds: Iterable[Bind]) -> Iterator[Line]:
    """The sandbox of a worker that runs as `user`; None is systemd's own user, which on a host is root."""
    for key in _YES:
        yield key, "yes", "b", True
    yield "ProtectSystem", "strict", "s", "strict"
    yield "ProtectHome", "read-only", "s", "read-only"
    yield "ProtectProc", "invisible", "s", "invisible"
    # On the bus, the value is what stays allowed.
    yield "RestrictNamespaces", "yes", "t", 0
    yield "RestrictAddressFamilies", " ".join(_FAMILIES), "(bas)", (True, _FAMILIES)
    yield "SystemCallArchitectures", "native", "as", ["native"]
    yield "SystemCallFilter", "@system-service", "(bas)", (True, ["@system-service"])
    yield "SystemCallFilter", "~@privileged", "(bas)", (False, ["@privileged"])
    yield "SystemCallErrorNumber", "EPERM", "i", _EPERM
    if user is not None:
        # Root without its capabilities, or in a namespace of users, could not even read others' datasets.
        yield "CapabilityBoundingSet", "", "t", 0
        yield "AmbientCapabilities", "", "t", 0
        yield "PrivateUsers", "yes", "b", True
        yield "RemoveIPC", "yes", "b", True
    for device in dict.fromkeys(_device(bind.source) for bind in binds):
        if device:
            yield "DeviceAllow", f"{device.replace('%', '%%')} rw", "a(ss)", [(device, "rw")]


def _device(path: str) -> str:
    """What systemd has to allow for a volume; "" for one that holds no device nodes."""
    path = posixpath.normpath(path)
    if path in _KINDS:
        return _KINDS[path]
    if path.startswith(f"{_DEVICES}/") and not path.startswith(_NO_DEVICES):
        return path
    return ""
