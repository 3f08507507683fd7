"""A request's body piece by piece, as soon as each has arrived: a log that is followed must not wait for a block.

WSGI's `read(n)` blocks until n bytes are there, and gunicorn's asks for 1024 at least. Its parser of chunked
bodies gives each piece as it comes, so we ask that one where we find it, and read blocks where we do not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sedna_gm.errors import BadRequest

_BLOCK = 1024


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


def _announced(body: Any, left: int) -> Iterator[bytes]:
    while left > 0 and (piece := body.read(min(_BLOCK, left))):
        left -= len(piece)
        yield piece
