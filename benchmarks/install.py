"""How long three fresh hosts take to install from a ready bundle, and how long a run takes that finds nothing to do.

    sudo .venv/bin/python benchmarks/install.py            # needs a bundle: ansible-playbook playbooks/bundle.yml

Boots one cloud and two edge hosts (tests/hosts), all on this machine's cores, runs playbooks/site.yml on them twice,
and removes them. Fails when the second run has changed something. Said in seconds of a clock, with the load of the
machine before each run: a busy machine measures itself. Aimed at, on 2 cores that do nothing else: at most 120 s for
the first run and 30 s for the second.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.hosts.labs import Lab  # noqa: E402 - the project's root comes first

AIMS = {"first run": 120, "second run": 30}


def main() -> None:
    """Make the hosts, install twice, say how long it took."""
    parser = argparse.ArgumentParser(description="Time an installation of three fresh hosts.")
    parser.add_argument("--bundle", type=Path, default=ROOT / "bundle", help="the bundle (default: %(default)s)")
    parser.add_argument("--image", action="append", default=[], help="a worker image of it, too; may be repeated")
    parser.add_argument("--name", default="bench", help="the lab's name (default: %(default)s)")
    chosen = parser.parse_args()
    if not (chosen.bundle / "bundle.yml").exists():
        parser.error(f"there is no bundle in {chosen.bundle}; make one: ansible-playbook playbooks/bundle.yml")
    lab = Lab.make(chosen.name)
    try:
        for name, aim in AIMS.items():
            load = os.getloadavg()[0]
            seconds, changed = install(lab, chosen.bundle.resolve(), chosen.image)
            print(f"{name}: {seconds:.1f} s (aim: {aim} s), {changed} changes, load before it {load:.1f}", flush=True)
        if changed:
            raise SystemExit(f"The second run has changed {changed} things; it should find nothing to do.")
    finally:
        lab.remove()


def install(lab: Lab, bundle: Path, images: list[str]) -> tuple[float, int]:
    """Run site.yml; return the seconds it took and how many tasks have changed something."""
    wanted = [dict(zip(("name", "tag"), image.rsplit(":", 1), strict=True)) for image in images]
    variables = {
        "sedna_bundle_dir": str(bundle),
        "sedna_images": wanted,
        "sedna_lc_gm": f"http://{next(iter(lab.machines.values())).address}:9000",
    }
    program = str(Path(sys.executable).parent / "ansible-playbook")
    argv = [program, "--inventory", str(lab.inventory), "playbooks/site.yml", "--extra-vars", json.dumps(variables)]
    with tempfile.TemporaryFile("w+") as said:
        begun = time.monotonic()
        ended = subprocess.run(argv, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT, check=False)
        seconds = time.monotonic() - begun
        said.seek(0)
        text = said.read()
    if ended.returncode != 0:
        raise SystemExit(f"{text}\nThe installation has failed.")
    return seconds, sum(map(int, re.findall(r"changed=(\d+)", text)))


if __name__ == "__main__":
    main()
