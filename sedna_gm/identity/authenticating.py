"""From an Authorization header to who calls. One look at the store for each request: a revocation counts at once."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from sedna.api.times import format_time
from sedna.api.tokens import bearer, id_of, sha256_of
from sedna_gm.errors import StoreUnavailable, Unauthenticated
from sedna_gm.identity.identities import ANYONE, Identity
from sedna_gm.store.credentials import Credential, Credentials

_HOW = (
    "Send 'Authorization: Bearer TOKEN'; `sedna-gm token create` on the GlobalManager's host makes one "
    "(docs/howto/access.md)."
)


class Authenticator(Protocol):
    """What the door asks."""

    def identify(self, header: str) -> Identity:
        """Who sends this Authorization header (empty: none). Raises Unauthenticated."""
        ...

    def still_good(self, identity: Identity) -> bool:
        """Whether who was identified before still would be: asked by streams that last."""
        ...


class OpenAuthenticator:
    """`auth: none`: whoever reaches the door may do everything, whatever they send."""

    def identify(self, header: str) -> Identity:  # noqa: ARG002 - nobody is asked
        """See `Authenticator.identify`."""
        return ANYONE

    def still_good(self, identity: Identity) -> bool:  # noqa: ARG002 - nobody is asked
        """See `Authenticator.still_good`."""
        return True


class TokenAuthenticator:
    """`auth: required`: tokens of people and keys of nodes."""

    def __init__(self, credentials: Credentials, clock: Callable[[], datetime]) -> None:
        self._credentials = credentials
        self._clock = clock

    def identify(self, header: str) -> Identity:
        """See `Authenticator.identify`."""
        now = format_time(self._clock())
        credential = proven(self._credentials, header)
        if (state := credential.state(now)) != "good":
            raise Unauthenticated(f"The credential {credential.id} is {state}. {_way_out(credential)}")
        if credential.kind == "join":
            raise Unauthenticated(f"The credential {credential.id} is a join token: it opens POST /join and no more.")
        if credential.kind == "node" and credential.used is None:
            self._credentials.first_use(credential.id, now)
        return identity_of(credential)

    def still_good(self, identity: Identity) -> bool:
        """See `Authenticator.still_good`."""
        try:
            credential = self._credentials.find(identity.credential)
        except StoreUnavailable:
            # That proves nothing; it is asked again in a moment.
            return True
        return credential is not None and credential.state(format_time(self._clock())) == "good"


def proven(credentials: Credentials, header: str) -> Credential:
    """The credential whose secret is in the header, good or not. Raises Unauthenticated."""
    if not header:
        raise Unauthenticated(f"The request came without a credential. {_HOW}")
    token = bearer(header)
    if token is None:
        raise Unauthenticated(f"The Authorization header holds no token of ours. {_HOW}")
    found = credentials.find(id_of(token))
    # One sentence for both, so that nobody learns which ids there are.
    if found is None or not hmac.compare_digest(found.sha256, sha256_of(token)):
        raise Unauthenticated(f"The token is not known here (any more): it was revoked, replaced or never made. {_HOW}")
    return found


def identity_of(credential: Credential) -> Identity:
    """Whom a credential proves."""
    return Identity(credential.kind, credential.name, credential.id, credential.role, credential.namespaces)


def _way_out(credential: Credential) -> str:
    if credential.kind == "node":
        return f"Let the host join anew: `sedna-gm token create --node {credential.name}`."
    return f"Another one: `sedna-gm token create {credential.name} --role {credential.role}`."
