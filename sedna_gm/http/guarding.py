"""Nobody gets past here unknown: who calls and what they may do is asked before every view, and noted after it.

`install` hangs it before and after all views. What only a body can say (the namespace of a document, the resource
that a patch makes), views ask about with `check_made` and `check_changed` as soon as they know it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from flask import Flask, Response, g, request

from sedna.api.kinds import Kind, by_plural
from sedna.api.status import BOUND_ELSEWHERE, Cause
from sedna_gm.errors import Forbidden, NotFound, TooMany, Unauthenticated
from sedna_gm.http import actions, browsers
from sedna_gm.http.addresses import key_at
from sedna_gm.http.parts import parts
from sedna_gm.identity import deciding
from sedna_gm.identity.auditing import Entry
from sedna_gm.identity.authenticating import OpenAuthenticator
from sedna_gm.identity.deciding import Action, Facts
from sedna_gm.identity.identities import NOBODY, Identity

_READS = ("GET", "HEAD", "OPTIONS")


def install(app: Flask) -> None:
    """Puts the guard before every view of an app."""
    app.before_request(_guard)
    app.after_request(_note)
    app.teardown_request(_leave)


def caller() -> Identity:
    """Who sends the current request."""
    found: Identity = g.get("identity", NOBODY)
    return found


def _guard() -> None:
    if isinstance(parts().authenticator, OpenAuthenticator):
        said = request.headers.get("Host"), request.headers.get("Origin")
        _refuse(browsers.refusal(*said, writes=request.method not in _READS))
    if actions.is_open(request.path):
        return
    g.identity = identified(parts().authenticator.identify)
    g.action = action = actions.action_of(request)
    facts = _facts(caller(), action)
    reason = deciding.refusal(caller(), action, facts)
    if reason is not None and deciding.is_anothers(caller(), action, facts):
        # A node's LocalController drops what it had to tell of it; any other refusal may be one of its key.
        raise Forbidden(reason, causes=[Cause("spec.nodeName", BOUND_ELSEWHERE, reason)])
    _refuse(reason)
    if request.method not in _READS:
        # Before its body is read, for which a client may take as long as it likes.
        g.leave = parts().writes.take(caller())


def _leave(_error: BaseException | None) -> None:
    if (leave := g.pop("leave", None)) is not None:
        leave()


def identified(identify: Callable[[str], Identity]) -> Identity:
    """Who sends the current request. Raises Unauthenticated, or TooMany where that happens too often."""
    try:
        return identify(request.headers.get("Authorization", ""))
    except Unauthenticated:
        parts().failures.note(address())
        raise


def _refuse(reason: str | None) -> None:
    if reason is not None:
        raise Forbidden(reason)


def _facts(identity: Identity, action: Action) -> Facts:
    """What the rules for nodes ask about; people's rules need no facts."""
    if identity.kind != "node":
        return Facts()
    if action.kind == "blobs":
        bindings, node = parts().bindings, identity.name
        return Facts(
            sends=action.verb != "get" and bindings.sends(node),
            fetches=action.verb == "missing" and bindings.fetches(node),
            reads=action.verb in ("get", "verify") and bindings.reads(node, action.name),
        )
    if action.kind in deciding.BOUND and action.name:
        return Facts(bound_to=_bound_to(by_plural(action.kind), action.namespace, action.name))
    return Facts()


def _bound_to(kind: Kind, namespace: str, name: str) -> str | None:
    try:
        found = parts().store.get(key_at(kind, namespace, name))
    except NotFound:
        return None
    return str(found.get("spec", {}).get("nodeName") or "")


def check_made(kind: Kind, resource: Mapping[str, Any], verb: str = "create") -> None:
    """Before a resource is written whose name or namespace only its document says. Raises Forbidden."""
    identity, metadata = caller(), resource["metadata"]
    g.action = action = actions.making(kind, verb, metadata.get("namespace") or "", metadata["name"])
    facts = Facts(bound_to=_about(resource)) if identity.kind == "node" and kind.plural == "events" else Facts()
    _refuse(deciding.refusal(identity, action, facts))
    if kind.plural == "nodes":
        _refuse(deciding.new_node_refusal(identity, resource))


