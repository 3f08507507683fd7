"""Writes `docs/configuration.md` from the settings' own docstrings: `python docs/settings_reference.py`.

A test in tests/house compares the page with what this would write, so the page cannot drift.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "configuration.md"
HEAD = """\
# Configuration

<!-- Written by docs/settings_reference.py from the settings' docstrings; edit those. -->

Each daemon reads one YAML file: `sedna-gm serve --config gm.yml`, `sedna-lc run --config lc.yml`; by default
`/etc/sedna/gm.yml` and `/etc/sedna/lc.yml`. An unknown key or an unusable value is an error that names file and key;
`sedna-gm check-config` and `sedna-lc check-config` look without starting anything. `sedna up` writes both files into
its folder when it is first used there.
"""
FILES = (
    ("gm.yml: the GlobalManager", ROOT / "sedna_gm" / "settings.py"),
    ("lc.yml: the LocalController", ROOT / "sedna_lc" / "settings.py"),
)


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for title, path in FILES:
        groups = {node.name: node for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)}
        rows = list(_rows("", groups["Settings"], groups))
        parts.append(f"## {title}\n\n| key | default | meaning |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _rows(prefix: str, group: ast.ClassDef, groups: dict[str, ast.ClassDef]) -> Iterator[str]:
    for field, following in zip(group.body, [*group.body[1:], None], strict=True):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        key = prefix + _camel(field.target.id)
        inner = groups.get(ast.unparse(field.annotation))
        if inner is not None:
            yield from _rows(f"{key}.", inner, groups)
        else:
            yield f"| `{key}` | {_default(field.value)} | {_prose(following)} |"
            # tuple[Group, ...]: a list in the file.
            for entry in re.findall(r"\btuple\[(\w+), \.\.\.\]", ast.unparse(field.annotation)):
                yield from _rows(f"{key}[].", groups[entry], groups)


def _camel(name: str) -> str:
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def _default(value: ast.expr | None) -> str:
    if value is None:
        return "required"
    if isinstance(value, ast.Call):
        # field(default_factory=dict): a mapping that starts empty.
        return "`{}`"
    default = eval(compile(ast.Expression(value), "settings", "eval"), {})
    if default is None or default == "":
        return ""
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _prose(statement: ast.stmt | None) -> str:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return " ".join(str(statement.value.value).split()).replace("|", "\\|")
    return ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
