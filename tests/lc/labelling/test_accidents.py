"""Whatever dies while a label is saved: whoever saves again finds the sample in the list exactly once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sedna_lc.labelling.lists import opened_list
from sedna_lc.state.opening import open_store
from tests.faults.sweeps import WHEN_LABELLED
from tests.house.project import ROOT
from tests.lc.labelling.nodes import DATASET, NOW, Node, box
from tests.lc.labelling.saving import NAMES

ARMED = ROOT / "tests" / "faults" / "armed"
PROGRAM = ROOT / "tests" / "lc" / "labelling" / "saving.py"
LINES = [f"images/{name}.jpg 10,20,30,40,{number}" for number, name in enumerate(NAMES)]


def run(folder: Path, point: str = "") -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ARMED), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": paths} | ({"SEDNA_FAULT": point} if point else {})
    return subprocess.run(
        [sys.executable, str(PROGRAM), str(folder)],
        env=environment, capture_output=True, text=True, check=False, start_new_session=True,
    )  # fmt: skip


def dies(folder: Path, point: str) -> None:
    done = run(folder, point)
    assert done.returncode == -signal.SIGKILL, (point, done.stdout, done.stderr)


def is_whole(folder: Path, first: str = "") -> None:
    """Save everything again, and look what there is."""
    done = run(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    again = run(folder)
    assert "True" not in again.stdout, "what was saved is not saved anew"
    assert [line.split()[2] for line in done.stdout.splitlines()] == [
        line.split()[2] for line in again.stdout.splitlines()
    ]
    text = (folder / "data" / "train_data.txt").read_text()
    assert text == first + "".join(f"{line}\n" for line in LINES)
    images = folder / "data" / "images"
    assert sorted(path.name for path in images.iterdir()) == [f"{name}.jpg" for name in NAMES]
    for name in NAMES:
        assert (images / f"{name}.jpg").read_bytes() == (folder / "he" / f"{name}.jpg").read_bytes()
    store = open_store(folder / "state", NOW)
    assert store.open_labels() == []
    assert [label.line for label in store.labels("d1", 10)] == LINES[::-1]
    store.close()


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("point", [one for one in WHEN_LABELLED if one != "lc.label.settle.after"])
def test_a_node_that_dies_at_any_step_has_each_label_once_afterwards(tmp_path: Path, point: str, times: int) -> None:
    dies(tmp_path, f"{point}:{times}")
    is_whole(tmp_path)


def test_a_node_that_dies_again_while_it_finds_out_what_became_of_a_label_has_it_once(tmp_path: Path) -> None:
    dies(tmp_path, "lc.label.append.after")
    dies(tmp_path, "lc.label.settle.after")
    dies(tmp_path, "lc.label.append.after")
    is_whole(tmp_path)


def test_an_open_last_line_is_closed_once_although_the_node_dies(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train_data.txt").write_text("images/old.jpg")
    dies(tmp_path, "lc.label.append.after")
    is_whole(tmp_path, first="images/old.jpg\n")


def test_lines_that_others_added_meanwhile_stay(tmp_path: Path) -> None:
    dies(tmp_path, "lc.label.append.before")
    with (tmp_path / "data" / "train_data.txt").open("a") as file:
        file.write("images/other.jpg 1,2,3,4,0\n")
    is_whole(tmp_path, first="images/other.jpg 1,2,3,4,0\n")


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_part_of_a_line_that_a_power_cut_left_is_taken_back(tmp_path: Path, cut: int) -> None:
    dies(tmp_path, "lc.label.append.before")
    with (tmp_path / "data" / "train_data.txt").open("a") as file:
        file.write(LINES[0][:cut])
    is_whole(tmp_path)


def test_a_list_that_was_replaced_after_the_accident_is_looked_through_from_its_beginning(tmp_path: Path) -> None:
    dies(tmp_path, "lc.label.append.after:2")
    path = tmp_path / "data" / "train_data.txt"
    new = path.with_name("new")
    new.write_text("".join(f"{line}\n" for line in reversed(path.read_text().splitlines())))
    new.replace(path)
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.read_text().splitlines()) == LINES


def test_a_label_of_a_dataset_that_has_gone_is_forgotten(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.keep("a")
    node.save("a", [box()])
    label = node.store.labels("d1", 1)[0]
    node.store.put_label(replace(label, example="b", dataset="gone", done=False))
    assert set(node.ask("labels", dataset=DATASET)["labels"]) == {"a"}
    assert node.store.open_labels() == []


def test_a_label_whose_list_cannot_be_looked_at_now_is_not_given_up(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.keep("a")
    node.save("a", [box()])
    label = node.store.labels("d1", 1)[0]
    node.store.put_label(replace(label, done=False))
    aside = node.list.with_name("aside")
    node.list.rename(aside)
    node.list.mkdir()
    assert node.ask("labels", dataset=DATASET)["labels"] == {}
    assert node.save("a", [box()])["error"]["code"] == 503
    node.list.rmdir()
    aside.rename(node.list)
    assert set(node.ask("labels", dataset=DATASET)["labels"]) == {"a"}
    assert node.save("a", [box()])["created"] is False


def test_a_list_is_opened_only_as_a_plain_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    for name in ("pipe", "link"):
        with pytest.raises(OSError), opened_list(tmp_path / name):  # noqa: PT011
            pass
