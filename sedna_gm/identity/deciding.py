"""What an identity may do: one table of rules for people, one for nodes, and a sentence where neither allows it. Pure.

A node may do what Kubernetes' node authorizer and NodeRestriction let a kubelet do: what is bound to it by
`spec.nodeName`, and nothing else. `sedna_gm.http.guarding` asks here before every view, with the facts looked up.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sedna.api.kinds import KINDS
from sedna.api.workers import NODE_FINALIZER
from sedna_gm.identity.identities import EVERYWHERE, ROLES, Identity

READ = frozenset({"get", "list", "watch"})
WRITE = frozenset({"create", "update", "patch", "delete", "deletecollection"})
BOUND = frozenset({"workers", "datasets", "artifacts"})
"""Kinds whose `spec.nodeName` says which node works on them."""
DISCOVERY = "discovery"
"""What there is: addresses, kinds, schemas. It tells nothing of anybody's."""

_OURS = frozenset(kind.plural for kind in KINDS if kind.namespaced) | {"pods"}
_USERS = frozenset({"datasets", "models", "incrementallearningjobs"})
_ALL = frozenset(ROLES)
_NODE_WORDS = frozenset({"heartbeat", "requests", "key", "holdings"})


@dataclass(frozen=True)
class Action:
    """What is asked for. `kind` is a plural, or one of the words `discovery`, `manifests`, `blobs`."""

    verb: str
    kind: str
    namespace: str = ""
    """Empty: of none, or of all at once."""
    name: str = ""
    subresource: str = ""
    selectors: Mapping[str, str] = field(default_factory=dict)
    """Fields that whatever is found has to have, and their values."""
    complete: bool = True
    """False: the body will say the rest, and is asked about when it is known."""

    def __str__(self) -> str:
        what = "/".join(part for part in (self.kind, self.subresource) if part)
        named = f"{what} {self.name}" if self.name else what
        return f"{self.verb} {named}" + (f" in namespace {self.namespace}" if self.namespace else "")


@dataclass(frozen=True)
class Facts:
    """What the caller of `refusal` has looked up; a person's rules need none of it."""

    bound_to: str | None = None
    """The node of what is asked for, or of what an event is about; None where there is no such thing."""
    sends: bool = False
    """Whether the node has an Artifact to send."""
    fetches: bool = False
    """Whether a worker of the node needs anything from the store."""
    reads: bool = False
    """Whether a worker of the node needs this very blob."""


@dataclass(frozen=True)
class Rule:
    """What people of some roles may do."""

    name: str
    roles: frozenset[str]
    kinds: frozenset[str]
    verbs: frozenset[str]
    subresources: frozenset[str] = frozenset({""})
    everywhere: bool = False
    """True: only for those who may do it in all namespaces."""
    anywhere: bool = False
    """True: it belongs to no namespace, and a grant in any one is enough."""

    def covers(self, action: Action) -> bool:
        """Whether it is about such an action at all."""
        return action.kind in self.kinds and action.verb in self.verbs and action.subresource in self.subresources


_READ_BELOW = frozenset({"", "status", "log", "usage", "rounds", "why", "hardexamples"})

PEOPLE: tuple[Rule, ...] = (
    Rule("discover", _ALL, frozenset({DISCOVERY}), READ, anywhere=True),
    Rule("read", _ALL, _OURS | {"namespaces"}, READ, _READ_BELOW),
    Rule("read-nodes", _ALL, frozenset({"nodes"}), READ, frozenset({"", "status", "usage"}), anywhere=True),
    # It tells of all namespaces.
    Rule("read-metrics", _ALL, frozenset({"metrics"}), READ, everywhere=True),
    Rule("write", frozenset({"admin", "editor"}), _USERS, WRITE),
    Rule(
        "label", frozenset({"admin", "editor"}), frozenset({"incrementallearningjobs"}),
        frozenset({"create", "update"}), frozenset({"hardexamples"}),
    ),
    Rule("submit", frozenset({"admin", "editor"}), frozenset({"manifests"}), WRITE, anywhere=True),
    Rule("name-namespaces", frozenset({"admin", "editor"}), frozenset({"namespaces"}), frozenset({"create"})),
    Rule("administer", frozenset({"admin"}), _OURS, WRITE, frozenset({"", "status"})),
    Rule(
        "administer-nodes", frozenset({"admin"}), frozenset({"nodes"}), READ | WRITE,
        frozenset({"", "status", "holdings"}), everywhere=True,
    ),
    Rule(
        "administer-store", frozenset({"admin"}), frozenset({"blobs"}), frozenset({"get", "missing", "put", "verify"}),
        everywhere=True,
    ),
)  # fmt: skip

