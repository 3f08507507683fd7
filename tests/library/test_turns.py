"""Threads take short turns while anybody wants them to, and then those that the program wants."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from sedna.common.turns import short_turns

SHORT = pytest.approx(0.0005)


@pytest.fixture(autouse=True)
def before() -> Iterator[float]:
    now = sys.getswitchinterval()
    yield now
    sys.setswitchinterval(now)


def test_turns_are_short_until_the_last_who_wants_it_has_done_whoever_came_first(before: float) -> None:
    first, second = short_turns(), short_turns()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert sys.getswitchinterval() == SHORT
    second.__exit__(None, None, None)
    assert sys.getswitchinterval() == before


def test_a_program_that_sets_them_meanwhile_has_the_last_word() -> None:
    with short_turns():
        sys.setswitchinterval(0.02)
    assert sys.getswitchinterval() == pytest.approx(0.02)


def test_a_program_that_wants_shorter_ones_keeps_them() -> None:
    sys.setswitchinterval(0.0001)
    wanted = sys.getswitchinterval()
    with short_turns():
        assert sys.getswitchinterval() == wanted
    assert sys.getswitchinterval() == wanted


def test_an_error_inside_ends_them_too(before: float) -> None:
    with pytest.raises(ValueError, match="oh"), short_turns():
        raise ValueError("oh")
    assert sys.getswitchinterval() == before


# The script runs in a process of its own, where nobody has imported httpx yet.
NOTES_TURNS = """
import sys

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "httpx":
            print(sys.getswitchinterval())

sys.meta_path.insert(0, Finder())
from sedna.service.client import RequestError, http_request
print(sys.getswitchinterval())
try:
    http_request("http://127.0.0.1:9/", timeout=0.01, tries=1)
except RequestError:
    print(sys.getswitchinterval())
"""


def test_a_script_that_reports_has_short_turns_while_its_reporter_imports_the_client_and_then_its_own() -> None:
    told = subprocess.run([sys.executable, "-c", NOTES_TURNS], capture_output=True, text=True, check=True)
    own, importing, after = map(float, told.stdout.split())
    assert (own, after) == (sys.getswitchinterval(), own)
    assert importing == SHORT
