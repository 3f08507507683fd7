"""Writes the table of variables in each role's README.md, and `docs/roles.md` with all of them: `make references`.

What the tables say comes from `meta/argument_specs.yml`, the contract of a role; a test compares both. The text around
the table in a README.md is written by hand. Called by the Makefile and by tests/house.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
BEGIN = "<!-- Written by docs/roles_reference.py from meta/argument_specs.yml; edit that. -->"
END = "<!-- The end of what is written. -->"
PAGE = ROOT / "docs" / "roles.md"
HEAD = """\
# Roles

<!-- Written by docs/roles_reference.py from the roles' meta/argument_specs.yml; edit those. -->

What [Ansible installs](install.md), and every variable that an inventory may set for it. A host of the group `sedna_gm`
gets the role [sedna_gm](#sedna_gm), one of the group `sedna_lc` the role [sedna_lc](#sedna_lc); both refuse variables
that begin with their name and are none of theirs. The other roles are named by playbooks. `README.md` in the folder of
each role, `roles/NAME`, tells what it does, act by act; what the daemons themselves may be told, by `sedna_gm_settings`
and `sedna_lc_settings`, is in [Configuration](configuration.md).
"""
# Those that every inventory steers come first.
FIRST = ("sedna_gm", "sedna_lc")


def roles() -> list[Path]:
    """Return the folders of all roles."""
    return sorted(path.parent.parent for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"))


def readme(role: Path) -> str:
    """Return the whole README.md of a role, with the table as it ought to be."""
    text = (role / "README.md").read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{role / 'README.md'} lacks the lines that the table goes between:\n{BEGIN}\n{END}")
    return f"{before}{BEGIN}\n\n{table(role)}\n{END}{after}"


def page() -> str:
    """Return the whole page of all roles."""
    ordered = sorted(roles(), key=lambda role: (role.name not in FIRST, role.name))
    return "\n".join([HEAD, *(_section(role) for role in ordered)])


def _section(role: Path) -> str:
    contract = _contract(role)
    return f"## {role.name}\n\n{contract['short_description']}. {' '.join(_sentences(contract))}\n\n{table(role)}"


def _contract(role: Path) -> Mapping[str, Any]:
    specs = yaml.safe_load((role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    contract: Mapping[str, Any] = specs["argument_specs"]["main"]
    return contract


def table(role: Path) -> str:
    """Return the table of a role's variables, required ones first."""
    options: Mapping[str, Mapping[str, Any]] = _contract(role)["options"]
    ordered = sorted(options.items(), key=lambda item: not item[1].get("required", False))
    rows = [f"| `{name}` | {_type(option)} | {_default(option)} | {_prose(option)} |" for name, option in ordered]
    return "\n".join(["| variable | type | default | meaning |", "|---|---|---|---|", *rows, ""])


def _type(option: Mapping[str, Any]) -> str:
    if "elements" in option:
        return f"{option['type']} of {option['elements']}"
    return str(option["type"])


def _default(option: Mapping[str, Any]) -> str:
    if option.get("required", False):
        return "required"
    value = option["default"]
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if "|" in text:
        # Within backticks some readers would end the cell there, and others show what keeps the first from it.
        return f"<code>{html.escape(text, quote=False).replace('|', '&#124;')}</code>"
    return f"`{text}`" if text else ""


def _prose(option: Mapping[str, Any]) -> str:
    return " ".join(_sentences(option)).replace("|", "\\|")


def _sentences(option: Mapping[str, Any]) -> Iterator[str]:
    described = option["description"]
    for text in [described] if isinstance(described, str) else described:
        yield " ".join(text.split())
    if "choices" in option:
        yield f"One of {', '.join(f'`{choice}`' for choice in option['choices'])}."


if __name__ == "__main__":
    for each in roles():
        (each / "README.md").write_text(readme(each), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
