"""Links the manual pages of a release to where man(1) looks for them: `pages.py RELEASE CURRENT FOLDER [--dry-run]`.

RELEASE is the folder of the release, CURRENT the link to it that outlives it, FOLDER where man looks. Links into
CURRENT that the release has no page for go; without a page at all (a removal) that is each of them. What is not such a
link is another's, and stays. Runs on the host's own Python, as root; prints a line for each change.
"""

from __future__ import annotations

import os
import sys

PAGES = "share/man/man1"


def changes(release: str, current: str, folder: str) -> dict[str, str | None]:
    """What has to be done, by the name of a link: where it is to lead, or None for one that goes."""
    pages = names(f"{release}/{PAGES}") if release else []
    wanted = {name: f"{current}/{PAGES}/{name}" for name in pages if name.endswith(".1")}
    there = {name: target(f"{folder}/{name}") for name in names(folder)}
    gone = {name for name, led in there.items() if led.startswith(f"{current}/{PAGES}/") and name not in wanted}
    made = {name: led for name, led in wanted.items() if there.get(name) != led}
    return {**dict.fromkeys(sorted(gone)), **made}


def names(folder: str) -> list[str]:
    """What is in a folder; nothing in one that is not there."""
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def target(path: str) -> str:
    """Where a link leads; nowhere for what is none."""
    return os.readlink(path) if os.path.islink(path) else ""


def apply(folder: str, name: str, led: str | None) -> None:
    """Make or remove one link; an old one is replaced in one step."""
    path = f"{folder}/{name}"
    if led is None:
        os.unlink(path)
        return
    os.makedirs(folder, mode=0o755, exist_ok=True)
    new = f"{folder}/.{name}.new"
    if os.path.lexists(new):
        os.unlink(new)
    os.symlink(led, new)
    os.replace(new, path)


def main(release: str, current: str, folder: str, dry: bool) -> None:
    """Do it, or only say it."""
    for name, led in changes(release, current, folder).items():
        if not dry:
            apply(folder, name, led)
        print(f"{name}: {led or 'removed'}")


if __name__ == "__main__":
    main(*sys.argv[1:4], dry="--dry-run" in sys.argv[4:])
