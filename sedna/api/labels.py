"""What a person says of a hard example: boxes on a picture, and the class of each. Values only.

Sent to the GlobalManager, which hands it to the node of the dataset; what a line of the dataset is made of.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from sedna.api.meta import Int, Number, Text, Value

MOST_BOXES = 1000
CLASSES_ANNOTATION = "sedna.io/classes"
"""On a job: the names of its classes, separated by commas, where no `class_names` in its templates says them."""
CLASSES_VARIABLE = "class_names"


def _upright(box: list[float]) -> list[float]:
    x0, y0, x1, y1 = box
    if not (x0 < x1 and y0 < y1):
        raise ValueError(f"{box} is no box: write [left, top, right, bottom] in pixels, left < right and top < bottom")
    return box


Box = Annotated[
    list[Annotated[Number, Field(ge=0, le=1_000_000)]], Field(min_length=4, max_length=4), AfterValidator(_upright)
]


class LabelBox(Value):
    """One object on the picture."""

    box: Box
    """Left, top, right and bottom edge in pixels of the picture, from its upper left corner."""
    class_: Annotated[Int, Field(alias="class", ge=0, le=10_000)]
    """Number of its class, from 0."""


class LabelRequest(Value):
    """What a person has decided about one hard example."""

    boxes: Annotated[list[LabelBox], Field(max_length=MOST_BOXES)]
    """None at all says that there is nothing on the picture."""
    version: Text | None = None
    """Of the label that the person has seen; null where there was none."""
    picture_time: Text | None = None
    """`time` of the example that the person has seen: a label for a picture that another one has replaced is refused.
    Absent: whatever picture has the name is meant."""
