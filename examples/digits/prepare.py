"""Make everything the example needs in one folder, the same every time: data, base model, stream, manifests.

The digits are scikit-learn's, collected from real handwriting. The base model learns upright ones; then the
camera is mounted anew and sees them turned. Run it as `python prepare.py --out FOLDER`.
"""

from __future__ import annotations

import argparse
import csv
import string
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import rotate
from sklearn.datasets import load_digits

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "worker"))

from interface import BRIGHTEST, PIXELS, Estimator  # noqa: E402 - found by the line above

from sedna.common.publishing import copy_atomically  # noqa: E402
from sedna.datasources import BaseDataSource  # noqa: E402

# Far enough that a model of upright digits fails, near enough that they are still digits (6 is no 9).
DRIFT_DEGREES = 40
SEED = 20_261_122
BASE_SAMPLES = 700
# What comes in batches, each for one round; the rest is never trained on.
BATCH_SAMPLES = 150
BATCHES = 4
STREAM_SAMPLES = 200
COLUMNS = [f"pixel_{number}" for number in range(PIXELS)]

Samples = tuple[Any, Any]
"""Images of the shape (samples, 64) with values from 0 to 16, and their digits."""


def shuffled_digits() -> Samples:
    """All 1,797 digits in an order that is mixed and always the same."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(SEED).permutation(len(y))
    return x[order], y[order]


def turned(images: Any, degrees: float = DRIFT_DEGREES) -> Any:
    """The images turned about their middle; values stay whole numbers from 0 to 16."""
    squares = images.reshape(-1, 8, 8)
    moved = rotate(squares, degrees, axes=(1, 2), reshape=False, order=1)
    return np.clip(np.rint(moved), 0, BRIGHTEST).reshape(-1, PIXELS)


def write_table(path: Path, images: Any, last_column: str, values: Any) -> None:
    """A CSV file with a header, one row per image; whole numbers are written as such."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*COLUMNS, last_column])
        for pixels, value in zip(images, values, strict=True):
            writer.writerow([*(int(pixel) for pixel in pixels), int(value)])


def train_base_model(images: Any, digits: Any, path: Path) -> None:
    """The model that knows upright digits only."""
    data = BaseDataSource(data_type="train")
    data.x, data.y = images, digits
    estimator = Estimator()
    estimator.train(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    estimator.save(str(path))


def write_manifests(folder: Path, place: Path, node: str, training_node: str, image: str) -> None:
    """The four manifests with the folder's path on the hosts, the nodes and the image filled in."""
    target = folder / "manifests"
    target.mkdir(exist_ok=True)
    filled = {"DIGITS": str(place), "WORKER_NODE": node, "TRAINING_NODE": training_node, "IMAGE": image}
    for template in sorted((HERE / "manifests").glob("*.yaml")):
        text = string.Template(template.read_text(encoding="utf-8")).substitute(filled)
        (target / template.name).write_text(text, encoding="utf-8")


def prepare(
    folder: Path,
    node: str = "edge-node",
    image: str = "sedna/example-digits:v1",
    training_node: str | None = None,
    place: Path | None = None,
) -> None:
    """Write everything below `folder`, replacing what an earlier run wrote.

    `place` is where the folder will lie on the hosts, if it is carried there; `training_node` is another node that
    trains and evaluates.

    dataset/train.csv: the dataset, with only its header yet. labelled/batch_N.csv: new samples with labels,
    to append to it. stream/stream.csv: what the camera sees; stream/truth.csv: what label.py knows of it.
    held_out/{upright,turned}.csv: never trained on. models/{base,deploy}/model.joblib. manifests/.
    """
    folder = folder.absolute()
    x, y = shuffled_digits()
    parts = np.cumsum([BASE_SAMPLES, *[BATCH_SAMPLES] * BATCHES, STREAM_SAMPLES])
    base, *batches, seen, rest = (slice(a, b) for a, b in zip([0, *parts], [*parts, len(y)], strict=True))
    models = [folder / "models" / name / "model.joblib" for name in ("base", "deploy")]
    train_base_model(x[base], y[base], models[0])
    copy_atomically(*models)
    write_table(folder / "dataset" / "train.csv", [], "label", [])
    for number, batch in enumerate(batches, start=1):
        write_table(folder / "labelled" / f"batch_{number}.csv", turned(x[batch]), "label", y[batch])
    numbers = np.arange(STREAM_SAMPLES)
    write_table(folder / "stream" / "stream.csv", turned(x[seen]), "sample", numbers)
    write_table(folder / "stream" / "truth.csv", turned(x[seen]), "label", y[seen])
    write_table(folder / "held_out" / "upright.csv", x[rest], "label", y[rest])
    write_table(folder / "held_out" / "turned.csv", turned(x[rest]), "label", y[rest])
    for made in ("hard_examples", "output"):
        (folder / made).mkdir(exist_ok=True)
    write_manifests(folder, place or folder, node, training_node or node, image)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--node", default="edge-node", help="the node with the data, which runs the workers")
    parser.add_argument("--training-node", help="another node, which trains and evaluates")
    parser.add_argument("--place", type=Path, help="where the folder will lie on the hosts, if it is carried there")
    parser.add_argument("--image", default="sedna/example-digits:v1", help="the worker image")
    given = parser.parse_args()
    prepare(given.out, given.node, given.image, given.training_node, given.place)
    print(f"The example is in {given.out.absolute()}.")


if __name__ == "__main__":
    main()
