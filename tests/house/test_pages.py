"""The links by which man(1) finds the manual pages of the release that a host runs, and no others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.project import ROOT

SCRIPT = ROOT / "roles" / "sedna_common" / "files" / "pages.py"


@pytest.fixture
def current(tmp_path: Path) -> Path:
    """The link to the release, which has two pages."""
    make_release(tmp_path / "releases" / "1", "sedna.1", "sedna-get.1")
    link = tmp_path / "current"
    link.symlink_to("releases/1")
    return link


def make_release(folder: Path, *pages: str) -> Path:
    pages_in = folder / "share" / "man" / "man1"
    pages_in.mkdir(parents=True)
    for page in pages:
        (pages_in / page).write_text(folder.name)
    return folder


def link(release: Path | str, current: Path, *, dry: bool = False) -> list[str]:
    """Run it as the role does; what it says it has changed."""
    words = [str(release), str(current), str(man(current)), *(["--dry-run"] if dry else [])]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.read_text(), *words], capture_output=True, text=True, check=True
    )
    return [line.split(":")[0] for line in done.stdout.splitlines()]


def man(current: Path) -> Path:
    return current.parent / "man1"


def test_every_page_is_found_by_a_link_that_outlives_the_release(current: Path) -> None:
    assert link(current.resolve(), current) == ["sedna-get.1", "sedna.1"]
    assert (man(current) / "sedna.1").readlink() == current / "share/man/man1/sedna.1"
    assert (man(current) / "sedna-get.1").read_text() == "1"


def test_a_second_time_changes_nothing(current: Path) -> None:
    link(current.resolve(), current)
    assert link(current.resolve(), current) == []


def test_a_page_that_another_release_has_not_goes(current: Path) -> None:
    link(current.resolve(), current)
    second = make_release(current.parent / "releases" / "2", "sedna.1", "sedna-why.1")
    assert link(second, current) == ["sedna-get.1", "sedna-why.1"]
    assert sorted(path.name for path in man(current).iterdir()) == ["sedna-why.1", "sedna.1"]


def test_a_removal_takes_the_links_and_nothing_that_is_anothers(current: Path) -> None:
    link(current.resolve(), current)
    (man(current) / "sedna-other.1").write_text("of another package")
    (man(current) / "sedna-else.1").symlink_to("/opt/else/sedna-else.1")
    link("", current)
    assert sorted(path.name for path in man(current).iterdir()) == ["sedna-else.1", "sedna-other.1"]


def test_a_dry_run_says_what_it_would_do_and_does_nothing(current: Path) -> None:
    assert link(current.resolve(), current, dry=True) == ["sedna-get.1", "sedna.1"]
    assert not man(current).exists()


def test_a_release_of_before_there_were_pages_has_none(current: Path, tmp_path: Path) -> None:
    link(current.resolve(), current)
    old = tmp_path / "releases" / "0"
    old.mkdir()
    link(old, current)
    assert list(man(current).iterdir()) == []
