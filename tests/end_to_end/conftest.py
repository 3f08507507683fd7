"""A machine for each test, ended with everything on it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from sedna.images import references
from sedna.images.building import build
from tests.end_to_end import pages
from tests.end_to_end.machines import Machine

NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine that is switched on: both daemons run, the node is Ready."""
    machine = Machine(tmp_path / "up")
    try:
        machine.start()
        yield machine
    finally:
        machine.close()


@pytest.fixture
def numbers(machine: Machine) -> Machine:
    """A machine with the how-to pages' worker image, base model and an empty dataset; nothing submitted yet."""
    folder = machine.folder
    (folder / "base.json").write_text("[[0.0, 0], [1.0, 0]]")
    (folder / "numbers.csv").write_text("value,label\n")
    code = pages.write_code(folder / "code")
    build(code, references.parse("numbers:v1"), machine.setup.images, now=NOW, python=sys.executable)
    return machine
