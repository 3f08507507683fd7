"""What an example and a box are. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

ENDINGS = (".jpg", ".jpeg", ".png")
# It stands in addresses and in a line of fields: no blank, no separator, nothing hidden, no way up.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


@dataclass(frozen=True)
class SeenBox:
    """What a model saw: x0, y0, x1, y1 in pixels of the picture; its score and class where they were written down."""

    box: tuple[float, float, float, float]
    score: float | None = None
    class_: int | None = None

    def dump(self) -> dict[str, Any]:
        """Return the form of the API."""
        return {"box": list(self.box), "score": self.score, "class": self.class_}


@dataclass(frozen=True)
class Found:
    """One picture of the folder as the folder lists it."""

    name: str
    picture: str
    inode: int
    modified_ns: int
    size: int
    side: tuple[int, int, int] | None = None
    """Inode, time and size of its side file; None without one."""

    @property
    def time(self) -> str:
        """When the picture was written, to the second."""
        time = datetime.fromtimestamp(self.modified_ns // 1_000_000_000, timezone.utc)
        return time.isoformat().replace("+00:00", "Z")

    @property
    def signature(self) -> tuple[Any, ...]:
        """What changes when the files do."""
        return self.inode, self.modified_ns, self.size, self.side


@dataclass(frozen=True)
class Example:
    """One picture with what is known of it; `value` is how much it may teach, 0 to 1."""

    found: Found
    width: int | None
    height: int | None
    boxes: tuple[SeenBox, ...]
    value: float

    def dump(self) -> dict[str, Any]:
        """Return the form of the API."""
        return {
            "name": self.found.name,
            "picture": self.found.picture,
            "time": self.found.time,
            "bytes": self.found.size,
            "width": self.width,
            "height": self.height,
            "boxes": [box.dump() for box in self.boxes],
            "value": round(self.value, 4),
        }


def split_picture(file: str) -> tuple[str, str] | None:
    """Return name and ending of a picture's file; None for what is no picture or has a name that addresses cannot."""
    name, dot, ending = file.rpartition(".")
    if f"{dot}{ending}".lower() not in ENDINGS or not is_name(name):
        return None
    return name, f"{dot}{ending}"


def is_name(text: object) -> bool:
    """Tell whether an example may be called so."""
    return isinstance(text, str) and _NAME.fullmatch(text) is not None


def text_of(question: Mapping[str, Any], key: str) -> str:
    """Return a text of a question, "" where there is none."""
    value = question.get(key)
    return value if isinstance(value, str) else ""
