"""The authorizer: what each role may do, and that a node can never touch what is bound to another one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from sedna.api.kinds import KINDS
from sedna.api.workers import NODE_FINALIZER
from sedna_gm.identity.deciding import (
    BOUND,
    NODES,
    PEOPLE,
    READ,
    WRITE,
    Action,
    Facts,
    change_refusal,
    new_node_refusal,
    refusal,
)
from sedna_gm.identity.identities import ANYONE, NOBODY, ROLES, Identity

KINDS_AND_WORDS = sorted(
    {kind.plural for kind in KINDS} | {"pods", "namespaces", "manifests", "blobs", "discovery", "x"}
)
VERBS = sorted(READ | WRITE | {"put", "missing", "verify"})
SUBRESOURCES = ["", "status", "log", "usage", "rounds", "heartbeat", "requests", "key", "holdings", "x"]
EDGE = Identity("node", "edge-1", "id")
names = some.sampled_from(["edge-1", "edge-2", "edge-1.x", "thing", ""])

actions = some.builds(
    Action,
    verb=some.sampled_from(VERBS),
    kind=some.sampled_from(KINDS_AND_WORDS),
    namespace=some.sampled_from(["", "default", "shop"]),
    name=names,
    subresource=some.sampled_from(SUBRESOURCES),
    selectors=some.dictionaries(some.sampled_from(["spec.nodeName", "metadata.name"]), names),
)


def person(role: str, *namespaces: str) -> Identity:
    return Identity("person", "ann", "id", role, namespaces or ("*",))


@given(actions, names, some.booleans(), some.booleans())
def test_a_node_never_touches_what_is_bound_to_another(action: Action, other: str, sends: bool, reads: bool) -> None:
    facts = Facts(bound_to=None if other == "edge-1" else other, sends=sends, reads=reads)
    allowed = refusal(EDGE, action, facts) is None
    if not allowed:
        return
    if action.kind in BOUND and action.verb in ("list", "watch"):
        assert action.selectors["spec.nodeName"] == "edge-1"
    elif action.kind in BOUND:
        assert facts.bound_to is None, "only what does not exist is left to be asked for"
    elif action.kind == "nodes":
        assert action.name == "edge-1"
    elif action.kind == "blobs":
        assert reads if action.verb in ("get", "verify") else sends
    else:
        assert action.kind == "discovery"


@given(actions, some.booleans())
def test_a_node_writes_nothing_but_facts(action: Action, sends: bool) -> None:
    facts = Facts(bound_to="edge-1", sends=sends, fetches=True, reads=True)
    if refusal(EDGE, action, facts) is None and action.verb in WRITE:
        assert (action.kind, action.verb) in {
            ("nodes", "create"), ("nodes", "patch"), ("nodes", "update"), ("workers", "patch"), ("datasets", "patch"),
            ("artifacts", "patch"), ("events", "create"),
        }  # fmt: skip


@given(actions)
def test_nobody_and_a_join_token_may_do_nothing(action: Action) -> None:
    for identity in (NOBODY, Identity("join", "edge-1", "id")):
        assert refusal(identity, action, Facts("edge-1", sends=True, fetches=True, reads=True))


@given(actions)
def test_where_nobody_is_asked_everything_is_allowed(action: Action) -> None:
    assert refusal(ANYONE, action) is None


@given(actions, some.sampled_from(ROLES))
def test_a_person_sees_and_changes_no_namespace_but_theirs(action: Action, role: str) -> None:
    if refusal(person(role, "shop"), action) is None:
        assert action.namespace == "shop" or (
            action.kind in ("discovery", "nodes") and action.verb in READ
        ) or action.kind == "manifests"  # fmt: skip


@given(actions)
def test_each_role_may_do_what_the_one_below_may(action: Action) -> None:
    viewer, editor, admin = (refusal(person(role), action) is None for role in ("viewer", "editor", "admin"))
    assert viewer <= editor <= admin


@given(actions)
def test_a_viewer_changes_nothing(action: Action) -> None:
    if refusal(person("viewer"), action) is None:
        assert action.verb in READ


@given(actions)
def test_nobody_but_a_node_speaks_for_a_node(action: Action) -> None:
    if action.subresource in ("heartbeat", "requests", "key") and action.kind == "nodes":
        assert refusal(person("admin"), action)


@pytest.mark.parametrize("kind", ["workers", "artifacts", "events", "nodes"])
@pytest.mark.parametrize("verb", sorted(WRITE))
def test_an_editor_leaves_alone_what_controllers_and_nodes_write(kind: str, verb: str) -> None:
    assert refusal(person("editor"), Action(verb, kind, "shop", "x"))
    assert refusal(person("editor"), Action(verb, "incrementallearningjobs", "shop", "x", "status"))
    assert refusal(person("editor", "shop"), Action(verb, "incrementallearningjobs", "shop", "x")) is None


@pytest.mark.parametrize("verb", ["get", "put", "missing", "verify"])
def test_the_store_belongs_to_those_who_administer_everything(verb: str) -> None:
    assert refusal(person("admin"), Action(verb, "blobs")) is None
    assert refusal(person("admin", "shop"), Action(verb, "blobs"))
    assert refusal(person("editor"), Action(verb, "blobs"))


def test_what_does_not_exist_is_not_found_rather_than_forbidden() -> None:
    assert refusal(EDGE, Action("patch", "workers", "default", "gone", "status"), Facts(None)) is None


def test_a_refusal_names_who_what_where_and_the_rule() -> None:
    said = refusal(person("viewer", "shop"), Action("patch", "datasets", "shop", "d"))
    assert said == (
        "person ann (viewer in shop) may not patch datasets d in namespace shop: "
        "the rule write needs the role admin or editor and the rule administer needs the role admin."
    )
    said = refusal(EDGE, Action("get", "workers", "default", "w"), Facts("edge-2"))
    assert said == (
        "node edge-1 may not get workers w in namespace default: "
        "the rule touch-bound needs that spec.nodeName is edge-1."
    )
    assert refusal(EDGE, Action("delete", "workers", "default", "w"), Facts("edge-1")) == (
        "node edge-1 may not delete workers w in namespace default: there is no rule that lets a node do that."
    )


def test_rules_have_names_of_their_own() -> None:
    for rules in (PEOPLE, NODES):
        found = [rule.name for rule in rules]
        assert len(found) == len(set(found))


# --- what a node may change of a resource

STORED: dict[str, Any] = {
    "apiVersion": "sedna.io/v1alpha1",
    "kind": "Worker",
    "metadata": {"name": "w", "uid": "u", "finalizers": ["a", NODE_FINALIZER], "labels": {"x": "1"}},
    "spec": {"nodeName": "edge-1", "round": 1},
    "status": {"phase": "Running"},
}


def changed(**metadata: Any) -> dict[str, Any]:
    return {**STORED, "metadata": {**STORED["metadata"], **metadata}}


@pytest.mark.parametrize("wanted", [STORED, changed(finalizers=["a"]), changed(uid="another")])
def test_a_node_ends_its_own_finalizer(wanted: dict[str, Any]) -> None:
    assert change_refusal(EDGE, "workers", STORED, wanted) is None


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ({**STORED, "spec": {**STORED["spec"], "round": 2}}, "spec"),
        ({**STORED, "spec": {**STORED["spec"], "round": True}}, "spec"),
        ({key: value for key, value in STORED.items() if key != "spec"}, "spec"),
        ({**STORED, "extra": 1}, "extra"),
        (changed(labels={}), "metadata.labels"),
        (changed(annotations={"sedna.io/trigger": "train"}), "metadata.annotations"),
        (changed(ownerReferences=[]), None),
        (changed(finalizers=[NODE_FINALIZER]), "metadata.finalizers"),
        (changed(finalizers=["a", "b"]), "metadata.finalizers"),
        (changed(finalizers=None), "metadata.finalizers"),
    ],
)
def test_a_node_changes_nothing_else_of_what_is_bound_to_it(wanted: dict[str, Any], named: str | None) -> None:
    said = change_refusal(EDGE, "workers", STORED, wanted)
    assert (named in said) if named and said else (named is None and said is None)
    assert change_refusal(person("editor"), "workers", STORED, wanted) is None


def test_a_node_labels_itself_and_no_more() -> None:
    stored = {"metadata": {"name": "edge-1"}, "spec": {"unschedulable": True}}
    assert (
        change_refusal(EDGE, "nodes", stored, {**stored, "metadata": {"name": "edge-1", "labels": {"a": "b"}}}) is None
    )
    assert "spec" in str(change_refusal(EDGE, "nodes", stored, {**stored, "spec": {"unschedulable": False}}))
    assert new_node_refusal(EDGE, {"metadata": {"name": "edge-1", "labels": {}}, "spec": {}, "status": {}}) is None
    assert "spec.unschedulable" in str(new_node_refusal(EDGE, {"metadata": {}, "spec": {"unschedulable": True}}))
    assert "metadata.finalizers" in str(new_node_refusal(EDGE, {"metadata": {"finalizers": ["a"]}}))
