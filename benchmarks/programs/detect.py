"""What `benchmarks.detector` runs: the helmet example's detector, as its workers use it and bare.

    detect.py train FOLDER PICTURES EPOCHS TURNS    pictures a second of Estimator.train, and of a bare loop
    detect.py infer FOLDER FRAMES                   seconds and memory until the first frame is answered;
                                                    frames a second of inference(), and of a bare loop

FOLDER has `pictures/` and is given `model`. `infer` takes what the variable `format` says, as workers do: keras or
tflite. Prints `name value` lines.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

BEGUN = time.perf_counter()
WORKER = Path(__file__).parents[2] / "examples" / "helmet_detection" / "worker"
sys.path.insert(0, str(WORKER))
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
CLASSES = ("person", "helmet", "helmet-on", "helmet-off")
SHAPE = (176, 320)
BATCH = 16


def train(folder: Path, pictures: int, epochs: int, turns: int) -> None:
    """Alternate between ours and bare: a busy neighbour meets both. What is saved has a network for LiteRT, too."""
    from interface import Estimator

    lines = [f"{folder}/pictures/{number}.jpg 40,30,80,120,0 50,20,64,34,2" for number in range(pictures)]
    ours, bare = [], []
    for _ in range(turns):
        ends: list[float] = []
        estimator = Estimator()
        estimator.train(
            SimpleNamespace(x=lines), class_names=CLASSES, input_shape=SHAPE, epochs=epochs + 1, batch_size=BATCH,
            told=lambda *_: ends.append(time.perf_counter()),  # noqa: B023 - called in this turn only
        )  # fmt: skip
        # The first epoch compiles.
        ours.append(epochs * pictures / (ends[-1] - ends[0]))
        bare.append(_bare_training(lines, epochs))
    estimator.save(str(folder / "model"))
    # Of one turn, not each of its own: a neighbour who was busy in that turn met both.
    middle = sorted(zip(ours, bare, strict=True), key=lambda pair: pair[0] / pair[1])[turns // 2]
    print("ours", middle[0])
    print("bare", middle[1])


def _bare_training(lines: list[str], epochs: int) -> float:
    """The same network, loss and optimiser on batches that are in memory already."""
    import keras
    import tensorflow as tf
    from helmets import network, samples, training

    model = network.build(len(CLASSES))
    optimizer = keras.optimizers.AdamW(1e-4, weight_decay=1e-4, clipnorm=10.0)
    optimizer.build(model.trainable_variables)
    batches = list(training.batches(samples.load(lines, SHAPE, len(CLASSES)), len(CLASSES), BATCH, seed=(0, 0)))

    def step(pictures: Any, wanted: Any) -> Any:
        with tf.GradientTape() as tape:
            scores, boxes = training.losses(model(tf.cast(pictures, tf.float32), training=True), wanted, len(CLASSES))
            loss = scores + training.BOXES_WEIGHT * boxes
        variables = model.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    learn = tf.function(step, reduce_retracing=True)
    float(learn(*batches[0]))
    begun = time.perf_counter()
    for _ in range(epochs):
        for batch in batches:
            float(learn(*batch))
    return epochs * len(lines) / (time.perf_counter() - begun)


def infer(folder: Path, frames: int) -> None:
    """Begin as inference.py does; then one picture after the other, of the size of a camera's.

    Bare is to bring the picture to the network's size and to ask that, without a box made of the answer.
    """
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    import cv2
    import numpy as np
    from choosing import estimator

    from sedna.common.config import BaseConfig
    from sedna.core.incremental_learning import IncrementalLearning

    BaseConfig.model_url = str(folder / "model")  # type: ignore[assignment]  # what scripts are promised to be able to do
    job = IncrementalLearning(estimator(), {"method": "IBT", "param": {"threshold_img": 0.9, "threshold_box": 0.9}})
    frame: Any = cv2.imread(str(folder / "pictures" / "0.jpg"))
    job.inference(frame)
    _print_start()
    detector = job.estimator.estimator.detector
    # Keras's own way for one batch after the other; LiteRT has no other than ours.
    ask = detector.network.predict_on_batch if hasattr(detector, "network") else detector.answers

    def bare() -> Any:
        return ask(np.expand_dims(cv2.resize(frame, (SHAPE[1], SHAPE[0]), interpolation=cv2.INTER_AREA), 0))

    bare()
    ours, others = [], []
    for _ in range(frames):
        begun = time.perf_counter()
        job.inference(frame)
        between = time.perf_counter()
        bare()
        ours.append(between - begun)
        others.append(time.perf_counter() - between)
    print("ours", 1 / sorted(ours)[frames // 2])
    print("bare", 1 / sorted(others)[frames // 2])


def _print_start() -> None:
    print("seconds_to_answer", time.perf_counter() - BEGUN)
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            print("memory", int(line.split()[1]) * 1024 / 1e6)


if __name__ == "__main__":
    acts: dict[str, Callable[..., None]] = {"train": train, "infer": infer}
    acts[sys.argv[1]](Path(sys.argv[2]), *map(int, sys.argv[3:]))
