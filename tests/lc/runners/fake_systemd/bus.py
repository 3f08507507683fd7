"""A message bus of the test's own: no activation, no policy, nothing of the host's."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""

#: Read when the tests are collected: later on, no variable of ours reaches a test.
_REQUIRED = "dbus" in os.environ.get("SEDNA_TEST_REQUIRE", "")


def need_dbus_daemon() -> str:
    """The program, or a skipped test (a failed one, where the environment says that it must be there)."""
    program = shutil.which("dbus-daemon")
    if program is None:
        reason = "needs dbus-daemon, of the package dbus (apt-get install dbus)"
        if _REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
    return program


class PrivateBus:
    """A dbus-daemon that can be killed and started again at the same address."""

    def __init__(self) -> None:
        self._program = need_dbus_daemon()
        # Not below the test's own folder: a socket's path may have 107 characters only.
        self._folder = Path(tempfile.mkdtemp(prefix="sedna-bus-"))
        self.address = f"unix:path={self._folder}/bus"
        (self._folder / "bus.conf").write_text(_CONFIG.format(socket=self._folder / "bus"))
        self.start()

    def start(self) -> None:
        (self._folder / "bus").unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [self._program, f"--config-file={self._folder}/bus.conf", "--nofork", "--nopidfile", "--print-address=1"],
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        # It prints its address when it listens.
        assert self._process.stdout.readline().startswith(b"unix:")

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self._folder)
