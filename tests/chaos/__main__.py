"""`make chaos FAULTS=1000 SEED=1`: accidents of every kind; prints the seed, what was done, and the verdict."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.chaos.runs import run


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, help="stop after so long, however many there were")
    chosen = parser.parse_args()
    # So that whoever ends this program ends what it has started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix="sedna-chaos-") as folder:
        verdict = run(
            Path(folder) / "site",
            faults=chosen.faults,
            seed=chosen.seed,
            seconds=chosen.seconds,
            say=lambda told: print(told, flush=True),
        )
    print(verdict, flush=True)
    if verdict.problems:
        sys.exit(f"Again with the same accidents: make chaos FAULTS={chosen.faults} SEED={chosen.seed}")


if __name__ == "__main__":
    main()
