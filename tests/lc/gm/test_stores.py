"""A GM that comes back with another store is believed in what it has, and not in what it lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sedna_lc.gm.stores import KnownStore


def worker(name: str, uid: str, job: str = "", phase: str = "Running") -> dict[str, Any]:
    spec = {"job": {"name": "numbers", "uid": job}} if job else {}
    metadata = {"name": name, "namespace": "default", "uid": uid}
    return {"metadata": metadata, "spec": spec, "status": {"phase": phase}}


class Node:
    """What is wanted, and the store that was met, as they lie on a node's disk."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "gm-store-workers.json"
        self.wanted: list[dict[str, Any]] = []
        self.restart()

    def restart(self) -> None:
        self.known = KnownStore(self.file, "workers", lambda: self.wanted)

    def hear(self, store: str, *listed: dict[str, Any]) -> list[str]:
        self.wanted = self.known.believed(store, list(listed))
        return sorted(one["metadata"]["uid"] for one in self.wanted)


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_what_the_same_store_lacks_was_deleted(node: Node) -> None:
    assert node.hear("a", worker("w", "1"), worker("v", "2")) == ["1", "2"]
    assert node.hear("a", worker("w", "1")) == ["1"]
    assert node.known.held == 0


def test_what_another_store_lacks_stays(node: Node) -> None:
    node.hear("a", worker("w", "1"), worker("v", "2"))
    for _ in range(2):
        assert node.hear("b") == ["1", "2"]
        node.restart()
    assert node.known.held == 2


def test_of_the_other_stores_own_its_word_counts(node: Node) -> None:
    node.hear("a", worker("w", "1"))
    assert node.hear("b", worker("x", "9")) == ["1", "9"]
    assert node.hear("b") == ["1"]


def test_a_name_that_is_wanted_again_takes_the_place_of_the_old_one(node: Node) -> None:
    node.hear("a", worker("w", "1"), worker("v", "2"))
    node.hear("b")
    assert node.hear("b", worker("w", "9")) == ["2", "9"]
    assert node.known.held == 1


def test_a_job_that_was_made_again_takes_the_place_of_the_old_one(node: Node) -> None:
    node.hear("a", worker("train-1", "1", job="old"), worker("inference", "2", job="old"))
    assert node.hear("b") == ["1", "2"]
    new = worker("train-7", "9", job="new")
    assert [one["metadata"]["uid"] for one in node.known.replaced_by(new)] == ["1", "2"]
    assert node.known.replaced_by(worker("x", "8")) == []
    assert node.hear("b", new) == ["9"]


def test_what_has_ended_is_not_held(node: Node) -> None:
    node.hear("a", worker("w", "1", phase="Succeeded"), worker("v", "2"))
    assert node.hear("b") == ["2"]


def test_when_the_old_store_is_back_its_word_counts_again(node: Node) -> None:
    node.hear("a", worker("w", "1"), worker("v", "2"))
    node.hear("b", worker("x", "9"))
    assert node.hear("a", worker("w", "1")) == ["1"]
    assert node.known.held == 0


def test_a_person_lets_them_go_by_removing_the_file(node: Node) -> None:
    node.hear("a", worker("w", "1"))
    node.hear("b")
    node.file.unlink()
    node.restart()
    assert node.hear("b") == []


def test_a_gm_that_does_not_say_which_store_it_has_is_believed(node: Node) -> None:
    node.hear("a", worker("w", "1"))
    assert node.hear("") == []


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"store": 1}', "\0", "[" * 100_000, '{"store": "", "before": "", "held": []}']
)
def test_a_damaged_memory_and_an_empty_list_stop_no_worker(node: Node, content: str) -> None:
    node.hear("a", worker("w", "1"))
    node.file.write_text(content)
    node.restart()
    assert node.hear("b") == ["1"]
    node.restart()
    assert node.hear("b") == ["1"]
    assert node.known.held == 1


def test_a_memory_that_is_not_text_or_no_file_stops_no_worker(node: Node) -> None:
    node.hear("a", worker("w", "1"))
    node.file.write_bytes(b"\xff\xfe")
    node.restart()
    assert node.hear("b") == ["1"]
    node.file.unlink()
    node.file.mkdir()
    node.restart()
    with pytest.raises(OSError, match="gm-store"):
        node.hear("b")


def test_after_a_damage_the_stores_word_counts_for_what_it_has(node: Node) -> None:
    node.hear("a", worker("w", "1"))
    node.file.write_text("{")
    node.restart()
    assert node.hear("a", worker("w", "1")) == ["1"]
    assert node.known.held == 0
    assert node.hear("a") == []


def test_a_first_start_believes_its_first_list(node: Node) -> None:
    assert node.hear("a", worker("w", "1")) == ["1"]
    assert node.hear("a") == []
