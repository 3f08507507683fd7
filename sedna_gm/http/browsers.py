"""Keeps web pages out of a door that asks nobody who they are.

With `auth: none` the door is on loopback, and so is the browser of whoever runs it. A page from anywhere could have its
own name lead to 127.0.0.1 and would be let talk to us as to itself; only the name that it asks for gives it away. And a
page may send a form or a plain text to any address without asking first; what a browser adds is where the page is from.
Programs such as kubectl and curl ask for a loopback address, and say no origin.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from sedna.api.urls import is_loopback

_PORTS = {"http": 80, "https": 443}


def refusal(host: str | None, origin: str | None, *, writes: bool) -> str | None:
    """Why a request with these headers is not served where nobody is asked for a credential; None if it may be."""
    # Every browser names the host; a program that does not is none.
    if host is not None and not _is_loopback(host):
        return (
            f"The Host header says {host[:100]!r}, and with `auth: none` only localhost and loopback addresses are "
            "served: a web page may have another name lead here. Ask for http://127.0.0.1 or http://localhost with "
            "the port, or set `auth: required` in gm.yml."
        )
    if writes and origin is not None and not _is_same(origin, host):
        return (
            f"A web page of {origin[:100]!r} has sent this, and with `auth: none` no page but the server's own may "
            "change anything. Use kubectl, the command sedna or curl."
        )
    return None


def _is_loopback(host: str) -> bool:
    name, _ = _split(f"http://{host}")
    return is_loopback(name.rstrip("."))


def _is_same(origin: str, host: str | None) -> bool:
    scheme = origin.partition("://")[0].lower()
    return host is not None and scheme in _PORTS and _split(origin) == _split(f"{scheme}://{host}")


def _split(url: str) -> tuple[str, int | None]:
    """Name and port; an empty name for what is none."""
    try:
        parts = urlsplit(url)
        if parts.username is not None or parts.path or parts.query or parts.fragment:
            return "", None
        return (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return "", None
