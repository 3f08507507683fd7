"""What old rounds have left goes when a new one comes, and nothing that somebody may yet need."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.api.workers import Worker
from sedna_lc.reconcile.outputs import claim, discard, outdated
from tests.lc.reconcile.worlds import World
from tests.lc.workers import make_worker, model


def worker(folder: Path, round_: int, retained: list[int] | None, role: str = "train", **spec: Any) -> Worker:
    told: dict[str, Any] = {
        "round": round_,
        "outputDir": f"{folder}/{role}/{round_}",
        "jobOutputDir": str(folder),
        **spec,
    }
    if retained is not None:
        told["retainedRounds"] = retained
    made = make_worker(role, **told)
    return made.model_copy(update={"metadata": made.metadata.model_copy(update={"uid": f"{role}-{round_}"})})


def play(folder: Path, rounds: int, role: str = "train", **spec: Any) -> None:
    """As if so many rounds had been here, each with a model and a list of its samples."""
    for number in range(1, rounds + 1):
        claim(worker(folder, number, None, role, **spec), [])
        for below in (f"{role}/{number}", f"data/{role}/{number}"):
            (folder / below).mkdir(parents=True, exist_ok=True)
            (folder / below / "content").write_text(str(number))


def there(folder: Path) -> list[int]:
    return sorted(int(each.name) for each in folder.iterdir() if each.name.isdigit())


@given(st.sets(st.integers(1, 60)), st.integers(1, 60), st.sets(st.integers(0, 60)), st.integers(1, 12))
def test_what_is_retained_or_recent_or_later_never_goes(
    found: set[int], round_: int, retained: set[int], keep: int
) -> None:
    wanted = worker(Path("/output"), round_, sorted(retained))
    gone = set(outdated(found, wanted, keep))
    assert gone <= found - retained
    assert all(each <= round_ - keep for each in gone)
    assert found - gone == {each for each in found if each in retained or each > round_ - keep}


def test_a_worker_that_names_no_retained_rounds_removes_nothing(tmp_path: Path) -> None:
    """It was made by a GlobalManager that knows nothing of this."""
    play(tmp_path, 9)
    discard(worker(tmp_path, 10, None), [], 1)
    assert there(tmp_path / "train") == list(range(1, 10))


@pytest.mark.parametrize("role", ["train", "eval"])
def test_models_and_sample_lists_of_old_rounds_go_and_the_retained_stay(tmp_path: Path, role: str) -> None:
    play(tmp_path, 9, role)
    discard(worker(tmp_path, 10, [2, 5], role), [], 3)
    assert there(tmp_path / role) == [2, 5, 8, 9]
    assert there(tmp_path / "data" / role) == [2, 5, 8, 9]
    left = sorted(each.name for each in (tmp_path / role).glob(".*.owner"))
    assert left == [".2.owner", ".5.owner", ".8.owner", ".9.owner"]


def test_what_an_earlier_job_or_somebody_else_has_left_stays(tmp_path: Path) -> None:
    play(tmp_path, 3, job={"kind": "IncrementalLearningJob", "name": "j", "uid": "earlier"})
    (tmp_path / "train" / "4").mkdir()
    (tmp_path / "train" / "2.old-1").mkdir()
    discard(worker(tmp_path, 20, []), [], 1)
    assert there(tmp_path / "train") == [1, 2, 3, 4]
    assert (tmp_path / "train" / "2.old-1").is_dir()


def test_what_another_worker_of_this_node_names_stays(tmp_path: Path) -> None:
    play(tmp_path, 4)
    other = make_worker("inference", models=[model("m", f"{tmp_path}/train/2/content")])
    discard(worker(tmp_path, 20, []), [other], 1)
    assert there(tmp_path / "train") == [2]


def test_no_link_of_user_code_leads_the_removal_away(tmp_path: Path) -> None:
    """User code may write below outputDir, and the LocalController is root."""
    output, precious = tmp_path / "output", tmp_path / "precious"
    play(output, 2)
    play(precious, 2)
    (output / "train").rename(output / "moved")
    (output / "train").symlink_to(precious / "train")
    discard(worker(output, 9, []), [], 1)
    assert there(precious / "train") == [1, 2]
    (output / "train").unlink()
    (output / "moved").rename(output / "train")
    (output / "train" / "1" / "link").symlink_to(precious)
    discard(worker(output, 9, []), [], 1)
    assert there(output / "train") == []
    assert there(precious / "train") == [1, 2]


def test_a_removal_that_a_crash_cut_short_is_finished_next_time(tmp_path: Path) -> None:
    play(tmp_path, 2)
    (tmp_path / "data" / "train" / "1" / "content").unlink()
    (tmp_path / "data" / "train" / "1").rmdir()
    (tmp_path / "train" / "1" / "content").unlink()
    discard(worker(tmp_path, 9, []), [], 1)
    assert there(tmp_path / "train") == []
    assert not list((tmp_path / "train").glob(".*.owner"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may remove everything")
def test_what_cannot_be_removed_stays_and_the_round_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    play(tmp_path, 2)
    (tmp_path / "train" / "1").chmod(0o500)
    try:
        discard(worker(tmp_path, 9, []), [], 1)
    finally:
        (tmp_path / "train" / "1").chmod(0o700)
    assert "cannot be removed" in caplog.text


def test_a_folder_that_was_marked_before_jobs_were_named_in_marks_is_still_its_workers_own(tmp_path: Path) -> None:
    wanted = worker(tmp_path, 1, [])
    (tmp_path / "train" / "1").mkdir(parents=True)
    (tmp_path / "train" / "1" / "model").write_text("m")
    (tmp_path / "train" / ".1.owner").write_text("u")
    same = wanted.model_copy(update={"metadata": wanted.metadata.model_copy(update={"uid": "u"})})
    claim(same, [])
    assert (tmp_path / "train" / "1" / "model").read_text() == "m"
    discard(worker(tmp_path, 9, []), [], 1)
    assert there(tmp_path / "train") == [1]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def old_rounds(world: World) -> Path:
    """A worker of round 20 is wanted and waits for its image; round 2 has long been here."""
    out = world.folder / "out"
    play(out, 2, job={"kind": "IncrementalLearningJob", "name": "j", "uid": "ju"})
    template = {"containers": [{"name": "c", "image": "late:v1", "args": ["run.py"]}]}
    key = world.want(round=20, outputDir=str(out / "train" / "20"), retainedRounds=[], template=template)
    world.applier.step(key)
    assert world.record(key).status.reason == "ImageNotFound"
    return out / "train"


def test_what_a_model_has_named_while_the_worker_waited_stays(world: World) -> None:
    train = old_rounds(world)
    world.change(("default", "j-train-1"), retainedRounds=[2])
    world.image("late:v1")
    world.applier.step(("default", "j-train-1"))
    assert there(train) == [2, 20]


def test_nothing_is_removed_by_a_list_that_may_be_old(world: World) -> None:
    train = old_rounds(world)
    world.heard = False
    world.image("late:v1")
    world.applier.step(("default", "j-train-1"))
    assert there(train) == [1, 2, 20]
