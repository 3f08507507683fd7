"""Measure, keep each group as it comes, print the table: `python -m benchmarks [--small] [--into FILE] [ROWS …]`.

Ends with 1 when a group could not be measured, with 130 when it was interrupted: the file then holds what was measured
until there. A figure that is missed is told in the table and is no failure: the machine may be busy, or small.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from benchmarks import results
from benchmarks.machines import machine
from benchmarks.rows import Size
from benchmarks.running import GROUPS, run
from benchmarks.tables import table


def main(words: Sequence[str] | None = None) -> int:
    """Run what was asked for; return the exit code."""
    parser = _parser()
    chosen = parser.parse_args(words)
    names = [name for word in chosen.rows for name in word.split(",") if name]
    about, now, status = machine(), datetime.now(timezone.utc), 0
    kept = results.Results(about, now.isoformat(timespec="seconds"), chosen.small)
    file = chosen.into or results.new_file(chosen.out, now)
    try:
        if chosen.into:
            kept = results.continued(file, kept)
        groups = run(names, Size(chosen.small), lambda text: print(text, file=sys.stderr, flush=True))
        for group, whole in results.gathered(file, kept, groups):
            kept = whole
            if group.problem:
                status = 1
                print(group.problem, file=sys.stderr, flush=True)
    except ValueError as problem:
        parser.error(str(problem))
    except KeyboardInterrupt:
        status = 130
        print(f"Interrupted. Go on with: python -m benchmarks --into {file} ROWS", file=sys.stderr, flush=True)
    print(table(kept.rows))
    print(f"\n{about['cpu']}, {about['cores']} cores, Python {about['python']}, load {about['load'][0]} at the begin.")
    # Interrupted in the first group of a new file, there is none.
    if kept.groups:
        print(f"Written: {file}")
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", metavar="ROWS", help=f"of {', '.join(GROUPS)} (default: all)")
    parser.add_argument("--small", action="store_true", help="small sizes: does it still run? The numbers mean little")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "results", help="folder of results (default: %(default)s)"
    )
    where.add_argument(
        "--into", type=Path, metavar="FILE",
        help="a file of results: groups measured anew take the place of the same ones there, the others stay",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
