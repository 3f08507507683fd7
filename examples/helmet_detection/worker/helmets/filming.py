"""A video as a camera: frames come at their pace whether anybody is ready or not, and the film starts over at its end.

`inference.py` reads frames here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2


class CameraError(OSError):
    """A video that cannot be read; the message names it."""


def source_of(url: str) -> str:
    """What OpenCV opens for a `video_url`: `file://video/video.mp4` means `/video/video.mp4`, as ffmpeg reads it."""
    if not url.startswith("file:"):
        return url
    rest = url[len("file:") :]
    absolute = "/" + rest.lstrip("/")
    relative = rest.lstrip("/")
    return relative if not Path(absolute).exists() and Path(relative).exists() else absolute


def frames(url: str, fps: float, stop: threading.Event) -> Iterator[tuple[int, Any]]:
    """(number in the film, picture) at `fps` frames a second (0: the film's own), until `stop` is set.

    Who takes longer than a frame's time misses the next ones, as with a real camera: nothing piles up.
    """
    source = source_of(url)
    due = time.monotonic()
    while not stop.is_set():
        film = cv2.VideoCapture(source)
        pause = 1.0 / (fps or film.get(cv2.CAP_PROP_FPS) or 25.0)
        number = -1
        try:
            while film.grab():
                number += 1
                due += pause
                late = time.monotonic() - due
                if late > pause:
                    continue
                if stop.wait(max(0.0, -late)):
                    return
                decoded, picture = film.retrieve()
                if decoded:
                    yield number, picture
        finally:
            film.release()
        if number < 0:
            raise CameraError(f"{url}: OpenCV reads no frame from {source}")
