"""Deciding modules take values and give values: they import nothing with which they could do more."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import sedna_gm

ROOT = Path(sedna_gm.__file__).parent
PURE = [
    *sorted(
        path for path in (ROOT / "controllers" / "incremental_learning").glob("*.py") if path.stem != "controlling"
    ),
    *sorted((ROOT / "controllers" / "incremental_learning" / "explaining").glob("*.py")),
    ROOT / "controllers" / "nodes" / "deciding.py",
    ROOT / "controllers" / "decisions.py",
    ROOT / "controllers" / "delays.py",
    ROOT / "controllers" / "entries.py",
    ROOT / "controllers" / "fleet.py",
    *sorted((ROOT / "placing").glob("*.py")),
]
STANDARD = {
    "__future__",
    "bisect",
    "collections",
    "collections.abc",
    "copy",
    "dataclasses",
    "datetime",
    "hashlib",
    "itertools",
    "json",
    "math",
    "typing",
    "zoneinfo",
}
OURS = (
    "sedna.api.",
    "sedna_gm.placing",
    "sedna_gm.controllers.incremental_learning",
    "sedna_gm.controllers.decisions",
    "sedna_gm.controllers.delays",
    "sedna_gm.controllers.entries",
    "sedna_gm.controllers.fleet",
)
# Keys are plain values; nothing else of the store is allowed.
VALUES = {("sedna_gm.store.interface", "Key")}


@pytest.mark.parametrize("path", PURE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_deciding_module_cannot_do_anything_but_decide(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert {alias.name for alias in node.names} <= STANDARD
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            names = {(module, alias.name) for alias in node.names}
            assert module in STANDARD or f"{module}.".startswith(OURS) or names <= VALUES, module
            assert "controlling" not in module
        elif isinstance(node, ast.Attribute):
            assert node.attr not in ("now", "utcnow", "today") or not (
                isinstance(node.value, ast.Name) and node.value.id in ("datetime", "date")
            ), "a deciding module reads no clock"
