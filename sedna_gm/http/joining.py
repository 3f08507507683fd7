"""The two calls by which a node gets a key and changes it; their rules are in `sedna_gm.identity.joining`."""

from __future__ import annotations

from flask import Blueprint, Response, g, request

from sedna.api.kinds import by_kind
from sedna_gm.errors import Forbidden
from sedna_gm.http import bodies, guarding
from sedna_gm.http.answers import answer
from sedna_gm.http.parts import parts
from sedna_gm.identity.deciding import Action
from sedna_gm.identity.joining import Joining

_NODE = by_kind("Node")


def blueprint() -> Blueprint:
    """`/join` and `…/nodes/{name}/key`."""
    views = Blueprint("joining", __name__)
    views.add_url_rule("/join", view_func=_join, methods=["POST"])
    views.add_url_rule(f"/apis/{_NODE.api_version}/{_NODE.plural}/<name>/key", view_func=_replace, methods=["PUT"])
    return views


def _joining() -> Joining:
    return Joining(parts().credentials, parts().clock)


def _join() -> Response:
    g.action = Action("join", _NODE.plural)
    g.identity = identity = guarding.identified(_joining().identify)
    made = _joining().join(identity, bodies.receive(request))
    g.action = Action("join", _NODE.plural, name=identity.name)
    return answer({"node": identity.name}, 201 if made else 200)


def _replace(name: str) -> Response:
    identity = guarding.caller()
    if identity.kind != "node":
        # Where nobody is asked who they are, nobody has a key.
        raise Forbidden(f"{identity} has no key to change: keys are for nodes, and for `auth: required` in gm.yml.")
    _joining().replace(identity, bodies.receive(request))
    return answer({"node": name})
