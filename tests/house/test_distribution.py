"""What is published: bounds, lock files, entry points, and no trace of anybody's workplace."""

from __future__ import annotations

import re
import subprocess
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.project import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock")


def declared() -> list[Requirement]:
    return [Requirement(text) for text in metadata.requires("sedna-metal") or []]


def pins(lock: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", (ROOT / lock).read_text(), re.M):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def of_users() -> list[Requirement]:
    """What is installed beside other people's programs; tools stand alone (`ansible`, `dev`)."""
    return [one for one in declared() if not re.search(r'extra == "(ansible|dev)"', str(one.marker))]


@pytest.mark.parametrize("requirement", of_users(), ids=lambda requirement: requirement.name)
def test_a_requirement_has_a_lower_bound_and_no_other(requirement: Requirement) -> None:
    """A library that caps its requirements makes its users wait for it; the lock files pin what we tested."""
    assert {specifier.operator for specifier in requirement.specifier} == {">="}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_index_and_hashes_everything(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "--index-url" not in text
    blocks = re.findall(r"^[A-Za-z0-9][^\n]*==[^\n]*\\\n(?:    --hash=sha256:[0-9a-f]{64}[^\n]*\n)+", text, re.M)
    assert len(blocks) == len(re.findall(r"^[A-Za-z0-9][^\n]*==", text, re.M))


def test_what_the_demo_installs_is_what_is_tested() -> None:
    demo, dev = pins("requirements.lock"), pins("requirements-dev.lock")
    assert {name: versions for name, versions in demo.items() if dev.get(name) != versions} == {}


@pytest.mark.parametrize("requirement", declared(), ids=lambda requirement: requirement.name)
def test_the_locks_fit_what_pyproject_asks_for(requirement: Requirement) -> None:
    """`make lock` writes them anew after a bound was raised."""
    for version in pins("requirements-dev.lock").get(canonicalize_name(requirement.name), set()):
        assert requirement.specifier.contains(version)


def test_the_commands_are_there() -> None:
    scripts = {
        point.name for point in metadata.entry_points(group="console_scripts") if point.value.startswith("sedna")
    }
    assert scripts == {"sedna", "sedna-gm", "sedna-lc"}


def test_ci_and_set_up_can_be_started() -> None:
    for script in (".ci/run", ".ci/set-up"):
        assert (ROOT / script).stat().st_mode & 0o111, script
        subprocess.run(["bash", "-n", str(ROOT / script)], check=True)


def test_what_a_stranger_looks_for_first_is_there() -> None:
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Makefile", "docs/index.md"):
        assert (ROOT / name).read_text().strip(), name
    assert "Apache License" in (ROOT / "LICENSE").read_text()
