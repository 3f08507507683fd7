"""Certificates in a folder: made when they are missing, renewed in time, and never half.

    ca.key                   the authority's key; it can be kept elsewhere, and is needed only for signing
    ca.crt                   what clients trust
    versions/NUMBER/         the server's certificate and its key
    current -> versions/…    which of them counts: one link, so that a crash leaves the old pair or the new one
    gm.crt, gm.key           through `current`

Called by the command `sedna-gm certificates`; the service reads gm.crt and gm.key.
"""

from __future__ import annotations

import contextlib
import fcntl
import grp
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sedna.common.publishing import remove_leftovers, sync_folder, write_atomically
from sedna_gm.certificates import checking, making
from sedna_gm.certificates.making import NameUnusable, Pair

CERTIFICATE, KEY = "gm.crt", "gm.key"
_CURRENT, _VERSIONS = "current", "versions"
_PUBLIC, _SECRET, _SHARED = 0o644, 0o600, 0o640
# One behind the present, for a service that has read the link and not yet the files.
_KEPT = 2


class CertificatesUnusable(Exception):
    """Nothing was changed, or not all; the text says why and what to do."""


@dataclass(frozen=True)
class Outcome:
    """What was done, a sentence each, and what a person should know."""

    changes: tuple[str, ...]
    warnings: tuple[str, ...]


def create(folder: Path, names: Sequence[str], group: str | None, now: datetime) -> Outcome:
    """Make what is missing in `folder`, and renew what is due. Raises CertificatesUnusable.

    Args:
        folder: where they are; made when it is missing.
        names: host names and addresses of the GlobalManager; none keeps those of the present certificate.
        group: who may read the server's key besides its owner; none leaves that as it is.
        now: the time, for what is due.
    """
    with _working_in(folder):
        made = _make_authority(folder, now)
        return _renew(folder, names, group, now, made)


def renew(folder: Path, names: Sequence[str], group: str | None, now: datetime) -> Outcome:
    """Renew what is due in a folder that `create` has made. Raises CertificatesUnusable."""
    if not (folder / "ca.crt").is_file():
        raise CertificatesUnusable(
            f"{folder} has no authority (ca.crt): make one with `sedna-gm certificates create --folder {folder}`"
        )
    with _working_in(folder):
        return _renew(folder, names, group, now, [])


def _make_authority(folder: Path, now: datetime) -> list[str]:
    certificate, key = folder / "ca.crt", folder / "ca.key"
    if certificate.is_file():
        return []
    # The key first: one without a certificate is what a crash leaves, and it gets its certificate now.
    if not key.is_file():
        write_atomically(key, making.make_key(), mode=_SECRET)
    try:
        write_atomically(certificate, making.make_authority(key.read_bytes(), now))
    except ValueError as problem:
        raise CertificatesUnusable(f"{key} cannot be used ({problem}): move it away") from None
    certificate.chmod(_PUBLIC)
    return ["ca.crt is new: clients trust what it signs"]


def _renew(folder: Path, names: Sequence[str], group: str | None, now: datetime, made: list[str]) -> Outcome:
    authority = (folder / "ca.crt").read_bytes()
    changes, warnings = list(made), []
    try:
        names = list(dict.fromkeys(map(making.spelled, names)))
        warning = checking.notice(authority, now)
        present = _present(folder)
        reason = checking.renewal(present, authority, names, now) if present else "there was none"
    except NameUnusable as problem:
        raise CertificatesUnusable(f"--name {problem}") from None
    except ValueError as problem:
        raise CertificatesUnusable(f"{folder}/ca.crt cannot be read: {problem}") from None
    if warning:
        warnings.append(
            f"{folder}/ca.crt: {warning}. Move ca.crt and ca.key away, run `sedna-gm certificates create` and bring the"
            " new ca.crt to all hosts and clients"
        )
    if reason:
        pair = _sign(folder, authority, names or _old_names(present), now)
        _publish(folder, pair, group)
        _link(folder)
        changes.append(f"gm.crt and gm.key are new, for {', '.join(checking.names_in(pair.certificate))}: {reason}")
    if group is not None and _share(folder / _CURRENT / KEY, group):
        changes.append(f"gm.key can be read by group {group} now")
    if _link(folder):
        changes.append("gm.crt and gm.key lead to the present pair again")
    _remove_old(folder)
    return Outcome(tuple(changes), tuple(warnings))


