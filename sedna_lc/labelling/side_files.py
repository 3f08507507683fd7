"""What a model saw in a hard example, from the file that lies beside the picture. Pure.

Two forms of a box are read: the list `[x0, y0, x1, y1, score?, class?]`, as the hard-example algorithms of the library
take it, and the object `{"box": [x0, y0, x1, y1], "score"?, "class"?}`. Pixels of the picture. Worker code wrote it, so
anything may be in it: what makes no sense is left out, and the picture is listed all the same.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from sedna_lc.labelling.values import SeenBox

# A larger side file is not read: a crowded picture has a hundred boxes, each of some sixty bytes.
MOST_SIDE = 256 << 10
MOST_BOXES = 500
# No picture is larger, and no arithmetic overflows.
_FARTHEST = 1e6


def boxes_of(data: bytes) -> tuple[SeenBox, ...]:
    """Return the boxes of a side file, none for a file without sense."""
    try:
        about = json.loads(data)
    except (ValueError, RecursionError):
        return ()
    boxes = about.get("boxes") if isinstance(about, dict) else None
    if not isinstance(boxes, list):
        return ()
    read = (_box_of(one) for one in boxes[:MOST_BOXES])
    return tuple(box for box in read if box is not None)


def _box_of(one: object) -> SeenBox | None:
    if isinstance(one, Mapping):
        corners, score, class_ = one.get("box"), one.get("score"), one.get("class")
    elif isinstance(one, list):
        corners, score, class_ = one[:4], *([*one[4:6], None, None][:2])
    else:
        return None
    numbers = _corners(corners)
    return None if numbers is None else SeenBox(numbers, _score(score), _class(class_))


def _corners(value: object) -> tuple[float, float, float, float] | None:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 4:
        return None
    numbers = [_number(one) for one in value]
    x0, y0, x1, y1 = numbers
    if x0 is None or y0 is None or x1 is None or y1 is None or x0 >= x1 or y0 >= y1:
        return None
    if max(-x0, -y0, x1, y1) > _FARTHEST:
        return None
    return x0, y0, x1, y1


def _score(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and 0 <= number <= 1 else None


def _class(value: object) -> int | None:
    number = _number(value)
    # A network's answer is a row of floats, so the class of a box may be written 2.0.
    return int(number) if number is not None and number == int(number) and 0 <= number < 1 << 31 else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
