"""The artifact store's door: what is missing, a blob in, a blob out, each from any byte on.

A sender asks what is missing, sends that, and after a cut asks again and goes on where it ended. Blobs are named by
their sha256 and live in `sedna_gm.artifacts.disks`; the documents that say which blobs make a model or a set of
samples are blobs like others (`sedna.api.trees`). Bodies here may be larger than any memory, and are never held whole.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

from flask import Blueprint, Response, request, stream_with_context
from werkzeug.datastructures import Range

from sedna.api.trees import check_sha256
from sedna_gm.artifacts.disks import DiskBlobs
from sedna_gm.errors import BadRequest, GMError, NotFound, RangeUnsatisfiable, StoreUnavailable, WrongDigest
from sedna_gm.http import bodies, uploads
from sedna_gm.http.answers import answer
from sedna_gm.http.callers import patience
from sedna_gm.http.parts import parts

logger = logging.getLogger(__name__)

# Written, hashed and read in pieces of this size.
_BLOCK = 1024 * 1024
# A sender hears a refusal only after it has sent what it is sending; so much is read and dropped for that.
_DRAINED = 64 * 1024 * 1024
_CONTENT_RANGE = re.compile(r"bytes (?:([0-9]{1,18})-([0-9]{1,18})|\*)/([0-9]{1,18})\Z")


@dataclass(frozen=True)
class Span:
    """Which bytes of a blob a request brings: from `start` up to but not including `end`."""

    start: int
    end: int
    total: int


def blueprint() -> Blueprint:
    """`/artifacts/…`."""
    views = Blueprint("artifacts", __name__)
    views.add_url_rule("/artifacts/missing", "missing", _explained(_missing), methods=["POST"])
    # GET is HEAD as well.
    views.add_url_rule("/artifacts/blobs/<sha256>", "get", _explained(_get), methods=["GET"])
    views.add_url_rule("/artifacts/blobs/<sha256>", "put", _explained(_put), methods=["PUT"])
    views.add_url_rule("/artifacts/blobs/<sha256>/verify", "verify", _explained(_verify), methods=["POST"])
    return views


def _explained(view: Callable[..., Response]) -> Callable[..., Response]:
    """The view, but what is wrong with the store's folder is no bug: it is told to the caller and to the operator."""

    def explained(**values: str) -> Response:
        try:
            return view(**values)
        except OSError as error:
            problem = f"The artifact store cannot use {error.filename or parts().blobs.folder}: {error.strerror}."
            logger.error("%s Its place is artifacts.folder in gm.yml.", problem)  # noqa: TRY400 - not a bug of ours
            raise StoreUnavailable(problem) from error

    return explained


def _missing() -> Response:
    data = bodies.read(request, parts().settings.max_body_bytes)
    wanted = parts().aside(lambda: _wanted(data), len(data))
    found = parts().blobs.missing(wanted)
    return answer({"missing": [{"sha256": sha256, "offset": offset} for sha256, offset in found.items()]})


def _wanted(data: bytes) -> dict[str, int]:
    """Size by sha256. Raises BadRequest."""
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {error}.") from None
    entries = body.get("blobs") if isinstance(body, Mapping) else None
    if not isinstance(entries, list):
        raise BadRequest('The body is not of the form {"blobs": [{"sha256": "…", "size": 1}, …]}.')
    wanted: dict[str, int] = {}
    for number, entry in enumerate(entries):
        sha256, size = (entry.get("sha256"), entry.get("size")) if isinstance(entry, Mapping) else (None, None)
        if not isinstance(sha256, str) or type(size) is not int or size < 0:
            raise BadRequest(f"blobs[{number}] has no sha256 and size.")
        if wanted.setdefault(_checked(sha256), size) != size:
            raise BadRequest(f"blobs[{number}] has another size than an earlier one with its sha256.")
    return wanted


def _checked(sha256: str) -> str:
    try:
        return check_sha256(sha256)
    except ValueError as error:
        raise BadRequest(f"{error}.") from None


def _verify(sha256: str) -> Response:
    """For who has fetched all of a blob and found something else: was it the line, or is it this disk?"""
    try:
        return answer({"sha256": _checked(sha256), "size": parts().blobs.verify(sha256)})
    except WrongDigest as rotten:
        logger.error("%s", rotten)  # noqa: TRY400 - no bug of ours
        raise


