"""Environments on a host: made without a network, shared by what they hold, whole or not there."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import pytest

from sedna.images import environments, references
from sedna.images.building import Built, build
from sedna.images.libraries import library_for
from sedna.images.locking import LOCK, removing
from sedna.images.records import ImageProblem
from sedna.images.removing import prune
from tests.images.wheelhouse import make_wheel, make_wheelhouse

NOW = datetime(2026, 11, 22, 15, 0, 0, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_wheelhouse(tmp_path_factory.mktemp("wheels"))
    make_wheel(folder, "heavy-learning", "2.21", requires=["numpy"])
    return folder


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    (folder / "train.py").write_text("import heavy_learning, sedna.common\nprint(heavy_learning.VERSION)\n")
    (folder / "requirements.txt").write_text("heavy-learning>=2\n")
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory, source: Path, wheels: Path) -> Path:
    """A folder with one image in it, built by somebody whose umask lets nobody else read."""
    folder = tmp_path_factory.mktemp("host") / "images"
    with strict_umask():
        install(source, folder, wheels)
    return folder


@pytest.fixture(autouse=True)
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a build would ask is not there."""
    for name in list(os.environ):
        if name.startswith("PIP_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")


@contextmanager
def strict_umask() -> Iterator[None]:
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def install(source: Path, images: Path, wheels: Path, reference: str = "demo:v1") -> Built:
    return build(source, references.parse(reference), images, now=NOW, wheels=wheels)


def environments_of(images: Path) -> list[str]:
    return sorted(path.name for path in (images / "environments").iterdir() if path.is_dir())


def files_below(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if not path.is_symlink())


def test_an_image_runs_from_wheels_alone(images: Path, source: Path, wheels: Path) -> None:
    record = install(source, images, wheels).record
    ran = subprocess.run(
        [record.python, "train.py"], capture_output=True, text=True, cwd=images / "demo/v1/app", check=False,
        env={"PYTHONPATH": record.library},
    )  # fmt: skip
    assert (ran.stdout, ran.stderr) == ("2.21\n", "")


def test_two_images_with_the_same_requirements_cost_one_environment(
    images: Path, source: Path, wheels: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "main.py").write_text("")
    (other / "requirements.txt").write_text("# The same, told otherwise.\n\nheavy-learning>=2   # much\nsedna-metal\n")
    before = environments_of(images)
    built = install(other, images, wheels, "other:v1")
    assert environments_of(images) == before
    assert built.record.python == install(source, images, wheels).record.python


def test_an_upgrade_of_the_library_keeps_the_environment_and_both_libraries(
    images: Path, source: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = install(source, images, wheels).record
    upgraded = tmp_path / "upgraded" / "sedna"
    upgraded.mkdir(parents=True)
    (upgraded / "__init__.py").write_text('"""The next one."""\n')
    monkeypatch.setattr("sedna.images.libraries.sedna.__file__", str(upgraded / "__init__.py"))
    before = environments_of(images)
    built = install(source, images, wheels)
    assert built.changed
    assert (built.record.python, environments_of(images)) == (first.python, before)
    assert built.record.library != first.library
    # A worker that runs goes on with the very files it started with.
    assert (Path(first.library) / "sedna" / "common").is_dir()


def test_what_was_interrupted_half_way_is_made_anew(images: Path, source: Path, wheels: Path, tmp_path: Path) -> None:
    mine = tmp_path / "images"
    shutil.copytree(images, mine, symlinks=True)
    folder = environments.environment_folder(mine, environments.wanted_for("heavy-learning>=2\n"))
    (folder / environments.COMPLETE).unlink()
    (folder / "left").write_text("half a package")
    python = install(source, mine, wheels).record.python
    assert Path(python).is_relative_to(folder)
    assert (environments.is_complete(folder), (folder / "left").exists()) == (True, False)


def test_a_build_that_fails_leaves_no_environment_that_looks_whole(source: Path, tmp_path: Path) -> None:
    images, empty = tmp_path / "images", tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ImageProblem, match="could not install the requirements from"):
        install(source, images, empty)
    assert not any(environments.is_complete(path) for path in (images / "environments").iterdir())
    assert not (images / "demo").exists()


