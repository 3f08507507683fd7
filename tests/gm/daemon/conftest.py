"""Real services for the tests of this folder: one that all tests of a module share, and one for a test alone.

A module whose service is another one than the plain says so: `SERVER = SecureServer`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.gm.clients.servers import Server


def kind_of(request: pytest.FixtureRequest) -> Callable[..., Server]:
    """What the module of a test wants to be served by."""
    found: Callable[..., Server] = getattr(request.module, "SERVER", Server)
    return found


@pytest.fixture(scope="module")
def standing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One service for all tests that leave it as it was."""
    server = kind_of(request)(tmp_path_factory.mktemp("gm"), "http: {lookUpSeconds: 0.05}\n")
    yield server
    server.stop()
    assert not [line for line in server.journal if "Traceback" in line or "this is a bug" in line], server.journal


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A service that a test may disturb."""
    server = kind_of(request)(tmp_path)
    yield server
    server.stop()
