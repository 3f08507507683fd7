"""A request's body piece by piece. `pieces`, for a log that is followed: each as soon as it has arrived. `blocks`, for
a blob: in few large ones.

WSGI's `read(n)` blocks until n bytes are there, and gunicorn's asks for 1024 at least. Its parser of chunked
bodies gives each piece as it comes, so we ask that one where we find it, and read blocks where we do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sedna_gm.errors import BadRequest

_BLOCK = 1024
# Of a large body; what has come of a block is lost when the connection breaks.
_LARGE_BLOCK = 256 * 1024


def pieces(environ: Mapping[str, Any]) -> Iterator[bytes]:
    """The body from its beginning; nothing may have been read of it before."""
    body = environ["wsgi.input"]
    parser = getattr(getattr(body, "reader", None), "parser", None)
    try:
        if parser is not None:
            yield from (bytes(piece) for piece in parser if piece)
        elif environ.get("wsgi.input_terminated"):
            while piece := body.read(_BLOCK):
                yield piece
        else:
            yield from _announced(body, int(environ.get("CONTENT_LENGTH") or 0))
    except OSError as error:
        raise BadRequest("The body ended before its end.") from error


def blocks(environ: Mapping[str, Any], gathered: int) -> Iterator[bytes]:
    """The body in blocks of about `gathered` bytes, for work where each costs something.

    Where the body breaks off, what has come is given before BadRequest is raised.
    """
    held: list[bytes] = []
    size = 0
    try:
        for piece in _large(environ):
            held.append(piece)
            size += len(piece)
            if size >= gathered:
                yield b"".join(held)
                held, size = [], 0
    except BadRequest:
        if held:
            yield b"".join(held)
        raise
    if held:
        yield b"".join(held)


def _large(environ: Mapping[str, Any]) -> Iterator[bytes]:
    body = environ["wsgi.input"]
    announced = environ.get("CONTENT_LENGTH")
    left = int(announced) if announced else None
    try:
        if left is None:
            while environ.get("wsgi.input_terminated") and (piece := body.read(_LARGE_BLOCK)):
                yield piece
            return
        while left > 0:
            piece = body.read(min(_LARGE_BLOCK, left))
            if not piece:
                raise BadRequest("The body ended before its announced end.")
            left -= len(piece)
            yield piece
    except OSError as error:
        raise BadRequest("The body ended before its end.") from error


def _announced(body: Any, left: int) -> Iterator[bytes]:
    while left > 0 and (piece := body.read(min(_BLOCK, left))):
        left -= len(piece)
        yield piece