def check_named(kind: Kind, verb: str, namespace: str, name: str) -> None:
    """Before something is done to what a document only names. Raises Forbidden."""
    g.action = action = actions.making(kind, verb, namespace, name)
    _refuse(deciding.refusal(caller(), action))


def check_changed(kind: Kind, stored: Mapping[str, Any], wanted: Any) -> None:
    """Before a resource becomes what a patch has made of it. Raises Forbidden."""
    if isinstance(wanted, Mapping):
        _refuse(deciding.change_refusal(caller(), kind.plural, stored, wanted))


def _about(event: Mapping[str, Any]) -> str | None:
    """The node of what an event is about."""
    thing = event.get("involvedObject") or {}
    kind, name = str(thing.get("kind") or ""), str(thing.get("name") or "")
    if kind == "Node":
        return name
    for plural in sorted(deciding.BOUND):
        found = by_plural(plural)
        # An event lies in the namespace of what it is about, or it would be told to others.
        if found.name == kind and thing.get("namespace") in (None, "", event["metadata"].get("namespace")):
            return _bound_to(found, str(event["metadata"].get("namespace") or ""), name)
    return None


def lasting(gone: Callable[[], bool]) -> Callable[[], bool]:
    """Whether a stream shall end: its client has `gone`, or what proved who it is was taken back."""
    identity, authenticator = caller(), parts().authenticator
    return lambda: gone() or not authenticator.still_good(identity)


def place() -> Callable[[], None]:
    """Takes one of the caller's places for watches; gives the way to give it back. Raises TooMany."""
    return parts().watches.take(caller())


def address() -> str:
    """Where the request comes from; behind a proxy of ours, where that says that it comes from."""
    if parts().behind_proxy:
        said = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        try:
            return str(ipaddress.ip_address(said))
        except ValueError:
            pass
    return request.remote_addr or ""


def _note(response: Response) -> Response:
    """One line for what was written or refused."""
    action: Action | None = g.get("action")
    if _is_told(action, response.status_code):
        note(action, response.status_code, g.get("reason", ""))
    return response


def note_refusal(error: Forbidden) -> None:
    """One line for a document that was refused, while others of the same request may have been taken."""
    note(g.get("action"), error.code, error.message)


def note(action: Action | None, code: int, reason: str = "") -> None:
    """Writes a line into the audit log about the current request."""
    what = "" if action is None else " ".join(filter(None, (_word(action), _where(action))))
    verb = request.method.lower() if action is None else action.verb
    parts().audit.write(Entry(caller(), verb, code, request.path, what, address(), reason))


def _word(action: Action) -> str:
    return "/".join(part for part in (action.kind, action.subresource) if part)


def _where(action: Action) -> str:
    return "/".join(part for part in (action.namespace, action.name) if part)


def _is_told(action: Action | None, code: int) -> bool:
    if code in (Unauthenticated.code, Forbidden.code):
        return True
    if code == TooMany.code or (actions.is_open(request.path) and request.path != "/join"):
        # Each of a flood would fill the file with what it is meant to keep.
        return False
    if request.method in _READS:
        return parts().audit_reads
    return not (caller().kind == "node" and _is_routine(action, code))


def _is_routine(action: Action | None, code: int) -> bool:
    """What nodes do all day, many times a minute: told only when it is refused."""
    if action is None:
        return False
    if action.kind == "nodes":
        return action.subresource in ("heartbeat", "requests", "status")
    if action.kind == "blobs":
        # One line when a blob has come whole, none for each piece of it.
        return action.verb == "missing" or code != 201
    return action.subresource == "status"
