"""A job that keeps failing says what a person must do, gives up in the end, and goes on when somebody asks."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.controllers.incremental_learning import advising, giving_up
from sedna_gm.controllers.incremental_learning.settings import Settings as JobSettings
from sedna_gm.controllers.supervising import Settings
from sedna_gm.store.interface import Key
from tests.gm.controllers.test_failing import begun
from tests.gm.controllers.world import JOB, World

NAMES = {"worker": "helmets-train-3", "job": "helmets", "dataset": "samples"}


def failing(reason: str, world: World, round_: int) -> None:
    world.report(f"helmets-train-{round_}", phase="Failed", reason=reason, message="it went wrong")
    world.settle()


def fail_rounds(world: World, reason: str, rounds: range) -> None:
    """Each as soon as it may begin."""
    for round_ in rounds:
        for _ in range(200):
            if world.has_worker(f"helmets-train-{round_}"):
                break
            world.advance(20)
        failing(reason, world, round_)


def given_up(limit: int = 3, reason: str = "OutOfMemory") -> World:
    world = begun(Settings(jobs=JobSettings(gives_up_after=limit)))
    fail_rounds(world, reason, range(1, limit + 1))
    return world


@pytest.mark.parametrize("reason", sorted(advising.ADVICE))
def test_every_advice_is_a_whole_sentence_with_names_that_are_known(reason: str) -> None:
    fields = {name for _, name, _, _ in string.Formatter().parse(advising.ADVICE[reason]) if name}
    assert fields <= set(NAMES)
    sentence = advising.advice(reason, **NAMES)
    assert sentence[0].isupper()
    assert sentence.endswith((".", "?"))


@given(st.text())
def test_there_is_advice_for_any_reason(reason: str) -> None:
    told = advising.advice(reason, **NAMES)
    assert told
    if reason not in advising.ADVICE:
        assert told == "Read `sedna logs helmets-train-3` and `sedna describe job helmets`."


def test_whatever_is_an_accident_has_advice_too() -> None:
    """`Stopped` ends no round as a failure."""
    assert giving_up.ACCIDENTS - {"Stopped"} <= set(advising.ADVICE)


def test_the_third_failed_round_in_a_row_says_what_to_do() -> None:
    world = begun()
    told = []
    for round_ in (1, 2, 3):
        fail_rounds(world, "OutOfMemory", range(round_, round_ + 1))
        told.append("Raise `limits.memory`" in world.status()["message"])
    assert told == [False, False, True]
    assert world.status()["message"].endswith(
        "after 3 failed rounds. Train of round 3 failed: worker helmets-train-3 on node edge-node: it went wrong. "
        "Raise `limits.memory` of the stage's container, or have the program need less."
    )


@pytest.mark.parametrize("rounds", [1, 2])
def test_who_wants_advice_earlier_gets_it_earlier(rounds: int) -> None:
    world = begun(Settings(jobs=JobSettings(advises_after=rounds)))
    fail_rounds(world, "OutOfMemory", range(1, rounds + 1))
    assert "Raise `limits.memory`" in world.status()["message"]


def test_a_reason_that_nobody_knows_points_to_log_and_description() -> None:
    world = begun()
    fail_rounds(world, "Gremlins", range(1, 4))
    assert world.status()["message"].endswith("Read `sedna logs helmets-train-3` and `sedna describe job helmets`.")


def test_after_ten_failed_rounds_the_job_gives_up_and_says_how_to_go_on() -> None:
    world = given_up(JobSettings().gives_up_after)
    assert world.at() == ("Train", "Failed")
    assert world.status()["message"] == (
        "GaveUp: no further round begins after 10 failed rounds in a row. "
        "Train of round 10 failed: worker helmets-train-10 on node edge-node: it went wrong. "
        "Raise `limits.memory` of the stage's container, or have the program need less. "
        "Then edit the job, or `sedna trigger helmets train` (by kubectl: "
        "`kubectl annotate ilj helmets sedna.io/trigger=train`), and it goes on; "
        "what serves goes on serving, and samples are counted."
    )
    message = world.status()["message"]
    world.advance(7200)
    assert world.status()["message"] == message
    assert [(each["type"], each["count"]) for each in world.events() if each["reason"] == "GaveUp"] == [("Warning", 1)]
    assert world.status()["conditions"][-1]["reason"] == "GaveUp"
    assert [record["decision"] for record in world.history()] == ["Failed"] * 10
    assert "helmets-train-10" in world.workers(), "its log is what is to be read"


def test_a_job_that_has_given_up_serves_on_counts_on_and_loses_no_sample() -> None:
    world = given_up()
    world.samples(500)
    world.advance(4000)
    assert world.status()["samples"] == {"seen": 500, "used": 0, "new": 500}
    assert world.status()["round"] == 3
    assert world.status()["serving"]["phase"] == "Running"
    world.report("helmets-inference", phase="Failed", reason="ExitCode", message="It ended.", exitCode=1)
    world.settle()
    world.advance(60)
    world.let_all_go()
    world.settle()
    assert world.status()["serving"]["phase"] == "Pending"
    world.serves()
    assert world.status()["serving"]["phase"] == "Running"
    assert world.at() == ("Train", "Failed")


def test_a_restart_of_the_globalmanager_does_not_have_it_try_again() -> None:
    world = given_up()
    world.restart()
    world.advance(4000)
    assert world.at() == ("Train", "Failed")
    assert not world.has_worker("helmets-train-4")


def repair(job: dict[str, Any]) -> None:
    job["spec"]["trainSpec"]["template"]["spec"]["containers"][0]["args"] = ["train.py", "--small"]


@pytest.mark.parametrize("by", ["hand", "edit"])
def test_somebody_who_asks_has_it_go_on_with_all_samples_and_the_count_at_zero(by: str) -> None:
    world = given_up()
    world.samples(80)
    world.settle()
    if by == "hand":
        world.annotate("train")
    else:
        world.edit(Key(JOB, "default", "helmets"), repair)
    world.settle()
    taken = world.worker("helmets-train-4")["spec"]["samples"][0]
    assert (taken["start"], taken["end"]) == (0, 80)
    assert (world.status()["failures"], world.status()["chargedFailures"]) == (0, 0)
    assert "gaveUpAt" not in world.status()
    fail_rounds(world, "OutOfMemory", range(4, 6))
    assert world.at() == ("Train", "Waiting"), "it has three attempts again"
    fail_rounds(world, "OutOfMemory", range(6, 7))
    assert "gaveUpAt" in world.status()


def test_a_larger_limit_has_it_go_on_and_says_so() -> None:
    world = given_up(3)
    world.settings = Settings(jobs=JobSettings(gives_up_after=5))
    world.restart()
    world.advance(600)
    assert world.has_worker("helmets-train-4")
    assert "The job, which had given up, goes on: `failures.giveUpAfter` in gm.yml is 5 now." in [
        each["message"] for each in world.status()["conditions"]
    ]


def test_a_wish_that_cannot_be_granted_does_not_have_it_go_on() -> None:
    world = given_up()
    world.annotate("eval")
    world.advance(1000)
    assert world.at() == ("Train", "Failed")


def test_a_success_in_between_sets_the_count_back() -> None:
    world = begun(Settings(jobs=JobSettings(gives_up_after=3)))
    fail_rounds(world, "OutOfMemory", range(1, 3))
    world.advance(60)
    world.round_to_deploy(3)
    world.serves()
    assert (world.status()["failures"], world.status()["chargedFailures"]) == (0, 0)


@pytest.mark.parametrize("reason", sorted(giving_up.ACCIDENTS))
def test_accidents_never_have_it_give_up(reason: str) -> None:
    world = begun(Settings(jobs=JobSettings(gives_up_after=2)))
    fail_rounds(world, reason, range(1, 6))
    world.advance(1000)
    assert world.has_worker("helmets-train-6")
    assert world.status()["chargedFailures"] == 0


def test_a_deadline_that_passes_while_the_node_cannot_be_heard_is_not_charged() -> None:
    world = begun(Settings(jobs=JobSettings(gives_up_after=1)))
    world.report("helmets-train-1", phase="Running")
    world.settle()
    world.advance(24 * 3600 + 200, beat=False)
    assert world.history()[0]["reason"] == "DeadlineExceeded"
    assert world.status()["failures"] == 1
    assert "gaveUpAt" not in world.status()


def test_a_failure_between_accidents_still_counts() -> None:
    world = begun(Settings(jobs=JobSettings(gives_up_after=2)))
    for round_, reason in enumerate(("OutOfMemory", "UnitVanished", "OutOfMemory"), start=1):
        fail_rounds(world, reason, range(round_, round_ + 1))
    assert world.at() == ("Train", "Failed")
