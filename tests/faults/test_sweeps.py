"""Every named point kills once, and nothing is lost: the size for every day. `make faults` sweeps them at length."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sedna.api.splitting import in_train_part
from tests.faults.invariants import Facts, broken
from tests.faults.sweeps import WHEN_LABELLED, named, points, sweep
from tests.faults.worker_models import content_of
from tests.house.project import ROOT

ARMED = ROOT / "tests" / "faults" / "armed"
SAY = "from sedna.common.faults import reached; reached('a'); reached('b'); reached('b'); print('alive')"


# 367 s were seen on two cores that did a dozen other things.
@pytest.mark.timeout(900)
def test_whoever_dies_at_whichever_point_nothing_is_lost_and_nothing_done_twice(tmp_path: Path) -> None:
    outcome = sweep(tmp_path / "site", points(), seed=1)
    assert outcome.problems == [], outcome
    assert outcome.never == [], "a point that no sweep passes is not tested"
    assert sorted(outcome.fired) == points()


def test_services_and_library_have_points() -> None:
    assert {name.split(".")[0] for name in points()} == {"gm", "lc", "library", "file"}


def test_points_that_no_site_passes_are_swept_elsewhere_and_are_named_by_the_code() -> None:
    assert {name for name in named() if name.startswith("lc.label.")} == set(WHEN_LABELLED)
    assert sorted({*points(), *WHEN_LABELLED}) == named()


def say(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SAY], env={**os.environ, **environment}, capture_output=True, text=True, check=False,
        start_new_session=True,
    )  # fmt: skip


@pytest.mark.parametrize(("armed", "dies"), [("a", True), ("b:2", True), ("b:3", False), ("c", False)])
def test_an_armed_point_ends_the_process_at_that_passing(armed: str, dies: bool) -> None:
    done = say(SEDNA_FAULT=armed, PYTHONPATH=str(ARMED))
    assert done.returncode == (-signal.SIGKILL if dies else 0), done.stderr
    assert ("alive" in done.stdout) is not dies


def test_without_the_module_of_the_tests_the_variable_does_nothing() -> None:
    done = say(SEDNA_FAULT="a")
    assert (done.returncode, done.stdout) == (0, "alive\n"), done.stderr


def test_the_module_that_arms_is_part_of_no_wheel() -> None:
    # In a process of its own: setuptools puts its distutils into whoever imports it, which pip's finder then minds.
    ask = "import json, setuptools; print(json.dumps(setuptools.find_packages(include=['sedna*'])))"
    said = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    packages = json.loads(said)
    assert "sedna.common" in packages
    folders = [ROOT / name.replace(".", "/") for name in packages]
    assert [path for folder in folders for path in folder.glob("sedna_faults*")] == []


# --- whoever checks is checked, too

UID = "4711"
FED = 12


def learned(fed: int = FED) -> tuple[str, ...]:
    return tuple(f"{number:06}" for number in range(fed) if in_train_part(UID, number, 0.5))


def record(number: int, start: int, end: int, **changes: Any) -> dict[str, Any]:
    sha256 = hashlib.sha256(content_of(learned(end)).encode()).hexdigest()
    new = {"url": f"/out/{number}", "sha256": sha256, "round": number}
    samples = {"start": start, "end": end}
    return {
        "round": number,
        "decision": "Deployed",
        "message": "",
        "samples": samples,
        "models": {"new": new},
    } | changes


def at_rest() -> Facts:
    rounds = (record(1, 0, 6), record(2, 6, 12))
    models = {each["models"]["new"]["url"]: each["models"]["new"]["sha256"] for each in rounds}
    return Facts(
        fed=FED, seen=FED, used=FED, uid=UID, rounds=rounds, served=learned(), models=models,
        told={"round": 2, "sha256": rounds[1]["models"]["new"]["sha256"]},
        versions=frozenset(models),
        worker_names=("numbers-inference",), twice=(), half_models=(), processes=2,
    )  # fmt: skip


def test_a_site_at_rest_is_whole() -> None:
    assert broken(at_rest()) == []


def test_an_old_version_may_have_been_removed_and_must_not_be_another() -> None:
    old = dataclasses.replace(at_rest(), versions=frozenset(["/out/2"]))
    assert broken(dataclasses.replace(old, models={**old.models, "/out/1": None})) == []
    assert broken(dataclasses.replace(old, models={**old.models, "/out/1": "other"})) != []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"seen": 11}, "12 samples were written, and 11 are counted"),
        ({"used": 13}, "13 are used"),
        ({"served": learned()[1:]}, "lost samples"),
        ({"served": (*learned(), learned()[0])}, "used twice"),
        ({"rounds": (record(1, 0, 6), record(3, 6, 12))}, "repeated or skipped"),
        ({"rounds": (record(1, 0, 6), record(1, 6, 12))}, "repeated or skipped"),
        ({"rounds": (record(1, 0, 6), record(2, 5, 12))}, "begins at sample 5"),
        ({"rounds": (record(1, 0, 6), record(2, 6, 12, decision="Failed"))}, "round 2 failed"),
        ({"models": {"/out/1": None, "/out/2": None}}, "round 1's model /out/1 is None"),
        ({"told": {"round": 1, "sha256": "0"}}, "what is served is not what is told"),
        ({"worker_names": ("a", "a")}, "workers twice"),
        ({"twice": ("a runs already",)}, "a worker twice"),
        ({"half_models": ("a",)}, "half a model"),
        ({"processes": 4}, "4 processes of workers run"),
    ],
)
def test_what_is_broken_is_told(changes: dict[str, Any], sentence: str) -> None:
    assert any(sentence in told for told in broken(dataclasses.replace(at_rest(), **changes)))
