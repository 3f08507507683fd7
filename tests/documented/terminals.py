"""A terminal on this machine: one command after the other in bash, with what the shell keeps in between.

What goes on until Ctrl-C is followed until it has said what is waited for, and gets its Ctrl-C.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

from tests.documented.stories import Said

# Generous, for two busy cores: a deadline only decides how long a failure takes.
DEADLINE = 100.0
# A command that lists and follows may be ended by the signal, or end well when it hears of it.
ENDED_BY_CTRL_C = (0, 1, 130, -signal.SIGINT)
SCRIPT = """\
. {keep}/variables
cd "$(cat {keep}/folder)" || exit
set -a -o pipefail
{text}
status=$?
declare -px > {keep}/variables
pwd > {keep}/folder
exit $status
"""


class Terminal:
    """A shell that begins in a folder, with nothing in its environment but what is given.

    `deadline` is in seconds, for each command.
    """

    def __init__(self, keep: Path, folder: Path, environment: dict[str, str], deadline: float = DEADLINE) -> None:
        self._keep, self._deadline = keep, deadline
        keep.mkdir()
        (keep / "variables").touch()
        self.go_to(folder)
        self._environment = environment
        self._going_on: list[subprocess.Popen[str]] = []

    @property
    def folder(self) -> Path:
        """Where it is."""
        return Path((self._keep / "folder").read_text().strip())

    def go_to(self, folder: Path) -> None:
        """Change the folder, as another terminal would be in another."""
        (self._keep / "folder").write_text(str(folder))

    def set(self, **variables: str) -> None:
        """Set variables for all that follows."""
        self._environment.update(variables)

    def begin_anew(self) -> None:
        """Forget all variables that commands have set: another terminal."""
        (self._keep / "variables").write_text("")

    def type(self, text: str, pasted: str = "") -> Said:
        """Type a command and wait for its end."""
        done = subprocess.run(
            ["bash", "-c", SCRIPT.format(keep=self._keep, text=text)], input=pasted, env=self._environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=self._deadline, check=False,
        )  # fmt: skip
        return Said(done.returncode, done.stdout)

    def follow(self, text: str, until: str) -> Said:
        """Type a command that goes on, wait until it has said something, and press Ctrl-C."""
        process, output = self._begin(text)
        said = self._until(process, output, until)
        if process.poll() is not None:
            return Said(process.returncode, said)
        os.killpg(process.pid, signal.SIGINT)
        status = process.wait(self._deadline)
        return Said(0 if status in ENDED_BY_CTRL_C else status, said)

    def leave_going(self, text: str, until: str) -> Said:
        """Type a command that goes on, wait until it has said something, and leave it to `interrupt`."""
        process, output = self._begin(text)
        self._going_on.append(process)
        return Said(0, self._until(process, output, until))

    def interrupt(self) -> None:
        """Press Ctrl-C in the terminals of all that was left going; each has to end well."""
        for process in self._going_on:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            assert process.wait(self._deadline) == 0, f"{process.args} ended with {process.returncode}"
        self._going_on = []

    def _begin(self, text: str) -> tuple[subprocess.Popen[str], Path]:
        output = self._keep / f"output-{time.monotonic_ns()}"
        script = f'. {self._keep}/variables; cd "$(cat {self._keep}/folder)" || exit; exec {text}'
        with output.open("w") as file:
            # In a session of its own, as in a terminal of its own: Ctrl-C reaches it, and nothing else. Whoever started
            # these tests in the background has turned Ctrl-C off for all that they start.
            process = subprocess.Popen(
                ["env", "--default-signal=INT", "bash", "-c", script],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                text=True,
                env=self._environment,
                start_new_session=True,
            )
        return process, output

    def _until(self, process: subprocess.Popen[str], output: Path, until: str) -> str:
        pause, deadline = threading.Event(), time.monotonic() + self._deadline
        while True:
            ended = process.poll() is not None
            said = output.read_text(errors="replace")
            if re.search(until, said):
                return said
            if ended or time.monotonic() > deadline:
                if not ended:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                raise AssertionError(f"{process.args} has not said {until!r}, but:\n{said}")
            # A file that grows is not announced to us, and the looks cost nothing.
            pause.wait(0.05)