def _old_names(present: Pair | None) -> list[str]:
    with contextlib.suppress(ValueError):
        if present and (names := checking.names_in(present.certificate)):
            return names
    raise CertificatesUnusable("the certificate needs at least one name: --name HOST_OR_ADDRESS")


def _sign(folder: Path, authority: bytes, names: Sequence[str], now: datetime) -> Pair:
    key = folder / "ca.key"
    if now >= checking.end_of(authority):
        raise CertificatesUnusable(
            f"the authority {folder}/ca.crt is over: move ca.crt and ca.key away, create a new one, bring it to all"
        )
    try:
        pair = making.make_server(Pair(authority, key.read_bytes()), names, now)
    except FileNotFoundError:
        raise CertificatesUnusable(f"{key}, which signs, is not there: bring it back for the renewal") from None
    except ValueError as problem:
        raise CertificatesUnusable(f"{key} cannot be used: {problem}") from None
    if checking.renewal(pair, authority, names, now).startswith("the certificate is not from"):
        raise CertificatesUnusable(f"{key} does not fit {folder}/ca.crt: bring the right one back")
    return pair


def _publish(folder: Path, pair: Pair, group: str | None) -> None:
    """Lay a pair down whole, then let `current` lead to it in one step."""
    versions = folder / _VERSIONS
    numbers = [int(one.name) for one in versions.glob("*") if one.name.isdecimal()] if versions.is_dir() else []
    version = versions / str(max(numbers, default=0) + 1)
    write_atomically(version / KEY, pair.key, mode=_SECRET)
    write_atomically(version / CERTIFICATE, pair.certificate)
    for part in (versions, version):
        part.chmod(0o755)
    (version / CERTIFICATE).chmod(_PUBLIC)
    _share(version / KEY, group, (folder / _CURRENT / KEY))
    _lead(folder / _CURRENT, f"{_VERSIONS}/{version.name}")


def _link(folder: Path) -> bool:
    """Let gm.crt and gm.key lead through `current`; True if one did not."""
    wrong = [name for name in (CERTIFICATE, KEY) if not _leads(folder / name, f"{_CURRENT}/{name}")]
    for name in wrong:
        _lead(folder / name, f"{_CURRENT}/{name}")
    return bool(wrong)


def _leads(link: Path, target: str) -> bool:
    return link.is_symlink() and str(link.readlink()) == target


def _lead(link: Path, target: str) -> None:
    beside = link.with_name(f".sedna-{secrets.token_hex(8)}.tmp")
    beside.symlink_to(target)
    beside.replace(link)
    sync_folder(link.parent)


def _present(folder: Path) -> Pair | None:
    for name in (CERTIFICATE, KEY):
        if (folder / name).exists() and not (folder / name).is_symlink():
            raise CertificatesUnusable(
                f"{folder / name} was not made here, and is not touched: move it away, or choose another --folder"
            )
    try:
        return Pair((folder / _CURRENT / CERTIFICATE).read_bytes(), (folder / _CURRENT / KEY).read_bytes())
    except FileNotFoundError:
        return None


def _share(key: Path, group: str | None, like: Path | None = None) -> bool:
    """Let a group read a key; without one, whoever may read the key `like`. True if that was different before."""
    if group is not None:
        try:
            mode, number = _SHARED, grp.getgrnam(group).gr_gid
        except KeyError:
            raise CertificatesUnusable(f"--group: there is no group {group} on this host") from None
    elif like is not None and like.is_file():
        # A timer that renews need not be told again.
        mode, number = stat.S_IMODE(like.stat().st_mode), like.stat().st_gid
    else:
        return False
    found = key.stat()
    if stat.S_IMODE(found.st_mode) == mode and number == found.st_gid:
        return False
    os.chown(key, -1, number)
    key.chmod(mode)
    return True


def _remove_old(folder: Path) -> None:
    versions = sorted((one for one in (folder / _VERSIONS).glob("*") if re.fullmatch(r"\d+", one.name)), key=_number)
    current = (folder / _CURRENT).resolve()
    for old in versions[:-_KEPT]:
        if old.resolve() != current:
            shutil.rmtree(old)


def _number(version: Path) -> int:
    return int(version.name)


@contextlib.contextmanager
def _working_in(folder: Path) -> Iterator[None]:
    """One at a time: a timer and a person may come together, and both would sign."""
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            # Whatever the umask: the service reads here as another user.
            folder.chmod(0o755)
        with (folder / ".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            remove_leftovers(folder)
            yield
    except OSError as problem:
        raise CertificatesUnusable(f"{problem.filename or folder}: {problem.strerror or problem}") from None
