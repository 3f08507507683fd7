"""`python -m sedna.bundles`: makes a bundle from settings on standard input; `playbooks/bundle.yml` calls it.

The last line of its output is `changed` or `unchanged`.
"""

from __future__ import annotations

import argparse
import sys

from sedna.bundles.comparing import differences
from sedna.bundles.downloading import Pip
from sedna.bundles.errors import BundleProblem
from sedna.bundles.making import make
from sedna.bundles.settings import Settings, read_settings
from sedna.images.records import ImageProblem


def main() -> int:
    """Run the program; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m sedna.bundles", description="Make a bundle; settings on stdin.")
    parser.add_argument("--python", default=sys.executable, help="an interpreter with pip (default: this one)")
    act = parser.add_mutually_exclusive_group()
    act.add_argument("--make", action="store_true", help="make it (default)")
    act.add_argument("--dry-run", action="store_true", help="only tell what would be done")
    chosen = parser.parse_args()
    try:
        settings = read_settings(sys.stdin.read())
        if chosen.dry_run:
            return _compare(settings)
        made = make(settings, Pip(chosen.python), _say)
    except (BundleProblem, ImageProblem) as problem:
        sys.stderr.write(f"Error: {problem}\n")
        return 1
    _say(f"Release {made.bundle.release}: {sum(f.size for f in made.bundle.files) / 1e6:.0f} MB")
    _say("changed" if made.changed else "unchanged")
    return 0


def _compare(settings: Settings) -> int:
    found = differences(settings)
    for text in found:
        _say(text)
    _say("changed" if found else "unchanged")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
