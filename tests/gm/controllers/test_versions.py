"""Versions of a model: what is kept, what a rollback brings back, when, and what it says when it cannot."""

from __future__ import annotations

from itertools import product
from typing import Any, get_args

import pytest

from sedna.api.incremental_learning import IncrementalLearningJobStatus
from sedna.api.models import Rollback
from sedna_gm.controllers.incremental_learning.retaining import retained_rounds
from sedna_gm.controllers.incremental_learning.rolling_back import MOVES
from sedna_gm.store.interface import Key
from tests.gm.controllers.world import JOB, World

MODEL = Key("Model", "default", "deploy-model")
INFERENCE = "helmets-inference"
GIVEN = f"{99:064d}"


@pytest.fixture(params=[True, False], ids=["hot", "cold"])
def world(request: pytest.FixtureRequest) -> World:
    """A job whose inference worker serves the file of the Model's spec."""
    world = World()
    world.usual()
    world.edit(
        Key(JOB, "default", "helmets"),
        lambda job: job["spec"]["deploySpec"]["model"].update(hotUpdateEnabled=request.param),
    )
    world.settle()
    world.let_all_go()
    world.settle()
    world.serves(sha256=GIVEN)
    return world


def round_(world: World, number: int, *, new: Any = 0.9) -> None:
    """A whole round whose model is deployed, or not, by what it measures."""
    world.samples(60 * number)
    world.settle()
    world.round_to_deploy(number, new=new)
    if world.at() == ("Deploy", "Starting"):
        world.serves()


def ask(world: World, text: str, by: str | None = None) -> None:
    told = {"sedna.io/rollback": text, **({"sedna.io/rollback-by": by} if by else {})}
    world.edit(MODEL, lambda model: model["metadata"].setdefault("annotations", {}).update(told))
    world.settle()


def status(world: World) -> dict[str, Any]:
    return dict(world.store.get(MODEL).get("status", {}))


def versions(world: World) -> list[tuple[int, str]]:
    return [(each["round"], each["state"]) for each in status(world)["versions"]]


def served(world: World) -> str:
    return str(world.worker(INFERENCE)["spec"]["models"][0]["url"])


def url(number: int) -> str:
    return f"/output/helmets/train/{number}/model.pb"


def reasons(world: World) -> list[str]:
    return [event["reason"] for event in world.events()]


def test_the_model_lists_its_versions_newest_first_with_where_they_came_from(world: World) -> None:
    round_(world, 1)
    round_(world, 2, new=0.2)
    round_(world, 3)
    assert versions(world) == [(3, "Deployed"), (2, "NotDeployed"), (1, "Previous"), (0, "Previous")]
    third, second, _, given = status(world)["versions"]
    assert (third["origin"], given["origin"]) == ("helmets/3", "spec")
    assert (third["sha256"], given["sha256"]) == (f"{3:064d}", GIVEN)
    assert third["metrics"] == [{"key": "precision", "value": "0.9"}]
    assert "is not deployed: precision_delta > 0.1 does not hold" in second["message"]
    assert status(world)["version"]["url"] == url(3)
    assert status(world)["metrics"] == third["metrics"]


def test_what_is_beyond_retain_is_forgotten_but_never_the_deployed_one(world: World) -> None:
    world.edit(MODEL, lambda model: model["spec"].update(retain=2))
    round_(world, 1)
    for number in (2, 3, 4):
        round_(world, number, new=0.2)
    assert versions(world) == [(4, "NotDeployed"), (3, "NotDeployed"), (1, "Deployed")]
    world.samples(300)
    world.settle()
    assert world.worker("helmets-train-5")["spec"]["retainedRounds"] == [1, 3, 4]


def test_a_round_whose_model_another_one_names_is_never_removed(world: World) -> None:
    """As M2 with spec.url /output/helmets/train/2/model.pb, from which another job begins."""
    world.edit(MODEL, lambda model: model["spec"].update(retain=1))
    world.model("named", url(2))
    round_(world, 1)
    for number in (2, 3, 4):
        round_(world, number, new=0.2)
    world.samples(300)
    world.settle()
    assert world.worker("helmets-train-5")["spec"]["retainedRounds"] == [1, 2, 4]


