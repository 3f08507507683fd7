"""The disk of a virtual machine: a host as the roles install it, with a kernel of its own. Made once for each source.

A host of a lab (tests.hosts) is installed by the playbooks, because that takes seconds where the emulated machine would
take half an hour; then it gets what a container does without, and its files become a file system. It lies in the cache
under the hash of all that decides its content.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from tests.end_to_end import pages
from tests.hosts import bases
from tests.hosts.labs import Lab
from tests.hosts.machines import Machine
from tests.hosts.proofs import KUBECONFIG
from tests.hosts.running import run
from tests.house.project import ROOT
from tests.machine.virtual_machines import Disk

HOST = "machine"
SIZE = "4G"
# The rooms of the project that end up on the disk, or decide how.
SOURCES = (
    "sedna", "sedna_gm", "sedna_lc", "roles", "playbooks", "requirements-hosts.lock", "tests/hosts",
    "tests/machine/disks.py",
)  # fmt: skip
_PYTHON = "/opt/sedna/current/bin/python"

KERNEL = """
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-get install -y -q --no-install-recommends linux-image-cloud-amd64 initramfs-tools kmod
apt-get clean
systemctl enable systemd-networkd.service
"""
# The address that the emulator's own network gives to its only guest.
NETWORK = "[Match]\nName=en*\n\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n"


def built() -> Disk:
    """Return the disk of this source, made now if it is not there: minutes, and a Debian mirror."""
    disk = Disk(bases.cache() / f"machine-{_source_hash()}")
    with bases.locked("machine"):
        if not disk.image.is_file():
            for old in bases.cache().glob("machine-*/"):
                shutil.rmtree(old)
            disk.folder.mkdir(parents=True)
            try:
                _make(disk)
            except BaseException:
                shutil.rmtree(disk.folder)
                raise
    return disk


def _source_hash() -> str:
    digest = hashlib.sha256(bases.recipe_hash().encode())
    for source in SOURCES:
        path = ROOT / source
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix != ".pyc":
                digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _make(disk: Disk) -> None:
    lab = Lab.make("disk", [HOST])
    try:
        machine = lab[HOST]
        _install(lab)
        _prepare_numbers(machine, disk.folder / "code")
        machine.stop()
        _add_kernel(machine.root)
        shutil.copy(lab.folder / "key", disk.key)
        shutil.copy(f"{machine.root}{KUBECONFIG}", disk.kubeconfig)
        boot = machine.root / "boot"
        shutil.copy(next(boot.glob("vmlinuz-*")), disk.kernel)
        shutil.copy(next(boot.glob("initrd.img-*")), disk.initrd)
        unfinished = disk.image.with_suffix(".new")
        run(["mke2fs", "-q", "-t", "ext4", "-d", str(machine.root), str(unfinished), SIZE], timeout=600)
        unfinished.rename(disk.image)
    finally:
        lab.remove()


def _install(lab: Lab) -> None:
    """What docs/install.md does, on one host; no worker image but the one of `_prepare_numbers`."""
    # In the project's folder, where ansible finds its settings.
    playbook = ["env", "--chdir", str(ROOT), str(Path(sys.executable).with_name("ansible-playbook"))]
    bundle = ["-e", f"sedna_bundle_dir={bases.cache() / 'bundle'}"]
    run([*playbook, "playbooks/bundle.yml", *bundle, "-e", '{"sedna_bundle_pythons": ["3.11"]}'], timeout=1800)
    # The machine that begins on this disk has another address than the host has here.
    settings = ["-e", "sedna_lc_gm=https://127.0.0.1:9000", "-e", '{"sedna_images": []}']
    run([*playbook, "-i", str(lab.inventory), "playbooks/site.yml", *bundle, *settings], timeout=1800)


def _prepare_numbers(machine: Machine, code: Path) -> None:
    """The example of the how-to pages: its worker image, its base model and an empty dataset."""
    machine.copy_in(pages.write_code(code), "/root")
    # The services' own environment has what the example needs: nothing but the library.
    machine.run("/opt/sedna/current/bin/sedna", "image", "build", "/root/code", "-t", "numbers:v1", "--python", _PYTHON)
    machine.run("mkdir", "-p", "/srv/numbers")
    machine.write("/srv/numbers/base.json", "[[0.0, 0], [1.0, 0]]")
    machine.write("/srv/numbers/numbers.csv", "value,label\n")


def _add_kernel(root: Path) -> None:
    (root / "etc/systemd/network/10-machine.network").write_text(NETWORK)
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    run(["mount", "-t", "proc", "proc", str(root / "proc")])
    try:
        run(["chroot", str(root), "/bin/sh", "-c", KERNEL], timeout=900)
    finally:
        run(["umount", str(root / "proc")])
        (root / "etc/resolv.conf").write_text("")
