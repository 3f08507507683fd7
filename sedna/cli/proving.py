"""Which GlobalManager a command means, by what it proves who calls, and whom it believes to be that GlobalManager.

A token is never an option's value: every user of a host can read the command lines of the others. Nor is it in a
variable of the environment, which every program that is started from there inherits: files alone hold tokens.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from sedna.api.urls import is_private
from sedna.cli import contexts
from sedna.cli.errors import CommandError

DEFAULT_SERVER = "http://127.0.0.1:9000"
# A token is a line; whatever else somebody names is not read whole.
_MOST_CHARACTERS = 4096


@dataclass(frozen=True)
class Proof:
    """Who calls, and whom they believe."""

    token: str = field(default="", repr=False)
    whence: str = ""
    """Where the token is from, for who must replace it."""
    trust: ssl.SSLContext | None = field(default=None, repr=False)
    """What judges the server's certificate; None for what this host believes anyway."""


@dataclass(frozen=True)
class Access:
    """Everything that a command line and its environment say about the server."""

    server: str
    proof: Proof
    namespace: str = "default"
    """Where to look when nobody says it."""


def access(server: str | None, token_file: str | None, ca: str | None, environment: Mapping[str, str]) -> Access:
    """Put together what was said on the command line (or in its variables) and in $KUBECONFIG. Raises CommandError.

    The kubeconfig's token and authority count for its own server only, never for another one.
    """
    context = _context(environment, needed=not server)
    chosen = (server or (context.server if context else DEFAULT_SERVER)).rstrip("/")
    if context is not None and context.server != chosen:
        context = None
    token, whence = _token(token_file, context)
    if token and not is_private(chosen):
        raise CommandError(
            f"the token of {whence} is not sent to {chosen}: anybody on the way could read it. Use https."
        )
    namespace = context.namespace if context and context.namespace and not server else "default"
    return Access(chosen, Proof(token, whence, _trust(chosen, ca, context)), namespace)


def proof_for(server: str) -> Proof:
    """Return what the environment holds for a server: SEDNA_TOKEN_FILE, SEDNA_CA, KUBECONFIG."""
    return access(server, os.environ.get("SEDNA_TOKEN_FILE"), os.environ.get("SEDNA_CA"), os.environ).proof


def _context(environment: Mapping[str, str], *, needed: bool) -> contexts.KubeContext | None:
    try:
        return contexts.current(environment)
    except CommandError:
        # Another one's kubeconfig, or a broken one, is no obstacle for who names the server.
        if needed:
            raise
        return None


def _token(token_file: str | None, context: contexts.KubeContext | None) -> tuple[str, str]:
    if token_file:
        try:
            with Path(token_file).open(encoding="ascii") as file:
                token = file.read(_MOST_CHARACTERS).strip()
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not a token"
            raise CommandError(f"the token file {token_file} cannot be read: {reason}.") from error
        return _checked(token, token_file), token_file
    if context is not None and context.token:
        whence = f"the context {context.name} in KUBECONFIG"
        return _checked(context.token, whence), whence
    return "", ""


def _checked(token: str, whence: str) -> str:
    # It goes into a header: a line break in it would begin another one.
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise CommandError(f"{whence} does not hold a token: one line of `sedna-gm token create` was expected.")
    return token


def _trust(server: str, ca: str | None, context: contexts.KubeContext | None) -> ssl.SSLContext | None:
    if _split(server).scheme != "https":
        return None
    try:
        if ca:
            return ssl.create_default_context(cafile=ca)
        return ssl.create_default_context(cadata=(context.authority if context else "") or None)
    except (OSError, ValueError) as error:
        source = ca or "the authority in KUBECONFIG"
        reason = getattr(error, "strerror", None) or error
        raise CommandError(f"{source} cannot be used as certificates in PEM: {reason}.") from error


def _split(server: str) -> SplitResult:
    try:
        found = urlsplit(server)
        # Reading the port is what finds one that is no number.
        _ = found.port
    except ValueError as error:
        raise CommandError(f"{server!r} is no server address ({error}); write it like https://host:9000.") from error
    return found
