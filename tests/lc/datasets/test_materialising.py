"""Sample lists for workers: the right samples, each once, whole or not at all."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.api.splitting import in_train_part
from sedna.api.workers import Worker
from sedna_lc.datasets.materialising import materialise
from sedna_lc.datasets.tailing import Tail
from sedna_lc.errors import Again
from sedna_lc.state.memory import MemoryStore


class World:
    def __init__(self, folder: Path, file_format: str = "txt") -> None:
        self.folder = folder
        self.store = MemoryStore()
        self.file = folder / f"list.{file_format}"
        self.format = file_format
        self.datasets = folder / "datasets"
        self.store.put_wanted("datasets", {"metadata": {"name": "d", "namespace": "default", "uid": "u1"}})

    def write(self, text: str) -> None:
        self.file.write_text(text)
        tail = Tail(self.datasets / "u1", self.store, "u1", str(self.file), self.format)
        tail.poll(threading.Event())
        tail.close()

    def worker(self, *samples: dict[str, Any], role: str = "train", round_number: int = 1) -> Worker:
        return Worker.model_validate(
            {
                "metadata": {"name": "w", "namespace": "default"},
                "spec": {
                    "nodeName": "edge",
                    "role": role,
                    "job": {"kind": "IncrementalLearningJob", "name": "j", "uid": "ju"},
                    "round": round_number,
                    "template": {"containers": [{"name": "c", "image": "i:1"}]},
                    "dataset": {"name": "d", "url": str(self.file), "format": self.format},
                    "samples": [{"dataset": "d", **one} for one in samples],
                    "jobOutputDir": str(self.folder / "out"),
                },
            }
        )

    def list_of(self, role: str, round_number: int) -> str:
        return (self.folder / "out" / "data" / role / str(round_number) / f"data.{self.format}").read_text()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_range_becomes_a_list(world: World) -> None:
    world.write("".join(f"/{number}\n" for number in range(10)))
    assert materialise(world.worker({"start": 2, "end": 5}), world.store, world.datasets) == 3
    assert world.list_of("train", 1) == "/2\n/3\n/4\n"


def test_relative_paths_are_absolute_in_the_list(world: World, tmp_path: Path) -> None:
    world.write("img/1.jpg 0,0,1,1,helmet\nhttp://x/2.jpg 1\n")
    materialise(world.worker({"start": 0, "end": 2}), world.store, world.datasets)
    assert world.list_of("train", 1) == f"{tmp_path}/img/1.jpg 0,0,1,1,helmet\nhttp://x/2.jpg 1\n"


def test_a_csv_list_begins_with_the_header(tmp_path: Path) -> None:
    world = World(tmp_path, "csv")
    world.write("a,b\n1,2\n3,4\n")
    worker = world.worker({"start": 0, "end": 1, "round": 1}, {"start": 1, "end": 2, "round": 2}, role="eval")
    assert materialise(worker, world.store, world.datasets) == 2
    assert world.list_of("eval", 1) == "a,b\n1,2\n3,4\n"


@given(probability=st.floats(0, 1), seed=st.text(max_size=5), cuts=st.sets(st.integers(1, 59), max_size=3))
def test_w15_the_parts_of_all_rounds_hold_each_sample_once(
    tmp_path_factory: pytest.TempPathFactory, probability: float, seed: str, cuts: set[int]
) -> None:
    world = World(tmp_path_factory.mktemp("world"))
    lines = [f"/{number}" for number in range(60)]
    world.write("".join(f"{line}\n" for line in lines))
    edges = [0, *sorted(cuts), 60]
    ranges = [
        {"start": start, "end": end, "seed": seed, "probability": probability, "round": number}
        for number, (start, end) in enumerate(itertools.pairwise(edges))
    ]
    seen: list[str] = []
    for number, one in enumerate(ranges):
        materialise(world.worker({**one, "part": "train"}, round_number=number), world.store, world.datasets)
        seen += world.list_of("train", number).split()
    worker = world.worker(*({**one, "part": "eval"} for one in ranges), role="eval", round_number=9)
    materialise(worker, world.store, world.datasets)
    judged = world.list_of("eval", 9).split()
    assert sorted(seen + judged) == sorted(lines)
    assert seen == [line for number, line in enumerate(lines) if in_train_part(seed, number, probability)]


def test_w14_w16_samples_stay_when_the_file_has_gone(world: World) -> None:
    world.write("/a\n/b\n/c\n")
    world.write("/x\n")
    materialise(world.worker({"start": 0, "end": 4}), world.store, world.datasets)
    assert world.list_of("train", 1) == "/a\n/b\n/c\n/x\n"


@pytest.mark.parametrize(
    ("samples", "reason"),
    [({"start": 0, "end": 4}, "SamplesNotSeen"), ({"start": 0, "end": 1, "dataset": "other"}, "DatasetNotFound")],
    ids=["not-seen-yet", "no-such-dataset"],
)
def test_what_is_not_here_yet_is_waited_for(world: World, samples: dict[str, Any], reason: str) -> None:
    world.write("/a\n/b\n/c\n")
    with pytest.raises(Again) as caught:
        materialise(world.worker(samples), world.store, world.datasets)
    assert caught.value.reason == reason


def test_a_list_that_cannot_be_written_leaves_nothing_behind(world: World) -> None:
    world.write("/a\n")
    (world.folder / "out" / "data" / "train" / "1" / "data.txt").mkdir(parents=True)
    with pytest.raises(Again) as caught:
        materialise(world.worker({"start": 0, "end": 1}), world.store, world.datasets)
    assert caught.value.reason == "SamplesNotWritable"
    assert [one.name for one in (world.folder / "out" / "data" / "train" / "1").iterdir()] == ["data.txt"]
