"""Workers whose samples and models lie on other nodes: they wait, say so, and never lose what they have."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from sedna.api.artifacts import Tree, TreeFile
from sedna.common.digests import digest
from sedna_lc.artifacts.fetching import Fetcher
from sedna_lc.reconcile.applying import Applier
from sedna_lc.reconcile.providing import WantedContents
from sedna_lc.reconcile.reconciling import Reconciler
from sedna_lc.runners.names import worker_unit
from tests.lc.artifacts.nodes import wait_until
from tests.lc.reconcile.worlds import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.fetcher.start()
    yield made
    made.fetcher.close()


def elsewhere(world: World, files: dict[str, bytes], kind: str = "file") -> dict[str, Any]:
    """Put a content into the store as another node does; return how a worker's spec names it."""
    entries = [TreeFile(path, len(data), world.blobs.add(data).sha256) for path, data in files.items()]
    tree = Tree(kind, tuple(entries))  # type: ignore[arg-type]
    world.blobs.add(tree.dump())
    return {"name": "a", "tree": tree.digest, "sizeBytes": tree.size}


def model_elsewhere(world: World, content: bytes, number: int, **fields: Any) -> dict[str, Any]:
    sha256 = hashlib.sha256(content).hexdigest()
    reference = {"name": "m", "url": f"/other/host/{number}/model.pb", "format": "pb", "round": number}
    return {**reference, "sha256": sha256, "artifact": elsewhere(world, {"model.pb": content}), **fields}


def samples_elsewhere(world: World) -> dict[str, Any]:
    lines = b'["", "files/data/1.jpg", " 0"]\n["", "files/data/2.jpg", " 1"]\n'
    return elsewhere(world, {"samples.jsonl": lines, "files/data/1.jpg": b"one", "files/data/2.jpg": b"two"}, "samples")


def settle_until(world: World, key: tuple[str, str], holds: Callable[[], Any]) -> None:
    def settled() -> bool:
        world.settle(key)
        return bool(holds())

    wait_until(settled)


def started(world: World) -> dict[str, str]:
    return dict(world.host.started[-1].environment)


def test_a_training_waits_for_its_samples_and_says_how_far_they_are(world: World) -> None:
    world.blobs.set(held=True)
    key = world.want("train", samplesArtifact=samples_elsewhere(world), models=[model_elsewhere(world, b"base", 0)])
    assert world.settle(key) is not None
    told = world.told(key)
    assert (told["phase"], told["reason"]) == ("Pending", "FetchingModel")
    assert "0 of 4 B of model m (round 0) have arrived." in told["message"]
    assert "of the samples of d have arrived." in told["message"]
    world.blobs.set(held=False)
    settle_until(world, key, lambda: world.host.started)
    environment = started(world)
    listed = Path(environment["TRAIN_DATASET_URL"])
    assert environment["ORIGINAL_DATASET_URL"] == str(listed), "there is no other list on this node"
    paths = [Path(line.split()[0]) for line in listed.read_text().splitlines()]
    assert [(listed.parent / path).read_bytes() for path in paths] == [b"one", b"two"]
    assert Path(environment["BASE_MODEL_URL"]).read_bytes() == b"base"


def test_the_sandbox_of_a_worker_shows_it_what_was_fetched(world: World) -> None:
    samples, base = samples_elsewhere(world), model_elsewhere(world, b"base", 0)
    key = world.want("train", samplesArtifact=samples, models=[base])
    settle_until(world, key, lambda: world.host.started)
    unit = world.host.started[-1]
    read_only = [Path(bind.source) for bind in unit.binds if bind.read_only and bind.source == bind.target]
    needed = [Path(unit.environment["BASE_MODEL_URL"]), world.places.tree_folder(samples["tree"]) / "content/files"]
    for path in needed:
        assert path.exists()
        assert any(path.is_relative_to(folder) for folder in read_only), path


def test_results_of_fetched_models_are_told_under_the_urls_that_the_gm_knows(world: World) -> None:
    models = [model_elsewhere(world, b"new", 2), model_elsewhere(world, b"old", 1)]
    key = world.want("eval", samplesArtifact=samples_elsewhere(world), models=models)
    settle_until(world, key, lambda: world.host.started)
    urls = started(world)["MODEL_URLS"].split(";")
    assert [Path(url).read_bytes() for url in urls] == [b"new", b"old"]
    results = [{"format": "pb", "url": url, "metrics": {"f1": 1}} for url in urls]
    world.report(key, "eval", "completed", results=results)
    world.host.finish(worker_unit(*key))
    world.settle(key)
    assert world.told(key)["phase"] == "Succeeded"
    assert [one["url"] for one in world.told(key)["results"]] == [one["url"] for one in models]