Holds = Callable[[Identity, Action, Facts], bool]


@dataclass(frozen=True)
class NodeRule:
    """What a node may do, where a condition holds; `needs` says that condition in words."""

    name: str
    kinds: frozenset[str]
    verbs: frozenset[str]
    subresources: frozenset[str]
    holds: Holds
    needs: str

    def covers(self, action: Action) -> bool:
        """Whether it is about such an action at all."""
        return action.kind in self.kinds and action.verb in self.verbs and action.subresource in self.subresources


def _itself(identity: Identity, action: Action, _facts: Facts) -> bool:
    return action.name == identity.name or not (action.complete or action.name)


def _selected(identity: Identity, action: Action, _facts: Facts) -> bool:
    return action.selectors.get("spec.nodeName") == identity.name


def _bound(identity: Identity, _action: Action, facts: Facts) -> bool:
    # What does not exist is nobody's secret, and a node must hear that it is gone (404) to forget it.
    return facts.bound_to in (None, identity.name)


def _about_its_own(identity: Identity, action: Action, facts: Facts) -> bool:
    return not action.complete or facts.bound_to == identity.name


NODES: tuple[NodeRule, ...] = (
    NodeRule("discover", frozenset({DISCOVERY}), READ, frozenset({""}), lambda *_: True, ""),
    NodeRule(
        "own-node", frozenset({"nodes"}), frozenset({"create", "get", "patch"}), frozenset({"", "status"}),
        _itself, "that the Node is its own",
    ),
    NodeRule(
        "own-words", frozenset({"nodes"}), frozenset({"create", "get", "update"}), _NODE_WORDS,
        _itself, "that the Node is its own",
    ),
    NodeRule(
        "list-bound", BOUND, frozenset({"list", "watch"}), frozenset({""}),
        _selected, "the fieldSelector spec.nodeName={0}",
    ),
    NodeRule(
        "touch-bound", BOUND, frozenset({"get", "patch"}), frozenset({"", "status"}),
        _bound, "that spec.nodeName is {0}",
    ),
    NodeRule(
        "tell-bound", frozenset({"events"}), frozenset({"create"}), frozenset({""}),
        _about_its_own, "that the event is about something whose spec.nodeName is {0}, or about the node itself",
    ),
    NodeRule(
        "send", frozenset({"blobs"}), frozenset({"put", "missing"}), frozenset({""}),
        lambda _identity, action, facts: facts.sends or (action.verb == "missing" and facts.fetches),
        "an Artifact with spec.nodeName={0} that is neither Ready nor Failed",
    ),
    NodeRule(
        "fetch", frozenset({"blobs"}), frozenset({"get", "verify"}), frozenset({""}),
        lambda _identity, _action, facts: facts.reads,
        "a Worker with spec.nodeName={0} that refers to an Artifact whose tree is this blob or names it",
    ),
)  # fmt: skip


def refusal(identity: Identity, action: Action, facts: Facts = Facts()) -> str | None:
    """None when it is allowed; else a sentence that names who, what, where, and the rule that is missing."""
    if identity.kind == "anyone":
        return None
    if identity.kind == "node":
        missing = _node_lacks(identity, action, facts)
    elif identity.kind == "person":
        missing = _person_lacks(identity, action)
    else:
        missing = "no rule is about such a caller"
    return None if missing is None else f"{identity} may not {action}: {missing}."


