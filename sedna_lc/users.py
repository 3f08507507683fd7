"""The user that workers run as, and whether that user may use a path: told beforehand, not by a traceback.

The LocalController may read everything, so trying would tell nothing; it looks at owners, modes and access control
lists instead, as the kernel does. `hindrance` warns beforehand, and lets pass what it cannot tell; `hindrance_of`
guards what is handed on, judges a file that is open already, and lets nothing pass. An NFSv4 server keeps lists of its
own; there the mode that it tells counts. Used wherever a path comes from a manifest, a dataset or a worker; the user is
chosen by `sedna_lc.daemon`.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

READ, WRITE, ENTER = 4, 2, 1
_WORDS = {READ: "read", WRITE: "write to", ENTER: "enter", READ | ENTER: "read", WRITE | ENTER: "write to"}
_ACL = "system.posix_acl_access"
_ACL_VERSION = 2
_NAMED_USER, _OWNING_GROUP, _NAMED_GROUP, _MASK, _OTHER = 0x02, 0x04, 0x08, 0x10, 0x20
_NO_LIST = (errno.ENODATA, errno.EOPNOTSUPP)


@dataclass(frozen=True)
class WorkerUser:
    """A user of this host, with every group that its processes get."""

    name: str
    uid: int
    gid: int
    groups: frozenset[int]

    @property
    def owner(self) -> tuple[int, int]:
        """User and group that its folders belong to."""
        return self.uid, self.gid


def find_user(name: str) -> WorkerUser:
    """Return a user of this host. Raises KeyError."""
    found = pwd.getpwnam(name)
    return WorkerUser(name, found.pw_uid, found.pw_gid, frozenset(os.getgrouplist(name, found.pw_gid)))


def hindrance(path: Path, user: WorkerUser, need: int = READ) -> str | None:
    """Return why the user cannot use a path, as a sentence; None when it can, or when nobody here can tell.

    Args:
        path: an absolute path; links are followed.
        user: who wants to use it.
        need: READ, WRITE or both; for a folder, entering it is part of either.
    """
    try:
        target = path.resolve(strict=True)
        for folder in reversed(target.parents):
            if not _may(folder, user, ENTER):
                return _sentence(folder, user, ENTER)
        wanted = need | ENTER if target.is_dir() else need
        return None if _may(target, user, wanted) else _sentence(target, user, wanted)
    except (OSError, ValueError):
        # It is not there, or a network filesystem keeps it from us; others tell that.
        return None


def hindrance_of(descriptor: int, user: WorkerUser) -> str | None:
    """Return why the user cannot read a file that is open here, as a sentence; None when it can.

    Where it lies is asked of the kernel: whatever link led there, and whoever changes that link now, it is this file.
    Raises OSError when nobody can tell; then it is not to be read.
    """
    path = Path(f"/proc/self/fd/{descriptor}").readlink()
    if not path.is_absolute():
        raise OSError(errno.EACCES, f"it lies nowhere that can be looked at: {path}")
    try:
        for folder in reversed(path.parents):
            if not _may(folder, user, ENTER):
                return _sentence(folder, user, ENTER)
        return None if _may(descriptor, user, READ) else _sentence(descriptor, user, READ, path)
    except ValueError as problem:
        raise OSError(errno.EACCES, f"its access control list cannot be understood: {problem}") from problem


def _may(target: Path | int, user: WorkerUser, wanted: int) -> bool:
    """Tell whether the user may use a path or an open file. Raises OSError, and ValueError for a list without sense."""
    found = target.stat() if isinstance(target, Path) else os.fstat(target)
    if user.uid == 0:
        return True
    # Only one of the three counts, as in the kernel: an owner who may not read is not helped by "others may".
    if found.st_uid == user.uid:
        return (found.st_mode >> 6) & wanted == wanted
    entries = _list_of(target)
    if entries is not None:
        return _list_allows(entries, found.st_gid, user, wanted)
    shift = 3 if found.st_gid in user.groups else 0
    return (found.st_mode >> shift) & wanted == wanted


def _list_of(target: Path | int) -> list[tuple[int, int, int]] | None:
    """The access control list: tag, permissions and id of each entry; None where there is none."""
    try:
        content = os.getxattr(target, _ACL)
    except OSError as problem:
        if problem.errno in _NO_LIST:
            return None
        raise
    if len(content) < 4 or len(content) % 8 != 4 or struct.unpack_from("<I", content)[0] != _ACL_VERSION:
        raise ValueError(f"{len(content)} bytes of an unknown version")
    return list(struct.iter_unpack("<HHI", content[4:]))


def _list_allows(entries: list[tuple[int, int, int]], group: int, user: WorkerUser, wanted: int) -> bool:
    """What acl(5) says of somebody who is not the owner."""
    mask = next((allowed for tag, allowed, _ in entries if tag == _MASK), READ | WRITE | ENTER)
    for tag, allowed, who in entries:
        if tag == _NAMED_USER and who == user.uid:
            return allowed & mask & wanted == wanted
    groups = [
        allowed
        for tag, allowed, who in entries
        if (tag == _OWNING_GROUP and group in user.groups) or (tag == _NAMED_GROUP and who in user.groups)
    ]
    if groups:
        # One group has to allow all of it; several do not add up.
        return any(allowed & mask & wanted == wanted for allowed in groups)
    return any(tag == _OTHER and allowed & wanted == wanted for tag, allowed, _ in entries)


def _sentence(target: Path | int, user: WorkerUser, wanted: int, path: Path | None = None) -> str:
    found = target.stat() if isinstance(target, Path) else os.fstat(target)
    who = f"{_user_name(found.st_uid)}:{_group_name(found.st_gid)}, mode {stat.S_IMODE(found.st_mode):04o}"
    remedy = f"let {user.name} {_WORDS.get(wanted, 'use')} it, for instance by its group"
    what = f"{_WORDS.get(wanted, 'use')} {path or target}"
    return f"user {user.name}, as which workers run here, may not {what} ({who}); {remedy}"


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
