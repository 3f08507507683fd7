"""How a node gets its key and changes it: it makes one itself, and tells its id and digest, never the secret.

A join token is exchanged once. The same exchange again is answered alike, since the answer to the first may have been
cut off; another one with the same token is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sedna.api.names import check_dns_subdomain
from sedna.api.times import format_time
from sedna.api.tokens import check_id
from sedna.api.trees import check_sha256
from sedna_gm.errors import BadRequest, Forbidden, Unauthenticated
from sedna_gm.identity.authenticating import proven
from sedna_gm.identity.identities import Identity
from sedna_gm.store.credentials import Credential, Credentials


class Joining:
    """Takes keys of nodes."""

    def __init__(self, credentials: Credentials, clock: Callable[[], datetime]) -> None:
        self._credentials = credentials
        self._clock = clock

    def identify(self, header: str) -> Identity:
        """Whose join token is in the header. Raises Unauthenticated."""
        token = proven(self._credentials, header)
        state = token.state(format_time(self._clock()))
        # A used one is heard: its owner may not have got the answer.
        if token.kind != "join" or state in ("expired", "revoked"):
            what = f"is {state}" if token.kind == "join" else f"belongs to a {token.kind} and is no join token"
            raise Unauthenticated(f"The credential {token.id} {what}. A new one: `sedna-gm token create --node NAME`.")
        return Identity("join", token.name, token.id)

    def join(self, identity: Identity, body: Any) -> bool:
        """Exchanges a join token for the key in the body; False if it was before. Raises BadRequest, Forbidden."""
        node = _text(body, "node")
        try:
            check_dns_subdomain(node)
        except ValueError as error:
            raise BadRequest(f"node: {error}.") from None
        key = self._key(node, body)
        if node != identity.name:
            raise Forbidden(f"The join token {identity.credential} is for the node {identity.name}, not for {node}.")
        outcome = self._credentials.exchange(identity.credential, key, key.created)
        if outcome == "refused":
            raise Forbidden(
                f"The join token {identity.credential} was used for another key: each is good once. If that was not "
                f"this host, revoke what it made: `sedna-gm token revoke --node {node}`; then `sedna-gm token create "
                f"--node {node}` makes a new one."
            )
        return outcome == "made"

    def replace(self, identity: Identity, body: Any) -> bool:
        """Takes the next key of a node; False if it is known already. Raises BadRequest, Forbidden."""
        key = self._key(identity.name, body)
        outcome = self._credentials.replace_key(key)
        if outcome == "refused":
            raise Forbidden(f"The id {key.id} is that of another credential: make a new key.")
        return outcome == "made"

    def _key(self, node: str, body: Any) -> Credential:
        try:
            name, sha256 = check_id(_text(body, "id")), check_sha256(_text(body, "sha256"))
        except ValueError as error:
            raise BadRequest(f"{error}.") from None
        return Credential(name, sha256, "node", node, format_time(self._clock()))


def _text(body: Any, field: str) -> str:
    value = body.get(field) if isinstance(body, Mapping) else None
    if not isinstance(value, str) or not value:
        raise BadRequest(f'{field}: a text was expected; the body is {{"node": NAME, "id": ID, "sha256": HEX}}.')
    return value
