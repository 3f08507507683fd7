"""Bearer tokens `ID.SECRET`: how they look, how a new one is made, and by which digest they are remembered.

Whoever presents one makes it (a LocalController makes its own key); the GlobalManager keeps its id and sha256 only.
The id may be shown and logged. The whole text may not.
"""

from __future__ import annotations

import hashlib
import re
import secrets

#: Of an id that we make; others may be of 8 to 32 characters.
_ID_LENGTH = 12
_ID_CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_ID = re.compile(r"[a-z0-9]{8,32}\Z")
#: 32 random bytes in urlsafe base64 without its padding.
_SECRET_BYTES = 32
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_SCHEME = "bearer "


def make_token() -> str:
    """Return a new token from the system's source of randomness."""
    name = "".join(secrets.choice(_ID_CHARACTERS) for _ in range(_ID_LENGTH))
    return f"{name}.{secrets.token_urlsafe(_SECRET_BYTES)}"


def check_id(text: str) -> str:
    """Return a text that is a token's id, or raise ValueError."""
    if not _ID.match(text):
        raise ValueError(f"{text[:40]!r} is not the id of a token: 8 to 32 of a-z and 0-9")
    return text


def check_token(text: str) -> str:
    """Return a text that is a token, or raise ValueError, which never quotes it."""
    name, dot, secret = text.partition(".")
    if not (dot and _ID.match(name) and _SECRET.match(secret)):
        raise ValueError("this is not a token: ID.SECRET was expected, as `sedna-gm token create` prints it")
    return text


def id_of(token: str) -> str:
    """Return what a token is called: the part that is no secret."""
    return token.partition(".")[0]


def sha256_of(token: str) -> str:
    """Return the digest by which the GlobalManager remembers a token, in lower-case hexadecimal digits."""
    return hashlib.sha256(token.encode()).hexdigest()


def bearer(header: str) -> str | None:
    """Return the token in an Authorization header; None for anything else."""
    if header[: len(_SCHEME)].lower() != _SCHEME:
        return None
    try:
        return check_token(header[len(_SCHEME) :].strip())
    except ValueError:
        return None
