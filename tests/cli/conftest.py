"""The `sedna` command against a fake GlobalManager: no network, no clock of its own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import pytest
from click.testing import CliRunner, Result

from sedna.cli.connecting import Parts
from sedna.cli.main import sedna
from tests.cli.fake_gm import FakeGM

NOW = datetime(2026, 11, 22, 15, 0, 0, tzinfo=timezone.utc)

Run = Callable[..., Result]


@pytest.fixture
def gm() -> FakeGM:
    return FakeGM()


@pytest.fixture
def waits() -> list[float]:
    """The seconds that commands waited for; no time passes."""
    return []


@pytest.fixture
def run(gm: FakeGM, waits: list[float]) -> Run:
    """Run a command line; returns click's result with stdout and stderr apart."""

    def invoke(*words: str, stdin: bytes | None = None, color: bool = False) -> Result:
        parts = Parts(transport=gm.transport, now=lambda: NOW, wait=waits.append)
        return CliRunner().invoke(sedna, list(words), obj=parts, input=stdin, color=color)

    return invoke
