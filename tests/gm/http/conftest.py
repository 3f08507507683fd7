"""The whole door over a memory store, without a server, and a clock that stands still."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sedna_gm.artifacts.disks import DiskBlobs
from sedna_gm.http.apps import create_app
from sedna_gm.http.parts import Parts
from sedna_gm.settings import ArtifactSettings, HttpSettings
from sedna_gm.store.heartbeats import Heartbeats
from sedna_gm.store.memory import MemoryStore
from tests.gm.http.doors import Door, StandingClock


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def answer_seconds() -> float:
    """How long a node may think: longer than any thread of a test needs. Where it stays silent, tests say less."""
    return 30


@pytest.fixture
def settings(answer_seconds: float) -> HttpSettings:
    return HttpSettings(bookmark_seconds=0.01, look_up_seconds=0.01, answer_seconds=answer_seconds)


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactSettings:
    return ArtifactSettings(folder=str(tmp_path / "artifacts"))


@pytest.fixture
def parts(clock: StandingClock, settings: HttpSettings, artifacts: ArtifactSettings) -> Iterator[Parts]:
    store = MemoryStore(clock, log_capacity=16)
    parts = Parts(store, Heartbeats(clock), clock, DiskBlobs(artifacts, clock), settings)
    yield parts
    parts.exchange.close()
    store.close()


@pytest.fixture
def door(parts: Parts) -> Door:
    app = create_app(parts)
    app.testing = False
    return Door(app.test_client(), parts)
