"""Trains the base model of the example: a detector that has seen domain A only.

Run once by the demo, in a process of its own because TensorFlow never gives memory back.

    python base_model.py --samples data/base/list.txt --model models/base_model
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import click
from scenes.labelling import CLASSES

sys.path.insert(1, str(Path(__file__).resolve().parent / "worker"))


@click.command()
@click.option(
    "--samples", type=click.Path(path_type=Path, exists=True), required=True, help="List of labelled pictures."
)
@click.option("--model", type=click.Path(path_type=Path), required=True, help="File to write.")
@click.option("--shape", default="176,320", show_default=True, help="height,width that the network looks at.")
@click.option("--epochs", type=click.IntRange(1), default=11, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def main(samples: Path, model: Path, shape: str, epochs: int, seed: int) -> None:
    """Train a detector from scratch."""
    from interface import Estimator

    lines = samples.read_text(encoding="utf-8").splitlines()
    data = SimpleNamespace(x=[str(samples.parent / line) for line in lines])
    estimator, (height, width) = Estimator(), (int(part) for part in shape.split(","))
    with click.progressbar(length=epochs, label="  base model, epochs") as bar:
        estimator.train(
            data,
            class_names=CLASSES,
            input_shape=(height, width),
            epochs=epochs,
            batch_size=16,
            seed=seed,
            told=lambda *_: bar.update(1),
        )
    model.parent.mkdir(parents=True, exist_ok=True)
    estimator.save(str(model))


if __name__ == "__main__":
    main()