@pytest.mark.parametrize(
    ("named_url", "expected"), [(url(2), [1, 2, 4]), (f"/other{url(2)}", [1, 4]), ("/output", None)]
)
def test_a_model_that_is_made_while_a_worker_waits_keeps_the_round_that_it_names(
    world: World, named_url: str, expected: list[int] | None
) -> None:
    """Its node may be switched off for days, and begins with removing what nobody named when the worker was made."""
    world.edit(MODEL, lambda model: model["spec"].update(retain=1))
    round_(world, 1)
    for number in (2, 3, 4):
        round_(world, number, new=0.2)
    world.samples(300)
    world.settle()
    assert world.worker("helmets-train-5")["spec"]["retainedRounds"] == [1, 4]
    world.model("named", named_url)
    world.settle()
    assert world.worker("helmets-train-5")["spec"].get("retainedRounds") == expected
    # What was retained stays so, although the Model goes again: the worker may have been told of it already.
    world.store.delete(Key("Model", "default", "named"))
    world.settle()
    assert world.worker("helmets-train-5")["spec"].get("retainedRounds") == expected


def test_a_worker_that_has_begun_is_left_alone_when_a_model_is_made(world: World) -> None:
    round_(world, 1)
    world.samples(300)
    world.settle()
    world.report("helmets-train-2", phase="Running")
    world.settle()
    before = world.worker("helmets-train-2")
    world.model("named", url(1))
    world.settle()
    assert world.worker("helmets-train-2") == before


@pytest.mark.parametrize(
    ("named", "retained"),
    [
        ("/output/a/train/3/m.pt", [3]),
        ("file:///output/a/train/3", [3]),
        ("/output/./a//eval-regression/12/x", [12]),
        ("//output/a/eval/4/", [4]),
        ("/output/a/data/train/7/samples.txt", [7]),
        ("/output/ab/train/3/m.pt", []),
        ("/output/a/train/3.old-1/m.pt", []),
        ("/output/a/train/x", []),
        ("s3://output/a/train/3/m.pt", []),
        ("output/a/train/3/m.pt", []),
        ("/output/a", None),
        ("/output", None),
        ("/", None),
        ("/output/a/train", None),
        ("/output/a/base.pt", []),
        ("/output/a/x/../train/3", [3]),
        ("/output/a/data", None),
        (f"/output/a/train/{'9' * 5000}", []),
    ],
)
def test_what_a_model_names_below_an_output_folder_stays(named: str, retained: list[int] | None) -> None:
    for output in ("/output/a", "/output/a/", "file:///output/a"):
        assert retained_rounds(IncrementalLearningJobStatus(), output, [named]) == retained


@pytest.mark.parametrize("text", ["1", " 1 ", "previous", "PREVIOUS"])
def test_a_rollback_serves_the_version_that_was_asked_for(world: World, text: str) -> None:
    round_(world, 1)
    round_(world, 2)
    ask(world, text, by="ann")
    assert world.at() == ("Deploy", "Starting")
    assert served(world) == url(1)
    assert status(world)["rollback"]["state"] == "Deploying"
    assert world.store.get(MODEL)["metadata"].get("annotations", {}) == {}
    world.serves()
    assert versions(world) == [(2, "RolledBack"), (1, "Deployed"), (0, "Previous")]
    assert status(world)["version"]["round"] == 1
    assert status(world)["rollback"]["state"] == "Deployed"
    assert world.status()["deployedModel"]["url"] == url(1)
    record = world.history()[-1]
    assert (record["decision"], record["round"], record["rollback"]["by"]) == ("Deployed", 3, "ann")
    assert "asked for by ann" in record["message"]
    assert {"RollbackAsked", "RolledBack"} <= set(reasons(world))
    assert any("by ann" in each.get("message", "") for each in world.status()["conditions"])


