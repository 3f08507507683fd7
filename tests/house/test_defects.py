"""Each fault of the original that could be ours has a test that says it is not; each that could not, the reason why.

The ids are those of the list of the original's defects: lost state (W-01 to W-08), learning logic (W-09 to W-30e),
model files (W-50 to W-61), concurrency and growth (W-70 to W-81), security (W-100 to W-108).
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache

import pytest

from tests.house.project import ROOT

ROWS = (
    *(f"W-{number:02}" for number in range(1, 31)), "W-19b", "W-30b", "W-30c", "W-30d", "W-30e",
    *(f"W-{number}" for number in range(50, 62)), "W-53b",
    *(f"W-{number}" for number in range(70, 82)),
    *(f"W-{number}" for number in range(100, 109)),
)  # fmt: skip
NAMED_OTHERWISE: dict[str, tuple[str, ...]] = {
    "W-08": ("gm/controllers/test_lost_state.py::test_a_conflict_is_no_error_and_holds_nobody",),
    "W-77": (
        "bounded/test_rounds.py::test_a_round_more_takes_no_more_room",
        "bounded/test_retention.py::test_the_newest_rounds_of_a_job_stay",
        "bounded/test_hard_examples.py::test_the_oldest_go_until_the_rest_fits",
    ),
    "W-100": (
        "gm/http/test_guarding.py::test_no_address_answers_without_a_credential_but_those_that_must",
        "gm/http/test_guarding.py::test_a_thief_of_a_nodes_key_gets_nothing_of_another_node",
        "attacks/test_thieves.py::test_w100_the_key_of_one_node_opens_nothing_of_another_in_any_call_there_is",
    ),
    "W-101": ("lc/http/test_door.py::test_a_worker_that_reports_for_another_is_refused",),
    "W-106": ("house/test_defects.py::test_w106_nothing_is_unpickled_but_what_users_unpickle_themselves",),
    "W-107": ("attacks/test_thieves.py::test_w107_no_page_of_another_origin_is_let_in",),
    "W-108": ("attacks/test_parsers.py::test_bytes_cut_from_and_put_into_what_is_right",),
}
NO_COUNTERPART = {
    "W-60": "there is no helper image that downloads: the LocalController fetches, by every scheme that fsspec opens",
    "W-78": "there are no joint-inference services, and a watch has no words of its own for a change",
    "W-105": "there is no knowledge base, and no server that writes uploaded files by names of its callers",
}
_TEST = re.compile(r"test_((?:w\d+[a-z]?_)+)")


@cache
def existing() -> frozenset[str]:
    """Every test there is: file and name, without the class."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.add(f"{path.relative_to(ROOT / 'tests')}::{node.name}")
    return frozenset(found)


@cache
def named() -> dict[str, list[str]]:
    """The tests that carry an id in their name, by id."""
    found: dict[str, list[str]] = defaultdict(list)
    for test in sorted(existing()):
        match = _TEST.match(test.partition("::")[2])
        for word in match[1].strip("_").split("_") if match else ():
            found[re.sub(r"^W-(\d)(?!\d)", r"W-0\1", f"W-{word[1:]}")].append(test)
    return found


@pytest.mark.parametrize("row", ROWS)
def test_a_defect_of_the_original_has_a_test_of_its_name_or_a_reason_for_none(row: str) -> None:
    others = NAMED_OTHERWISE.get(row, ())
    assert [test for test in others if test not in existing()] == []
    has_test = bool(others or named().get(row))
    assert has_test != (row in NO_COUNTERPART)


def test_no_row_is_invented() -> None:
    assert {*NAMED_OTHERWISE, *NO_COUNTERPART} <= set(ROWS)


def test_w106_nothing_is_unpickled_but_what_users_unpickle_themselves() -> None:
    """The original's `FileOps` reads the user's own files so, inside the worker; no service does."""
    pickling = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
    found = set()
    for package in ("sedna", "sedna_gm", "sedna_lc"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                if pickling & {name.partition(".")[0] for name in names}:
                    found.add(str(path.relative_to(ROOT)))
    assert found == {"sedna/common/file_ops.py"}
