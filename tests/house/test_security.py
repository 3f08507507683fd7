"""The check for dangerous code and dangerous dependencies finds them, and says so when it could not look."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.house.project import ROOT

_SPEC = importlib.util.spec_from_file_location("sedna_ci_security", ROOT / ".ci" / "security.py")
assert _SPEC is not None
assert _SPEC.loader is not None
security: Any = importlib.util.module_from_spec(_SPEC)
# Dataclasses look their module up.
sys.modules[_SPEC.name] = security
_SPEC.loader.exec_module(security)


def finding(
    rule: str = "B602", code: str = "subprocess.run(text, shell=True)", file: str = "sedna/x.py"
) -> dict[str, Any]:
    return {"test_id": rule, "code": code, "filename": file, "line_number": 7, "issue_text": "A shell reads it."}


class Audit:
    """pip-audit as far as it is asked: each package with what it knows of it."""

    def __init__(self, **known: str) -> None:
        self.known = known
        self.asked: list[str] = []

    def __call__(self, arguments: list[str]) -> tuple[str, str]:
        pins = [line.partition("==") for line in Path(arguments[2]).read_text().split()]
        self.asked += [name for name, _, _ in pins]
        vulns = {name: [{"id": id_, "fix_versions": ["9"]}] for name, id_ in self.known.items()}
        found = [{"name": name, "version": version, "vulns": vulns.get(name, [])} for name, _, version in pins]
        return json.dumps({"dependencies": found}), ""


def test_dangerous_code_is_told() -> None:
    (told,) = security.unexpected([finding()], ())
    assert told == "sedna/x.py:7: B602 A shell reads it."


def test_a_reason_covers_its_own_file_only() -> None:
    accepted = security.Accepted("B602", "subprocess", "tried", ("sedna/x.py",))
    assert security.unexpected([finding()], (accepted,)) == []
    assert len(security.unexpected([finding(), finding(file="sedna/y.py")], (accepted,))) == 1


def test_a_reason_without_a_finding_is_told() -> None:
    assert security.unexpected([], (security.Accepted("B602", "", "old"),)) == [
        "Nothing is found any more for B602 (old)."
    ]


def test_nothing_is_accepted_as_a_whole() -> None:
    assert all(each.words and each.reason for each in security.ACCEPTED)


def test_an_advisory_about_a_locked_package_is_told() -> None:
    problems, sentence = security.audited(Audit(jinja2="OLD-1", flask="NEW-1"))
    assert any("flask" in problem and "NEW-1, mended in 9" in problem for problem in problems)
    assert sentence == "pip-audit: requirements.lock, requirements-hosts.lock, requirements-dev.lock audited."


def test_all_locked_packages_are_asked_about() -> None:
    audit = Audit(jinja2="OLD-1")
    security.audited(audit)
    assert {"flask", "gunicorn", "httpx", "pydantic", "botocore", "hypothesis", "mypy"} <= set(audit.asked)


def test_two_versions_of_one_package_are_asked_about_one_after_the_other() -> None:
    """pip-audit refuses a file that names both; lock files have one for each Python."""
    times: list[int] = []

    class Strict(Audit):
        def __call__(self, arguments: list[str]) -> tuple[str, str]:
            names = [line.partition("==")[0] for line in Path(arguments[2]).read_text().split()]
            assert len(names) == len(set(names))
            times.append(names.count("atheris"))
            return super().__call__(arguments)

    problems, _ = security.audited(Strict(jinja2="OLD-1"))
    assert [problem for problem in problems if "jinja2" not in problem.lower()] == []
    assert sum(times) == (ROOT / "requirements-dev.lock").read_text().count("\natheris==") > 1


@pytest.mark.parametrize("answer", ["", "{", "[]", "{}"])
def test_an_answer_that_cannot_be_read_after_a_good_one_is_a_problem(answer: str) -> None:
    audit = Audit(jinja2="OLD-1")

    def cut(arguments: list[str]) -> tuple[str, str]:
        if not audit.asked:
            return audit(arguments)
        return answer, "a first line\npip_audit has not ended within 300 s\n"

    problems, sentence = security.audited(cut)
    assert [problem.partition(":")[0] for problem in problems] == list(security.LOCKS)
    assert all("was not audited" in each and each.endswith("has not ended within 300 s") for each in problems)
    assert sentence == "pip-audit: none of the lock files audited."


def test_a_package_that_the_database_does_not_know_is_told() -> None:
    class Forgetful(Audit):
        def __call__(self, arguments: list[str]) -> tuple[str, str]:
            output, _ = super().__call__(arguments)
            answer = json.loads(output)
            unknown = {"name": "flask", "skip_reason": "not found"}
            answer["dependencies"] = [unknown if each["name"] == "flask" else each for each in answer["dependencies"]]
            return json.dumps(answer), ""

    problems, _ = security.audited(Forgetful(jinja2="OLD-1"))
    assert "requirements.lock: flask was not audited: not found" in problems


def test_what_runs_on_hosts_as_root_is_looked_at() -> None:
    assert list((ROOT / "roles").rglob("*.py"))
    assert "roles" in security.CODE


def test_a_registry_that_knows_no_package_is_no_database() -> None:
    def mirror(_: list[str]) -> tuple[str, str]:
        return json.dumps({"dependencies": [{"name": "jinja2", "skip_reason": "not found"}]}), ""

    problems, sentence = security.audited(mirror)
    assert problems == []
    assert "NOTHING WAS AUDITED" in sentence


def test_a_database_out_of_reach_is_said_and_nothing_is_taken_to_be_good() -> None:
    for run in (lambda _: ("", "ConnectionError"), Audit()):
        problems, sentence = security.audited(run)
        assert problems == []
        assert "NOTHING WAS AUDITED" in sentence
