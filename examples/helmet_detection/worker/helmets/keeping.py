"""Keeps frames for people: hard examples with what the model saw in them, and annotated frames.

`inference.py` hands frames over; whoever labels (a person on the dashboard, or in the demo a stand-in) reads
`<number>_frame<frame>.json` and the picture of the same name, which the library writes in the right order. The oldest
files go when there are too many: a camera never stops, a disk does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from sedna.common.publishing import write_atomically
from sedna.core.hard_examples import save


class Keeper:
    """A folder with at most `most` frames, named so that they sort by time and tell their frame's number."""

    def __init__(self, folder: Path, most: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._most = folder, most
        self._stems = deque(sorted(path.stem for path in folder.glob("*.jpg")))
        # A worker that starts again goes on counting, so names sort by time over restarts too.
        self._next = int(self._stems[-1].split("_")[0]) + 1 if self._stems else 0

    def keep(self, frame: int, picture: Any, findings: Sequence[Sequence[float]] | None = None) -> Path:
        """Store a frame, with its findings when they are given; returns the picture's path."""
        stem = f"{self._next:08d}_frame{frame:06d}"
        self._next += 1
        done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])
        if not done:
            raise ValueError(f"OpenCV could not encode frame {frame}")
        path = self._folder / f"{stem}.jpg"
        if findings is None:
            write_atomically(path, data.tobytes())
        else:
            save(self._folder, stem, data.tobytes(), findings, frame=frame)
        self._stems.append(stem)
        while len(self._stems) > self._most:
            oldest = self._folder / self._stems.popleft()
            oldest.with_suffix(".json").unlink(missing_ok=True)
            oldest.with_suffix(".jpg").unlink(missing_ok=True)
        return path
