"""Looks for what is known to be dangerous: `make check` runs it.

`bandit` over our own code, and `pip-audit` over what the lock files install. Nothing is skipped as a whole: what bandit
finds and is meant so is named below, with the reason; everything else fails. The advisories lie on the network; where
they cannot be reached at all, that is said, and nothing is taken to be good; an answer that fails once they were
reached is a problem like any other.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
# The roles' Python runs on hosts as root, on the hosts' own interpreter and its standard library alone: no lock file
# names what it uses.
CODE = ("sedna", "sedna_gm", "sedna_lc", "roles")
# The last is for those who build and test: what is wrong there comes into the wheels, and onto their machines.
LOCKS = ("requirements.lock", "requirements-hosts.lock", "requirements-dev.lock")
# Known to be vulnerable since 2019: a database that does not know this is none.
PROBE = "jinja2==2.10"
_SECONDS = 300


@dataclass(frozen=True)
class Accepted:
    """A finding that is meant: of this rule, in a line with these words, in these files (none: in any)."""

    rule: str
    words: str
    reason: str
    files: tuple[str, ...] = ()

    def covers(self, finding: Mapping[str, Any]) -> bool:
        """Whether it is this one."""
        in_files = not self.files or finding["filename"] in self.files
        return finding["test_id"] == self.rule and in_files and self.words in finding["code"]


_ASKING_SYSTEMD = ("roles/sedna_common/files/process.py",)
# What starts programs: pip, workers, journalctl, systemctl, who makes small pictures, and the services of `sedna up`.
_STARTERS = (
    "sedna/bundles/downloading.py", "sedna/cli/up/children.py", "sedna/images/building.py",
    "sedna/images/compiling.py", "sedna/images/installing.py",
    "sedna_lc/runners/systemd/journal.py", "sedna_lc/labelling/picturing.py", *_ASKING_SYSTEMD,
)  # fmt: skip
_SUPERVISING = ("sedna_lc/runners/shim.py",)
_ADOPTING = ("sedna_gm/store/sql/adopting.py",)
_FILE_OPS = ("sedna/common/file_ops.py",)
_JOINING = ("sedna_lc/gm/joining.py", "sedna_lc/gm/keys.py")
ACCEPTED = (
    Accepted("B101", "noqa: S101", "tells the type checker what the lines before it ensure"),
    Accepted("B104", "0.0.0", "compares with it to tell people a better address", ("sedna/cli/up/configs.py",)),
    Accepted("B105", "noqa: S105", "a name, not a secret"),
    Accepted("B105", 'token = ""', "what nobody can show opens nothing", ("sedna_lc/http/metrics.py",)),
    Accepted("B107", 'join_token: str = ""', "no join token; one comes from a file", _JOINING),
    Accepted("B108", "noqa: S108", "names folders of the kernel's to judge others, and uses none"),
    Accepted("B301", "noqa: S301", "the original's FileOps; runs in the worker, for the user's own files", _FILE_OPS),
    Accepted("B403", "import pickle", "the original's FileOps, see above", _FILE_OPS),
    Accepted("B311", "noqa: S311", "spreads load or picks samples, and guards nothing"),
    Accepted("B608", "noqa: S608", "names of tables of our own schema, which cannot be bound", _ADOPTING),
    Accepted("B404", "import subprocess", "a controller of processes starts processes", _STARTERS),
    Accepted("B603", "subprocess.", "arguments are lists, no shell reads them", _STARTERS),
    Accepted("B606", "noqa: S606", "a worker is started without a shell, which is what this rule asks", _SUPERVISING),
    Accepted("B607", '["systemctl", "show"', "found by root's own PATH, as by each task of the role", _ASKING_SYSTEMD),
)
ADVISORIES: Mapping[str, str] = {}
"""Advisories that do not concern us: id, and why."""

Run = Callable[[list[str]], tuple[str, str]]


def unexpected(findings: Iterable[Mapping[str, Any]], accepted: Iterable[Accepted] = ACCEPTED) -> list[str]:
    """What is not accepted, and what is accepted but not there any more: a sentence each."""
    waiting, problems = list(accepted), []
    used: set[Accepted] = set()
    for finding in findings:
        covering = [each for each in waiting if each.covers(finding)]
        used.update(covering)
        if not covering:
            where = f"{finding['filename']}:{finding['line_number']}"
            problems.append(f"{where}: {finding['test_id']} {finding['issue_text']}")
    problems += [f"Nothing is found any more for {each.rule} ({each.reason})." for each in waiting if each not in used]
    return problems


def audited(run: Run) -> tuple[list[str], str]:
    """Advisories about what the lock files install, and a sentence about what was looked at."""
    try:
        reached = bool(_vulnerable(_answer(run, [PROBE])))
    except _Unread:
        reached = False
    if not reached:
        return [], "pip-audit: the advisory database cannot be reached from here: NOTHING WAS AUDITED."
    problems, done = [], []
    for lock in LOCKS:
        try:
            answers = [_answer(run, part) for part in _parts(lock)]
            told = [each for answer in answers for each in (*_vulnerable(answer), *_unknown(answer))]
            problems += [f"{lock}: {each}" for each in told]
            done.append(lock)
        except _Unread as unread:
            problems.append(f"{lock}: was not audited, although the advisory database was reached before: {unread}")
    return problems, f"pip-audit: {', '.join(done) or 'none of the lock files'} audited."


class _Unread(Exception):
    """pip-audit said nothing that can be read; the message is what it said instead."""


def _parts(lock: str) -> list[list[str]]:
    """The pins of a lock file; each part names a package once, because pip-audit takes no two versions of one."""
    parts: list[dict[str, str]] = []
    for line in (ROOT / lock).read_text().splitlines():
        pin = line.split(" ")[0].split(";")[0]
        name, equals, _ = pin.partition("==")
        if not equals or not pin[0].isalnum():
            continue
        part = next((each for each in parts if name not in each), None)
        if part is None:
            parts.append(part := {})
        part[name] = pin
    return [list(part.values()) for part in parts]


def _answer(run: Run, pins: Iterable[str]) -> list[dict[str, Any]]:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(pins))
        file.flush()
        output, errors = run(
            ["pip_audit", "-r", file.name, "--disable-pip", "--no-deps", "-f", "json", "--progress-spinner", "off"]
        )
    try:
        return list(json.loads(output)["dependencies"])
    except (ValueError, KeyError, TypeError):
        raise _Unread((errors or output).strip().rpartition("\n")[2] or "pip-audit said nothing") from None


def _vulnerable(answer: Iterable[Mapping[str, Any]]) -> list[str]:
    return [
        f"{dependency['name']} {dependency['version']}: {found['id']}, mended in {', '.join(found['fix_versions'])}"
        for dependency in answer
        for found in dependency.get("vulns", ())
        if found["id"] not in ADVISORIES
    ]


def _unknown(answer: Iterable[Mapping[str, Any]]) -> list[str]:
    """What the database did not know, or not just then: as good as not asked."""
    return [f"{each['name']} was not audited: {each['skip_reason']}" for each in answer if "skip_reason" in each]


def _run(module: list[str]) -> tuple[str, str]:
    try:
        done = subprocess.run(
            [sys.executable, "-m", *module], cwd=ROOT, capture_output=True, text=True, check=False, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        return "", f"{module[0]} has not ended within {_SECONDS} s"
    return done.stdout, done.stderr


def main() -> int:
    """Say what was found."""
    output, errors = _run(["bandit", "-q", "-r", *CODE, "-f", "json"])
    try:
        report = json.loads(output)
    except ValueError:
        sys.stderr.write(f"bandit said nothing that can be read: {errors}\n")
        return 1
    problems = unexpected(report["results"]) + [f"bandit: {each}" for each in report["errors"]]
    advisories, sentence = audited(_run)
    for problem in problems + advisories:
        sys.stderr.write(f"{problem}\n")
    sys.stdout.write(f"bandit: {len(report['results'])} findings, {len(problems)} of them unexpected.\n{sentence}\n")
    return 1 if problems or advisories else 0


if __name__ == "__main__":
    sys.exit(main())
