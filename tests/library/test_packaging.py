"""What the distribution declares is what its code imports."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import sedna

ROOT = Path(sedna.__file__).parents[1]

# What a module is imported as, where that is not the distribution's name.
DISTRIBUTIONS = {
    "yaml": "pyyaml", "cv2": "opencv-python", "sklearn": "scikit-learn", "tensorflow": "tensorflow",
}  # fmt: skip
# Imported where it is used, with a message that names it; the user's own code brings them.
BROUGHT_BY_THE_USER = {"torch", "pandas"}


def imported(folder: Path) -> set[str]:
    found: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add(str(node.module).partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"sedna", "sedna_gm", "sedna_lc"}


def declared() -> set[str]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = text[text.index("[project]") : text.index("[project.scripts]")]
    return {name.lower() for name in re.findall(r'"([A-Za-z0-9-]+)(?:\[[a-z,]+\])?[>=]=', project)}


def test_w49m_every_package_that_is_imported_is_declared() -> None:
    wanted = imported(ROOT / "sedna") - BROUGHT_BY_THE_USER
    assert {"numpy", "httpx", "watchdog", "joblib", "fsspec"} <= wanted, "this test reads the wrong folder"
    assert {DISTRIBUTIONS.get(name, name) for name in wanted} <= declared()


def test_w49m_nothing_that_python_has_dropped_is_imported() -> None:
    assert not imported(ROOT / "sedna") & {"distutils", "imp", "pkg_resources", "six"}
