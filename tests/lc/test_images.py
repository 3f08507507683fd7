from __future__ import annotations

import threading
from pathlib import Path

import pytest

from sedna.common.watching import FileWatcher
from sedna_lc.errors import Again
from sedna_lc.images import ImageWatch, find_image, list_images

REFERENCE = "kubeedge/sedna-example-incremental-learning-helmet-detection:v0.4.0"


def install(images: Path, reference: str, **changes: object) -> Path:
    name, _, tag = reference.rpartition(":")
    folder = images / name / tag
    (folder / "app").mkdir(parents=True)
    fields = {"name": name, "tag": tag, "python": "/usr/bin/env"} | changes
    (folder / "image.yml").write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
    return folder


def reason(images: Path, reference: str) -> str:
    with pytest.raises(Again) as caught:
        find_image(images, reference)
    return caught.value.reason


def test_an_image_with_slashes_and_a_tag_is_found(tmp_path: Path) -> None:
    folder = install(tmp_path, REFERENCE, env="{BACKEND_TYPE: KERAS}")
    image = find_image(tmp_path, REFERENCE)
    assert image.command == ("/usr/bin/env",)
    assert image.app == str(folder / "app")
    assert image.env == {"BACKEND_TYPE": "KERAS"}


def test_an_image_may_bring_its_own_command(tmp_path: Path) -> None:
    install(tmp_path, "demo:1", command="[/usr/bin/env, -u]")
    assert find_image(tmp_path, "demo:1").command == ("/usr/bin/env", "-u")


@pytest.mark.parametrize("reference", ["nobody:1", "../../etc:1", "", "demo:2", ":x"])
def test_an_image_that_is_not_there_is_waited_for(tmp_path: Path, reference: str) -> None:
    install(tmp_path, "demo:1")
    assert reason(tmp_path, reference) == "ImageNotFound"


def test_an_image_without_interpreter_or_code_is_broken(tmp_path: Path) -> None:
    install(tmp_path, "a:1", python="/nowhere/python")
    (install(tmp_path, "b:1") / "app").rmdir()
    (install(tmp_path, "c:1") / "image.yml").write_text("{")
    install(tmp_path, "d:1", library="/nowhere/sedna")
    assert [reason(tmp_path, f"{name}:1") for name in "abcd"] == ["ImageBroken"] * 4


def test_all_images_are_listed_in_order(tmp_path: Path) -> None:
    install(tmp_path, REFERENCE)
    install(tmp_path, "demo:2")
    install(tmp_path, "demo:1")
    assert list_images(tmp_path) == ["demo:1", "demo:2", REFERENCE]
    assert list_images(tmp_path / "nowhere") == []


class Listed:
    """What the images are whenever somebody says that they have changed."""

    def __init__(self, images: Path) -> None:
        self.images = images
        self.now: list[str] = []
        self._changed = threading.Condition()

    def look(self) -> None:
        with self._changed:
            self.now = list_images(self.images)
            self._changed.notify_all()

    def wait_for(self, *wanted: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.now == list(wanted), 20), self.now


def test_an_image_that_comes_or_goes_is_noticed_at_once(tmp_path: Path) -> None:
    images = tmp_path / "state" / "images"
    watcher, listed = FileWatcher(quiet_seconds=0.01, poll_seconds=3600), Listed(images)
    ImageWatch(watcher, images, listed.look)
    install(images, "demo:1")
    listed.wait_for("demo:1")
    # In a folder that is known, in a new one, and as `sedna image build` publishes it.
    install(images, "demo:2")
    install(images, REFERENCE)
    listed.wait_for("demo:1", "demo:2", REFERENCE)
    install(tmp_path / "building", "demo:3").rename(images / "demo" / "3")
    listed.wait_for("demo:1", "demo:2", "demo:3", REFERENCE)
    (images / "demo" / "1").rename(tmp_path / "away")
    listed.wait_for("demo:2", "demo:3", REFERENCE)
    watcher.close()
