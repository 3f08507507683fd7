"""A new model in a running worker: how soon it serves, and what that does to the predictions meanwhile.

One process with the library and an estimator whose model is 32 MB of one byte, repeated: a prediction that sees two
different bytes has seen a half-loaded model. It predicts without a pause; each model is published as a
LocalController does it.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.processes import python
from benchmarks.rows import Aim, Row, Size, median, share

_PROGRAM = Path(__file__).parent / "programs" / "swap.py"


def measure(size: Size) -> Iterator[Row]:
    """Swap several times under predictions."""
    with tempfile.TemporaryDirectory(prefix="sedna-bench-") as folder:
        words = [folder, str(size.pick(30, 2)), str(size.pick(5, 1)), str(size.pick(32, 1) << 20)]
        found: dict[str, Any] = json.loads(python([str(_PROGRAM), *words]).splitlines()[-1])
    above = [1e3 * (whole - load) for whole, load in found["delays"]]
    yield Row(
        "model published → swapped, above its load", median(above), "ms",
        "from the replaced hot-update file to the end of the first prediction by the new model, without its load",
        Aim(50), "25 s (0.54 s at a poll of 1 s)",
        {"p99": share(above, 0.99), "max": max(above), "loadMs": 1e3 * median([load for _, load in found["delays"]])},
    )  # fmt: skip
    taken = {in_swap: [seconds for seconds, swap in found["taken"] if swap == in_swap] for in_swap in (False, True)}
    quiet, during = share(taken[False], 0.99), share(taken[True], 0.99)
    yield Row(
        "predictions torn or dropped during swaps", found["torn"], "", "each looks at the whole model; none may raise",
        Aim(0), "all", {"predictions": len(found["taken"]), "duringSwaps": len(taken[True])},
    )  # fmt: skip
    yield Row(
        "predictions' p99 during swaps over the quiet p99", during / quiet, "×", "about a millisecond of Python each",
        Aim(1.2), "–", {"quietMs": 1e3 * quiet, "duringMs": 1e3 * during, "quietMedianMs": 1e3 * median(taken[False])},
    )  # fmt: skip
