"""The training loop: focal loss on the scores, intersection over union on the boxes, and a warm start for fine-tuning.

`interface.Estimator.train` calls `fit`; targets and varied pictures come from `helmets.targets` in a thread beside the
network, so that the cores are not idle while numpy draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from helmets.boxes import Floats
from helmets.geometry import REACH
from helmets.samples import Sample
from helmets.targets import encode, vary

# Fine-tuning with half of these steps at the full rate left the model worse than it was; measured on domain B.
STEPS_FOR_FULL_RATE = 100

# Heads are seven pixels wide, so one pixel decides whether a box counts. Twice the weight raised mAP by 0.05 on
# held-out frames of A and of B, measured once with one seed.
BOXES_WEIGHT = 2.0

Told = Callable[[int, int, float], None]
Stepped = Callable[[float, float], None]


def losses(answer: Any, wanted: Any, classes: int) -> tuple[Any, Any]:
    """Loss of scores and of boxes, each per true object."""
    logits, sides = answer[..., :classes], answer[..., classes:] * REACH
    heat, sides_wanted, weight = wanted[..., :classes], wanted[..., classes : classes + 4], wanted[..., classes + 4]
    # CenterNet's focal loss: cells near a middle are not punished fully for saying yes.
    sure = tf.cast(heat > 0.999, tf.float32)
    likely = tf.sigmoid(logits)
    yes = -tf.math.log_sigmoid(logits) * (1 - likely) ** 2 * sure
    no = -tf.math.log_sigmoid(-logits) * likely**2 * (1 - heat) ** 4 * (1 - sure)
    objects = tf.reduce_sum(sure) + 1.0
    shared = tf.reduce_prod(
        tf.minimum(sides[..., :2], sides_wanted[..., :2]) + tf.minimum(sides[..., 2:], sides_wanted[..., 2:]), axis=-1
    )
    union = (
        tf.reduce_prod(sides[..., :2] + sides[..., 2:], axis=-1)
        + tf.reduce_prod(sides_wanted[..., :2] + sides_wanted[..., 2:], axis=-1)
        - shared
    )
    boxes = -tf.math.log((shared + 1.0) / (union + 1.0)) * weight
    return tf.reduce_sum(yes + no) / objects, tf.reduce_sum(boxes) / (tf.reduce_sum(weight) + 1.0)


def fit(
    model: keras.Model,
    samples: Sequence[Sample],
    *,
    classes: int,
    epochs: int,
    batch_size: int,
    rate: float,
    frozen_statistics: bool,
    seed: int,
    told: Told,
    stepped: Stepped = lambda _done, _loss: None,
) -> None:
    """Train in place. `told(epoch, epochs, loss)` is called after each epoch, `stepped(epochs done, loss)` after each
    batch; both losses are the mean of the epoch so far.

    frozen_statistics: fine-tuning leaves the batch normalisation's means alone. A few dozen pictures of one evening are
    no measure of the world, and moving the means is the quickest way to forget the day.
    """
    steps_of_epoch = max(1, math.ceil(len(samples) / batch_size))
    steps = epochs * steps_of_epoch
    # A short training cannot repair what a large step breaks: its steps are smaller.
    rate *= min(1.0, steps / STEPS_FOR_FULL_RATE)
    schedule = keras.optimizers.schedules.CosineDecay(
        rate * 0.1, steps, alpha=0.02, warmup_target=rate, warmup_steps=max(1, steps // 12)
    )
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=1e-4, clipnorm=10.0)
    optimizer.build(model.trainable_variables)

    @tf.function(reduce_retracing=True)
    def learn(pictures: Any, wanted: Any) -> Any:
        with tf.GradientTape() as tape:
            answer = model(tf.cast(pictures, tf.float32), training=not frozen_statistics)
            scores, boxes = losses(answer, wanted, classes)
            loss = scores + BOXES_WEIGHT * boxes
        optimizer.apply_gradients(
            zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True)
        )
        return loss

    for epoch in range(epochs):
        total: list[float] = []
        for batch in batches(samples, classes, batch_size, seed=(seed, epoch)):
            total.append(float(learn(*batch)))
            stepped(epoch + len(total) / steps_of_epoch, float(np.mean(total)))
        told(epoch + 1, epochs, float(np.mean(total)))


def batches(
    samples: Sequence[Sample], classes: int, size: int, *, seed: tuple[int, int]
) -> Iterator[tuple[Any, Floats]]:
    """One epoch of varied pictures and wanted answers, shuffled; every batch is full (the last one wraps round)."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(samples))
    order = np.resize(order, math.ceil(len(samples) / size) * size) if len(samples) else order
    parts = [order[start : start + size] for start in range(0, len(order), size)]

    def make(part: tuple[int, Any]) -> tuple[Any, Floats]:
        own = np.random.default_rng((*seed, part[0]))
        varied = [vary(samples[index], own) for index in part[1]]
        shape = samples[0].picture.shape[:2]
        return (
            np.stack([picture for picture, _ in varied]),
            np.stack([encode(boxes, (shape[0], shape[1]), classes) for _, boxes in varied]),
        )

    with ThreadPoolExecutor(1) as ahead:
        jobs = [ahead.submit(make, item) for item in enumerate(parts[:2])]
        for index in range(len(parts)):
            if index + 2 < len(parts):
                jobs.append(ahead.submit(make, (index + 2, parts[index + 2])))
            yield jobs[index].result()
