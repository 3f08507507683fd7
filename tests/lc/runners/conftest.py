"""The runners under test, each in a world of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.lc.runners.fake_systemd.world import SystemdWorld
from tests.lc.runners.worlds import Bell, MemoryWorld, ProcessWorld, World

WORLDS: dict[str, Callable[[Path], World]] = {
    "memory": MemoryWorld,
    "process": ProcessWorld,
    "systemd transient": SystemdWorld,
    "systemd installed": partial(SystemdWorld, persistent=True),
}


@pytest.fixture(params=list(WORLDS))
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = WORLDS[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture
def bell(world: World) -> Bell:
    return Bell(world.runner)


@pytest.fixture
def process_world(tmp_path: Path) -> Iterator[ProcessWorld]:
    made = ProcessWorld(tmp_path)
    yield made
    made.close()
