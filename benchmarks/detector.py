"""The helmet example's detector: its training and inference beside a bare loop of the same network, and LiteRT.

Pictures are noise of a camera's size: what is measured is work, which does not depend on what there is to see.
"""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.processes import python
from benchmarks.rows import Aim, Row, Size

_PROGRAM = Path(__file__).parent / "programs" / "detect.py"
_NETWORK = "176 x 320, batches of 16; both alternate in one process"
_RUNTIMES = {"Keras": "keras", "LiteRT": "tflite"}


def measure(size: Size) -> Iterator[Row]:
    """Train; then begin and infer with each runtime that is installed."""
    pictures, epochs = size.pick(96, 16), size.pick(3, 1)
    with tempfile.TemporaryDirectory(prefix="sedna-bench-") as name:
        folder = Path(name)
        _draw(folder / "pictures", pictures)
        trained = _run("train", folder, pictures, epochs, size.pick(5, 1), runs="tflite")
        yield _share("training", "Keras", "pictures", trained)
        for runtime, runs in _RUNTIMES.items():
            if runtime == "LiteRT" and importlib.util.find_spec("ai_edge_litert") is None:
                return
            asked = _run("infer", folder, size.pick(300, 10), runs=runs)
            yield _share("inference", runtime, "frames", asked)
            yield Row(
                f"detector, inference worker with {runtime}, memory", asked["memory"], "MB", "after its first answer",
                more={"secondsToFirstAnswer": asked["seconds_to_answer"]},
            )  # fmt: skip
            yield Row(
                f"detector, inference worker with {runtime}, start", asked["seconds_to_answer"], "s",
                "import, load, answer one frame",
            )  # fmt: skip


def _share(what: str, runtime: str, things: str, found: dict[str, float]) -> Row:
    return Row(
        f"detector, {what}: share of a bare {runtime} loop", found["ours"] / found["bare"], "", _NETWORK,
        # LiteRT's network takes a millisecond, beside which the boxes weigh: told, with nothing claimed.
        Aim(0.95, at_most=False) if runtime == "Keras" else None,
        more={f"{things}PerSecond": found["ours"], "barePerSecond": found["bare"]},
    )  # fmt: skip


def _run(what: str, folder: Path, *numbers: int, runs: str) -> dict[str, float]:
    words = ["-W", "ignore", str(_PROGRAM), what, str(folder), *map(str, numbers)]
    pairs = [line.split() for line in python(words, env={"format": runs}).splitlines()]
    return {pair[0]: float(pair[1]) for pair in pairs if len(pair) == 2 and pair[1][:1].isdigit()}


def _draw(folder: Path, count: int) -> None:
    """Write pictures of 360 x 640."""
    import cv2
    import numpy as np

    folder.mkdir()
    rng = np.random.default_rng(1)
    for number in range(count):
        noise = rng.integers(0, 255, (45, 80, 3), np.uint8)
        cv2.imwrite(str(folder / f"{number}.jpg"), cv2.resize(noise, (640, 360)))
