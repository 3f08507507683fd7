"""Inference worker: watches the video as a camera would, and saves the frames that the model finds hard.

Runs until it is told to end (SIGTERM). The library swaps the model between two frames when the job deploys a new one.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

# One thread: detection takes a fraction of a core, and training on the same host needs the rest.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

from choosing import estimator
from helmets import filming, parameters
from helmets.drawing import draw
from helmets.keeping import Keeper

from sedna.common.config import Context
from sedna.common.log import LOGGER
from sedna.core.incremental_learning import IncrementalLearning

# Bounds of the disk space that a camera can fill (about 60 kB a frame).
HARD_EXAMPLES_KEPT = 2000
ANNOTATED_KEPT = 200
FRAMES_PER_SENTENCE = 100


def main() -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())

    hard_example_mining = IncrementalLearning.get_hem_algorithm_from_config()
    incremental_instance = IncrementalLearning(estimator=estimator(), hard_example_mining=hard_example_mining)

    input_shape = parameters.input_shape()
    obj_threshold = parameters.number("obj_threshold", 0.3)
    nms_threshold = parameters.number("nms_threshold", 0.4)
    names = str(Context.get_parameters("class_names", "person,helmet,helmet-on,helmet-off")).split(",")
    saved = Path(Context.get_parameters("HE_SAVED_URL", "/he_saved_url"))
    hard_examples = Keeper(saved, HARD_EXAMPLES_KEPT)
    annotated = Keeper(Path(Context.get_parameters("annotated_url", saved / "annotated")), ANNOTATED_KEPT)

    seen = hard = 0
    video = str(Context.get_parameters("video_url", "file://video/video.mp4"))
    for number, frame in filming.frames(video, parameters.number("frames_per_second", 0), stop):
        results, _, is_hard_example = incremental_instance.inference(
            frame, input_shape=input_shape, obj_threshold=obj_threshold, nms_threshold=nms_threshold
        )
        annotated.keep(number, draw(frame, results, names))
        if is_hard_example:
            hard_examples.keep(number, frame, results)
        seen, hard = seen + 1, hard + bool(is_hard_example)
        if seen % FRAMES_PER_SENTENCE == 0:
            LOGGER.info("Watched %s frames, %s of them hard.", seen, hard)
    LOGGER.info("Told to end after %s frames, %s of them hard.", seen, hard)


if __name__ == "__main__":
    main()
