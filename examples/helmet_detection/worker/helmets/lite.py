"""A detector that LiteRT runs: what an inference worker with `format=tflite` carries in TensorFlow's place.

Reads the member of a model that `helmets.exporting` has made. Nothing here, nor what it imports, knows TensorFlow.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from helmets import files
from helmets.boxes import Floats
from helmets.finding import Finder

# A camera leaves most of a small host to others; a frame takes about a millisecond.
THREADS = 1


class LiteDetector(Finder):
    """A detector with a network of fixed size that asks one picture at a time."""

    def __init__(self, class_names: Sequence[str], lite: files.Lite) -> None:
        super().__init__(class_names, lite.input_shape)
        self.quantised = lite.quantised
        self._interpreter = _interpreter(lite.model)
        self._given = self._interpreter.get_input_details()[0]["index"]
        self._answered = self._interpreter.get_output_details()[0]["index"]

    @classmethod
    def load(cls, path: Path, input_shape: tuple[int, int] | None = None) -> LiteDetector:
        """The detector in a file; raises ModelFileError when it has no form for LiteRT, or one of another size."""
        about, lite = files.read_lite(path)
        if input_shape not in (None, lite.input_shape):
            theirs, ours = (",".join(map(str, shape)) for shape in (lite.input_shape, input_shape or ()))
            raise files.ModelFileError(
                f"{path}: its network for LiteRT looks at pictures of {theirs} and no other, but input_shape is {ours};"
                f" set input_shape={theirs} here, or train with input_shape={ours}"
            )
        try:
            return cls(about.class_names, lite)
        except (ValueError, RuntimeError) as problem:
            raise files.ModelFileError(f"{path}: LiteRT does not take its network: {problem}") from problem

    def answers(self, pictures: NDArray[np.uint8]) -> Floats:
        """As every detector's."""
        answered = []
        for picture in pictures:
            self._interpreter.set_tensor(self._given, picture[None])
            self._interpreter.invoke()
            # A copy: the interpreter writes the next answer into the same memory.
            answered.append(self._interpreter.get_tensor(self._answered)[0])
        return np.stack(answered)


def _interpreter(model: bytes) -> Any:
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError as problem:
        raise ModuleNotFoundError(
            "format=tflite needs the package ai-edge-litert, which this worker's Python does not have: build the image"
            " with requirements-lite.txt, or add ai-edge-litert to its requirements.txt"
        ) from problem
    interpreter = Interpreter(model_content=model, num_threads=THREADS)
    interpreter.allocate_tensors()
    return interpreter
