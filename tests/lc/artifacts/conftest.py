"""The two ends of a transfer, ended with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lc.artifacts.nodes import Consumer, Source


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    made = Source(tmp_path / "source")
    yield made
    made.close()


@pytest.fixture
def consumer(tmp_path: Path, source: Source) -> Iterator[Consumer]:
    made = Consumer(tmp_path / "consumer", source.blobs)
    yield made
    made.close()
