"""The house: every module says why it exists, none is crowded, and none is a drawer for everything."""

from __future__ import annotations

import ast
import re
import statistics

from tests.house.project import ROOT, modules, own_modules

LONGEST_MODULE, MEDIAN_MODULE = 500, 150
LONGEST_FUNCTION, MEDIAN_FUNCTION = 60, 10
NAMED = re.compile(r"`((?:sedna|sedna_gm|sedna_lc)(?:\.[A-Za-z_]\w*)+)`")
DRAWERS = {"utils", "util", "helpers", "helper", "misc", "common_utils", "tools", "stuff"}

# The original's own import path, which its users' scripts name.
ORIGINALS = {"sedna.common.utils"}


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def test_a_module_says_why_it_exists() -> None:
    assert [m.name for m in modules() if m.text.strip() and not m.docstring] == []


def test_no_module_is_crowded() -> None:
    assert {m.name: m.length for m in modules() if m.length > LONGEST_MODULE} == {}


def test_no_function_is_crowded() -> None:
    long = {f"{m.name}.{f.name}": lines_of(f) for m in modules() for f in m.functions if lines_of(f) > LONGEST_FUNCTION}
    assert long == {}


def test_no_module_is_a_drawer() -> None:
    assert [m.name for m in modules() if m.name not in ORIGINALS and set(m.name.split(".")) & DRAWERS] == []


def test_modules_named_in_a_docstring_are_there() -> None:
    """A neighbour that was renamed must be renamed in the prose too."""
    named = [(m.name, name) for m in modules() for name in NAMED.findall(m.docstring)]
    assert [(where, name) for where, name in named if not _resolves(name)] == []


def _resolves(dotted: str) -> bool:
    """Whether a name is a module, or something that a module's text defines; nothing is imported to find out."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:length])
        module = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if module.is_file():
            rest = parts[length:]
            text = module.read_text(encoding="utf-8")
            return all(
                re.search(rf"\b(class|def|import) .*\b{name}\b|^\s*{name}\b\s*[:=]", text, re.M) for name in rest
            )
    return False


def test_the_typical_room_is_small() -> None:
    lengths = [module.length for module in own_modules() if module.text.strip()]
    functions = [lines_of(f) for module in own_modules() for f in module.functions]
    assert statistics.median(lengths) <= MEDIAN_MODULE
    assert statistics.median(functions) <= MEDIAN_FUNCTION
