"""A round that fails: samples go back, the next attempt has the next number, waits longer, and says why."""

from __future__ import annotations

from typing import Any

from sedna_gm.controllers.incremental_learning.settings import Settings as JobSettings
from sedna_gm.controllers.supervising import Settings
from sedna_gm.store.interface import Key
from tests.gm.controllers.world import JOB, World, job_manifest


def fail_training(world: World, round_: int) -> None:
    name = f"helmets-train-{round_}"
    world.report(name, phase="Failed", reason="OutOfMemory", message="it needed more than 2 GiB", exitCode=137)
    world.settle()


def begun(settings: Settings | None = None) -> World:
    world = World(settings=settings)
    world.usual()
    world.serves()
    world.samples(60)
    world.settle()
    return world


def test_the_reason_is_kept_where_people_look() -> None:
    world = begun()
    fail_training(world, 1)
    status = world.status()
    assert status["message"] == (
        "Waits until 2026-11-22T12:00:10Z after 1 failed round. "
        "Train of round 1 failed: worker helmets-train-1 on node edge-node: it needed more than 2 GiB"
    )
    failed = [each for each in status["conditions"] if each["type"] == "Failed"]
    assert [(each["reason"], each["round"]) for each in failed] == [("OutOfMemory", 1)]
    assert [event["type"] for event in world.events() if event["reason"] == "TrainFailed"] == ["Warning"]
    assert world.history()[0]["decision"] == "Failed"


def test_its_samples_are_new_again_and_the_next_attempt_has_the_next_number() -> None:
    world = begun()
    fail_training(world, 1)
    assert world.status()["samples"] == {"seen": 60, "used": 0, "new": 60}
    world.samples(80)
    world.settle()
    assert world.at() == ("Train", "Waiting")
    world.advance(11)
    taken = world.worker("helmets-train-2")["spec"]["samples"][0]
    assert (taken["start"], taken["end"]) == (0, 80)
    assert world.worker("helmets-train-2")["spec"]["models"][0]["url"] == "/models/initial-model"


def test_the_wait_doubles_up_to_half_an_hour_and_a_success_resets_it() -> None:
    world = begun(Settings(jobs=JobSettings(gives_up_after=11)))
    waits = []
    for round_ in range(1, 11):
        fail_training(world, round_)
        before = world.clock.now
        while world.at() == ("Train", "Waiting"):
            world.advance(10)
        waits.append((world.clock.now - before).total_seconds())
    assert waits == [10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800]
    world.round_to_deploy(11)
    world.serves()
    assert world.status()["failures"] == 0


def test_a_worker_that_its_own_localcontroller_stopped_interrupts_its_round_and_counts_as_no_failure() -> None:
    world = begun()
    fail_training(world, 1)
    world.advance(11)
    world.report("helmets-train-2", phase="Failed", reason="Stopped", message="It was stopped.")
    world.settle()
    assert world.at() == ("Train", "Starting")
    assert world.status()["failures"] == 1
    assert "retryAfter" not in world.status()
    taken = world.worker("helmets-train-3")["spec"]["samples"][0]
    assert (taken["start"], taken["end"]) == (0, 60)
    record = world.history()[1]
    assert (record["decision"], record["reason"]) == ("Failed", "Interrupted")
    assert record["message"] == "Train of round 2 was interrupted: its LocalController stopped it."
    told = [event for event in world.events() if event["message"] == record["message"]]
    assert [event["type"] for event in told] == ["Normal"]


def test_an_interrupted_round_begins_anew_only_when_its_node_is_ready_again() -> None:
    world = begun()
    world.advance(60, beat=False)
    world.report("helmets-train-1", phase="Failed", reason="Stopped", message="It was stopped.")
    world.settle()
    assert world.at() == ("Train", "Ready")
    world.advance(20)
    assert world.at() == ("Train", "Starting")


def test_an_inference_worker_that_its_own_localcontroller_stopped_is_replaced_without_a_delay() -> None:
    world = begun()
    world.report("helmets-inference", phase="Failed", reason="Stopped", message="It was stopped.")
    world.settle()
    world.let_all_go()
    world.settle()
    assert world.status()["serving"]["phase"] == "Pending"
    assert world.status()["serving"].get("failures", 0) == 0


def test_an_edit_of_the_job_is_tried_at_once() -> None:
    world = begun()
    for round_ in (1, 2, 3):
        fail_training(world, round_)
        world.advance(100)
    fail_training(world, 4)
    assert world.at() == ("Train", "Waiting")

    def repair(job: dict[str, Any]) -> None:
        job["spec"]["trainSpec"]["template"]["spec"]["containers"][0]["args"] = ["train.py", "--small"]

    world.edit(Key(JOB, "default", "helmets"), repair)
    world.settle()
    assert world.worker("helmets-train-5")["spec"]["template"]["containers"][0]["args"] == ["train.py", "--small"]


def kept(world: World) -> list[str]:
    world.let_all_go()
    world.settle()
    return [name for name in world.workers() if name != "helmets-inference"]


def test_the_last_failed_worker_of_a_stage_stays_for_its_log_until_a_later_one_has_ended() -> None:
    world = begun()
    fail_training(world, 1)
    world.advance(11)
    assert kept(world) == ["helmets-train-1", "helmets-train-2"]
    fail_training(world, 2)
    world.advance(21)
    assert kept(world) == ["helmets-train-2", "helmets-train-3"]
    world.train_succeeds(3)
    assert kept(world) == ["helmets-eval-3", "helmets-train-3"]


