"""The check for dangerous code and dangerous dependencies finds them, and says so when it could not look."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

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
    assert "were audited" in sentence


def test_all_locked_packages_are_asked_about() -> None:
    audit = Audit(jinja2="OLD-1")
    security.audited(audit)
    assert {"flask", "gunicorn", "httpx", "pydantic", "botocore"} <= set(audit.asked)


def test_a_database_out_of_reach_is_said_and_nothing_is_taken_to_be_good() -> None:
    for run in (lambda _: ("", "ConnectionError"), Audit()):
        problems, sentence = security.audited(run)
        assert problems == []
        assert "NOTHING WAS AUDITED" in sentence
