"""What one worker has left is never overwritten by another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sedna_lc.runners.names import worker_unit
from tests.lc.reconcile.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def _train_to_the_end(world: World, content: str) -> Path:
    key = world.want("train")
    world.settle(key)
    model = world.trained(key, content)
    world.settle(key)
    world.host.finish(worker_unit(*key))
    world.settle(key)
    assert world.told(key)["phase"] == "Succeeded"
    world.delete(key)
    while world.store.worker(key) is not None:
        world.settle(key)
    world.store.drop_wanted("workers", key)
    return model


def test_w01_a_job_made_again_does_not_write_over_the_models_of_the_first(world: World) -> None:
    for content in ("first", "second", "third"):
        model = _train_to_the_end(world, content)
    train = model.parent.parent
    assert model.read_text() == "third"
    assert (train / "1.old-1" / "model.pb").read_text() == "first"
    assert (train / "1.old-2" / "model.pb").read_text() == "second"


def test_a_worker_that_is_looked_at_again_keeps_its_own_folder(world: World) -> None:
    key = world.want("train", restartPolicy="OnFailure")
    world.settle(key)
    (world.folder / "out" / "train" / "1" / "checkpoint").write_text("half of it")
    world.host.vanish(worker_unit(*key))
    world.settle(key)
    assert len(world.host.started) == 2
    assert (world.folder / "out" / "train" / "1" / "checkpoint").read_text() == "half of it"


@pytest.mark.parametrize("what", ["not text", "endless", "a link", "a pipe"])
def test_a_mark_that_user_code_has_spoilt_stops_no_worker(world: World, what: str) -> None:
    """With bytes that are no UTF-8 in it, the worker neither ran nor said why."""
    train = world.folder / "out" / "train"
    (train / "1").mkdir(parents=True)
    (train / "1" / "model.pb").write_text("another's")
    mark = train / ".1.owner"
    if what == "not text":
        mark.write_bytes(b"\xff\xfe\x00")
    elif what == "endless":
        mark.write_bytes(b"x" * 10_000_000)
    elif what == "a link":
        mark.symlink_to("/dev/zero")
    else:
        os.mkfifo(mark)
    key = world.want("train")
    world.settle(key)
    assert world.told(key)["phase"] == "Running"
    assert (train / "1.old-1" / "model.pb").read_text() == "another's"
    assert mark.read_text().split()[0] == world.store.wanted("workers")[key]["metadata"]["uid"]


def test_two_jobs_with_one_output_folder_the_later_one_waits_and_says_why(world: World) -> None:
    first = world.want("inference")
    second = world.want("train", job={"kind": "IncrementalLearningJob", "name": "k", "uid": "ku"})
    world.settle(first)
    world.settle(second)
    told = world.told(second)
    assert (told["phase"], told["reason"]) == ("Pending", "OutputDirInUse")
    assert "belongs to job j, which came first" in told["message"]
    world.delete(first)
    while world.store.worker(first) is not None:
        world.settle(first)
    world.store.drop_wanted("workers", first)
    world.settle(second)
    assert world.told(second)["phase"] == "Running"
