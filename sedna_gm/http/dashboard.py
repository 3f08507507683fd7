"""Serves the dashboard: the page at `/`, and what it is made of below `/ui/`. It holds no data, so that it asks nobody
for a credential; what it shows it asks of the API, as every other client does.

The files lie in `sedna_gm/dashboard`, as they are sent. All of them are read once; their address has a hash of all
their contents, so that browsers keep them for good, and a new release is seen at once.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, request

from sedna_gm.errors import NotFound

FOLDER = Path(__file__).parent.parent / "dashboard"
_PAGE = "index.html"
# In the page's text, in the place of the hash, and of links to all modules.
_RELEASE = "RELEASE"
_MODULES = "<!-- MODULES -->"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
"""What is served, by the end of its name; anything else in the folder is for people."""
_PACKED = frozenset({".woff2"})
HEADERS = {
    # Nothing from elsewhere, nothing inline, in nobody's frame; data becomes text, never markup.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class File:
    """One file as it is sent."""

    media: str
    plain: bytes
    packed: bytes | None
    """The same by gzip; None where that gains nothing."""
    tag: str
    """Its ETag, without quotes."""


@dataclass(frozen=True)
class Files:
    """All of them, by their path in the folder."""

    release: str
    """Of all contents together: twelve hexadecimal digits."""
    files: Mapping[str, File]
    page: File


@cache
def load(folder: Path = FOLDER) -> Files:
    """Reads the folder. Raises OSError where it is not there."""
    contents = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in _TYPES and path.is_file()
    }
    told = hashlib.sha256()
    for name, content in contents.items():
        told.update(f"{name} {len(content)}\n".encode())
        told.update(content)
    release = told.hexdigest()[:12]
    page = contents.pop(_PAGE).decode().replace(_MODULES, _preloaded(contents)).replace(_RELEASE, release).encode()
    files = {name: _file(name, content) for name, content in contents.items()}
    return Files(release, files, _file(_PAGE, page))


def _preloaded(names: Iterable[str]) -> str:
    """Lets a browser fetch all modules at once, where it would find one in the other, a journey for each."""
    modules = [name for name in names if name.startswith("js/") and name != "js/theme.js"]
    return "".join(f'<link rel="modulepreload" href="/ui/{_RELEASE}/{name}" />' for name in modules)


def _file(name: str, content: bytes) -> File:
    suffix = Path(name).suffix
    # Without a time in it, so that the same content is the same bytes.
    packed = None if suffix in _PACKED else gzip.compress(content, mtime=0)
    return File(_TYPES[suffix], content, packed, hashlib.sha256(content).hexdigest()[:16])


def blueprint() -> Blueprint:
    """`/` and `/ui/{release}/{path}`."""
    views = Blueprint("dashboard", __name__)
    views.add_url_rule("/", view_func=_page)
    views.add_url_rule("/ui/<release>/<path:name>", view_func=_part)
    return views


def _page() -> Response:
    return _answer(load().page, "no-cache")


def _part(release: str, name: str) -> Response:
    files = load()
    found = files.files.get(name)
    if release != files.release or found is None:
        raise NotFound(f"The dashboard has no file {name[:80]!r} in the release {release[:12]!r}: open / again.")
    return _answer(found, "public, max-age=31536000, immutable")


def _answer(file: File, keep: str) -> Response:
    packed = file.packed if file.packed is not None and request.accept_encodings["gzip"] > 0 else None
    response = Response(file.plain if packed is None else packed, content_type=file.media)
    response.headers.extend(HEADERS)
    response.headers["Cache-Control"] = keep
    if file.packed is not None:
        response.headers["Vary"] = "Accept-Encoding"
    if packed is not None:
        response.headers["Content-Encoding"] = "gzip"
    # Weak: the packed and the plain bytes are the same file.
    response.set_etag(file.tag, weak=True)
    response.make_conditional(request)
    return response