def _put(sha256: str) -> Response:
    blobs, span = parts().blobs, _span()
    incoming = uploads.blocks(request.environ, _BLOCK)
    with patience(request.environ, parts().settings.silence_seconds):
        try:
            return _take(blobs, _checked(sha256), span, incoming)
        except GMError:
            _drain(incoming)
            raise


def _take(blobs: DiskBlobs, sha256: str, span: Span, incoming: Iterator[bytes]) -> Response:
    # Before the first byte is read: who sends what is there, or what does not fit, need not send it all.
    there = blobs.size(sha256) is not None
    if not there:
        blobs.check_room(span.total - span.start)
    offset = blobs.append(sha256, span.start, b"", span.total)
    if offset == span.total:
        _drain(incoming)
        return answer({"offset": offset}, 200 if there else 201)
    position = span.start
    for block in incoming:
        if position + len(block) > span.end:
            raise BadRequest(f"The body has more than the {span.end - span.start} bytes that Content-Range says.")
        offset = blobs.append(sha256, position, block, span.total)
        position += len(block)
    return answer({"offset": offset}, 201 if offset == span.total else 200)


def _drain(incoming: Iterator[bytes]) -> None:
    dropped = 0
    try:
        for block in incoming:
            dropped += len(block)
            if dropped > _DRAINED:
                return
    except BadRequest:
        # Its sender has gone, and hears nothing any more.
        return


def _span() -> Span:
    """What the request says that it brings. Raises BadRequest."""
    length = request.content_length
    said = request.headers.get("Content-Range")
    if said is None:
        if "Transfer-Encoding" in request.headers:
            raise BadRequest("Say how many bytes come: Content-Length for a whole blob, Content-Range for a part.")
        # A request that says neither has no body.
        return Span(0, length or 0, length or 0)
    match = _CONTENT_RANGE.match(said)
    if match is None:
        raise BadRequest(f"Content-Range {said[:80]!r} is not of the form 'bytes FIRST-LAST/TOTAL'.")
    total = int(match[3])
    # `*`: no bytes come, only the wish to have it published.
    start, end = (int(match[1]), int(match[2]) + 1) if match[1] else (total, total)
    if not start <= end <= total or (match[1] and start == end):
        raise BadRequest(f"Content-Range {said[:80]!r} ends before it begins, or after the blob.")
    if length is not None and length != end - start:
        raise BadRequest(f"Content-Range says that {end - start} bytes come, Content-Length says {length}.")
    return Span(start, end, total)


def _get(sha256: str) -> Response:
    blobs = parts().blobs
    size = blobs.size(_checked(sha256))
    if size is None:
        raise NotFound(
            f"There is no blob {sha256}.",
            kind="Blob",
            name=sha256,
            headers={"Upload-Offset": str(blobs.offset(sha256))},
        )
    headers = {"ETag": f'"{sha256}"', "Accept-Ranges": "bytes"}
    start, end = 0, size
    wanted = request.range if _same(sha256) else None
    if wanted is not None and wanted.units == "bytes" and len(wanted.ranges) == 1:
        start, end = _asked(wanted, size)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    headers["Content-Length"] = str(end - start)
    code = 206 if "Content-Range" in headers else 200
    if request.method == "HEAD":
        # An iterator, since a known body would bring its own length.
        return Response(iter(()), code, headers, mimetype="application/octet-stream")
    file = blobs.open(sha256)
    pieces = stream_with_context(_read(file, start, end))
    response = Response(pieces, code, headers, mimetype="application/octet-stream")
    response.call_on_close(file.close)
    return response


def _same(sha256: str) -> bool:
    """False when the client has a part of something else under this name; then it gets the whole."""
    condition = request.headers.get("If-Range")
    return condition is None or condition.strip() == f'"{sha256}"'


def _asked(wanted: Range, size: int) -> tuple[int, int]:
    found: Any = wanted.range_for_length(size)
    if found is None:
        raise RangeUnsatisfiable(
            f"The blob has {size} bytes; the range begins after them.", headers={"Content-Range": f"bytes */{size}"}
        )
    start, end = found
    return start, end


def _read(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    aside = parts().aside
    with file:
        file.seek(start)
        while start < end:
            piece = aside(partial(file.read, min(_BLOCK, end - start)), _BLOCK)
            if not piece:
                return
            start += len(piece)
            yield piece
