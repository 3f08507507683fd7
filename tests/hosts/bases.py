"""The base image: a small Debian or Ubuntu that every host of a lab stands on, made once and then only read.

It holds what a minimal server has and no more (no python3-venv, no pip, no compiler), because the roles must manage
with that. It lies in the cache under the hash of its recipe, so a changed recipe makes a new one; it gets its name only
when it is whole. Used by tests.hosts.labs.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.hosts.running import CommandFailed, run

_UBUNTU = "http://archive.ubuntu.com/ubuntu"


@dataclass(frozen=True)
class System:
    """What hosts can run. Debian's debootstrap knows Debian's keys; Ubuntu's come in a package, known by its sha256."""

    suite: str
    python: str
    mirror: str
    keyring: str = ""
    keyring_sha256: str = ""
    script: str = ""
    """debootstrap's way to install it, where this machine's is older than the suite."""


_KEYRING = "pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb"
_KEYRING_SHA256 = "36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8"
SYSTEMS: Mapping[str, System] = {
    "debian-12": System("bookworm", "3.11", "http://deb.debian.org/debian"),
    "ubuntu-22.04": System("jammy", "3.10", _UBUNTU, _KEYRING, _KEYRING_SHA256),
    "ubuntu-24.04": System("noble", "3.12", _UBUNTU, _KEYRING, _KEYRING_SHA256, script="jammy"),
}
PACKAGES = (
    "systemd",
    "systemd-sysv",
    "dbus",
    "python3",
    "openssh-server",
    "sudo",
    "iproute2",
    "ca-certificates",
    "procps",
)
# The account by which ansible comes in, as it does on most people's hosts: not root, but sudo.
ADMIN = "admin"

# What is done to the image after the packages; as text, so that it counts in the hash.
FINISH = f"""
set -eu
useradd --create-home --shell /bin/bash {ADMIN}
echo '{ADMIN} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/{ADMIN}
chmod 0440 /etc/sudoers.d/{ADMIN}
# Every host gets keys and an identity of its own; those made by the installation are nobody's.
rm -f /etc/ssh/ssh_host_*
: > /etc/machine-id
# A journal that outlives a crash, at once on disk: a failed test is read from it.
mkdir -p /var/log/journal
mkdir -p /etc/systemd/journald.conf.d
cat > /etc/systemd/journald.conf.d/lab.conf <<-END
[Journal]
Storage=persistent
SyncIntervalSec=1s
SystemMaxUse=200M
RateLimitIntervalSec=0
END
# Nothing here may wake up and work while a test looks: no timers of the distribution.
systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer
: > /etc/resolv.conf
apt-get clean
rm -rf /var/lib/apt/lists/*
"""


def cache() -> Path:
    """Return the folder of images and labs: $SEDNA_LAB_CACHE, or /var/cache/sedna-lab."""
    return Path(os.environ.get("SEDNA_LAB_CACHE") or "/var/cache/sedna-lab")


def system() -> System:
    """Return what new hosts run: the one that $SEDNA_LAB_SYSTEM names, or Debian 12."""
    name = os.environ.get("SEDNA_LAB_SYSTEM") or "debian-12"
    if name not in SYSTEMS:
        raise CommandFailed(f"SEDNA_LAB_SYSTEM={name}: there is no such system; there are {', '.join(SYSTEMS)}.")
    return SYSTEMS[name]


def mirror() -> str:
    """Return where packages come from: $SEDNA_LAB_MIRROR, or the system's own address."""
    return os.environ.get("SEDNA_LAB_MIRROR") or system().mirror


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock of that name in the cache: two labs that start at once make one image."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def recipe_hash() -> str:
    """Return what names the image: the hash of all that decides its content."""
    return hashlib.sha256("\n".join([system().suite, *PACKAGES, FINISH]).encode()).hexdigest()[:12]


def provide_base() -> Path:
    """Return the base image's folder; without one of this recipe, make it first (a minute, and a mirror)."""
    base = cache() / f"base-{recipe_hash()}"
    with locked("base"):
        if not base.is_dir():
            _make(base)
    return base


def _make(base: Path) -> None:
    """Make the image beside its place, then give it its name; a make that failed leaves nothing."""
    for left in cache().glob("base-*.new"):
        shutil.rmtree(left)
    new = base.with_name(f"{base.name}.new")
    try:
        wanted = system()
        options = ["--variant=minbase", f"--include={','.join(PACKAGES)}", *_trusting(wanted)]
        script = [f"/usr/share/debootstrap/scripts/{wanted.script}"] if wanted.script else []
        run(["debootstrap", *options, wanted.suite, str(new), mirror(), *script], timeout=1200)
        run(["chroot", str(new), "/bin/sh", "-c", FINISH], timeout=300)
        new.rename(base)
    except BaseException:
        # Debootstrap may leave /proc mounted in there; removing through it would be a disaster.
        run(["umount", "--recursive", "--quiet", str(new / "proc")], check=False)
        run(["umount", "--recursive", "--quiet", str(new / "sys")], check=False)
        shutil.rmtree(new, ignore_errors=True)
        raise


def _trusting(wanted: System) -> list[str]:
    """Return debootstrap's option for the keys that sign the suite; nothing for Debian's."""
    if not wanted.keyring:
        return []
    folder = cache() / f"keyring-{wanted.keyring_sha256[:12]}"
    keys = folder / "usr/share/keyrings/ubuntu-archive-keyring.gpg"
    if not keys.exists():
        with urllib.request.urlopen(f"{mirror()}/{wanted.keyring}", timeout=60) as answer:
            package = answer.read()
        found = hashlib.sha256(package).hexdigest()
        if found != wanted.keyring_sha256:
            raise CommandFailed(f"{wanted.keyring} of {mirror()} has the sha256 {found}, not {wanted.keyring_sha256}.")
        archive = folder.with_suffix(".deb")
        archive.write_bytes(package)
        run(["dpkg-deb", "--extract", str(archive), str(folder)], timeout=60)
        archive.unlink()
    return [f"--keyring={keys}"]
