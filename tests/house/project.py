"""The project as the house rules see it: its modules, parsed once."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("sedna", "sedna_gm", "sedna_lc")


@dataclass(frozen=True)
class Module:
    """One module of ours."""

    path: Path

    @property
    def name(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def length(self) -> int:
        return self.text.count("\n")

    @property
    def docstring(self) -> str:
        return ast.get_docstring(self.tree) or ""

    @property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [node for node in ast.walk(self.tree) if isinstance(node, kinds)]

    @property
    def classes(self) -> list[ast.ClassDef]:
        return [node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef)]


@lru_cache
def modules() -> tuple[Module, ...]:
    """Every module of the three packages and of the examples."""
    folders = [ROOT / package for package in (*PACKAGES, "examples")]
    paths = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return tuple(Module(path) for path in paths if "__pycache__" not in path.parts)


def own_modules() -> tuple[Module, ...]:
    """The modules of the three packages."""
    return tuple(m for m in modules() if m.path.relative_to(ROOT).parts[0] in PACKAGES)
