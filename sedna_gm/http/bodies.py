"""What the client sent, read whole and decoded; or why it could not be."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from flask import Request

from sedna.api.yaml12 import YamlError, load_documents
from sedna_gm.errors import BadRequest, TooLarge, UnsupportedMediaType
from sedna_gm.http.callers import patience
from sedna_gm.http.media import JSON, JSON_TYPES, YAML_TYPES
from sedna_gm.http.parts import parts

# A client that is still writing when we close does not read our answer; so much of a body that is too large is
# read and dropped first.
_DRAINED = 64 * 1024 * 1024
_PIECE = 64 * 1024
# Deeper than any manifest, and shallow enough for every recursive function here.
_DEEPEST = 100
# A job has about a hundred. Checking costs up to a tenth of a millisecond for each, in which nobody else is served.
_MOST_VALUES = 20_000


def receive(request: Request) -> Any:
    """The one value or document that the client sent."""
    data = read(request, parts().settings.max_body_bytes)
    media = _media(request)
    return parts().aside(lambda: decode(data, media), len(data))


def receive_documents(request: Request) -> list[Any]:
    """Every document that the client sent."""
    data = read(request, parts().settings.max_body_bytes)
    media = _media(request)
    return parts().aside(lambda: decode_documents(data, media), len(data))


def _media(request: Request) -> str:
    # Some clients of Kubernetes send JSON and do not say so. A browser does that too, on behalf of anybody's page,
    # but it says where the page is from, and is not believed.
    return request.mimetype or ("" if "Origin" in request.headers else JSON)


def read(request: Request, limit: int) -> bytes:
    """The whole body. Raises TooLarge over `limit` bytes, whether they were announced or came in chunks."""
    announced = request.content_length or 0
    pieces: list[bytes] = []
    size = 0
    for piece in _pieces(request, parts().settings.silence_seconds):
        size += len(piece)
        if size <= limit and announced <= limit:
            pieces.append(piece)
        elif size > _DRAINED:
            break
    if max(size, announced) > limit:
        raise TooLarge(f"The body is larger than the {limit} bytes that this server takes.")
    return b"".join(pieces)


def _pieces(request: Request, silence_seconds: float) -> Iterator[bytes]:
    try:
        with patience(request.environ, silence_seconds):
            while piece := request.stream.read(_PIECE):
                yield piece
    except OSError as error:
        raise BadRequest("The body ended before its announced end.") from error


def decode(data: bytes, media: str) -> Any:
    """One JSON value or YAML document, by media type. Raises BadRequest with line and column."""
    documents = decode_documents(data, media)
    if len(documents) != 1:
        raise BadRequest(
            "The body is empty."
            if not documents
            else f"The body holds {len(documents)} documents: one is taken here, several at /manifests."
        )
    return documents[0]


def decode_documents(data: bytes, media: str) -> list[Any]:
    """Every document of a YAML stream, or the one value of a JSON text."""
    if media in YAML_TYPES:
        try:
            documents = load_documents(data)
        except YamlError as error:
            raise BadRequest(f"The body is not YAML: {error}.") from None
    elif media in JSON_TYPES:
        documents = [_json(data)] if data.strip() else []
    else:
        raise UnsupportedMediaType(
            f"Bodies of type {media[:80] or 'unknown'} are not taken here: "
            "say what you send with -H 'Content-Type: application/yaml' (or application/json)."
        )
    for document in documents:
        _check_plain(document)
    return documents


def _json(data: bytes) -> Any:
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise BadRequest(f"The body is not JSON: line {error.lineno}, column {error.colno}: {error.msg}.") from None
    except UnicodeDecodeError as error:
        raise BadRequest(f"The body is not UTF-8: byte {error.start} cannot be read.") from None
    except RecursionError:
        raise BadRequest(f"The body is nested more than {_DEEPEST} levels deep.") from None
    except ValueError as error:
        raise BadRequest(f"The body is not JSON that can be taken: {error}.") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise BadRequest(f"The key {twice[:80]!r} is given twice.")
    return found


def _no_number(name: str) -> Any:
    raise BadRequest(f"The body is not JSON: {name} is no number.")


def _check_plain(document: Any) -> None:
    """JSON can say everything in it again: texts as keys, finite numbers, no endless depth or number."""
    waiting: list[tuple[Any, int]] = [(document, 0)]
    seen = 0
    while waiting:
        value, depth = waiting.pop()
        seen += 1
        if seen > _MOST_VALUES:
            raise BadRequest(f"The body holds more than {_MOST_VALUES} values in one document.")
        if depth > _DEEPEST:
            raise BadRequest(f"The body is nested more than {_DEEPEST} levels deep.")
        if isinstance(value, dict):
            waiting.extend((entry, depth + 1) for entry in value.values())
        elif isinstance(value, list):
            waiting.extend((entry, depth + 1) for entry in value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise BadRequest("The body holds a number that is not finite.")
        elif not isinstance(value, str | int | float | bool | None):
            raise BadRequest(f"The body holds a {type(value).__name__}, which JSON cannot say: quote it as a text.")
