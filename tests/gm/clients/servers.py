"""A real `sedna-gm serve` in a process of its own, and a real kubectl that talks to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx

DEADLINE = 60.0
COMMAND = (sys.executable, "-c", "from sedna_gm.daemon.main import main; main()")
MANIFESTS = Path(__file__).parent / "manifests"
VARIABLES = {
    "WORKER_NODE": "edge-node",
    "IMAGE": "kubeedge/sedna-example-incremental-learning-helmet-detection:v0.4.0",
}


def printed(name: str) -> str:
    """A manifest of the quick start as printed, with its two shell variables filled in."""
    text = (MANIFESTS / name).read_text(encoding="utf-8")
    for variable, value in VARIABLES.items():
        text = text.replace(f"${variable}", value)
    return text


class Server:
    """The service, from its start until `stop`. `journal` holds what it has said."""

    def __init__(
        self,
        folder: Path,
        settings: str = "",
        environment: dict[str, str] | None = None,
        arguments: Sequence[str] = (),
        artifacts: str = "",
        auth: str = "none",
    ) -> None:
        self.folder = folder
        config = folder / "gm.yml"
        config.write_text(
            f"listen: 127.0.0.1:0\nauth: {auth}\ndatabase: sqlite:///{folder / 'gm.db'}\nlogLevel: DEBUG\n"
            f"artifacts: {{folder: {folder / 'artifacts'}{artifacts}}}\n{settings}",
            encoding="utf-8",
        )
        self.journal: list[str] = []
        self._spoken = threading.Condition()
        self.process = subprocess.Popen(
            [*COMMAND, "serve", "--config", str(config), *arguments],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self.url = self._url()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.http = httpx.Client(base_url=self.url, timeout=DEADLINE, trust_env=False)

    def _url(self) -> str:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.journal.append(line)
            if "Serving on " in line:
                return line.split("Serving on ")[1].split(";")[0]
        self.process.wait(DEADLINE)
        self.process.stderr.close()
        raise AssertionError("the service did not start:\n" + "".join(self.journal))

    def _read(self) -> None:
        assert self.process.stderr is not None
        with closing(self.process.stderr) as lines:
            for line in lines:
                with self._spoken:
                    self.journal.append(line)
                    self._spoken.notify_all()

    def said(self, text: str) -> str:
        """Waits until the journal holds a line with `text`, and returns it."""
        found: list[str] = []

        def heard() -> bool:
            found[:] = [line for line in self.journal if text in line]
            return bool(found)

        with self._spoken:
            assert self._spoken.wait_for(heard, DEADLINE), "".join(self.journal)
        return found[0]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends the service as systemd would; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            code = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(DEADLINE)
            raise
        self._reader.join(DEADLINE)
        self.http.close()
        return code

    def until(self, path: str, holds: Callable[[dict[str, Any]], Any], **query: str) -> dict[str, Any]:
        """Watches `path` until a resource satisfies `holds`, and returns that one."""
        with closing(self.events(path, **query)) as events:
            for event in events:
                if event["type"] in ("ADDED", "MODIFIED") and holds(event["object"]):
                    found: dict[str, Any] = event["object"]
                    return found
        raise AssertionError(f"{path} never came to be as expected:\n" + "".join(self.journal[-40:]))

    def events(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """A watch's events."""
        parameters = {"watch": "1", "timeoutSeconds": str(int(DEADLINE)), **query}
        with self.http.stream("GET", path, params=parameters) as response:
            assert response.status_code == 200, response.read()
            for line in response.iter_lines():
                yield json.loads(line)


class Kubectl:
    """The real one, with no configuration but the server's address."""

    def __init__(self, url: str, home: Path, namespace: str) -> None:
        self.namespace = namespace
        self._command = ["kubectl", "--server", url, "--cache-dir", str(home / "cache"), "-n", namespace]
        self._environment = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": "/nonexistent"}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment,
        )

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._command, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
            env={**self._environment, **environment},
        )

    def __call__(self, *arguments: str, stdin: str = "", **environment: str) -> str:
        done = self.run(*arguments, stdin=stdin, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def fails(self, *arguments: str, stdin: str = "") -> str:
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode != 0, done.stdout
        return done.stderr
