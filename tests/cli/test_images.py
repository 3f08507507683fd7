"""Worker images: what is taken along, when nothing changes, and what a half-made one looks like to others."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sedna.images import references
from sedna.images.archives import pack
from sedna.images.building import Built, build
from sedna.images.records import ImageProblem, find, installed
from sedna.images.references import ImageReference
from sedna.images.sources import read_source
from tests.cli.conftest import Run

NOW = datetime(2026, 11, 22, 15, 0, 0, tzinfo=timezone.utc)
HELMETS = "kubeedge/sedna-example-incremental-learning-helmet-detection:v0.4.0"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "parts" / "__pycache__").mkdir(parents=True)
    (folder / "data").mkdir()
    (folder / ".git").mkdir()
    for name in ("train.py", "parts/net.py", "parts/__pycache__/net.pyc", "data/big.bin", ".git/HEAD"):
        (folder / name).write_text(f"# {name}\n")
    return folder


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return tmp_path / "images"


def install(source: Path, images: Path, reference: str = "demo:v1") -> Built:
    return build(source, references.parse(reference), images, now=NOW, python=sys.executable)


def app_files(images: Path) -> set[str]:
    app = images / "demo" / "v1" / "app"
    return {path.relative_to(app).as_posix() for path in app.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def test_code_is_taken_and_data_and_leavings_are_not(source: Path, images: Path) -> None:
    install(source, images)
    assert app_files(images) == {"train.py", "parts/net.py"}


def test_the_record_says_how_to_run_it(source: Path, images: Path) -> None:
    (source / "image.yml").write_text("command: [python3, -u]\nenv: {BACKEND_TYPE: SKLEARN}\n")
    install(source, images, HELMETS)
    folder = images / "kubeedge" / "sedna-example-incremental-learning-helmet-detection" / "v0.4.0"
    record = yaml.safe_load((folder / "image.yml").read_text())
    assert record["name"] == HELMETS.rpartition(":")[0]
    assert record["tag"] == "v0.4.0"
    assert record["python"] == str(Path(sys.executable).absolute())
    assert record["command"] == ["python3", "-u"]
    assert record["env"] == {"BACKEND_TYPE": "SKLEARN"}
    assert record["builtAt"] == "2026-11-22T15:00:00Z"


def test_without_a_command_the_interpreter_is_it(source: Path, images: Path) -> None:
    install(source, images)
    record = yaml.safe_load((images / "demo/v1/image.yml").read_text())
    assert record["command"] == [record["python"]]


def test_building_again_what_has_not_changed_does_nothing(source: Path, images: Path) -> None:
    assert install(source, images).changed
    before = (images / "demo/v1").stat().st_ino
    assert not install(source, images).changed
    assert (images / "demo/v1").stat().st_ino == before


@pytest.mark.parametrize("change", ["edit", "add", "remove", "mode"])
def test_every_change_of_the_code_is_a_new_build(source: Path, images: Path, change: str) -> None:
    install(source, images)
    file = source / "parts" / "net.py"
    if change == "edit":
        file.write_text("# new\n")
    elif change == "add":
        (source / "eval.py").write_text("")
    elif change == "remove":
        file.unlink()
    else:
        file.chmod(0o755)
    assert install(source, images).changed
    assert ("parts/net.py" in app_files(images)) == (change != "remove")


def test_a_source_may_list_what_it_takes(source: Path, images: Path) -> None:
    (source / "image.yml").write_text("app: [parts]\n")
    install(source, images)
    assert app_files(images) == {"parts/net.py"}


def test_a_source_may_leave_more_out(source: Path, images: Path) -> None:
    (source / "image.yml").write_text("ignore: ['*.md']\n")
    (source / "NOTES.md").write_text("")
    install(source, images)
    assert "NOTES.md" not in app_files(images)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("apps: [x]\n", "apps: not known here"),
        ("app: train.py\n", "app: must be a list"),
        ("app: [../secret]\n", "is not inside"),
        ("app: [missing.py]\n", "is not inside"),
        ("env: [a]\n", "env: must be a mapping"),
        ("a: [\n", "is not YAML"),
    ],
)
def test_a_mistake_in_image_yml_names_file_and_key(source: Path, text: str, complaint: str) -> None:
    (source / "image.yml").write_text(text)
    with pytest.raises(ImageProblem, match=r"image\.yml") as raised:
        read_source(source)
    assert complaint in str(raised.value)


def test_an_empty_folder_makes_no_image(tmp_path: Path) -> None:
    with pytest.raises(ImageProblem, match="no file"):
        read_source(tmp_path)


def test_no_building_folder_stays_behind(source: Path, images: Path) -> None:
    install(source, images)
    (source / "train.py").write_text("# second\n")
    install(source, images)
    assert [path.name for path in (images / "demo").iterdir()] == ["v1"]
    assert (images / "demo/v1/app/train.py").read_text() == "# second\n"


def test_a_build_that_fails_leaves_the_standing_image(
    source: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(source, images)
    (source / "train.py").write_text("# second\n")
    (source / "gone.py").symlink_to("train.py")

    def disk_full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sedna.images.building.shutil.copy2", disk_full)
    with pytest.raises(OSError, match="No space"):
        install(source, images)
    assert [path.name for path in (images / "demo").iterdir()] == ["v1"]
    assert (images / "demo/v1/app/train.py").read_text() == "# train.py\n"


def test_what_is_broken_or_unfinished_is_not_listed(source: Path, images: Path) -> None:
    install(source, images)
    (images / "demo" / ".v2-abc").mkdir()
    (images / "demo" / ".v2-abc" / "image.yml").write_text((images / "demo/v1/image.yml").read_text())
    (images / "broken" / "v1").mkdir(parents=True)
    (images / "broken" / "v1" / "image.yml").write_text("[]")
    assert [str(record.reference) for record in installed(images)] == ["demo:v1"]
    with pytest.raises(ImageProblem, match="broken"):
        find(images, "broken:v1")


def test_an_image_is_found_by_what_a_manifest_calls_it(source: Path, images: Path) -> None:
    install(source, images, HELMETS)
    found = find(images, HELMETS)
    assert found is not None
    assert str(found.reference) == HELMETS
    assert find(images, "demo:v1") is None
    assert find(images, "../etc:v1") is None
    assert list(installed(images / "nowhere")) == []


def test_an_interpreter_without_the_library_is_warned_about(source: Path, images: Path, tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\necho \"ModuleNotFoundError: No module named 'sedna'\" >&2\nexit 1\n")
    fake.chmod(0o755)
    built = build(source, references.parse("demo"), images, now=NOW, python=str(fake))
    assert "No module named 'sedna'" in built.warnings[0]


def test_an_interpreter_that_is_not_there_is_named(source: Path, images: Path) -> None:
    with pytest.raises(ImageProblem, match="/no/such/python"):
        build(source, references.parse("demo"), images, now=NOW, python="/no/such/python")


@pytest.mark.parametrize(
    ("text", "name", "tag"),
    [
        (HELMETS, "kubeedge/sedna-example-incremental-learning-helmet-detection", "v0.4.0"),
        ("demo", "demo", "latest"),
        ("registry.local:5000/a/b", "registry.local:5000/a/b", "latest"),
        ("registry.local:5000/a/b:1.0", "registry.local:5000/a/b", "1.0"),
    ],
)
def test_image_names_are_read_as_containers_are(text: str, name: str, tag: str) -> None:
    assert references.parse(text) == ImageReference(name, tag)


@pytest.mark.parametrize(
    "text", ["", ":v1", "a:", "../a:v1", "a/../b", "/etc", "a//b", "a:v/1", "environments/x", "libraries", "a b"]
)
def test_names_that_would_leave_the_folder_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no image name|no usable tag"):
        references.parse(text)


@given(st.text(max_size=30))
def test_whatever_is_accepted_stays_below_the_images_folder(text: str) -> None:
    try:
        folder = references.parse(text).folder(Path("/images"))
    except ValueError:
        return
    assert Path(os.path.normpath(folder)).is_relative_to("/images")
    assert len(folder.parts) > len(Path("/images").parts) + 1


def test_the_command_says_where_the_image_went(run: Run, source: Path, images: Path) -> None:
    words = ("image", "build", str(source), "-t", "demo:v1", "--images-dir", str(images), "--python", sys.executable)
    assert run(*words).stdout == f"demo:v1 built in {images}/demo/v1\n"
    assert run(*words).stdout == f"demo:v1 unchanged in {images}/demo/v1\n"
    listed = run("image", "list", "--images-dir", str(images)).stdout.splitlines()
    assert listed[0].split() == ["NAME", "TAG", "PYTHON", "BUILT"]
    assert listed[1].split()[:2] == ["demo", "v1"]


def test_in_a_folder_of_sedna_up_images_go_there(
    run: Run, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lc.yml").write_text("nodeName: edge-node\n")
    monkeypatch.chdir(tmp_path)
    result = run("image", "build", str(source), "-t", "demo:v1", "--python", sys.executable)
    assert f"built in {tmp_path}/images/demo/v1" in result.stdout, result.output


def test_mistakes_on_the_command_line_are_told_as_such(run: Run, source: Path, images: Path) -> None:
    assert run("image", "build", str(source), "-t", "..:v1").exit_code == 2
    result = run("image", "build", str(source), "-t", "a:v1", "--images-dir", str(images), "--python", "/none")
    assert (result.exit_code, "Traceback" in result.output) == (1, False)


def test_a_folder_that_cannot_be_written_is_told(run: Run, source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    words = ("image", "build", str(source), "-t", "a:v1", "--python", sys.executable)
    result = run(*words, "--images-dir", str(tmp_path / "file" / "images"))
    assert (result.exit_code, "cannot install the image" in result.stderr) == (1, True), result.output


def test_a_source_and_its_wheels_may_come_as_archives(run: Run, source: Path, images: Path, tmp_path: Path) -> None:
    (source / "image.yml").write_text(f"python: {sys.executable}\n")
    pack(tmp_path / "app.tar.gz", {name: source / name for name in ("train.py", "image.yml")}, compressed=True)
    pack(tmp_path / "wheels.tar", {}, compressed=False)
    words = ("image", "build", str(tmp_path / "app.tar.gz"), "-t", "demo:v1", "--images-dir", str(images))
    assert run(*words, "--wheels", str(tmp_path / "wheels.tar")).stdout == f"demo:v1 built in {images}/demo/v1\n"
    assert app_files(images) == {"train.py", "image.yml"}


def test_a_dry_run_only_tells(run: Run, source: Path, images: Path) -> None:
    words = ("image", "build", str(source), "-t", "demo:v1", "--images-dir", str(images), "--python", sys.executable)
    assert run(*words, "--dry-run").stdout == f"demo:v1 built (dry run) in {images}/demo/v1\n"
    assert not images.exists()


def test_an_image_is_removed_and_what_it_alone_used_is_pruned(run: Run, source: Path, images: Path) -> None:
    install(source, images)
    (images / "environments" / "left").mkdir(parents=True)
    there = ("--images-dir", str(images))
    assert run("image", "remove", "demo:v1", "--dry-run", *there).stdout == "demo:v1 removed (dry run)\n"
    assert run("image", "remove", "demo:v1", *there).stdout == "demo:v1 removed\n"
    assert run("image", "remove", "demo:v1", *there).stdout == "demo:v1 is not installed\n"
    assert run("image", "prune", *there).stdout == f"{images}/environments/left removed\n"
    assert run("image", "prune", *there).stdout == "Nothing to remove.\n"
