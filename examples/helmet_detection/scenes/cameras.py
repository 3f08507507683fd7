"""What a cheap camera does to a picture: motion blur, soft focus, noise and JPEG artefacts.

The last step of `scenes.staging`; `scenes.recording` stores the bytes it returns.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from scenes.brushes import Image
from scenes.domains import Domain


def shake(canvas: Image, length: float, angle: float) -> Image:
    """Motion blur along a line of `length` pixels."""
    if length < 1.2:
        return cv2.GaussianBlur(canvas, (3, 3), 0.55)
    size = int(length) * 2 + 1
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    across, down = np.cos(angle) * length / 2, np.sin(angle) * length / 2
    cv2.line(
        kernel, (round(middle - across), round(middle - down)), (round(middle + across), round(middle + down)), 1.0, 1
    )
    return cv2.filter2D(canvas, -1, kernel / kernel.sum())


def grain(canvas: Image, sigma: float, rng: np.random.Generator) -> Image:
    """Sensor noise with this standard deviation (grey levels)."""
    # One tile shifted at random is as good as fresh noise for a detector, and a tenth of the time.
    tile = rng.normal(0, sigma, (canvas.shape[0] // 2, canvas.shape[1] // 2, 3)).astype(np.int16)
    noise = np.tile(tile, (2, 2, 1))
    noise = np.roll(noise, (int(rng.integers(97)), int(rng.integers(97))), axis=(0, 1))
    return cv2.add(canvas, noise, dtype=cv2.CV_8U)


def expose(canvas: Image, domain: Domain, rng: np.random.Generator) -> Image:
    """The finished picture as this domain's camera sees it, before compression."""
    blurred = shake(canvas, float(rng.uniform(*domain.motion_blur)), float(rng.uniform(0, np.pi)))
    return grain(blurred, float(rng.uniform(*domain.noise)), rng)


def compress(canvas: Image, quality: int) -> NDArray[np.uint8]:
    """JPEG bytes."""
    done, data = cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError("OpenCV could not encode a picture as JPEG")
    return np.asarray(data, np.uint8)
