"""Stand-in for the person who labels: looks the truth of a hard example up and adds it to the dataset.

The inference worker saves hard examples under HE_SAVED_URL (`worker/helmets/keeping.py`); in real life somebody draws
boxes on them. Here the generator knows what it drew. A labelled picture is copied beside the dataset's list and gets
one finished line in it, which the LocalController then counts.

    python labeller.py --hard-examples HE --truth data/camera/truth.txt --dataset train_data/train_data.txt --follow
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import threading
from pathlib import Path

import click


class Labeller:
    """Takes hard examples from a folder, oldest first, each frame of the film at most once.

    With `takes_away` they leave the folder, so that a person who labels as well finds only what is left to do.
    """

    def __init__(self, hard_examples: Path, truth: Path, dataset: Path, takes_away: bool = False) -> None:
        self._hard_examples, self._dataset, self._takes_away = hard_examples, dataset, takes_away
        lines = (line.partition(" ") for line in truth.read_text(encoding="utf-8").splitlines() if line)
        self._truth = {int(frame): boxes for frame, _, boxes in lines}
        (dataset.parent / "images").mkdir(parents=True, exist_ok=True)
        dataset.touch()
        self._looked_at: set[str] = set()
        self._labelled: set[int] = set()
        self._samples = 0
        self._look_at_list()

    @property
    def labelled(self) -> int:
        """How many samples the dataset has got so far, whoever labelled them."""
        return self._samples

    def take(self, most: int) -> int:
        """Label up to `most` examples that are there now; returns how many it were."""
        self._look_at_list()
        taken = 0
        # A `.json` is written after its picture, so what is listed here is whole.
        for path in sorted(self._hard_examples.glob("*.json")):
            if taken >= most:
                break
            if path.name in self._looked_at:
                continue
            self._looked_at.add(path.name)
            taken += self._label(path)
        return taken

    def _label(self, path: Path) -> bool:
        try:
            about = json.loads(path.read_text(encoding="utf-8"))
            frame, picture = int(about["frame"]), path.parent / str(about["picture"])
            if frame in self._labelled or frame not in self._truth:
                return False
            name = f"images/{picture.name}"
            shutil.copyfile(picture, self._dataset.parent / name)
        except FileNotFoundError:
            # The worker keeps only so many hard examples; this one was too old before anybody came to it.
            return False
        _append_line(self._dataset, f"{name} {self._truth[frame]}".rstrip())
        self._labelled.add(frame)
        self._samples += 1
        if self._takes_away:
            for one in (path, picture):
                one.unlink(missing_ok=True)
        return True

    def _look_at_list(self) -> None:
        """What an earlier run has labelled, or a person on the dashboard meanwhile, is not labelled again."""
        lines = [line for line in self._dataset.read_text(encoding="utf-8").splitlines() if line.strip()]
        stems = (Path(line.split()[0]).stem for line in lines)
        self._labelled = {int(found[1]) for stem in stems if (found := re.search(r"frame(\d+)", stem))}
        self._samples = len(lines)


def _append_line(path: Path, line: str) -> None:
    """Add a whole line in one write: whoever reads meanwhile sees all of it or nothing."""
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        # Somebody's editor may have left the last line open: ours must not become a part of it.
        open_line = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        data = f"{chr(10) if open_line else ''}{line}\n".encode()
        if os.write(descriptor, data) != len(data):
            raise OSError(f"{path}: the disk took only a part of a line")
    finally:
        os.close(descriptor)


@click.command()
@click.option("--hard-examples", type=click.Path(path_type=Path), required=True, help="Folder of the inference worker.")
@click.option("--truth", type=click.Path(path_type=Path, exists=True), required=True, help="Boxes per frame.")
@click.option("--dataset", type=click.Path(path_type=Path), required=True, help="List to append to.")
@click.option("--at-most", type=click.IntRange(1), default=1000, show_default=True, help="Examples per look.")
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C instead of looking once.")
@click.option("--every", type=click.FloatRange(0.1), default=1.0, show_default=True, help="Seconds between two looks.")
def main(hard_examples: Path, truth: Path, dataset: Path, at_most: int, follow: bool, every: float) -> None:
    """Label hard examples by looking the truth up."""
    labeller, stop = Labeller(hard_examples, truth, dataset), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while True:
        taken = labeller.take(at_most)
        if taken:
            click.echo(f"Labelled {taken} hard examples, {labeller.labelled} in all.")
        if not follow or stop.wait(every):
            return


if __name__ == "__main__":
    main()
