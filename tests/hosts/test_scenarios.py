"""Molecule's two scenarios differ by variables only: none is set in the one, and every one in the other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.project import ROOT

ALTERNATIVE = ROOT / "molecule" / "alternative" / "inventory" / "group_vars"
# The roles that site.yml runs; sedna_submit is told what to submit by each of its callers.
ROLES = ("sedna_common", "sedna_gm", "sedna_image", "sedna_lc")
# What says which image and what to do with it is not the site's to choose: the playbook says it for each image.
SAID_BY_PLAYBOOKS = {"sedna_image_name", "sedna_image_tag", "sedna_image_state"}


def load(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")) or {})


@pytest.fixture(scope="module")
def chosen() -> dict[str, Any]:
    """What the alternative scenario sets."""
    return {name: value for path in ALTERNATIVE.glob("*.yml") for name, value in load(path).items()}


@pytest.mark.parametrize("role", ROLES)
def test_the_alternative_scenario_changes_every_variable_of_a_role(role: str, chosen: dict[str, Any]) -> None:
    defaults = load(ROOT / "roles" / role / "defaults" / "main.yml")
    same = [
        name for name, value in defaults.items() if name not in SAID_BY_PLAYBOOKS and chosen.get(name, value) == value
    ]
    assert not same


def test_the_alternative_scenario_sets_nothing_that_no_role_knows(chosen: dict[str, Any]) -> None:
    known = {"sedna_images"}  # of the playbooks
    for role in ROLES:
        specs = load(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]
        known |= set(specs["main"]["options"] if "main" in specs else {})
        for spec in specs.values():
            known |= set(spec.get("options", {}))
    assert set(chosen) <= known


def test_the_default_scenario_sets_nothing() -> None:
    assert sorted(path.name for path in (ROOT / "molecule" / "default").iterdir()) == ["molecule.yml"]
    assert not load(ROOT / "molecule" / "default" / "molecule.yml")
