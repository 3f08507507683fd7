"""A node and its GM, both gone at the end of the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lc.daemon.nodes import NodeUnderTest
from tests.lc.fakes.gm import FakeGm


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeUnderTest]:
    gm = FakeGm()
    made = NodeUnderTest(tmp_path, gm)
    yield made
    made.close()
    gm.stop()
    # Shown by pytest when the test has failed.
    print(made.log.read_text() if made.log.exists() else "no log")
