"""Save a hard example so that a person can label it: the picture, and beside it what the model saw in it.

    from sedna.core.hard_examples import save

    if is_hard_example:
        save(Context.get_parameters("HE_SAVED_URL"), f"{number:08d}", jpeg, boxes=[[12, 40, 80, 170, 0.43, 2]])

The folder HE_SAVED_URL then has `00000017.jpg` and `00000017.json`. The picture is written first and each file appears
whole, so whoever begins with the `.json` never meets a half of an example. Pixels, no library for pictures is needed.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sedna.common.digests import StrPath
from sedna.common.publishing import write_atomically

__all__ = ("save",)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_ENDINGS = {b"\xff\xd8\xff": ".jpg", b"\x89PNG\r\n\x1a\n": ".png"}
# A sub-pixel, and a score that people read, need no more.
_DIGITS = 4


def save(
    folder: StrPath,
    name: str,
    picture: bytes,
    boxes: Iterable[Sequence[float]] = (),
    *,
    frame: int | None = None,
    time: str | None = None,
    model: str | None = None,
    most: int | None = None,
) -> Path:
    """Write a picture and what was seen in it; return the picture's path.

    Args:
        folder: where to; made when it is missing. An example of the same name is replaced.
        name: letters, digits, `.`, `_` and `-`, at most 200 of them; it becomes the name of both files.
        picture: an encoded JPEG or PNG, as `cv2.imencode` gives it (`.tobytes()`).
        boxes: `[x0, y0, x1, y1]`, `[x0, y0, x1, y1, score]` or `[x0, y0, x1, y1, score, class]` each, in pixels of the
            picture from its upper left corner; score from 0 to 1, class by its number.
        frame: its number in the stream.
        time: when it was seen (RFC 3339), where that is not now.
        model: which model looked, as its path or sha256.
        most: so many examples stay in the folder, the oldest go; None: all of them. A camera never stops, a disk does.

    Raises:
        ValueError: the name, the picture or a box cannot be that; nothing was written.
        OSError: the disk.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name[:80]!r} cannot name a hard example: use up to 200 letters, digits, '.', '_' and '-'")
    ending = next((ending for magic, ending in _ENDINGS.items() if picture.startswith(magic)), None)
    if ending is None:
        raise ValueError(f"what is to be saved as {name} is neither JPEG nor PNG: encode the picture first")
    about: dict[str, Any] = {"picture": f"{name}{ending}", "boxes": [_plain(box) for box in boxes]}
    told = {"frame": frame, "time": time, "model": model}
    about |= {key: value for key, value in told.items() if value is not None}
    path = Path(folder) / f"{name}{ending}"
    write_atomically(path, picture)
    write_atomically(path.with_name(f"{name}.json"), json.dumps(about).encode())
    if most is not None:
        _make_room(path.parent, max(1, most))
    return path


def _make_room(folder: Path, most: int) -> None:
    with os.scandir(folder) as entries:
        pictures = [entry for entry in entries if entry.name.endswith(tuple(_ENDINGS.values()))]
        if len(pictures) <= most:
            return
        oldest = sorted(pictures, key=lambda entry: (entry.stat(follow_symlinks=False).st_mtime_ns, entry.name))
    for entry in oldest[: len(pictures) - most]:
        # The side file first: a reader begins with it.
        Path(entry.path).with_suffix(".json").unlink(missing_ok=True)
        Path(entry.path).unlink(missing_ok=True)


def _plain(box: Sequence[float]) -> list[float | int]:
    # A network's answer is a row of some library's numbers, which JSON does not know.
    numbers = [float(value) for value in box]
    if not 4 <= len(numbers) <= 6 or not all(map(math.isfinite, numbers)):
        raise ValueError(f"{box!r} is no box: write [x0, y0, x1, y1], then its score and class where there are any")
    rounded: list[float | int] = [round(value, _DIGITS) for value in numbers[:5]]
    return rounded + [int(number) for number in numbers[5:]]