def test_a_model_that_is_not_the_promised_one_fails_the_stage(world: World) -> None:
    key = world.want("train", models=[model_elsewhere(world, b"base", 0, sha256="0" * 64)])
    settle_until(world, key, lambda: world.told(key).get("phase") == "Failed")
    assert world.told(key)["reason"] == "WrongDigest"
    assert world.host.started == []


def test_a_model_that_has_come_is_not_read_again_with_every_piece_of_what_has_not(world: World) -> None:
    """Its promised sha256 is wrong, which shows when it is read."""
    base = model_elsewhere(world, b"base", 0, sha256="0" * 64)
    samples = samples_elsewhere(world)
    missing = hashlib.sha256(b"one").hexdigest()
    picture = world.blobs.whole.pop(missing)
    key = world.want("train", samplesArtifact=samples, models=[base])
    tree = world.places.tree_folder(base["artifact"]["tree"])
    settle_until(world, key, lambda: list(tree.glob("*/model.pb")) and "BlobNotFound" in world.told(key)["reason"])
    assert world.told(key)["phase"] == "Pending"
    world.blobs.whole[missing] = picture
    settle_until(world, key, lambda: world.told(key)["phase"] == "Failed")
    assert world.told(key)["reason"] == "WrongDigest"


def serving(world: World) -> tuple[str, str]:
    """An inference worker that serves a model from another node."""
    key = world.want("inference", models=[model_elsewhere(world, b"first", 0)])
    settle_until(world, key, lambda: world.host.started)
    confirm(world, key, b"first")
    return key


def confirm(world: World, key: tuple[str, str], content: bytes) -> None:
    sha256 = hashlib.sha256(content).hexdigest()
    world.report(key, "deploy", "completed", results=[{"url": world.hot_file()["model_path"], "sha256": sha256}])
    world.settle(key)
    assert (world.told(key)["model"]["state"], world.told(key)["model"]["sha256"]) == ("Loaded", sha256)


def test_a_model_from_another_node_is_served_from_the_workers_own_versions(world: World) -> None:
    key = serving(world)
    path = Path(world.hot_file()["model_path"])
    assert path.is_relative_to(world.places.versions_folder("default", "j"))
    assert world.told(key)["model"]["url"] == "/other/host/0/model.pb"
    world.fetcher.tidy()
    trees = world.places.artifacts_folder / "trees"
    wait_until(lambda: not list(trees.iterdir()))
    assert path.read_bytes() == b"first", "and there only"


def test_without_a_gm_the_old_model_goes_on_and_the_new_one_is_not_refused(world: World) -> None:
    key = serving(world)
    world.blobs.set(away=True)
    world.change(key, models=[model_elsewhere(world, b"second", 1)], round=1)
    settle_until(world, key, lambda: "does not answer" in (world.told(key)["message"] or ""))
    told = world.told(key)
    assert (told["phase"], told["reason"]) == ("Running", "FetchingModel")
    assert "The model of round 0 is served meanwhile." in told["message"]
    assert (told["model"]["state"], told["model"]["round"]) == ("Loaded", 0)
    assert Path(world.hot_file()["model_path"]).read_bytes() == b"first"
    world.blobs.set(away=False)
    settle_until(world, key, lambda: Path(world.hot_file()["model_path"]).read_bytes() == b"second")
    confirm(world, key, b"second")
    assert world.told(key)["reason"] is None
    assert len(world.host.started) == 1


def test_a_worker_that_waits_for_a_model_is_looked_after_as_ever(world: World) -> None:
    key = serving(world)
    world.blobs.set(away=True)
    world.change(key, models=[model_elsewhere(world, b"second", 1)], round=1)
    world.settle(key)
    world.host.pause(worker_unit(*key))
    world.settle(key)
    assert (world.told(key)["phase"], world.told(key)["reason"]) == ("Paused", "PausedByOperator")
    world.host.resume(worker_unit(*key))
    world.settle(key)
    assert world.told(key)["phase"] == "Running"


@pytest.mark.parametrize("hot", [True, False], ids=["hot", "cold"])
def test_wrong_bytes_are_refused_and_the_old_model_goes_on(world: World, hot: bool) -> None:
    key = serving(world)
    if not hot:
        world.change(key, hotUpdate={"enabled": False})
    second = model_elsewhere(world, b"second", 1)
    world.blobs.lies = {second["sha256"]}
    world.change(key, models=[second], round=1)
    settle_until(world, key, lambda: world.told(key)["model"]["state"] == "Refused")
    model = world.told(key)["model"]
    assert (model["reason"], model["round"]) == ("WrongDigest", 1)
    assert world.record(key).serving is not None
    assert world.record(key).serving.round == 0  # type: ignore[union-attr]
    assert len(world.host.started) == 1


