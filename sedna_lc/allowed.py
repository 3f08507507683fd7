"""Which paths of a host manifests may name: what `hostPaths` in lc.yml opens. The I/O is looking where links lead.

The allow-list of the operator, asked before any path of a manifest is used: volumes, outputDir and models by
`sedna_lc.preparing`, datasets by `sedna_lc.datasets.tailing`, what is sent to other nodes by `sedna_lc.artifacts`. This
program is root and would otherwise read and make for a manifest's writer what the writer may not. `sedna_lc.guarded`
stays on top: it forbids also what a rule opens.
"""

from __future__ import annotations

import posixpath
from pathlib import Path

from sedna_lc.guarded import real_path
from sedna_lc.places import Places
from sedna_lc.settings import PathRule


def outside(path: Path, places: Places, *, written: bool = False) -> str | None:
    """Return why a manifest may not name a path, or (`written`) have it made or written to; None when it may."""
    if strange := [character for character in str(path) if character < " " or character == "\x7f"]:
        return f"{str(path)!r} holds {strange[0]!r}, and a path holds no control characters"
    real = real_path(path)
    rule = _nearest(real, places.host_paths)
    where = str(path) if real == path else f"{path} (which is {real})"
    if rule is None:
        known = ", ".join(f"{one.name} ({posixpath.normpath(one.path)})" for one in places.host_paths) or "none"
        return (
            f"{where} lies in no folder that hostPaths in lc.yml opens to manifests; its rules are {known}: name a "
            "path in one of these folders, or add a rule for it on this host"
        )
    if written and rule.read_only:
        return f"{where} is open for reading only, by the rule {rule.name} ({rule.path}) of hostPaths in lc.yml"
    return None


def leads_outside(descriptor: int, places: Places) -> str | None:
    """Return why an open file may not be read for a manifest; judged by where its links have really led."""
    path = Path(f"/proc/self/fd/{descriptor}").readlink()
    return outside(path, places)


def is_ours(path: Path, folder: Path) -> bool:
    """Tell whether a path lies in a folder of this program's own, which holds what came in by the rules before."""
    return real_path(path).is_relative_to(real_path(folder))


def _nearest(real: Path, rules: tuple[PathRule, ...]) -> PathRule | None:
    """The rule for the nearest folder; a rule's own path may be a link, as where a disk was moved."""
    holding = [(real_path(Path(rule.path)), rule) for rule in rules]
    inside = [(len(folder.parts), rule) for folder, rule in holding if real.is_relative_to(folder)]
    return max(inside, key=lambda one: one[0])[1] if inside else None
