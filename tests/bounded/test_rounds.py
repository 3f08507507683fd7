"""A job that goes on for ever takes no more room than one that has gone on for a while.

`ROUNDS=10000 pytest tests/bounded/test_rounds.py` (or `make bounded`) is the long way; continuous integration goes
as many rounds as fill every retention several times over. Judged by how much is there, never by how long it took.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sedna_gm.controllers.supervising import Settings
from tests.bounded.sites import Site, Size

ROUNDS = int(os.environ.get("ROUNDS", "180"))
# Everything that is kept has filled up by then.
FULL = 100 if ROUNDS < 3000 else 2000
# Always as long after a sweep, which comes every five rounds.
CHECKS = 16
# Small ones for a short way; the defaults for the long one.
SETTINGS = Settings(rounds=20, events_per_resource=20, events=200) if ROUNDS < 3000 else Settings()
# Each write is synced; what is measured is not the disk.
FOLDER = Path("/dev/shm") if Path("/dev/shm").is_dir() else None


@pytest.fixture(scope="module")
def sizes() -> Iterator[list[Size]]:
    with tempfile.TemporaryDirectory(prefix="sedna-bounded-", dir=FOLDER) as folder:
        site = Site(Path(folder), SETTINGS)
        try:
            found = []
            for round_ in range(1, ROUNDS + 1):
                site.run(round_)
                if round_ >= FULL and (round_ - FULL) % ((ROUNDS - FULL) // CHECKS) == 0:
                    found.append(site.measure(round_))
            yield found
        finally:
            site.close()


def slope(sizes: list[Size], name: str) -> float:
    """By how much it grows with each round, by least squares."""
    rounds, values = [size.round for size in sizes], [float(getattr(size, name)) for size in sizes]
    middle, mean = sum(rounds) / len(rounds), sum(values) / len(values)
    spread = sum((round_ - middle) ** 2 for round_ in rounds)
    return sum((r - middle) * (v - mean) for r, v in zip(rounds, values, strict=True)) / spread


@pytest.mark.timeout(0 if ROUNDS > 1000 else 600)
@pytest.mark.parametrize(
    ("name", "most"),
    [
        # Numbers in names and urls get a digit longer now and then.
        ("status", 4.0),
        ("resources", 0.05),
        ("records", 0.05),
        # A page is 4096 bytes, and a few come and go.
        ("database", 100.0),
    ],
)
def test_a_round_more_takes_no_more_room(sizes: list[Size], name: str, most: float) -> None:
    print(f"{name}: {slope(sizes, name):+.3f} a round, from {getattr(sizes[0], name)} to {getattr(sizes[-1], name)}")
    assert slope(sizes, name) < most, [(size.round, getattr(size, name)) for size in sizes]


@pytest.mark.timeout(0 if ROUNDS > 1000 else 600)
def test_the_memory_of_later_rounds_is_that_of_earlier_ones(sizes: list[Size]) -> None:
    """The log of changes fills and is emptied every few rounds, so that tops are compared, and not a slope."""
    middle = len(sizes) // 2
    earlier, later = (max(size.memory for size in part) for part in (sizes[:middle], sizes[middle:]))
    print(f"memory: {earlier} blocks at most, then {later}")
    assert later < earlier * 1.1, [(size.round, size.memory) for size in sizes]


@pytest.mark.timeout(0 if ROUNDS > 1000 else 600)
def test_what_is_kept_is_what_the_settings_say(sizes: list[Size]) -> None:
    last = sizes[-1]
    # Those of the versions that can be served again are spared; they are among the newest here.
    assert SETTINGS.rounds <= last.records <= SETTINGS.rounds + 8
    assert last.resources < SETTINGS.events + 20
