"""A small picture from a large one, in a process of its own: `python -m sedna_lc.labelling.thumbnails WIDTH`.

The picture comes on stdin, the small one goes to stdout as JPEG; what is wrong is the last line on stderr. A decoder
is fed with what a camera's folder holds, so it gets little: memory, time, no file to write, and not this program's
rights. Started by `sedna_lc.labelling.picturing`; the LocalController itself never imports Pillow.
"""

from __future__ import annotations

import contextlib
import io
import os
import resource
import sys
import warnings

# A camera of today has 50 million pixels; a decoder takes up to four bytes for each.
MOST_PIXELS = 64_000_000
MEMORY_BYTES = 1 << 30
CPU_SECONDS = 20
_NOBODY = 65534
_QUALITY = 80
_REFUSED = 3
# One pixel, so that all of Pillow that is needed is loaded before nothing can be opened any more.
_PROBE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8ffff3f0005fe02fe0def46b80000000049454e44ae426082"
)


def small(data: bytes, width: int) -> bytes:
    """Return the picture as a JPEG that is at most so many pixels wide. Raises ValueError with a sentence.

    In the pixels of the file, and without what the camera noted about its own position: boxes are in those pixels.
    """
    # Only these two decoders: each further one is a further way in.
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data), formats=("JPEG", "PNG"))
        if picture.width * picture.height > MOST_PIXELS:
            raise ValueError(f"it has {picture.width} x {picture.height} pixels, and at most {MOST_PIXELS} are decoded")
        goal = min(width, picture.width), max(1, round(picture.height * min(width, picture.width) / picture.width))
        # JPEG may be decoded at a half, a quarter or an eighth of its size, which saves most of the work.
        picture.draft("RGB", goal)
        made = picture.convert("RGB").resize(goal, Image.Resampling.BILINEAR, reducing_gap=2.0)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, MemoryError) as problem:
        raise ValueError(f"it cannot be decoded: {problem or type(problem).__name__}") from problem
    out = io.BytesIO()
    made.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _limit() -> None:
    """Give up what a decoder does not need. Raises OSError, ValueError: without its limits nothing is decoded."""
    # Before: with three files open and no more allowed, nothing can be opened any longer, neither here nor by what a
    # picture has made of this process.
    # What a camera notes in a JPEG (EXIF) is read by Pillow's reader of TIFF, which it would load when it meets one.
    from PIL import Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

    small(_PROBE, 1)
    del Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin
    limits = (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_SECONDS),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 3),
    )
    for what, most in limits:
        resource.setrlimit(what, (most, most))
    if os.geteuid() == 0:
        # The service's own unit may have no right to become somebody else; then its sandbox has to do.
        with contextlib.suppress(PermissionError):
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)


def main() -> int:
    """Read, decode, write."""
    width = int(sys.argv[1])
    _limit()
    try:
        made = small(sys.stdin.buffer.read(), width)
    except (ValueError, MemoryError) as problem:
        sys.stderr.write(f"{problem or 'it takes more memory than a picture may'}\n")
        return _REFUSED
    sys.stdout.buffer.write(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
