"""The user that workers run as, and whether that user may use a path: told beforehand, not by a traceback.

The LocalController may read everything, so trying would tell nothing; it looks at owners and modes instead. Where an
access control list decides, it does not guess. Used by `sedna_lc.preparing`; chosen by `sedna_lc.daemon`.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

READ, WRITE, ENTER = 4, 2, 1
_WORDS = {READ: "read", WRITE: "write to", ENTER: "enter", READ | ENTER: "read", WRITE | ENTER: "write to"}
_ACL = "system.posix_acl_access"


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
    except OSError:
        # It is not there, or a network filesystem keeps it from us; others tell that.
        return None


def _may(path: Path, user: WorkerUser, wanted: int) -> bool:
    found = path.stat()
    if user.uid == 0 or _has_list(path):
        return True
    if found.st_uid == user.uid:
        shift = 6
    elif found.st_gid in user.groups:
        shift = 3
    else:
        shift = 0
    # Only one of the three counts, as in the kernel: an owner who may not read is not helped by "others may".
    return (found.st_mode >> shift) & wanted == wanted


def _has_list(path: Path) -> bool:
    try:
        os.getxattr(path, _ACL)
    except OSError:
        return False
    return True


def _sentence(path: Path, user: WorkerUser, wanted: int) -> str:
    found = path.stat()
    who = f"{_user_name(found.st_uid)}:{_group_name(found.st_gid)}, mode {stat.S_IMODE(found.st_mode):04o}"
    remedy = f"let {user.name} {_WORDS.get(wanted, 'use')} it, for instance by its group"
    return f"user {user.name}, as which workers run here, may not {_WORDS.get(wanted, 'use')} {path} ({who}); {remedy}"


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
