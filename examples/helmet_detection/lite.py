"""Models for small edges, by hand: give one that is there already a network for LiteRT, and see what it costs.

    python lite.py add models/base_model
    python lite.py compare models/base_model held_out_a/list.txt held_out_b/list.txt

New models need no `add`: the train worker does it with `format=tflite`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

sys.path.insert(1, str(Path(__file__).resolve().parent / "worker"))
# One core for both, as an inference worker has it.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

_FILE = click.Path(path_type=Path, exists=True)


@click.group()
def main() -> None:
    """Add networks for LiteRT to models, and compare them."""


@main.command()
@click.argument("model", type=_FILE)
@click.option("--shape", metavar="HEIGHT,WIDTH", help="Size of pictures that it will look at. Default: as trained.")
def add(model: Path, shape: str | None) -> None:
    """Write MODEL anew, with a network for LiteRT."""
    from helmets import exporting
    from helmets.detecting import Detector

    height, width = (int(part) for part in shape.split(",")) if shape else (0, 0)
    detector = Detector.load(model, (height, width) if shape else None)
    lite = exporting.export(detector)
    detector.save(model, lite)
    click.echo(f"{model}: {len(lite.model):,} bytes for LiteRT, weights {lite.quantised}")


@main.command()
@click.argument("model", type=_FILE)
@click.argument("lists", type=_FILE, nargs=-1, required=True)
def compare(model: Path, lists: tuple[Path, ...]) -> None:
    """Measure MODEL on LISTS of labelled pictures: with Keras, and with LiteRT at each quantisation."""
    from helmets import exporting
    from helmets.asking import DOUBTFUL
    from helmets.detecting import Detector
    from helmets.finding import Finder
    from helmets.lite import LiteDetector
    from helmets.metrics import score
    from helmets.samples import load

    detector = Detector.load(model)
    classes = len(detector.class_names)
    shown = [load(_lines(path), detector.input_shape, classes) for path in lists]

    def finders() -> Iterator[tuple[str, int, Finder]]:
        weights = sum(weight.nbytes for weight in detector.network.get_weights())
        yield "Keras", weights, detector
        for quantised in exporting.QUANTISED:
            lite = exporting.export(detector, quantised)
            yield f"LiteRT, {quantised}", len(lite.model), LiteDetector(detector.class_names, lite)

    click.echo(f"{'':16}{'bytes':>10}{'ms/frame':>10}" + "".join(f"  mAP {path.parent.name:<14}" for path in lists))
    for title, size, finder in finders():
        finder.warm_up()
        taken, averages = [], []
        for samples in shown:
            found = []
            for sample in samples:
                begun = time.perf_counter()
                found += finder.find([sample.picture], DOUBTFUL, 0.4)
                taken.append(time.perf_counter() - begun)
            averages.append(score(found, [sample.boxes for sample in samples], classes, 0.3).mean_average_precision)
        middle = sorted(taken)[len(taken) // 2] * 1000
        click.echo(f"{title:16}{size:>10,}{middle:>10.1f}" + "".join(f"  {value:<18.3f}" for value in averages))


def _lines(path: Path) -> list[str]:
    return [str(path.parent / line) for line in path.read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main()
