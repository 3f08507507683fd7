"""One real service for all tests here; each works in a namespace of its own."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gm.clients.servers import Kubectl, Server

# Read before the environment is cleaned: what must be there on this machine, so that nothing is skipped unseen.
REQUIRED = os.environ.get("SEDNA_TEST_REQUIRE", "").replace(",", " ").split()
# Asks for OpenAPI v3 in `explain` since then; conditions by JSONPath, subresources, strict validation are older.
OLDEST = 27
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("gm"))
    yield server
    server.stop()


@pytest.fixture
def namespace() -> str:
    return f"test-{next(_numbers)}"


@pytest.fixture(scope="session")
def lack() -> str:
    """Why there is no kubectl to test with; "" when there is one."""
    program = shutil.which("kubectl")
    if program is None:
        return "kubectl is not installed"
    said = subprocess.run([program, "version", "--client", "--output=json"], capture_output=True, check=True).stdout
    minor = int(re.findall(r"\d+", json.loads(said)["clientVersion"]["minor"])[0])
    return f"kubectl 1.{minor} is too old; 1.{OLDEST} or later is needed" if minor < OLDEST else ""


@pytest.fixture
def kubectl(server: Server, tmp_path: Path, namespace: str, lack: str) -> Kubectl:
    if lack and "kubectl" not in REQUIRED:
        pytest.skip(lack)
    assert not lack
    return Kubectl(server.url, tmp_path, namespace)
