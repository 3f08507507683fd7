"""Writes what `scenes.staging` shows: pictures with a list of labels, and a video with the truth of every frame.

Lists are in the original's text format, one sample per line: `path x1,y1,x2,y2,class x1,y1,x2,y2,class …`, the path
relative to the list and the class an index. A truth file is the same with the frame's number in place of the path.
A folder that is complete for the same recipe is left alone, so a second run draws nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from scenes import cameras
from scenes.brushes import Image
from scenes.domains import DOMAINS
from scenes.labelling import HEIGHT, WIDTH, Label
from scenes.staging import Shot

# Part of every recipe: a change in how scenes are drawn must not reuse pictures drawn before.
EDITION = 2
RECEIPT = "recipe.json"
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Stills:
    """Pictures of unrelated moments: `count` shots of one domain."""

    domain: str
    seed: int
    count: int


@dataclass(frozen=True)
class Video:
    """A camera that looks at one place after the other: `shots` places, `frames` each, at `fps`."""

    domain: str
    seed: int
    shots: int
    frames: int
    fps: int

    @property
    def count(self) -> int:
        """Frames in all."""
        return self.shots * self.frames


Recipe = Stills | Video


def line_of(name: str, labels: Iterable[Label]) -> str:
    """One sample of a list, without its line end."""
    return " ".join([name, *(",".join(map(str, (*label.box, label.kind))) for label in labels)])


def is_complete(folder: Path, recipe: Recipe) -> bool:
    """Whether `folder` already holds what this recipe makes."""
    receipt = folder / RECEIPT
    return receipt.is_file() and receipt.read_text(encoding="utf-8") == _fingerprint(recipe)


def record(folder: Path, recipe: Recipe, progress: Progress) -> None:
    """Make everything of the recipe in `folder`; `progress` is called with the number of pictures just finished."""
    if is_complete(folder, recipe):
        progress(recipe.count)
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECEIPT).unlink(missing_ok=True)
    if isinstance(recipe, Stills):
        _record_stills(folder, recipe, progress)
    else:
        _record_video(folder, recipe, progress)
    # Last: only a finished folder has a receipt.
    (folder / RECEIPT).write_text(_fingerprint(recipe), encoding="utf-8")


def _fingerprint(recipe: Recipe) -> str:
    facts = {"edition": EDITION, "kind": type(recipe).__name__, **asdict(recipe)}
    return json.dumps({**facts, "sha256": hashlib.sha256(repr(sorted(facts.items())).encode()).hexdigest()}, indent=1)


def still(recipe: Stills, index: int) -> tuple[Image, list[Label], int]:
    """One picture of a recipe, its labels and its JPEG quality."""
    domain = DOMAINS[recipe.domain]
    seed = (recipe.seed, ord(recipe.domain), 1, index)
    picture, labels = Shot(domain, seed).picture(float(index % 7))
    return picture, labels, int(np.random.default_rng((*seed, 9)).integers(*domain.jpeg_quality))


def _draw_still(folder: Path, recipe: Stills, index: int) -> str:
    cv2.setNumThreads(1)
    picture, labels, quality = still(recipe, index)
    name = f"images/{index:05d}.jpg"
    (folder / name).write_bytes(cameras.compress(picture, quality).tobytes())
    return line_of(name, labels)


def _record_stills(folder: Path, recipe: Stills, progress: Progress) -> None:
    (folder / "images").mkdir(exist_ok=True)
    lines = []
    with _pool() as pool:
        for line in pool.map(
            _draw_still, *zip(*((folder, recipe, i) for i in range(recipe.count)), strict=True), chunksize=8
        ):
            lines.append(line)
            progress(1)
    (folder / "list.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _draw_frames(recipe: Video, shot: int) -> list[tuple[bytes, list[Label]]]:
    cv2.setNumThreads(1)
    domain = DOMAINS[recipe.domain]
    place = Shot(domain, (recipe.seed, ord(recipe.domain), 2, shot))
    quality = int(np.random.default_rng((recipe.seed, shot)).integers(*domain.jpeg_quality))
    frames = []
    for frame in range(recipe.frames):
        picture, labels = place.picture(frame / recipe.fps)
        frames.append((cameras.compress(picture, quality).tobytes(), labels))
    return frames


def _record_video(folder: Path, recipe: Video, progress: Progress) -> None:
    writer = cv2.VideoWriter(str(folder / "video.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), recipe.fps, (WIDTH, HEIGHT))
    if not writer.isOpened():
        raise OSError(f"OpenCV cannot write an MPEG-4 video in {folder}")
    truth = []
    with _pool() as pool:
        for frames in pool.map(_draw_frames, *zip(*((recipe, i) for i in range(recipe.shots)), strict=True)):
            for data, labels in frames:
                writer.write(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))
                truth.append(line_of(str(len(truth)), labels))
            progress(len(frames))
    writer.release()
    (folder / "truth.txt").write_text("".join(f"{line}\n" for line in truth), encoding="utf-8")


def _pool() -> ProcessPoolExecutor:
    # Forked children of a process that has used OpenCV's threads can hang; fresh ones cannot.
    return ProcessPoolExecutor(max_workers=2, mp_context=get_context("spawn"))