def _person_lacks(identity: Identity, action: Action) -> str | None:
    lacking: list[str] = []
    for rule in PEOPLE:
        if not rule.covers(action):
            continue
        if identity.role not in rule.roles:
            lacking.append(f"the rule {rule.name} needs the role {' or '.join(sorted(rule.roles))}")
        elif not _granted(rule, identity, action):
            where = action.namespace if action.namespace and not rule.everywhere else f"{EVERYWHERE} (all of them)"
            lacking.append(f"the rule {rule.name} needs a grant in the namespace {where}")
        else:
            return None
    return " and ".join(lacking) or "there is no rule that lets a person do that"


def _granted(rule: Rule, identity: Identity, action: Action) -> bool:
    if EVERYWHERE in identity.namespaces:
        return True
    if rule.everywhere:
        return False
    if rule.anywhere or not action.complete:
        return bool(identity.namespaces)
    return action.namespace != "" and action.namespace in identity.namespaces


def _node_lacks(identity: Identity, action: Action, facts: Facts) -> str | None:
    lacking: list[str] = []
    for rule in NODES:
        if not rule.covers(action):
            continue
        if rule.holds(identity, action, facts):
            return None
        lacking.append(f"the rule {rule.name} needs {rule.needs.format(identity.name)}")
    return " and ".join(lacking) or "there is no rule that lets a node do that"


def is_anothers(identity: Identity, action: Action, facts: Facts) -> bool:
    """Whether a node asks for one resource that is there and not bound to it: a refusal is about that alone."""
    asked = identity.kind == "node" and action.kind in BOUND and action.name != ""
    return asked and not _bound(identity, action, facts)


def change_refusal(identity: Identity, kind: str, stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """The same for what a node wants to make of a resource outside of its status: labels of its own Node, and the end
    of its own finalizer on what is bound to it."""
    if identity.kind != "node":
        return None
    allowed = "labels" if kind == "nodes" else "finalizers"
    others = sorted(field for field in _fields(stored) | _fields(wanted) if field not in ("metadata", "status"))
    changed = [field for field in others if _differs(stored.get(field), wanted.get(field))]
    before, after = stored.get("metadata", {}), wanted.get("metadata", {})
    for name in sorted((_fields(before) | _fields(after)) - _KEPT - {allowed}):
        if _differs(before.get(name) or None, after.get(name) or None):
            changed.append(f"metadata.{name}")
    if kind != "nodes" and not _only_its_own_ended(before.get("finalizers"), after.get("finalizers")):
        changed.append(f"metadata.finalizers (other than the end of {NODE_FINALIZER})")
    if not changed:
        return None
    rule = "own-node" if kind == "nodes" else "touch-bound"
    return f"{identity} may not change {', '.join(changed)} of {kind}: the rule {rule} is for {allowed} and status."


#: The store keeps these as they are, whatever is written.
_KEPT = frozenset(
    {"name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "generation", "resourceVersion"}
)


def _differs(one: Any, other: Any) -> bool:
    # Python's own `==` would call `true` and `1` the same.
    return json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True)


def _fields(mapping: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(mapping)


def _only_its_own_ended(before: Any, after: Any) -> bool:
    kept, wanted = set(before or ()), set(after or ())
    return wanted <= kept and kept - wanted <= {NODE_FINALIZER}


def new_node_refusal(identity: Identity, wanted: Mapping[str, Any]) -> str | None:
    """The same for the Node that a node introduces itself with: a name, labels, and a status."""
    if identity.kind != "node":
        return None
    extra = [
        f"metadata.{name}" for name, value in sorted(wanted.get("metadata", {}).items())
        if value and name not in _KEPT | {"labels"}
    ]  # fmt: skip
    extra += [f"spec.{name}" for name, value in sorted((wanted.get("spec") or {}).items()) if value]
    if not extra:
        return None
    return f"{identity} may not say {', '.join(extra)} of its Node: the rule own-node is for labels and status."
