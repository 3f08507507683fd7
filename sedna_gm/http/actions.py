"""From a request to what is asked for, in the words of `sedna_gm.identity.deciding`.

Every address has its word here; one that has none is refused to everybody whom the door knows by name.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Request

from sedna.api.kinds import Kind, UnknownKind, by_kind, by_plural
from sedna_gm.http import parameters
from sedna_gm.identity.deciding import DISCOVERY, Action
from sedna_gm.store.selecting import required

OPEN = frozenset({"/", "/healthz", "/livez", "/readyz", "/join"})
"""Answered without a credential: the dashboard's page, which holds no data, whether this process lives, and the one
call that brings a credential of its own."""
OPEN_FOLDER = "/ui/"
"""The same for everything below: what that page is made of."""

WRITES = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_JOBS = by_kind("IncrementalLearningJob").plural


def is_open(path: str) -> bool:
    """Whether it is answered without a credential."""
    return path in OPEN or path.startswith(OPEN_FOLDER)


def action_of(request: Request) -> Action:
    """What the request asks for. Raises BadRequest for a parameter that is malformed."""
    if request.url_rule is None or request.method == "OPTIONS":
        # There is nothing at that address, or not by that method; who may know what there is may hear that.
        return Action("get", DISCOVERY)
    read = _READERS.get(request.blueprint or "")
    return Action(_verb(request), request.path) if read is None else read(request)


def making(kind: Kind, verb: str, namespace: str, name: str) -> Action:
    """What a document of a body asks for."""
    return Action(verb, kind.plural, namespace, name)


def _verb(request: Request) -> str:
    return WRITES.get(request.method, "get")


def _discovery(_request: Request) -> Action:
    return Action("get", DISCOVERY)


def _resource(request: Request) -> Action:
    plural, namespace, name = _place(request)
    try:
        kind = by_plural(plural)
    except UnknownKind:
        return Action("get", DISCOVERY)
    rule = str(request.url_rule)
    if rule.endswith("/status"):
        return Action(_verb(request), plural, namespace, name, "status")
    if name:
        verb = "watch" if request.method == "GET" and parameters.flag(request.args, "watch") else _verb(request)
        return Action(verb, plural, namespace, name)
    if request.method == "POST":
        # Its name, and where the address says none its namespace, are in the body.
        return Action("create", plural, namespace, complete=bool(namespace) and plural != "events")
    if request.method == "DELETE":
        return Action("deletecollection", plural, namespace)
    verb = "watch" if parameters.flag(request.args, "watch") else "list"
    assert kind.plural == plural  # noqa: S101 - by_plural knows no other names
    return Action(verb, plural, namespace, selectors=required(request.args.get("fieldSelector", "")))


def _place(request: Request) -> tuple[str, str, str]:
    values = request.view_args or {}
    return str(values.get("plural", "")), str(values.get("namespace") or ""), str(values.get("name") or "")


def _round(request: Request) -> Action:
    _, namespace, name = _place(request)
    return Action("get", _JOBS, namespace, name, "rounds")


def _why(request: Request) -> Action:
    _, namespace, name = _place(request)
    return Action("get", _JOBS, namespace, name, "why")


def _examples(request: Request) -> Action:
    _, namespace, name = _place(request)
    return Action(_verb(request), _JOBS, namespace, name, "hardexamples")


def _log(request: Request) -> Action:
    _, namespace, name = _place(request)
    return Action("get", "workers", namespace, name, "log")


def _usage(request: Request) -> Action:
    _, namespace, name = _place(request)
    return Action("get", "workers" if namespace else "nodes", namespace, name, "usage")


def _node(request: Request) -> Action:
    _, _, name = _place(request)
    # .../nodes/<name>/WORD[/<id>]
    word = str(request.url_rule).partition("/<name>/")[2].partition("/")[0]
    return Action(_verb(request), "nodes", "", name, word)


def _pod(request: Request) -> Action:
    _, namespace, name = _place(request)
    return Action("get" if name else "list", "pods", namespace, name)


def _namespace(request: Request) -> Action:
    _, _, name = _place(request)
    if request.method == "POST":
        return Action("create", "namespaces")
    return Action("get", "namespaces", name, name) if name else Action("list", "namespaces")


def _manifests(request: Request) -> Action:
    return Action(_verb(request), "manifests", complete=False)


def _blob(request: Request) -> Action:
    sha256 = str((request.view_args or {}).get("sha256", ""))
    rule = str(request.url_rule)
    if rule.endswith("/missing"):
        return Action("missing", "blobs")
    if rule.endswith("/verify"):
        return Action("verify", "blobs", name=sha256)
    return Action("put" if request.method == "PUT" else "get", "blobs", name=sha256)


_READERS: dict[str, Callable[[Request], Action]] = {
    "discovery": _discovery,
    "resources": _resource,
    "rounds": _round,
    "why": _why,
    "hard_examples": _examples,
    "logs": _log,
    "usage": _usage,
    "nodes": _node,
    "joining": _node,
    "pods": _pod,
    "namespaces": _namespace,
    "manifests": _manifests,
    "artifacts": _blob,
    "metrics": lambda request: Action(_verb(request), "metrics"),
}
