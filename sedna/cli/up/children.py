"""The two daemons as children: started in order, watched, and stopped in the opposite order.

Each writes straight into its log file, so nothing is lost or blocked should the parent be killed. Each is in a
session of its own: a Ctrl-C reaches the parent alone, which then stops them one after the other. A parent that is
killed takes them along all the same.
"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

# How much of a dead child's log helps; the path of the whole is told as well.
TAIL_LINES = 15
# Old logs are kept once; a demo's week is far below.
LOG_BYTES = 10 * 1024 * 1024
_PR_SET_PDEATHSIG = 1
# Looked up here: between fork and exec nothing may be loaded.
_LIBC = ctypes.CDLL(None)


class Child:
    """One daemon: what it is called, how it is started, and the process that it is at present."""

    def __init__(self, title: str, command: Sequence[str], log: Path, folder: Path, *, stop_seconds: float) -> None:
        self.title = title
        self.log = log
        self.stop_seconds = stop_seconds
        self._command = list(command)
        self._folder = folder
        self.begin()

    def begin(self) -> None:
        """Start it, or start it again, with its output in its log file."""
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509  (one system call)
            )

    @property
    def ended(self) -> bool:
        """Whether it is no more."""
        return self.process.poll() is not None

    @property
    def end(self) -> str:
        """How it ended: `by signal SIGKILL`, `with exit code 3`."""
        code = self.process.returncode
        return f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"

    def tail(self) -> str:
        """Return the last lines it logged."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-TAIL_LINES:])

    def obituary(self) -> str:
        """Return how it ended, with the end of its log."""
        return f"the {self.title} ended {self.end}. The end of {self.log}:\n{self.tail()}"


def _end_with_parent() -> None:
    """Have the kernel ask this child to end when the parent is gone, however that came."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def stop(child: Child, hurry: threading.Event, say: Callable[[str], None]) -> None:
    """Ask a child to end and wait for it; after its time, or when told to hurry, end it."""
    if child.ended:
        return
    child.process.terminate()
    if not _ends_within(child, child.stop_seconds, hurry):
        say(f"The {child.title} does not stop; ending it.")
        child.process.kill()
    child.process.wait()


def _ends_within(child: Child, seconds: float, hurry: threading.Event) -> bool:
    done = threading.Event()

    def wait() -> None:
        child.process.wait()
        done.set()

    threading.Thread(target=wait, daemon=True).start()
    waited = 0.0
    # Two events cannot be waited for at once; a fifth of a second is nothing to a person who pressed Ctrl-C.
    while not done.wait(0.2):
        waited += 0.2
        if waited >= seconds or hurry.is_set():
            return False
    return True
