"""`make faults`: every point, at several of its passings, in several orders; prints the seeds and what came of it."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from tests.faults.sweeps import points, sweep


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--times", default="1,2,3,5", help="die at these passings of each point, one sweep each")
    parser.add_argument("--seed", type=int, default=1, help="of the first sweep's order; the next ones count on")
    parser.add_argument("--points", default="", help="only points with this in their names")
    chosen = parser.parse_args()
    # So that whoever ends this program ends what it has started, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    names = [name for name in points() if chosen.points in name]
    broken = False
    for number, times in enumerate(int(each) for each in chosen.times.split(",")):
        seed = chosen.seed + number
        with tempfile.TemporaryDirectory(prefix="sedna-faults-") as folder:
            outcome = sweep(Path(folder) / "site", names, times=times, seed=seed)
        print(f"seed {seed}, passing {times}, {len(names)} points: {outcome}", flush=True)
        broken = broken or bool(outcome.problems) or (times == 1 and bool(outcome.never))
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
