"""How long a list of a million samples takes to read, and how much memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import PRINT_PEAK, fresh
from benchmarks.rows import Aim, Row, Size, median

_READ = """
import sys, time
from sedna.datasources import TxtDataParse
begun = time.perf_counter()
data = TxtDataParse(data_type="train")
data.parse(sys.argv[1])
print("parse", time.perf_counter() - begun)
assert len(data.x) == len(data.y) == int(sys.argv[2])
"""
_BARE = """
import sys, time
begun = time.perf_counter()
lines = open(sys.argv[1], encoding="utf-8").read().splitlines()
print("parse", time.perf_counter() - begun)
"""


def measure(size: Size) -> Iterator[Row]:
    """`TxtDataParse`, beside the plain reading of the file's lines."""
    lines, times = size.pick(1_000_000, 2_000), size.pick(5, 1)
    with tempfile.TemporaryDirectory(prefix="sedna-bench-") as folder:
        file = Path(folder) / "list.txt"
        with file.open("w") as out:
            out.writelines(f"/data/helmets/images/camera-7/{one:09}.jpg {one % 2}\n" for one in range(lines))
        found = [fresh(_READ + PRINT_PEAK, str(file), str(lines)) for _ in range(times)]
        bare = [fresh(_BARE + PRINT_PEAK, str(file)) for _ in range(times)]
    base = median([one["parse"] for one in bare])
    taken = median([one["parse"] for one in found])
    yield Row(
        "TxtDataParse, 1 M lines, time", taken, "s", "median of fresh interpreters; path and label in each line",
        Aim(0.8), "2.6 s", {"lines": lines, "bareLinesSeconds": base, "ratioToBare": taken / base},
    )  # fmt: skip
    yield Row(
        "TxtDataParse, 1 M lines, memory", median([one["peak"] for one in found]), "MB", "peak resident memory",
        Aim(250), "648 MB", {"bareLinesMB": median([one["peak"] for one in bare])},
    )  # fmt: skip
