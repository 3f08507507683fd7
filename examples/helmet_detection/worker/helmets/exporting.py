"""Makes a detector's form for LiteRT: one call of fixed size, weights frozen and quantised.

`interface.Estimator.save` calls it when the job says `format=tflite`, the example's `lite.py` for models that are
there already.
"""

from __future__ import annotations

import tensorflow as tf

from helmets.detecting import Detector
from helmets.files import Lite

# Weights become eight-bit numbers, activations stay numbers with a point: on held-out frames within half a point of
# mAP, in a quarter of the bytes and of the time. Eight bits for activations, too (64 training pictures told their
# range), lost 36 points: scores and distances share the last tensor. The README has the table.
DEFAULT = "dynamic"
QUANTISED = (DEFAULT, "float16", "none")


def export(detector: Detector, quantised: str = DEFAULT) -> Lite:
    """The detector as it is now, for one picture (1, height, width, 3; uint8) of its size at a time.

    quantised: of QUANTISED: how weights are stored
    """
    height, width = detector.input_shape
    holder = tf.Module()
    # The converter freezes only what it finds below a module; Keras's own weights it would leave unset.
    holder.weights = [weight.value for weight in detector.network.weights]
    holder.answer = tf.function(detector.answer, input_signature=[tf.TensorSpec((1, height, width, 3), tf.uint8)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([holder.answer.get_concrete_function()], holder)
    if quantised != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantised == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return Lite(bytes(converter.convert()), detector.input_shape, quantised)
