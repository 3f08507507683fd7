"""What `…/why` answers: never an error, never another thing than what the controller decides."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sedna.api.times import parse_time
from sedna_gm.controllers.incremental_learning.deciding import decide
from sedna_gm.controllers.incremental_learning.explaining.answering import why
from sedna_gm.controllers.looking import look_into
from sedna_gm.store.interface import Key
from tests.gm.controllers.world import JOB, World, job_manifest, template

HELMETS = Key(JOB, "default", "helmets")


def asked(world: World) -> dict[str, Any]:
    """The answer, as JSON carries it."""
    snapshot = world.controllers.look(HELMETS)
    assert snapshot is not None
    return dict(json.loads(json.dumps(why(snapshot, world.history(), world.events()))))


def train_trigger(**parts: Any) -> dict[str, Any]:
    return {"trainSpec": {"template": template("train.py"), "trigger": parts}}


def annotated(world: World, name: str, value: str | None) -> None:
    def change(job: dict[str, Any]) -> None:
        found = job["metadata"].setdefault("annotations", {})
        found.pop(name, None)
        if value is not None:
            found[name] = value

    world.edit(HELMETS, change)


@pytest.fixture
def world() -> World:
    made = World()
    made.usual()
    made.serves()
    return made


# what it says


def test_a_job_that_waits_for_samples_says_how_many_and_what_to_do(world: World) -> None:
    world.samples(4)
    world.settle()
    told = asked(world)
    train = told["triggers"][0]
    assert (train["value"], train["threshold"], train["holds"], train["fires"]) == (4, 9, False, False)
    assert "6 more are needed" in train["sentence"]
    assert told["samples"] == {"seen": 4, "used": 0, "new": 4, "needed": 10}
    assert "num_of_samples > 9 does not hold: it is 4" in told["summary"]
    assert {
        "sentence": "Train now with the 4 new samples that there are.",
        "command": "sedna trigger helmets train",
    } in (told["actions"])


def test_a_closed_window_says_when_it_opens_and_the_trigger_cannot_fire_before() -> None:
    world = World()
    timer = {"start": "20:00", "end": "04:00", "timezone": "Europe/Berlin"}
    world.usual(**train_trigger(timer=timer))
    # Enough for the split to leave some on both sides, whatever the job's uid.
    world.samples(40)
    world.settle()
    train = asked(world)["triggers"][0]
    assert train["window"] == {
        **timer, "open": False, "opensAt": "2026-11-22T19:00:00Z", "closesAt": "2026-11-23T03:00:00Z",
    }  # fmt: skip
    assert train["earliest"] == "2026-11-22T19:00:00Z"
    world.advance(7 * 3600)
    assert world.status()["round"] == 1


def test_a_model_that_was_not_deployed_says_by_which_metrics_and_how_to_deploy_it_all_the_same(world: World) -> None:
    world.samples(10)
    world.settle()
    world.round_to_deploy(1, new=0.55, old=0.5)
    told = asked(world)
    (gate,) = told["gates"]
    assert (gate["new"], gate["deployed"], gate["holds"], gate["round"]) == (0.55, 0.5, False, 1)
    assert gate["delta"] == pytest.approx(0.05)
    assert told["triggers"][1]["value"] == pytest.approx(0.05)
    assert not told["triggers"][1]["fires"]
    assert "sedna trigger helmets deploy" in [each.get("command") for each in told["actions"]]


def test_a_failed_worker_has_its_last_words_and_the_job_says_when_it_goes_on(world: World) -> None:
    world.samples(10)
    world.settle()
    world.report("helmets-train-1", phase="Running")
    world.settle()
    words = "ValueError: no such file"
    world.report("helmets-train-1", phase="Failed", reason="ExitCode", message=f"It ended with exit code 1: {words}")
    world.settle()
    told = asked(world)
    assert next(each for each in told["workers"] if each["role"] == "train")["lastWords"] == words
    assert told["triggers"][0]["earliest"] == world.status()["retryAfter"]
    assert "sedna logs helmets-train-1" in [each.get("command") for each in told["actions"]]
    assert any(each["type"] == "Warning" and words in each["sentence"] for each in told["decisions"])


def test_a_silent_node_is_named_with_since_when(world: World) -> None:
    world.advance(600, beat=False)
    told = asked(world)
    (node,) = told["nodes"]
    assert (node["name"], node["ready"]) == ("edge-node", False)
    assert "has not been heard of since" in node["why"]
    assert any("Look at host edge-node" in each["sentence"] for each in told["actions"])


def test_without_events_the_records_tell_each_round(world: World) -> None:
    for round_ in (1, 2, 3, 4, 5):
        world.samples(60 * round_)
        world.settle()
        world.round_to_deploy(round_, new=0.1, old=0.5)
        world.advance(60)
    snapshot = world.controllers.look(HELMETS)
    assert snapshot is not None
    decisions = why(snapshot, world.history(), ())["decisions"]
    assert {each["round"] for each in decisions} >= {1, 2, 3, 4, 5}
    assert len(decisions) <= 20
    times = [parse_time(each["time"]) for each in decisions]
    assert times == sorted(times, reverse=True)


def test_each_sentence_is_told_once_however_many_know_it(world: World) -> None:
    world.samples(10)
    world.settle()
    world.round_to_deploy(1, new=0.1, old=0.5)
    sentences = [each["sentence"] for each in asked(world)["decisions"]]
    assert len(sentences) == len(set(sentences))
    assert sum("not deployed" in sentence for sentence in sentences) == 1


def test_where_no_controller_runs_the_store_is_read(world: World) -> None:
    snapshot = look_into(world.store, HELMETS, world.clock.now)
    assert snapshot is not None
    assert why(snapshot)["summary"] == asked(world)["summary"]
    assert look_into(world.store, Key(JOB, "default", "none"), world.clock.now) is None


# acts by hand


def rolled_back_to_round_0(world: World) -> None:
    """Round 1 is deployed, round 2 is not, and ann takes round 1 back."""
    world.serves(sha256="f" * 64)
    world.samples(10)
    world.settle()
    world.round_to_deploy(1, new=0.9, old=0.5)
    world.serves()
    world.samples(30)
    world.settle()
    world.round_to_deploy(2, new=0.91, old=0.9)
    annotations = {"sedna.io/rollback": "0", "sedna.io/rollback-by": "ann"}
    world.edit(
        Key("Model", "default", "deploy-model"),
        lambda model: model["metadata"].setdefault("annotations", {}).update(annotations),
    )
    world.settle()
    world.serves()
    assert world.status()["rollback"]["state"] == "Deployed"


def test_a_stage_asked_for_by_hand_that_cannot_begin_is_told_once_among_the_decisions(world: World) -> None:
    world.annotate("train")
    world.settle()
    world.advance(600)
    told = asked(world)
    assert [each["reason"] for each in told["decisions"]].count("TriggerWaits") == 1
    assert "asked for train by hand" in told["summary"]
    world.samples(40)
    world.settle()
    assert world.status()["round"] == 1
    assert "heardTrigger" not in world.status()


def test_what_is_granted_at_once_is_not_said_to_wait() -> None:
    world = World()
    world.usual(threshold=1000)
    # Enough for the split to leave some on both sides, whatever the job's uid.
    world.samples(40)
    world.annotate("train")
    world.settle()
    assert world.status()["round"] == 1
    assert "TriggerWaits" not in [event["reason"] for event in world.events()]


@pytest.mark.parametrize("stage", ["eval", "deploy"])
def test_a_stage_asked_for_by_hand_without_a_model_says_what_it_waits_for(world: World, stage: str) -> None:
    world.annotate(stage)
    world.settle()
    assert f"asked for {stage} by hand; it waits for the next round" in asked(world)["summary"]


def test_a_stage_asked_for_in_a_pause_is_among_the_decisions(world: World) -> None:
    annotated(world, "sedna.io/paused", "true")
    world.annotate("train")
    world.settle()
    assert any("until somebody resumes" in each["sentence"] for each in asked(world)["decisions"])


@pytest.mark.parametrize("stage", ["eval", "deploy"])
def test_a_round_that_was_begun_by_hand_has_its_beginning_among_the_decisions(world: World, stage: str) -> None:
    world.samples(10)
    world.settle()
    world.round_to_deploy(1, new=0.5, old=0.5)
    world.annotate(stage)
    world.settle()
    begins = [each for each in asked(world)["decisions"] if each["sentence"].startswith("Round 2 begins")]
    assert [(each["round"], "by hand" in each["sentence"]) for each in begins] == [(2, True)]
    assert "RoundBegins" in [event["reason"] for event in world.events()]


def test_after_a_rollback_it_says_what_serves_since_when_and_who_did_it(world: World) -> None:
    rolled_back_to_round_0(world)
    told = asked(world)
    serving = told["serving"]
    assert (serving["round"], serving["rollback"]["by"]) == (0, "ann")
    assert serving["since"] == "2026-11-22T12:00:00Z"
    assert "ann rolled back to it" in serving["sentence"]
    sentences = [each["sentence"] for each in told["actions"]]
    assert not [each for each in sentences if "all the same" in each]
    assert "sedna pause helmets" in [each.get("command") for each in told["actions"]]
    assert any(each["sentence"].startswith("Round 3 begins: it brings back") for each in told["decisions"])


def test_after_a_rollback_the_gates_say_what_was_compared_then(world: World) -> None:
    rolled_back_to_round_0(world)
    (gate,) = asked(world)["gates"]
    assert (gate["round"], gate["newRound"], gate["deployedRound"]) == (2, 2, 1)
    assert "new 0.91, the model of round 2" in gate["sentence"]
    assert "the one deployed then 0.9, the model of round 1" in gate["sentence"]
    assert "What is deployed now is another one: the given file." in gate["sentence"]


def test_a_deployment_after_a_rollback_is_nobodys_rollback(world: World) -> None:
    rolled_back_to_round_0(world)
    world.advance(60)
    world.samples(60)
    world.settle()
    world.round_to_deploy(4, new=0.99, old=0.5)
    world.serves()
    serving = asked(world)["serving"]
    assert (serving["round"], serving["rollback"]) == (4, None)


def test_a_model_that_was_deployed_by_hand_is_not_offered_for_deployment_again(world: World) -> None:
    world.samples(10)
    world.settle()
    world.round_to_deploy(1, new=0.5, old=0.5)
    world.annotate("deploy")
    world.settle()
    world.serves()
    told = asked(world)
    assert (told["serving"]["round"], told["serving"]["byHand"]) == (1, True)
    assert not [each for each in told["actions"] if "all the same" in each["sentence"]]


def test_the_given_file_serves_before_any_round_has_deployed(world: World) -> None:
    assert asked(world)["serving"]["sentence"].startswith("The given file of model deploy-model serves on node edge")


def test_a_csv_dataset_is_to_get_rows_and_no_labels(world: World) -> None:
    world.edit(Key("Dataset", "default", "samples"), lambda dataset: dataset["spec"].update({"format": "csv"}))
    world.settle()
    (advice,) = [each for each in asked(world)["actions"] if each["sentence"].startswith("Add samples")]
    assert "append labelled rows to /data/samples.txt on node edge-node" in advice["sentence"]


# a pause


def test_a_paused_job_begins_no_round_says_so_and_begins_when_it_is_resumed(world: World) -> None:
    annotated(world, "sedna.io/paused", "true")
    world.samples(50)
    world.settle()
    assert world.at() == ("Train", "Waiting")
    assert "`sedna resume helmets`" in world.status()["message"]
    told = asked(world)
    assert told["paused"]
    assert told["triggers"][0]["earliest"] is None
    assert told["actions"][0]["command"] == "sedna resume helmets"
    assert [event["reason"] for event in world.events()].count("Paused") == 1
    annotated(world, "sedna.io/paused", None)
    world.settle()
    assert world.status()["round"] == 1
    assert "pausedSince" not in world.status()
    assert [event["reason"] for event in world.events()].count("Resumed") == 1


def test_a_round_under_way_goes_on_in_a_pause_but_is_not_deployed(world: World) -> None:
    world.samples(10)
    world.settle()
    annotated(world, "sedna.io/paused", "true")
    world.settle()
    world.round_to_deploy(1, new=0.9, old=0.5)
    assert world.at() == ("Deploy", "Waiting")
    assert world.worker("helmets-inference")["spec"]["round"] == 0
    assert not asked(world)["triggers"][1]["fires"]
    annotated(world, "sedna.io/paused", "false")
    world.settle()
    assert world.worker("helmets-inference")["spec"]["round"] == 1


def test_a_model_that_is_no_better_ends_its_round_in_a_pause(world: World) -> None:
    world.samples(10)
    world.settle()
    annotated(world, "sedna.io/paused", "true")
    world.settle()
    world.round_to_deploy(1, new=0.5, old=0.5)
    assert world.at() == ("Train", "Waiting")
    assert world.history()[0]["decision"] == "NotDeployed"


@pytest.mark.parametrize("stage", ["train", "deploy"])
def test_a_wish_by_hand_waits_for_the_end_of_the_pause_and_is_not_lost(world: World, stage: str) -> None:
    world.samples(10)
    world.settle()
    world.round_to_deploy(1, new=0.5, old=0.5)
    world.samples(40)
    annotated(world, "sedna.io/paused", "true")
    world.annotate(stage)
    world.settle()
    assert world.at() == ("Train", "Waiting")
    assert f"The trigger {stage} that was set by hand waits" in world.status()["message"]
    annotated(world, "sedna.io/paused", None)
    world.settle()
    assert world.status()["round"] == 2


def test_a_pause_keeps_what_was_rolled_back_in_place(world: World) -> None:
    world.serves(sha256="f" * 64)
    world.samples(10)
    world.settle()
    world.round_to_deploy(1, new=0.9, old=0.5)
    world.serves()
    annotated(world, "sedna.io/paused", "true")
    world.samples(50)
    world.edit(
        Key("Model", "default", "deploy-model"),
        lambda model: model["metadata"].setdefault("annotations", {}).update({"sedna.io/rollback": "previous"}),
    )
    world.settle()
    world.serves()
    assert world.status()["rollback"]["state"] == "Deployed"
    assert world.at() == ("Train", "Waiting")
    assert world.worker("helmets-inference")["spec"]["round"] == 0


# whatever happens

OPERATIONS = st.sampled_from(
    ["samples", "many", "later", "long", "silent", "train", "eval good", "eval bad", "fails", "serves", "refuses",
     "pause", "resume", "by hand train", "by hand eval", "by hand deploy", "no dataset", "no model", "gone node",
     "delete"]
)  # fmt: skip
TRIGGERS = st.sampled_from(
    [
        {"condition": {"operator": ">", "threshold": 9, "metric": "num_of_samples"}},
        {"timer": {"start": "13:00", "end": "15:00"}},
        {"condition": {"operator": ">=", "threshold": 5, "metric": "num_of_samples"},
         "timer": {"start": "22:00", "end": "12:30", "timezone": "Europe/Berlin"}},
        {"timer": {"start": "08:00", "end": "08:00"}},
    ]
)  # fmt: skip


class Chance:
    """A world to which anything may happen, as far as it can."""

    def __init__(self, trigger: dict[str, Any]) -> None:
        self.world, self.count = World(), 0
        self.world.usual(**train_trigger(**trigger))

    def do(self, operation: str) -> None:
        world, round_ = self.world, self.world.status().get("round", 0)
        train, evaluation = f"helmets-train-{round_}", f"helmets-eval-{round_}"
        running = {name for name in world.workers() if not self._ended(name)}
        if operation in ("samples", "many"):
            self.count += 3 if operation == "samples" else 40
            if self._there("Dataset", "samples"):
                world.samples(self.count)
        elif operation in ("later", "long", "silent"):
            world.advance({"later": 30, "long": 5000, "silent": 200}[operation], beat=operation != "silent")
        elif operation == "train" and train in running:
            world.train_succeeds(round_)
        elif operation.startswith("eval") and evaluation in running:
            world.eval_succeeds(round_, new=0.9 if operation == "eval good" else 0.4)
        elif operation == "fails":
            for name in sorted(running & {train, evaluation}):
                world.report(name, phase="Failed", reason="ExitCode", message="It ended with exit code 1: no.")
        elif operation in ("serves", "refuses") and "helmets-inference" in running:
            world.serves(state="Loaded" if operation == "serves" else "Refused")
        elif operation in ("pause", "resume"):
            annotated(world, "sedna.io/paused", "true" if operation == "pause" else None)
        elif operation.startswith("by hand"):
            world.annotate(operation.rpartition(" ")[2])
        elif operation == "no dataset":
            self._drop("Dataset", "default", "samples")
        elif operation == "no model":
            self._drop("Model", "default", "deploy-model")
        elif operation == "gone node":
            self._drop("Node", "", "edge-node")
        elif operation == "delete" and running:
            world.store.delete(Key("Worker", "default", sorted(running)[0]))

    def _ended(self, name: str) -> bool:
        return self.world.worker(name).get("status", {}).get("phase") in ("Succeeded", "Failed")

    def _there(self, kind: str, name: str) -> bool:
        return any(each["metadata"]["name"] == name for each in self.world.store.list(kind).items)

    def _drop(self, kind: str, namespace: str, name: str) -> None:
        if self._there(kind, name):
            self.world.store.delete(Key(kind, namespace, name))


def agree(world: World) -> None:
    """The verdicts of the answer are those of the decision that is due."""
    snapshot = world.controllers.look(HELMETS)
    assert snapshot is not None
    told = why(snapshot, world.history(), world.events())
    json.dumps(told)
    assert told["summary"].strip()
    before, after = snapshot.job.status, decide(snapshot).status
    status = before.dump() if after is None else after
    reason = (status.get("conditions") or [{}])[-1].get("reason")
    moved = (status.get("stage"), status.get("phase")) != (before.stage, before.phase)
    train, deploy = told["triggers"]
    if (before.stage, before.phase) == ("Train", "Waiting"):
        if moved and reason == "TriggerHolds":
            assert train["fires"]
        elif train["fires"] and not moved:
            # Something else is missing, and is named; never what the trigger waits for.
            assert not status["message"].startswith(("Waits for samples: num", "Waits for the window", "Waits until 2"))
    if (before.stage, before.phase) == ("Deploy", "Waiting") and moved:
        assert reason != "TriggerHolds" or deploy["fires"] or (before.current and before.current.by_hand)
        assert reason != "NotDeployed" or deploy["holds"] is False


def names_what_it_waits_for(world: World) -> None:
    status = world.status()
    if status.get("phase") not in ("Waiting", "Ready"):
        return
    summary = asked(world)["summary"]
    known = ("Waits ", "waits ", "Paused", "unavailable", "is missing", "fewer than", "begins", "gave up", "GaveUp")
    assert any(word in summary for word in known), summary


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trigger=TRIGGERS, operations=st.lists(OPERATIONS, max_size=14))
def test_whatever_happens_the_answer_is_the_decision(trigger: dict[str, Any], operations: list[str]) -> None:
    chance = Chance(trigger)
    for operation in operations:
        chance.do(operation)
        # What was written is seen, and nothing is decided about it yet.
        chance.world.controllers.pump(0)
        agree(chance.world)
        chance.world.settle()
        agree(chance.world)
        names_what_it_waits_for(chance.world)


def test_the_answer_about_a_job_nobody_has_looked_at_yet() -> None:
    world = World()
    world.create(job_manifest())
    world.controllers.pump(0)
    told = asked(world)
    assert told["stage"] is None
    assert "for the first time" in told["summary"]
