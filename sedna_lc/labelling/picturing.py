"""A picture on its way to somebody who looks at it: the file itself, or a small one. I/O: files, a short-lived process.

Small ones are made once for each content and width, by `sedna_lc.labelling.thumbnails`, and kept in the state folder;
the oldest go when they are too many.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sedna.common.publishing import write_atomically
from sedna_lc.errors import Again
from sedna_lc.labelling.headers import media_of
from sedna_lc.labelling.refusing import CannotLabel
from sedna_lc.labelling.values import split_picture

# An answer is held in memory here and at the GlobalManager, a third longer than this.
MOST_BYTES = 8 << 20
# What a small picture is made from; a file of 50 million pixels is seldom larger.
MOST_SOURCE_BYTES = 64 << 20
# Asked for anything in between, the next one up is made: whoever asks for every width does not fill the folder.
WIDTHS = (160, 320, 640, 1280)
_KEPT = 4_000
_AT_ONCE = 2
_SECONDS = 30.0


@dataclass(frozen=True)
class Picture:
    """What is sent."""

    name: str
    media: str
    data: bytes
    time: str = ""
    """When its file was written."""

    def dump(self) -> dict[str, Any]:
        """Return the form of the exchange."""
        return {
            "name": self.name,
            "media": self.media,
            "sha256": hashlib.sha256(self.data).hexdigest(),
            "time": self.time,
            "data": base64.b64encode(self.data).decode("ascii"),
        }


def whole(name: str, data: bytes) -> Picture:
    """Return a picture as it is. Raises CannotLabel for one that is too large, or is none."""
    if len(data) > MOST_BYTES:
        message = f"{name} is larger than {MOST_BYTES >> 20} MiB: ask for a small picture, by its width."
        raise CannotLabel(413, "TooLarge", message)
    return Picture(name, _media(name, data), data)


def sent(example: str, picture: Mapping[str, Any]) -> tuple[str, bytes]:
    """Return name and bytes of an example's picture that came from another node. Raises CannotLabel."""
    name, text = str(picture.get("name")), picture.get("data")
    named = split_picture(name)
    if named is None or named[0] != example:
        raise CannotLabel(422, "BadPicture", f"{name[:200]!r} is no picture of the hard example {example}.")
    try:
        data = base64.b64decode(text if isinstance(text, str) else "", validate=True)
    except ValueError as problem:
        raise CannotLabel(422, "BadPicture", f"The picture {name} came in no form that can be read.") from problem
    if hashlib.sha256(data).hexdigest() != picture.get("sha256"):
        raise CannotLabel(422, "BadPicture", f"The picture {name} has changed on its way. Save again.")
    whole(name, data)
    return name, data


class Thumbnails:
    """Makes and keeps small pictures. Safe to call from any thread."""

    def __init__(self, folder: Path, kept: int = _KEPT) -> None:
        self._folder = folder
        self._kept = kept
        self._places = threading.BoundedSemaphore(_AT_ONCE)

    def small(self, name: str, data: bytes, width: int) -> Picture:
        """Return a picture that is at least so wide, where the original is. Raises CannotLabel, Again."""
        if len(data) > MOST_SOURCE_BYTES:
            message = f"{name} is larger than {MOST_SOURCE_BYTES >> 20} MiB, and no small picture is made of it."
            raise CannotLabel(413, "TooLarge", message)
        _media(name, data)
        wide = next((one for one in WIDTHS if one >= width), WIDTHS[-1])
        path = self._folder / f"{hashlib.sha256(data).hexdigest()}-{wide}.jpg"
        try:
            return Picture(name, "image/jpeg", path.read_bytes())
        except FileNotFoundError:
            made = self._make(name, data, wide)
        try:
            write_atomically(path, made, mode=0o600)
            self._make_room()
        except OSError as problem:
            raise Again("NoRoom", f"A small picture cannot be kept in {self._folder}: {problem}.") from problem
        return Picture(name, "image/jpeg", made)

    def _make(self, name: str, data: bytes, width: int) -> bytes:
        command = [sys.executable, "-I", "-m", "sedna_lc.labelling.thumbnails", str(width)]
        if not self._places.acquire(timeout=_SECONDS):
            raise Again("Busy", "Too many small pictures are asked for at once: ask again.")
        try:
            done = subprocess.run(command, input=data, capture_output=True, timeout=_SECONDS, check=False, env={})
        except subprocess.TimeoutExpired as problem:
            message = f"{name} takes longer than {_SECONDS:.0f} s to decode."
            raise CannotLabel(422, "BadPicture", message) from problem
        except OSError as problem:
            raise Again("NoRoom", f"A small picture cannot be made now: {problem.strerror}.") from problem
        finally:
            self._places.release()
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
            why = said[0][:300] if said else f"its decoder ended with {done.returncode}"
            raise CannotLabel(422, "BadPicture", f"No small picture can be made of {name}: {why}.")
        return done.stdout

    def _make_room(self) -> None:
        """Remove the oldest when there are too many; a tenth at once, so that this is seldom."""
        paths = list(self._folder.glob("*.jpg"))
        if len(paths) <= self._kept:
            return
        for path in sorted(paths, key=lambda one: one.stat().st_mtime_ns)[: len(paths) - self._kept + self._kept // 10]:
            path.unlink(missing_ok=True)


def _media(name: str, data: bytes) -> str:
    media = media_of(data)
    if media is None:
        raise CannotLabel(422, "BadPicture", f"{name} begins neither as a JPEG nor as a PNG file does.")
    return media
