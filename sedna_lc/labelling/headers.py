"""The size of a picture by the first bytes of its file: JPEG and PNG, without a decoder. Pure.

Whoever lists thousands of pictures cannot decode them, and this program decodes none at all: a decoder that is fed by a
camera's folder is what attacks begin with.
"""

from __future__ import annotations

import struct

# Enough for the headers of a camera, its thumbnail and colour profile included; a picture with more has no known size.
MOST_HEADER = 256 << 10

_PNG = b"\x89PNG\r\n\x1a\n"
# Frames of JPEG: all of C0 to CF but the tables (C4), the extension (C8) and arithmetic conditioning (CC).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Markers without a length: TEM, restarts, start of image.
_BARE = frozenset([0x01, *range(0xD0, 0xD9)])


def size_of(data: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels; None where these bytes do not say."""
    if data.startswith(_PNG):
        return _size_of_png(data)
    return _size_of_jpeg(data) if data.startswith(b"\xff\xd8") else None


def media_of(data: bytes) -> str | None:
    """Return the media type of a picture by its first bytes; None for what is neither JPEG nor PNG."""
    if data.startswith(_PNG):
        return "image/png"
    return "image/jpeg" if data.startswith(b"\xff\xd8\xff") else None


def _size_of_png(data: bytes) -> tuple[int, int] | None:
    if len(data) < 24 or data[12:16] != b"IHDR":
        return None
    return _positive(*struct.unpack(">II", data[16:24]))


def _size_of_jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            # Markers may be filled up with any number of these.
            at += 1
        elif marker in _BARE:
            at += 2
        elif marker in _FRAMES:
            if at + 9 > len(data):
                return None
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return _positive(width, height)
        elif marker in (0xD9, 0xDA):
            # The end, or pixels: a frame would have come before.
            return None
        else:
            (length,) = struct.unpack(">H", data[at + 2 : at + 4])
            if length < 2:
                return None
            at += 2 + length
    return None


def _positive(width: int, height: int) -> tuple[int, int] | None:
    return (width, height) if width > 0 and height > 0 else None
