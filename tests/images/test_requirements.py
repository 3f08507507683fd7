"""What makes two environments the same, and what cannot be part of one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.images.records import ImageProblem
from sedna.images.requirements import wanted_of

LIBRARY = ("numpy>=1.26", "pyyaml>=6.0", 'flask>=3.1; extra == "gm"')
NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9]{1,8}(>=[0-9])?", fullmatch=True), max_size=5)


def test_the_librarys_needs_come_along_without_its_extras() -> None:
    wanted = wanted_of("keras\n", LIBRARY)
    assert wanted.requirements == ("numpy>=1.26", "pyyaml>=6.0", "keras")


def test_the_library_itself_is_not_asked_of_an_index() -> None:
    assert wanted_of("Sedna_Metal[lc]>=1\nsedna-metal-extras\n", ()).requirements == ("sedna-metal-extras",)


@given(NAMES)
def test_comments_blank_lines_and_continuations_do_not_count(names: list[str]) -> None:
    plain = wanted_of("\n".join(names), LIBRARY)
    dressed = wanted_of("".join(f"# why\n\n  {name}   # because\n" for name in names), LIBRARY)
    folded = wanted_of("".join(f"{name} \\\n\n" for name in names), LIBRARY)
    assert plain == dressed == folded
    assert plain.environment("3.11") == dressed.environment("3.11")


@given(NAMES, NAMES)
def test_other_requirements_are_another_environment(some: list[str], others: list[str]) -> None:
    first, second = wanted_of("\n".join(some), LIBRARY), wanted_of("\n".join(others), LIBRARY)
    assert (first.environment("3.11") == second.environment("3.11")) == (first == second)


def test_another_python_is_another_environment() -> None:
    wanted = wanted_of("keras", LIBRARY)
    assert wanted.environment("3.11") != wanted.environment("3.12")


def test_the_way_metadata_is_written_does_not_count() -> None:
    assert wanted_of("", ("numpy >= 1.26", "httpx")) == wanted_of("", ("httpx", "numpy>=1.26"))


def test_places_in_the_network_are_kept_for_those_who_have_one() -> None:
    wanted = wanted_of("--extra-index-url https://example.org/cpu\ntorch\n", ())
    assert wanted.text() == "--extra-index-url https://example.org/cpu\ntorch\n"
    assert wanted.text(offline=True) == "torch\n"
    assert wanted.digest != wanted_of("torch\n", ()).digest


@pytest.mark.parametrize("line", ["-r more.txt", "-e .", "./wheels/mine.whl", "-c constraints.txt", "/srv/a.whl"])
def test_a_line_that_leads_to_another_file_is_refused(line: str) -> None:
    with pytest.raises(ImageProblem, match="another file"):
        wanted_of(f"keras\n{line}\n", ())