def test_no_room_is_said_and_is_no_reason_to_refuse(world: World) -> None:
    key = serving(world)
    world.free = 3
    world.change(key, models=[model_elsewhere(world, b"second", 1)], round=1)
    settle_until(world, key, lambda: world.told(key)["reason"] == "NoSpace")
    assert "6 B are needed in" in world.told(key)["message"]
    world.free = 10**6
    settle_until(world, key, lambda: world.told(key)["model"]["round"] == 1)


def test_a_boot_without_a_line_serves_the_last_good_model(world: World) -> None:
    key = serving(world)
    world.blobs.set(away=True)
    world.host.vanish(worker_unit(*key))
    world.restart()
    world.settle(key)
    assert len(world.host.started) == 2
    assert Path(started(world)["MODEL_URL"]).read_bytes() == b"first"
    assert not Path("/other/host/0/model.pb").exists()


def test_a_boot_without_a_line_in_the_middle_of_a_deployment_serves_the_last_good_model(world: World) -> None:
    key = serving(world)
    world.blobs.set(away=True)
    world.change(key, models=[model_elsewhere(world, b"second", 1)], round=1)
    world.settle(key)
    world.fetcher.close()
    world.host.vanish(worker_unit(*key))
    world.restart()
    world.fetcher.start()
    world.settle(key)
    assert len(world.host.started) == 2
    assert Path(started(world)["MODEL_URL"]).read_bytes() == b"first"
    confirm(world, key, b"first")
    world.blobs.set(away=False)
    settle_until(world, key, lambda: Path(world.hot_file()["model_path"]).read_bytes() == b"second")
    confirm(world, key, b"second")


def test_a_file_of_the_same_path_on_this_node_is_not_taken_for_it(world: World) -> None:
    """Both hosts have a /output/model.pb; that one is another model."""
    mine = world.model("mine", "another model")
    key = world.want("inference", models=[model_elsewhere(world, b"first", 0, url=str(mine))])
    settle_until(world, key, lambda: world.host.started)
    assert Path(started(world)["MODEL_URL"]).read_bytes() == b"first"
    assert digest(mine) != world.told(key)["model"]["sha256"]


def test_what_finished_workers_had_is_thrown_away_when_they_go(world: World) -> None:
    key = world.want("train", samplesArtifact=samples_elsewhere(world))
    settle_until(world, key, lambda: world.host.started)
    trees = world.places.artifacts_folder / "trees"
    assert list(trees.iterdir())
    world.delete(key)
    settle_until(world, key, lambda: not world.unit(key))
    world.store.drop_wanted("workers", key)
    world.fetcher.tidy()
    wait_until(lambda: not list(trees.iterdir()))


def test_news_of_a_content_wake_the_worker_that_waits(world: World) -> None:
    world.blobs.set(held=True)
    world.fetcher.close()
    reconciler = Reconciler(world.means(), lambda: None, lambda: iter(lambda: 60.0, None), lambda: 0.0)
    world.fetcher.start()
    key = world.want("train", samplesArtifact=samples_elsewhere(world))
    reconciler.start()
    wait_until(lambda: world.told(key).get("reason") == "FetchingSamples")
    world.blobs.set(held=False)
    wait_until(lambda: world.host.started)
    reconciler.close()


class Tidied:
    """The fetcher, but what was still needed at the last tidying is remembered instead of guessed."""

    def __init__(self, world: World, fetcher: Fetcher) -> None:
        self._world = world
        self._fetcher = fetcher
        self.needed: set[str] | None = None
        self.subscribe = fetcher.subscribe
        self.bring = fetcher.bring

    def tidy(self) -> None:
        self.needed = set(WantedContents(self._world.store).needed())


@pytest.mark.parametrize("hot", [True, False], ids=["hot", "cold"])
def test_a_fetched_model_is_tidied_away_only_after_it_is_written_down_that_it_lies_in_its_slot(
    world: World, hot: bool
) -> None:
    world.fetcher.close()
    means = world.means()
    tidied = Tidied(world, world.fetcher)
    world.fetcher.start()
    means = replace(means, contents=tidied)
    world.applier = Applier(means, lambda: None, lambda: world.synced, lambda: repeat(1.0))
    first, second = (model_elsewhere(world, content, n) for n, content in enumerate((b"first", b"second"), 1))
    key = world.want("inference", models=[first], hotUpdate={"enabled": hot, "pollPeriodSeconds": 60})
    settle_until(world, key, lambda: world.host.started)
    assert tidied.needed == set()
    tidied.needed = None
    world.change(key, models=[second])
    settle_until(world, key, lambda: world.record(key).serving and world.record(key).serving.round == 2)
    assert tidied.needed == set(), "else a crash right after it would have to fetch a model again that is here"
