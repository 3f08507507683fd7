"""What is taken away, and what never is: whatever an image or a worker still needs."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml

from sedna.images import references
from sedna.images.environments import COMPLETE
from sedna.images.records import ImageProblem, ImageRecord
from sedna.images.removing import prune, remove
from sedna.images.using import used_by_workers, worker_texts

NOW = datetime(2026, 11, 22, 15, 0, 0, tzinfo=timezone.utc)


def nobody() -> list[str]:
    return []


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Two environments and two libraries; one image that uses the first of each."""
    folder = tmp_path / "images"
    for name in ("aaaa", "aaaabbbb"):
        (folder / "environments" / name / "bin").mkdir(parents=True)
        (folder / "environments" / name / COMPLETE).write_text("")
        (folder / "libraries" / name / "sedna").mkdir(parents=True)
    record = ImageRecord(
        reference=references.parse("kubeedge/demo:v1"),
        python=str(folder / "environments/aaaa/bin/python"),
        library=str(folder / "libraries/aaaa"),
    )
    (folder / "kubeedge/demo/v1/app").mkdir(parents=True)
    (folder / "kubeedge/demo/v1/image.yml").write_text(yaml.safe_dump(record.document()))
    return folder


def left(images: Path) -> set[str]:
    return {
        path.relative_to(images).as_posix()
        for shelf in ("environments", "libraries")
        for path in images.glob(f"{shelf}/a*")
        if path.is_dir()
    }


def test_what_no_image_uses_goes_and_what_one_uses_stays(images: Path) -> None:
    assert len(prune(images, texts=nobody)) == 2
    assert left(images) == {"environments/aaaa", "libraries/aaaa"}
    assert prune(images, texts=nobody) == []


def test_what_a_running_worker_uses_stays(images: Path) -> None:
    text = f"python\ntrain.py\nPATH={images}/environments/aaaabbbb/bin:/usr/bin\nPYTHONPATH={images}/libraries/aaaabbbb"
    assert prune(images, texts=lambda: [text]) == []


def test_a_dry_run_takes_nothing_away(images: Path) -> None:
    assert len(prune(images, texts=nobody, dry_run=True)) == 2
    assert remove(images, references.parse("kubeedge/demo:v1"), texts=nobody, dry_run=True)
    assert len(left(images)) == 4
    assert (images / "kubeedge/demo/v1/image.yml").exists()


def test_an_image_that_cannot_be_read_keeps_everything(images: Path) -> None:
    (images / "broken/v1").mkdir(parents=True)
    (images / "broken/v1/image.yml").write_text("[]")
    with pytest.raises(ImageProblem, match="broken"):
        prune(images, texts=nobody)
    assert len(left(images)) == 4


def test_a_removed_image_leaves_no_empty_folders_and_its_environment_to_others(images: Path) -> None:
    assert remove(images, references.parse("kubeedge/demo:v1"), texts=nobody)
    assert sorted(path.name for path in images.iterdir() if path.is_dir()) == ["environments", "libraries"]
    assert len(left(images)) == 4
    assert not remove(images, references.parse("kubeedge/demo:v1"), texts=nobody)


def test_an_image_that_a_worker_runs_from_is_not_removed(images: Path) -> None:
    texts = [f"WorkingDirectory={images}/kubeedge/demo/v1/app\n"]
    with pytest.raises(ImageProblem, match="used by a worker"):
        remove(images, references.parse("kubeedge/demo:v1"), texts=lambda: texts)
    assert (images / "kubeedge/demo/v1/image.yml").exists()


def test_a_real_process_shows_what_it_uses(images: Path) -> None:
    app = images / "kubeedge/demo/v1/app"
    with subprocess.Popen(
        [sys.executable, "-c", "print('up', flush=True); input()"],
        cwd=app,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PATH": f"{images}/environments/aaaabbbb/bin"},
    ) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        texts = list(worker_texts())
        worker.communicate(b"\n")
    assert used_by_workers(images / "environments/aaaabbbb", texts)
    assert used_by_workers(images / "kubeedge/demo/v1", texts)
    assert not used_by_workers(images / "environments/aaaa", texts)


def test_a_worker_that_comes_back_at_boot_shows_by_its_unit(images: Path, tmp_path: Path) -> None:
    units = tmp_path / "units"
    units.mkdir()
    line = f'Environment="PATH={images}/environments/aaaabbbb/bin:/usr/bin"\n'
    (units / "sedna-worker-default-demo.service").write_text(f"[Service]\n{line}")
    (units / "other.service").write_text(f"[Service]\nExecStart={images}/environments/aaaa/bin/python\n")
    texts = list(worker_texts(processes=tmp_path / "none", units=[units, tmp_path / "absent"]))
    assert used_by_workers(images / "environments/aaaabbbb", texts)
    assert not used_by_workers(images / "environments/aaaa", texts)
