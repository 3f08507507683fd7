"""The network: a small residual backbone with two lateral steps up, and one head that says what is where.

Anchor-free, as in CenterNet and FCOS: for each cell of 4 x 4 pixels a score per class (is the middle of such an object
here?) and the distances to the four sides of its box. `helmets.targets` says what it should answer,
`helmets.decoding` reads its answers.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers


def build(classes: int, width: float = 1.0) -> keras.Model:
    """Pictures (batch, height, width, 3; 0-255) to logits and distances (batch, height / 4, width / 4, classes + 4)."""

    def wide(channels: int) -> int:
        return max(8, round(channels * width / 8) * 8)

    picture = keras.Input((None, None, 3), name="picture")
    x = layers.Rescaling(1 / 64.0, offset=-2.0)(picture)
    x = _step(x, wide(16), 2)
    at4 = _residual(_step(x, wide(24), 2), wide(24))
    at8 = _residual(_residual(_step(at4, wide(48), 2), wide(48)), wide(48))
    at16 = _residual(_residual(_step(at8, wide(64), 2), wide(64)), wide(64))
    up = _step(_join(at16, at8, wide(40)), wide(40), 1)
    up = _step(_join(up, at4, wide(32)), wide(40), 1)
    # The bias says that almost no cell holds the middle of an object (about 1 in 50): without it the first
    # hundred steps are spent on learning just that.
    scores = layers.Conv2D(classes, 1, bias_initializer=keras.initializers.Constant(-4.0), name="scores")(up)
    sides = layers.Conv2D(4, 1, bias_initializer=keras.initializers.Constant(0.5), name="sides")(up)
    return keras.Model(picture, layers.Concatenate(name="answer")([scores, layers.Activation("softplus")(sides)]))


def _step(x: Any, channels: int, stride: int) -> Any:
    x = layers.Conv2D(channels, 3, strides=stride, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.97)(x))


def _residual(x: Any, channels: int) -> Any:
    inner = layers.Conv2D(channels, 3, padding="same", use_bias=False)(_step(x, channels, 1))
    return layers.ReLU()(layers.Add()([x, layers.BatchNormalization(momentum=0.97)(inner)]))


def _join(low: Any, high: Any, channels: int) -> Any:
    up = layers.UpSampling2D(2)(layers.Conv2D(channels, 1, use_bias=False)(low))
    across = layers.Conv2D(channels, 1, use_bias=False)(high)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.97)(layers.Add()([up, across])))