def test_the_given_file_can_be_served_again_by_its_content(world: World) -> None:
    round_(world, 1)
    ask(world, "0")
    (model,) = world.worker(INFERENCE)["spec"]["models"]
    assert (model["url"], model["sha256"]) == ("/models/deploy-model", GIVEN)
    world.serves()
    assert versions(world) == [(1, "RolledBack"), (0, "Deployed")]
    assert status(world)["version"]["round"] == 0


def test_previous_goes_further_back_each_time_until_there_is_none(world: World) -> None:
    round_(world, 1)
    round_(world, 2)
    for expected in (url(1), "/models/deploy-model"):
        ask(world, "previous")
        assert served(world) == expected
        world.serves()
    ask(world, "previous")
    assert status(world)["rollback"]["state"] == "Refused"
    assert "no version that was deployed before" in status(world)["rollback"]["message"]


def test_after_a_rollback_training_goes_on_where_it_was_and_a_later_round_deploys(world: World) -> None:
    round_(world, 1)
    round_(world, 2)
    ask(world, "1")
    world.serves()
    assert world.status()["lastTrainedModel"]["url"] == url(2)
    assert world.status()["candidateModel"]["url"] == url(2)
    world.samples(180)
    world.settle()
    assert [model["url"] for model in world.worker("helmets-train-4")["spec"]["models"]] == [url(2)]
    world.train_succeeds(4)
    assert [model["url"] for model in world.worker("helmets-eval-4")["spec"]["models"]] == [url(4), url(1)]
    world.eval_succeeds(4)
    world.serves()
    assert versions(world)[0] == (4, "Deployed")


def test_a_rollback_does_not_wait_for_a_training_whose_samples_are_new_again(world: World) -> None:
    round_(world, 1)
    round_(world, 2)
    world.samples(180)
    world.settle()
    world.report("helmets-train-3", phase="Running")
    world.settle()
    ask(world, "1")
    world.let_all_go()
    world.settle()
    assert served(world) == url(1)
    world.serves()
    assert [record["decision"] for record in world.history()] == ["Deployed", "Deployed", "Failed", "Deployed"]
    # The samples of the interrupted round train the next one at once.
    assert world.at() == ("Train", "Starting")
    (taken,) = world.worker("helmets-train-5")["spec"]["samples"]
    assert (taken["start"], taken["end"]) == (120, 180)


def test_a_rollback_while_a_model_is_being_deployed_goes_back_to_what_was_deployed(world: World) -> None:
    round_(world, 1)
    world.samples(120)
    world.settle()
    world.round_to_deploy(2)
    assert served(world) == url(2)
    ask(world, "previous")
    assert served(world) == url(1)
    world.serves()
    assert status(world)["rollback"]["state"] == "Deployed"
    assert status(world)["version"]["round"] == 1
    assert (2, "NotDeployed") in versions(world)


def test_a_rollback_keeps_a_trained_model_that_waits_for_its_window(world: World) -> None:
    round_(world, 1)
    timer = {"timer": {"start": "02:00", "end": "03:00", "timezone": "UTC"}}
    world.edit(Key(JOB, "default", "helmets"), lambda job: job["spec"]["deploySpec"].update(trigger=timer))
    world.samples(120)
    world.settle()
    world.round_to_deploy(2)
    assert world.at() == ("Deploy", "Waiting")
    ask(world, "0")
    world.serves()
    assert [record["decision"] for record in world.history()] == ["Deployed", "NotDeployed", "Deployed"]
    assert world.status()["candidateModel"]["url"] == url(2)


