"""A virtual machine with a kernel of its own: switched on, reached by ssh and by its GlobalManager's port, cut off.

No network but what is forwarded from loopback. `cut_power` is kill -9 of the emulator: what the guest's kernel has
not handed to its disk is gone, as after a power cut.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Emulated, and the test machine may have other work: a boot takes 10 s to a minute.
BOOT_SECONDS = 300.0
COMMAND_SECONDS = 300.0
_BOOTED = "login:"


@dataclass(frozen=True)
class Disk:
    """What a machine starts from; `folder` holds all of it."""

    folder: Path

    @property
    def image(self) -> Path:
        """The file system, raw."""
        return self.folder / "disk.img"

    @property
    def kernel(self) -> Path:
        """The kernel that is on it."""
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        """What the kernel begins with."""
        return self.folder / "initrd.img"

    @property
    def key(self) -> Path:
        """The private key that root's account accepts."""
        return self.folder / "key"

    @property
    def kubeconfig(self) -> Path:
        """Who its GlobalManager's administrator is; the server that it names is the machine itself."""
        return self.folder / "kubeconfig"


class VirtualMachine:
    """One machine with a disk of its own, copied from `disk`; switched off when made."""

    def __init__(self, disk: Disk, folder: Path) -> None:
        self._disk = disk
        self._folder = folder
        self._image = folder / "disk.img"
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", str(disk.image), str(self._image)], check=True)
        self._ssh_port, self.gm_port = free_port(), free_port()
        self._emulator: subprocess.Popen[bytes] | None = None
        self._console: threading.Thread | None = None
        self._booted = threading.Event()
        self.console: list[str] = []

    @property
    def server(self) -> str:
        """Where its GlobalManager answers."""
        return f"https://127.0.0.1:{self.gm_port}"

    def boot(self) -> None:
        """Switch it on and wait until it asks for a login: everything that starts at boot has been asked to."""
        forwards = f"hostfwd=tcp:127.0.0.1:{self._ssh_port}-:22,hostfwd=tcp:127.0.0.1:{self.gm_port}-:9000"
        command = [
            "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048",
            "-kernel", str(self._disk.kernel), "-initrd", str(self._disk.initrd),
            # A kernel that panics must not sit there as if it worked.
            "-append", "root=/dev/vda rw console=ttyS0 quiet panic=-1", "-no-reboot",
            "-drive", f"file={self._image},format=raw,if=virtio,cache=writeback",
            "-netdev", f"user,id=n0,restrict=on,{forwards}", "-device", "virtio-net-pci,netdev=n0",
            "-display", "none", "-monitor", "none", "-serial", "stdio",
        ]  # fmt: skip
        self._booted.clear()
        self._emulator = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._console = threading.Thread(target=self._read_console, args=(self._emulator,), daemon=True)
        self._console.start()
        if not self._booted.wait(BOOT_SECONDS) or self._emulator.poll() is not None:
            self.cut_power()
            raise AssertionError("The machine did not boot. Its console ends with:\n" + "\n".join(self.console[-40:]))

    def cut_power(self) -> None:
        """Switch it off without asking. Fine for a machine that is off."""
        if self._emulator is None:
            return
        self._emulator.kill()
        self._end()

    def shut_down(self) -> None:
        """Ask it to power off, and wait until it has."""
        assert self._emulator is not None, "the machine is off"
        self.ssh("systemctl poweroff")
        self._emulator.wait(timeout=BOOT_SECONDS)
        self._end()

    def run(self, command: str) -> str:
        """Run a shell command as root and return what it printed; AssertionError with all of it when it fails."""
        done = self.ssh(command)
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def ssh(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run a shell command as root, however it ends."""
        # The host key was made with the disk; nothing but loopback lies between.
        options = [
            "UserKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=no",
            "LogLevel=ERROR",
            "ConnectionAttempts=30",
        ]
        words = [word for option in options for word in ("-o", option)]
        return subprocess.run(
            ["ssh", "-i", str(self._disk.key), "-p", str(self._ssh_port), *words, "root@127.0.0.1", command],
            capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip

    def _read_console(self, emulator: subprocess.Popen[bytes]) -> None:
        assert emulator.stdout is not None
        line = b""
        while piece := emulator.stdout.read1(4096):  # type: ignore[attr-defined]  # Popen's type hides the buffer
            *lines, line = (line + piece).split(b"\n")
            self.console += [one.decode(errors="replace").rstrip() for one in lines]
            if _BOOTED in line.decode(errors="replace"):
                self._booted.set()
        # Its end wakes who waits for the boot, too.
        self._booted.set()

    def _end(self) -> None:
        assert self._emulator is not None
        self._emulator.wait()
        if self._console is not None:
            self._console.join()
        if self._emulator.stdout is not None:
            self._emulator.stdout.close()
        self._emulator = None


@contextlib.contextmanager
def switched_on(disk: Disk, folder: Path) -> Iterator[VirtualMachine]:
    """A booted machine; gone with its disk afterwards."""
    folder.mkdir(parents=True)
    machine = VirtualMachine(disk, folder)
    try:
        machine.boot()
        yield machine
    finally:
        machine.cut_power()
        shutil.rmtree(folder)


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
