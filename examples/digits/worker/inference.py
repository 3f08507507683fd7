"""Read the digits of a stream again and again, and save those the model is unsure of.

The stream is a CSV file (`stream_url`) with one image per row and its number in the column `sample`. A hard
example becomes the file `<sample>.json` in the folder HE_SAVED_URL: the image and what the model said. It runs
until it is told to end (SIGTERM), or for as many `passes` as the environment says.
"""

from __future__ import annotations

import json
import signal
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from interface import Estimator

from sedna.common.config import Context
from sedna.common.log import LOGGER
from sedna.common.publishing import write_atomically
from sedna.core.incremental_learning import IncrementalLearning
from sedna.datasources import CSVDataParse


def probabilities(result: dict[str, Any]) -> Any:
    """What the mining rule CrossEntropy reads."""
    return result["probabilities"]


def save(folder: Path, sample: int, pixels: Any, result: dict[str, Any]) -> bool:
    """Save one hard example; False when it was saved, or even labelled, before."""
    path = folder / f"{sample}.json"
    if path.exists() or path.with_suffix(".labelled").exists():
        return False
    said = {
        "sample": sample,
        "pixels": [float(pixel) for pixel in pixels],
        "digit": result["digit"],
        "probabilities": [round(float(chance), 4) for chance in result["probabilities"]],
    }
    write_atomically(path, json.dumps(said).encode())
    return True


def main() -> None:
    stream = CSVDataParse(data_type="test")
    stream.parse(Context.get_parameters("stream_url"), label="sample")
    folder = Path(Context.get_parameters("HE_SAVED_URL", "hard_examples"))
    pause = 1 / float(Context.get_parameters("images_per_second", "100"))
    passes = int(Context.get_parameters("passes", "0"))
    job = IncrementalLearning(estimator=Estimator)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    done = 0
    while not stop.is_set() and (passes == 0 or done < passes):
        counted: Counter[str] = Counter()
        for sample, pixels in zip(stream.y, stream.x, strict=True):
            result, _, is_hard = job.inference(pixels, post_process=probabilities)
            counted["hard"] += is_hard
            counted["saved"] += is_hard and save(folder, int(sample), pixels, result)
            if stop.wait(pause):
                break
        done += 1
        LOGGER.info(
            "Pass %s: %s digits, %s of them hard, %s saved for labelling.",
            done,
            len(stream),
            counted["hard"],
            counted["saved"],
        )


if __name__ == "__main__":
    main()