def test_the_worker_user_can_read_all_of_it_whatever_the_builders_umask(images: Path) -> None:
    closed = [path for path in files_below(images) if path.suffix != ".lock" and not path.stat().st_mode & stat.S_IROTH]
    assert closed == []
    assert [path for path in files_below(images) if path.is_dir() and path.stat().st_mode & 0o777 != 0o755] == []


def test_a_read_only_sandbox_finds_the_bytecode(images: Path, source: Path, wheels: Path) -> None:
    record = install(source, images, wheels).record
    site = next(Path(record.python).parent.parent.glob("lib/python*/site-packages"))
    for place in (images / "demo/v1/app", Path(record.library) / "sedna" / "common", site):
        assert list((place / "__pycache__").glob("*.pyc")), place


def test_an_environment_rests_on_the_system_not_on_the_release_that_made_it(
    images: Path, source: Path, wheels: Path
) -> None:
    python = Path(install(source, images, wheels).record.python)
    assert python.resolve() == Path(sys.executable).resolve()
    assert sys.prefix not in (python.parent.parent / "pyvenv.cfg").read_text()


def test_the_wheelhouses_own_pip_is_enough(source: Path, wheels: Path, tmp_path: Path) -> None:
    """As on a host that has neither ensurepip nor pip."""
    import ensurepip

    bundled = list((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
    if not bundled:
        pytest.skip("this Python brings no wheel of pip")
    shutil.copytree(wheels, tmp_path / "wheels")
    # The newest by number, not by name.
    make_wheel(tmp_path / "wheels", "pip", "3.1")
    shutil.copy2(bundled[0], tmp_path / "wheels")
    assert install(source, tmp_path / "images", tmp_path / "wheels").changed


def test_a_dry_run_tells_and_makes_nothing(source: Path, tmp_path: Path) -> None:
    built = build(source, references.parse("demo:v1"), tmp_path / "images", now=NOW, dry_run=True)
    assert (built.changed, built.environment_missing) == (True, True)
    assert not (tmp_path / "images").exists()


def test_two_builds_of_one_library_agree(tmp_path: Path) -> None:
    python = Path(sys.executable)
    assert library_for(tmp_path, python) == library_for(tmp_path, python)
    assert len(list((tmp_path / "libraries").iterdir())) == 1


def test_what_a_build_is_about_to_name_is_not_pruned_beside_it(
    images: Path, source: Path, wheels: Path, tmp_path: Path
) -> None:
    """The environment is there, no image names it yet, and somebody tidies up at that moment."""
    mine = tmp_path / "images"
    shutil.copytree(images / "environments", mine / "environments", symlinks=True)
    pruned: list[list[Path]] = []
    tidying = threading.Thread(target=lambda: pruned.append(prune(mine, texts=list)))

    def say(text: str) -> None:
        if text.startswith("Copying"):
            with (mine / LOCK).open() as file, pytest.raises(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            tidying.start()

    built = build(source, references.parse("demo:v1"), mine, now=NOW, wheels=wheels, say=say)
    tidying.join()
    # Other environments may be there; this one is kept, and so is the library.
    assert Path(built.record.python).exists()
    assert Path(built.record.library).is_dir()
    assert not any(Path(built.record.python).is_relative_to(folder) for folder in pruned[0])


def test_a_build_waits_for_what_is_being_removed_and_makes_it_anew(
    images: Path, source: Path, wheels: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "images"
    shutil.copytree(images / "environments", mine / "environments", symlinks=True)
    build(source, references.parse("demo:v1"), mine, now=NOW, wheels=wheels)
    done: list[Built] = []
    second = threading.Thread(
        target=lambda: done.append(build(source, references.parse("demo:v2"), mine, now=NOW, wheels=wheels))
    )
    with removing(mine):
        second.start()
        # Whatever it has seen already goes now.
        shutil.rmtree(mine / "libraries")
    second.join()
    assert Path(done[0].record.library).is_dir()
