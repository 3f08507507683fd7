"""`sedna why JOB`, `pause`, `resume`, `trigger`: what a person reads, and what is written for the controller."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from rich.console import Console

from sedna.cli.connecting import Parts
from sedna.cli.main import sedna
from sedna.cli.picturing import show
from tests.cli.conftest import NOW, Run
from tests.cli.fake_gm import FakeGM

JOB = "IncrementalLearningJob"
PLACE = "/apis/sedna.io/v1alpha1/namespaces/default/incrementallearningjobs/demo"
WORDS = "ValueError: the file is empty"
WHY: dict[str, Any] = {
    "kind": "Why",
    "job": "demo",
    "namespace": "default",
    "stage": "Train",
    "phase": "Waiting",
    "round": 3,
    "paused": False,
    "since": "2026-11-22T14:48:00Z",
    "summary": "Waits for samples: num_of_samples > 95 does not hold: it is 37.",
    "actions": [
        {"sentence": "Train now with the 37 new samples that there are.", "command": "sedna trigger demo train"},
        {"sentence": "Add samples."},
    ],
    "triggers": [
        {
            "stage": "Train", "holds": False, "fires": False, "earliest": "2026-11-22T19:00:00Z",
            "window": {"open": False}, "sentence": "num_of_samples > 95 does not hold: it is 37; 59 more are needed.",
        },
        {
            "stage": "Deploy", "holds": None, "fires": False, "earliest": None, "window": None,
            "sentence": "Nothing yet.",
        },
    ],
    "serving": {"round": 1, "sentence": "The model of round 1 serves on node edge-1: ann rolled back to it."},
    "gates": [{"holds": False, "sentence": "precision_delta > 0.1 does not hold: it is 0.05."}],
    "workers": [
        {
            "name": "demo-train-3", "role": "train", "node": "edge-1", "phase": "Failed", "reason": "ExitCode",
            "message": f"It ended with exit code 1: {WORDS}", "restarts": 0, "since": "2026-11-22T14:58:00Z",
            "lastWords": WORDS,
        }
    ],
    "nodes": [{"name": "edge-1", "ready": True, "why": ""}],
    "samples": {"seen": 137, "used": 100, "new": 37, "needed": 96},
    "decisions": [
        {"time": "2026-11-22T14:58:00.123456Z", "sentence": "Train of round 3 failed: no.", "type": "Warning"},
        {"time": "not a time", "sentence": "Round 2 ended.", "type": "Normal"},
    ],
}  # fmt: skip


@pytest.fixture
def job(gm: FakeGM) -> FakeGM:
    gm.put(JOB, "demo", status={"stage": "Train", "phase": "Waiting", "round": 3, "message": "Waits."})
    gm.resources[f"{PLACE}/why"] = WHY
    return gm


def test_a_pipe_reads_every_sentence_on_a_line_of_its_own_without_colour(run: Run, job: FakeGM) -> None:
    lines = run("why", "demo", color=True).stdout.splitlines()
    assert lines[0] == "demo · Train Waiting · round 3 · for 12m (since 2026-11-22T14:48:00Z)"
    assert f"  {WHY['summary']}" in lines
    assert "  [no] num_of_samples > 95 does not hold: it is 37; 59 more are needed." in lines
    assert "  [-] Nothing yet." in lines
    assert "  The model of round 1 serves on node edge-1: ann rolled back to it." in lines
    assert f"      its last words: {WORDS}" in lines
    assert "  2026-11-22T14:58:00Z  Train of round 3 failed: no." in lines
    assert "\x1b" not in "".join(lines)


def test_a_terminal_of_80_columns_shows_the_same_and_nothing_beyond_its_edge() -> None:
    page = io.StringIO()
    show(WHY, NOW, Console(file=page, width=80, force_terminal=True, color_system=None, highlight=False))
    lines = page.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(page.getvalue().split())
    for said in (WHY["summary"], "sedna trigger demo train", "37 of 96 new samples", WORDS, "Round 2 ended."):
        assert said in text
    assert "\x1b" not in page.getvalue()


@pytest.mark.parametrize(("output", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_a_program_gets_the_document(run: Run, job: FakeGM, output: str, read: Any) -> None:
    assert read(run("why", "demo", "-o", output).stdout) == WHY


def test_no_document_is_made_of_what_is_no_job(run: Run, gm: FakeGM) -> None:
    gm.put("Model", "base")
    assert run("why", "md/base", "-o", "json").exit_code == 2


@pytest.mark.parametrize(("command", "value"), [("pause", "true"), ("resume", None)])
def test_a_pause_is_the_annotation(run: Run, job: FakeGM, command: str, value: str | None) -> None:
    result = run(command, "demo")
    assert result.exit_code == 0, result.stderr
    (patch,) = job.sent("PATCH")
    assert json.loads(patch.content) == {"metadata": {"annotations": {"sedna.io/paused": value}}}


def test_pausing_twice_and_resuming_what_goes_on_says_so(run: Run, job: FakeGM) -> None:
    assert "was not paused" in run("resume", "demo").stdout
    assert "already" not in run("pause", "demo").stdout
    assert "already" in run("pause", "demo").stdout


def test_a_trigger_of_a_paused_job_says_that_it_waits(run: Run, job: FakeGM) -> None:
    run("pause", "demo")
    assert "`sedna resume demo`" in run("trigger", "demo", "deploy").stdout
    assert json.loads(job.sent("PATCH")[-1].content) == {"metadata": {"annotations": {"sedna.io/trigger": "deploy"}}}


@pytest.mark.parametrize("words", [("pause", "demo"), ("resume", "demo"), ("trigger", "demo", "train")])
def test_a_program_reads_the_job_as_it_is_then_or_its_name_and_the_sentence_beside(
    run: Run, job: FakeGM, words: tuple[str, ...]
) -> None:
    named = run(*words, "-o", "name")
    assert named.stdout == "incrementallearningjob.sedna.io/demo\n"
    assert named.stderr.startswith("incrementallearningjob.sedna.io/demo: ")
    told = run(*words, "-o", "json")
    assert json.loads(told.stdout) == yaml.safe_load(run(*words, "-o", "yaml").stdout) == job.resources[PLACE]
    assert ("sedna.io/paused" in told.stdout) == (words[0] == "pause")


class Controller:
    """Obeys at its first look and has ended the round at the second."""

    def __init__(self, gm: FakeGM, decision: str, round_: int = 4) -> None:
        self.gm, self.looks, self.round, self.decision = gm, 0, round_, decision

    def __call__(self, _seconds: float) -> None:
        self.looks += 1
        status = {"stage": "Train", "phase": "Running", "round": self.round, "message": f"Look {self.looks}."}
        self.gm.put(JOB, "demo", metadata={"annotations": {}}, status=status)
        record = {"round": self.round, "decision": self.decision, "message": "So it is."}
        self.gm.resources[f"{PLACE}/rounds"] = {"items": [record] if self.looks > 1 else []}


def triggered(gm: FakeGM, wait: Controller, *words: str) -> Result:
    parts = Parts(transport=gm.transport, now=lambda: NOW, wait=wait)
    return CliRunner().invoke(sedna, ["trigger", "demo", "--wait", *words], obj=parts)


@pytest.mark.parametrize(("decision", "code"), [("Deployed", 0), ("NotDeployed", 0), ("Failed", 1)])
def test_waiting_for_a_trigger_ends_with_its_round(job: FakeGM, decision: str, code: int) -> None:
    wait = Controller(job, decision)
    result = triggered(job, wait)
    assert result.exit_code == code
    assert f"round 4 ended: {decision}. So it is." in result.output
    assert "Look 2." in result.stderr


def test_one_document_comes_out_of_a_wait_that_is_read_by_a_program(job: FakeGM) -> None:
    result = triggered(job, Controller(job, "Deployed"), "-o", "json")
    assert json.loads(result.stdout)["status"]["message"] == "Look 2."
    assert "round 4 ended: Deployed." in result.stderr


def test_a_wish_that_somebody_takes_away_is_not_waited_for(job: FakeGM) -> None:
    result = triggered(job, Controller(job, "Deployed", round_=3))
    assert result.exit_code == 1
    assert "took the annotation" in result.stderr
