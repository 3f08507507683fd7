"""A detector as one file: the weights and what they mean, in numpy's archive format.

The name of the file says nothing (the quick start calls models `base_model` and `saved_model.pb`); the content does.
No pickles: loading a model runs nobody's code.
"""

from __future__ import annotations

import io
import json
import zipfile
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


def write(path: Path, description: Description, weights: list[NDArray[Any]]) -> Path:
    """Store a model at `path` (a file of any name, or a folder); returns the file."""
    file = path / FILE_NAME if path.is_dir() else path
    about = json.dumps({"format": FORMAT, **asdict(description)})
    data = io.BytesIO()
    np.savez(data, about=np.array(about), **{f"w{index:03d}": value for index, value in enumerate(weights)})
    write_atomically(file, data.getvalue())
    return file


def read(path: Path) -> tuple[Description, list[NDArray[Any]]]:
    """The model at `path`; raises FileNotFoundError or ModelFileError."""
    file = path / FILE_NAME if path.is_dir() else path
    if not file.exists():
        raise FileNotFoundError(f"there is no model at {file}")
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as archive:
            about = json.loads(str(archive["about"]))
            if about.pop("format", None) != FORMAT:
                raise ModelFileError(f"{file} holds another kind of model than {FORMAT}")
            names = sorted(name for name in archive.files if name != "about")
            weights = [archive[name] for name in names]
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as problem:
        if isinstance(problem, ModelFileError):
            raise
        # Not the reader's own words: numpy advises to load what it takes for a pickle unsafely.
        raise ModelFileError(f"{file} is no model of this example: no archive of weights can be read") from problem
    shape = about["input_shape"]
    return Description(tuple(about["class_names"]), (int(shape[0]), int(shape[1])), float(about["width"])), weights
