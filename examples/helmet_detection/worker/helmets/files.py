"""A detector as one file: the weights and what they mean, in numpy's archive format.

The name of the file says nothing (the quick start calls models `base_model` and `saved_model.pb`); the content does.
A model for small edges carries the same network once more, as LiteRT reads it; who does not ask for it never sees it.
No pickles: loading a model runs nobody's code.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sedna.common.publishing import write_atomically

FORMAT = "helmets-detector/1"
# What `save` calls the file when it is given a folder.
FILE_NAME = "detector.npz"


class ModelFileError(ValueError):
    """A file that holds no detector of this example; the message says why."""


@dataclass(frozen=True)
class Description:
    """What the weights belong to."""

    class_names: tuple[str, ...]
    input_shape: tuple[int, int]
    width: float


@dataclass(frozen=True)
class Lite:
    """The network for LiteRT: a picture (1, height, width, 3; uint8) in, the answer that `decode` reads out."""

    model: bytes
    input_shape: tuple[int, int]
    quantised: str
    """How its numbers are stored; see `helmets.exporting`."""


def write(path: Path, description: Description, weights: list[NDArray[Any]], lite: Lite | None = None) -> Path:
    """Store a model at `path` (a file of any name, or a folder); returns the file."""
    file = path / FILE_NAME if path.is_dir() else path
    about: dict[str, Any] = {"format": FORMAT, **asdict(description)}
    members = {f"w{index:03d}": value for index, value in enumerate(weights)}
    if lite:
        about["lite"] = {"input_shape": lite.input_shape, "quantised": lite.quantised}
        members["lite"] = np.frombuffer(lite.model, np.uint8)
    data = io.BytesIO()
    np.savez(data, about=np.array(json.dumps(about)), **members)
    write_atomically(file, data.getvalue())
    return file


def read(path: Path) -> tuple[Description, list[NDArray[Any]]]:
    """The model at `path`; raises FileNotFoundError or ModelFileError."""
    with _opened(path) as (_, about, archive):
        weights = [archive[name] for name in sorted(archive.files) if name not in ("about", "lite")]
        return _description(about), weights


def read_lite(path: Path) -> tuple[Description, Lite]:
    """The model at `path` with its network for LiteRT alone; raises FileNotFoundError or ModelFileError."""
    with _opened(path) as (file, about, archive):
        if "lite" not in about:
            raise ModelFileError(
                f"{file} has no network for LiteRT: set format=tflite for the train worker, too, so that the models it"
                " makes have one; the example's lite.py adds one to a model that is there already"
            )
        facts, model = about["lite"], archive["lite"].tobytes()
        return _description(about), Lite(model, _shape(facts["input_shape"]), str(facts["quantised"]))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Path, dict[str, Any], Any]]:
    """The file, what its archive says of itself, and the archive."""
    file = path / FILE_NAME if path.is_dir() else path
    if not file.exists():
        raise FileNotFoundError(f"there is no model at {file}")
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as archive:
            about = json.loads(str(archive["about"]))
            if about.pop("format", None) != FORMAT:
                raise ModelFileError(f"{file} holds another kind of model than {FORMAT}")
            yield file, about, archive
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as problem:
        if isinstance(problem, ModelFileError):
            raise
        # Not the reader's own words: numpy advises to load what it takes for a pickle unsafely.
        raise ModelFileError(f"{file} is no model of this example: no archive of weights can be read") from problem


def _description(about: dict[str, Any]) -> Description:
    return Description(tuple(about["class_names"]), _shape(about["input_shape"]), float(about["width"]))


def _shape(stored: list[int]) -> tuple[int, int]:
    return int(stored[0]), int(stored[1])
