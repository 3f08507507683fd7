"""A GlobalManager's door as a node that joins sees it: its rules for keys, without a network.

A join token is for one node and one key: the same key may come again, since an answer may have been cut; another may
not. A changed key and the one before are both good until the new one is first shown.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from sedna.api.tokens import bearer, id_of, make_token, sha256_of

NODES = "/apis/sedna.io/v1alpha1/nodes"


@dataclass
class JoinToken:
    """As the door remembers it."""

    node: str
    used_for: tuple[str, str] | None = None
    good: bool = True


@dataclass
class Door:
    """Rules and memory; `transport` is how a client gets there. `cut` may end any call before or after its effect."""

    asks_for_keys: bool = True
    knows_joining: bool = True
    away: bool = False
    joins: dict[str, JoinToken] = field(default_factory=dict)
    keys: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    audit: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    cut: Callable[[str], None] = lambda _: None
    between: Callable[[bool], httpx.Response | None] = lambda _: None
    """What answers in the door's place, from whether the door would know who asks."""

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def make_join_token(self, node: str = "edge") -> str:
        token = make_token()
        self.joins[sha256_of(token)] = JoinToken(node)
        return token

    def knows(self, token: str | None, node: str = "edge") -> bool:
        return token is not None and (id_of(token), sha256_of(token)) in self.keys.get(node, [])

    def forget(self, node: str = "edge") -> None:
        """As `sedna-gm token revoke --node`."""
        self.keys.pop(node, None)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("nobody there", request=request)
        self.calls.append(f"{request.method} {request.url.path}")
        token = bearer(request.headers.get("Authorization", ""))
        body = json.loads(request.content) if request.content else {}
        instead = self.between(self._owner_of(token) is not None)
        if instead is not None:
            return instead
        self.cut("before")
        if request.url.path == "/join":
            code = self._join(token, body) if self.knows_joining else 404
        else:
            node = self._node_of(token)
            if node is None and self.asks_for_keys:
                code = 401
            elif request.url.path.endswith("/key"):
                code = self._change(node or "", body)
            else:
                code = 200
        self.cut("after")
        return httpx.Response(code, json={"kind": "Status", "message": f"answered {code}", "items": []})

    def _join(self, token: str | None, body: dict[str, str]) -> int:
        found = self.joins.get(sha256_of(token)) if token else None
        if found is None or not found.good:
            return 401
        key = (body["id"], body["sha256"])
        if found.node != body["node"] or found.used_for not in (None, key):
            self.audit.append(f"join token of {found.node} shown again with another key")
            return 403
        again, found.used_for = found.used_for == key, key
        self.keys[found.node] = [key]
        return 200 if again else 201

    def _change(self, node: str, body: dict[str, str]) -> int:
        key = (body["id"], body["sha256"])
        if key not in self.keys[node]:
            self.keys[node] = [self.keys[node][0], key]
        return 200

    def _owner_of(self, token: str | None) -> str | None:
        return next((node for node in self.keys if self.knows(token, node)), None)

    def _node_of(self, token: str | None) -> str | None:
        node = self._owner_of(token)
        if node is not None:
            shown = (id_of(str(token)), sha256_of(str(token)))
            if self.keys[node].index(shown) > 0:
                # The newer one is in use: what came before it is gone.
                self.keys[node] = [shown]
        return node
