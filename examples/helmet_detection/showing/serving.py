"""`sedna up` as a child of the demo: started, waited for, and stopped whatever happens.

The demo talks to it over HTTP only (`showing.following`), as any user would; `showing.joining` is for a system that is
installed.
"""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from showing.places import WORKER, Places
from showing.preparing import tail

READY_SECONDS = 90.0
# `sedna up` gives its workers 30 seconds to end; it may take that and a little.
STOP_SECONDS = 60.0
NODE = "edge-node"
IMAGE = "kubeedge/sedna-example-incremental-learning-helmet-detection:v0.4.0"
DEFAULT_PORTS = (9000, 9100)


class ServingError(RuntimeError):
    """The system could not be started or has ended; the message has the end of its log."""


def build_image(places: Places) -> None:
    """Make the worker image of this example, with the interpreter that runs the demo."""
    command = [_command("sedna"), "image", "build", str(WORKER), "-t", IMAGE, "--python", sys.executable]
    command += ["--images-dir", str(places.run / "images")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ServingError(f"`sedna image build` failed:\n{done.stderr or done.stdout}")


@contextmanager
def running(places: Places) -> Iterator[str]:
    """`sedna up` in the run's folder; gives the address of its GlobalManager. Stops it at the end."""
    ports = DEFAULT_PORTS if all(_is_free(port) for port in DEFAULT_PORTS) else (0, 0)
    if ports == (0, 0):
        click.echo("  (port 9000 or 9100 is taken on this machine; free ones are used instead)")
    log = places.run / "up.log"
    command = [_command("sedna"), "up", "--dir", str(places.run), "--node", NODE]
    command += ["--port", str(ports[0]), "--lc-port", str(ports[1])]
    with log.open("wb") as output:
        # A session of its own: Ctrl-C reaches the demo alone, which then stops it in good order.
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        yield _ready_address(child, log)
    finally:
        _stop(child)


def _ready_address(child: subprocess.Popen[bytes], log: Path) -> str:
    """Wait for the sentence with which `sedna up` says that it is ready."""
    pause = threading.Event()
    for _ in range(int(READY_SECONDS / 0.2)):
        text = log.read_text(encoding="utf-8", errors="replace")
        if "Sedna is up" in text and (found := re.search(r"GlobalManager\s+(http://\S+)", text)):
            return found.group(1)
        if child.poll() is not None:
            raise ServingError(f"`sedna up` ended with code {child.returncode}:\n{tail(log)}")
        pause.wait(0.2)
    raise ServingError(f"`sedna up` is not ready after {READY_SECONDS:.0f} s:\n{tail(log)}")


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        # A second signal makes `sedna up` end its children at once.
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _command(name: str) -> str:
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else name


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
