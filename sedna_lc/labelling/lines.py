"""A label and the line of its sample, as the original's lists have it. Pure.

    images/NAME.jpg x0,y0,x1,y1,class x0,y0,x1,y1,class …

The picture's path counts from the list's folder; corners are whole pixels; a picture with nothing in it is a line with
a path alone.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sedna_lc.labelling.refusing import CannotLabel
from sedna_lc.state.records import StoredLabel

FOLDER = "images"
MOST_BOXES = 1000
MOST_CLASS = 1 << 20
_FARTHEST = 1 << 20


@dataclass(frozen=True)
class Box:
    """What a person has drawn: corners in whole pixels of the picture, and the number of the class."""

    box: tuple[int, int, int, int]
    class_: int

    @property
    def field(self) -> str:
        """The box in a line."""
        return ",".join(map(str, (*self.box, self.class_)))

    def dump(self) -> dict[str, Any]:
        """Return the form of the API."""
        return {"box": list(self.box), "class": self.class_}


def told(label: StoredLabel) -> dict[str, Any]:
    """Return a label in the form of the API."""
    return {
        "boxes": [box.dump() for box in boxes_of(label.line)],
        "by": label.by,
        "time": label.time,
        "version": label.version,
        "line": label.line,
        "pictureTime": label.taken or None,
    }


def read_boxes(value: object, width: int | None, height: int | None) -> tuple[Box, ...]:
    """Return the boxes that somebody sends for a picture of such a size, rounded to pixels. Raises CannotLabel."""
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > MOST_BOXES:
        raise CannotLabel(422, "BadBoxes", f"boxes is a list of at most {MOST_BOXES} boxes.")
    return tuple(_read_box(number, one, width, height) for number, one in enumerate(value, start=1))


def line_of(picture: str, boxes: Sequence[Box]) -> str:
    """Return the line of a sample, without its end; `picture` is the name of the file beside the list."""
    return " ".join([f"{FOLDER}/{picture}", *(box.field for box in boxes)])


def boxes_of(line: str) -> tuple[Box, ...]:
    """Return the boxes of a line; whoever else wrote it may have put other things there, which are left out."""
    boxes = []
    for field in line.split()[1:]:
        try:
            x0, y0, x1, y1, class_ = (int(float(number)) for number in field.split(","))
        except (ValueError, OverflowError):
            continue
        boxes.append(Box((x0, y0, x1, y1), class_))
    return tuple(boxes)


def version_of(example: str, line: str, by: str, time: str) -> str:
    """Return what tells this label from any other one of the example."""
    return hashlib.sha256("\0".join((example, line, by, time)).encode()).hexdigest()[:16]


def agree(present: StoredLabel, line: str, version: str | None) -> bool:
    """Tell whether what somebody saves is the label that is there already; else a label is not saved twice."""
    return present.line == line and version in (None, present.version)


def already(present: StoredLabel) -> CannotLabel:
    """Return the refusal of another label for the same example."""
    message = (
        f"The hard example {present.example} was labelled by {present.by or 'somebody else'}"
        f"{f' at {present.time}' if present.time else ''}, and its line is in the dataset: a list only grows, so "
        "a label that was saved is not changed."
    )
    return CannotLabel(409, "AlreadyLabelled", message, {"label": told(present)})


def _read_box(number: int, one: object, width: int | None, height: int | None) -> Box:
    if not isinstance(one, Mapping):
        raise _bad(number, 'is no object {"box": [x0, y0, x1, y1], "class": n}')
    corners, class_ = one.get("box"), one.get("class")
    if isinstance(class_, bool) or not isinstance(class_, int) or not 0 <= class_ < MOST_CLASS:
        raise _bad(number, "has no class: its number, from 0 on")
    if not isinstance(corners, Sequence) or isinstance(corners, str) or len(corners) != 4:
        raise _bad(number, "has not the four corners x0, y0, x1, y1")
    pixels = [_pixel(number, corner) for corner in corners]
    # A model believes in things beyond the edge, and other tools round: what is outside of the picture is cut off.
    x0, y0 = (max(one, 0) for one in pixels[:2])
    x1, y1 = (min(one, most or _FARTHEST) for one, most in zip(pixels[2:], (width, height), strict=True))
    if x0 >= x1 or y0 >= y1:
        size = f"{width} x {height} pixels" if width and height else "the picture"
        raise _bad(number, f"has nothing within {size}: x0 is less than x1, y0 less than y1, in whole pixels")
    return Box((x0, y0, x1, y1), class_)


def _pixel(number: int, corner: object) -> int:
    if isinstance(corner, bool) or not isinstance(corner, int | float) or abs(corner) > _FARTHEST:
        raise _bad(number, "has a corner that is no number of pixels")
    if not math.isfinite(corner):
        raise _bad(number, "has a corner that is no number of pixels")
    return math.floor(corner + 0.5)


def _bad(number: int, what: str) -> CannotLabel:
    return CannotLabel(422, "BadBoxes", f"Box {number} {what}.")