def test_a_worker_is_started_before_the_last_rounds_workers_are_removed() -> None:
    world = begun()
    world.train_succeeds(1)
    world.report("helmets-eval-1", phase="Failed", reason="ExitCode", message="exit code 1")
    world.settle()
    world.advance(11)
    assert world.at() == ("Train", "Starting")
    # A node that lets go of them has no hand free for the worker that somebody waits for.
    assert kept(world) == ["helmets-eval-1", "helmets-train-1", "helmets-train-2"]
    world.report("helmets-train-2", phase="Running")
    world.settle()
    assert "helmets-train-1" not in kept(world)


def test_a_failed_evaluation_stays_for_its_log_while_the_next_round_trains() -> None:
    world = begun()
    world.train_succeeds(1)
    world.report("helmets-eval-1", phase="Failed", reason="ExitCode", message="exit code 1")
    world.settle()
    world.advance(11)
    world.report("helmets-train-2", phase="Running")
    world.settle()
    assert kept(world) == ["helmets-eval-1", "helmets-train-2"]
    world.train_succeeds(2)
    assert kept(world) == ["helmets-eval-1", "helmets-eval-2", "helmets-train-2"]
    world.eval_succeeds(2)
    world.serves()
    assert "helmets-eval-1" not in kept(world)


def test_the_next_attempt_waits_until_the_late_worker_is_really_gone() -> None:
    world = begun()
    world.report("helmets-train-1", phase="Running")
    world.advance(24 * 3600 + 200)
    assert world.history()[0]["reason"] == "DeadlineExceeded"
    world.advance(60)
    assert world.at() == ("Train", "Ready")
    assert world.status()["message"] == "Waits until node edge-node has let go of worker helmets-train-1."
    world.let_all_go()
    world.settle()
    assert world.at() == ("Train", "Starting")


def test_a_dataset_that_cannot_be_read_is_waited_for_and_told() -> None:
    world = World()
    world.usual()
    world.patch_status(
        Key("Dataset", "default", "samples"),
        {"state": "Unavailable", "reason": "NotUtf8", "message": "line 3 of /data/samples.txt is not UTF-8."},
    )
    world.settle()
    assert world.status()["message"] == ("Dataset samples is unavailable: line 3 of /data/samples.txt is not UTF-8.")
    world.samples(60)
    world.settle()
    assert world.at() == ("Train", "Starting")


def test_what_a_job_lacks_is_told_as_an_event_once_however_long_it_waits() -> None:
    world = World()
    world.create(job_manifest())
    world.settle()
    for _ in range(5):
        world.advance(120)
    told = {event["message"]: (event["type"], event["count"]) for event in world.events()}
    assert told["The job was taken up and waits for its first round."] == ("Normal", 1)
    lacking = world.status()["message"]
    assert "does not exist" in lacking
    assert told[lacking] == ("Warning", 1)


def test_a_dataset_that_no_node_has_looked_at_is_waited_for() -> None:
    world = World()
    world.node()
    world.models()
    world.dataset(seen=None)
    world.create(job_manifest())
    world.settle()
    assert world.status()["message"] == "Waits for node edge-node to look at dataset samples."
    assert [event["message"] for event in world.events() if event["type"] == "Warning"] == []


def test_a_dataset_made_again_under_its_name_begins_at_zero() -> None:
    world = begun()
    world.round_to_deploy()
    world.serves()
    assert world.status()["samples"]["used"] == 60
    world.store.delete(Key("Dataset", "default", "samples"))
    world.settle()
    world.dataset(seen=40)
    world.settle()
    taken = world.worker("helmets-train-2")["spec"]["samples"][0]
    assert (taken["start"], taken["end"]) == (0, 40)
    world.train_succeeds(2)
    assert [each["round"] for each in world.worker("helmets-eval-2")["spec"]["samples"]] == [2]


def test_a_dataset_made_again_is_told_once_and_when_its_first_round_begins() -> None:
    world = begun()
    world.round_to_deploy()
    world.serves()
    world.store.delete(Key("Dataset", "default", "samples"))
    world.settle()
    world.dataset(seen=None)
    world.settle()
    told = "Dataset samples was made anew: all its 5 samples count as new, so ones used before may be used again."
    world.samples(5)
    world.settle()
    world.samples(40)
    world.settle()
    events = [event for event in world.events() if event["reason"] == "DatasetReplaced"]
    assert [(event["type"], event["message"], event["count"]) for event in events] == [("Warning", told, 1)]
    begins = [each["message"] for each in world.status()["conditions"] if (each["type"], each["round"]) == ("Ready", 2)]
    assert begins == [
        "Round 2 begins with 40 new samples: the trigger holds. "
        "Dataset samples was made anew: all its 40 samples count as new, so ones used before may be used again."
    ]


def test_a_count_that_falls_is_told_and_uses_nothing_twice() -> None:
    world = begun()
    world.round_to_deploy()
    world.serves()
    world.samples(50)
    world.settle()
    assert "fewer than the 60 used before" in world.status()["message"]
    world.samples(120)
    world.settle()
    assert world.worker("helmets-train-2")["spec"]["samples"][0]["start"] == 60


def test_a_split_that_leaves_nothing_to_evaluate_on_waits_for_more() -> None:
    world = World()
    world.node()
    world.models()
    world.dataset(seen=20)
    world.create(job_manifest(dataset="samples"))
    world.edit(Key(JOB, "default", "helmets"), lambda job: job["spec"]["dataset"].update(trainProb=0.000001))
    world.settle()
    assert world.status()["message"] == ("Waits for more samples: the split leaves none of 20 new ones to train on.")
