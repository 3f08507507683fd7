"""One real service for all tests here; each works in a namespace of its own."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gm.clients.servers import Kubectl, Server

# Read before the environment is cleaned: what must be there on this machine, so that nothing is skipped unseen.
REQUIRED = os.environ.get("SEDNA_TEST_REQUIRE", "").replace(",", " ").split()
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("gm"))
    yield server
    server.stop()


@pytest.fixture
def namespace() -> str:
    return f"test-{next(_numbers)}"


@pytest.fixture
def kubectl(server: Server, tmp_path: Path, namespace: str) -> Kubectl:
    if shutil.which("kubectl") is None and "kubectl" not in REQUIRED:
        pytest.skip("kubectl is not installed")
    return Kubectl(server.url, tmp_path, namespace)