@pytest.mark.parametrize("text", ["7", "-1", "latest", "1; rm", "99999999999999999999", "１"])
def test_a_wish_that_names_no_version_is_refused_with_those_there_are(world: World, text: str) -> None:
    round_(world, 1)
    ask(world, text)
    told = status(world)["rollback"]
    assert told["state"] == "Refused"
    assert "There are those of rounds 1 (Deployed), 0 (Previous)." in told["message"]
    assert "RollbackRefused" in reasons(world)
    assert world.at() == ("Train", "Waiting")
    assert served(world) == url(1)
    assert world.store.get(MODEL)["metadata"].get("annotations", {}) == {}


def test_a_rollback_to_what_is_deployed_does_nothing_and_says_so(world: World) -> None:
    round_(world, 1)
    ask(world, "1")
    assert status(world)["rollback"]["state"] == "Deployed"
    assert "deployed already" in status(world)["rollback"]["message"]
    assert len(world.history()) == 1


def test_the_same_rollback_can_be_asked_for_again_later(world: World) -> None:
    round_(world, 1)
    round_(world, 2)
    ask(world, "1")
    world.serves()
    ask(world, "2")
    world.serves()
    ask(world, "1")
    world.serves()
    assert status(world)["version"]["round"] == 1
    assert versions(world) == [(2, "RolledBack"), (1, "Deployed"), (0, "Previous")]


def test_a_version_that_its_node_refuses_is_not_served_and_the_last_good_one_stays(world: World) -> None:
    round_(world, 1)
    round_(world, 2)
    ask(world, "1")
    world.serves(state="Refused", reason="ModelChanged", message="It is not what it should be.")
    told = status(world)["rollback"]
    assert told["state"] == "Failed"
    assert "It is not what it should be." in told["message"]
    assert served(world) == url(2)
    assert status(world)["version"]["round"] == 2
    # It says nothing about training, which waits for no backoff.
    assert "retryAfter" not in world.status()


def test_a_later_wish_takes_the_place_of_one_under_way(world: World) -> None:
    round_(world, 1)
    round_(world, 2)
    ask(world, "1")
    ask(world, "0")
    assert served(world) == "/models/deploy-model"
    world.serves()
    assert status(world)["version"]["round"] == 0
    assert status(world)["rollback"]["state"] == "Deployed"


def test_a_rollback_that_its_localcontroller_interrupts_is_tried_again(world: World) -> None:
    round_(world, 1)
    round_(world, 2)
    ask(world, "1")
    world.report(INFERENCE, phase="Failed", reason="Stopped", message="It was stopped.")
    world.settle()
    world.let_all_go()
    world.settle()
    world.serves()
    assert status(world)["version"]["round"] == 1
    assert status(world)["rollback"]["state"] == "Deployed"


def test_a_crash_at_any_moment_forgets_no_wish(world: World) -> None:
    round_(world, 1)
    round_(world, 2)
    told = {"sedna.io/rollback": "1"}
    world.edit(MODEL, lambda model: model["metadata"].setdefault("annotations", {}).update(told))
    for _ in range(12):
        world.restart()
        world.controllers.pump(0)
        world.controllers.workers.handle_next(0)
    world.settle()
    world.serves()
    assert status(world)["version"]["round"] == 1


def test_a_deleted_job_offers_its_versions_no_longer(world: World) -> None:
    round_(world, 1)
    world.store.delete(Key(JOB, "default", "helmets"))
    world.settle()
    world.let_all_go()
    world.settle()
    assert status(world)["versions"] == []
    assert status(world)["version"]["url"] == url(1)


def test_a_model_made_again_shows_the_versions_again(world: World) -> None:
    round_(world, 1)
    world.store.delete(MODEL)
    world.model("deploy-model")
    world.settle()
    assert versions(world) == [(1, "Deployed"), (0, "Previous")]
    assert status(world)["version"]["url"] == url(1)


def test_every_pair_of_states_that_a_wish_may_go_through() -> None:
    states = get_args(Rollback.model_fields["state"].annotation)
    final = {"Deployed", "Failed", "Refused"}
    for before, after in product(states, states):
        if (before, after) in MOVES:
            assert before not in final
    assert {state for pair in MOVES for state in pair} == set(states) - {"Refused"}
