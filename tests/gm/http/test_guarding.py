"""The whole door with people and nodes at it: who gets in, what is told about it, and when a stream ends."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from sedna.api.status import BOUND_ELSEWHERE
from sedna.api.times import format_time
from sedna.api.tokens import id_of, make_token, sha256_of
from sedna.api.trees import Tree, TreeFile
from sedna.api.workers import NODE_FINALIZER
from sedna_gm.http.actions import OPEN, action_of, is_open
from sedna_gm.http.apps import create_app
from sedna_gm.http.parts import Parts
from sedna_gm.identity.auditing import Entry
from sedna_gm.identity.authenticating import TokenAuthenticator
from sedna_gm.identity.deciding import refusal
from sedna_gm.identity.identities import Identity
from sedna_gm.identity.limiting import MOST_WRITES, Failures
from sedna_gm.store.credentials import Credential
from tests.gm.http.doors import BASE, MODELS, Door, StandingClock, dataset, model, node, worker

WORKERS = f"{BASE}/namespaces/default/workers"
ARTIFACTS = f"{BASE}/namespaces/default/artifacts"


class Noted:
    """An audit log in memory."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, entry: Entry) -> None:
        self.entries.append(entry)

    def close(self) -> None:
        pass


class Guarded(Door):
    """A door with a guard, and the means to make credentials."""

    def __init__(self, app: Flask, parts: Parts, audit: Noted) -> None:
        super().__init__(app.test_client(), parts)
        self.app = app
        self.audit = audit
        # Made by who may do everything, before anybody else comes.
        self.admin = self.by(self.person("root", "admin"))

    def person(self, name: str, role: str, *namespaces: str, expires: str | None = None) -> str:
        return self._added("person", name, role=role, namespaces=namespaces or ("*",), expires=expires)

    def key(self, node: str) -> str:
        return self._added("node", node)

    def join_token(self, node: str, expires: str | None = None) -> str:
        return self._added("join", node, expires=expires)

    def _added(self, kind: str, name: str, **more: Any) -> str:
        token = make_token()
        now = format_time(self.parts.clock())
        self.parts.credentials.add(Credential(id_of(token), sha256_of(token), kind, name, now, **more))  # type: ignore[arg-type]
        return token

    def by(self, token: str) -> dict[str, Any]:
        return {"headers": {"Authorization": f"Bearer {token}"}}

    def revoke(self, token: str) -> None:
        now = format_time(self.parts.clock())
        assert self.parts.credentials.revoke(lambda one: one.id == id_of(token), now)

    def told(self) -> list[tuple[str, str, str, int]]:
        return [(str(one.identity.name), one.verb, one.resource, one.code) for one in self.audit.entries]


@pytest.fixture
def guarded(parts: Parts, clock: StandingClock) -> Iterator[Guarded]:
    audit = Noted()
    authenticator = TokenAuthenticator(parts.credentials, clock)
    failures = Failures(lambda: 0.0)
    parts = replace(parts, authenticator=authenticator, audit=audit, failures=failures)
    app = create_app(parts)
    app.testing = False
    yield Guarded(app, parts, audit)
    parts.bindings.close()


@pytest.fixture
def edges(guarded: Guarded) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two nodes, each with a worker and a dataset; the keys of both."""
    for name in ("edge", "other"):
        guarded.post(f"{BASE}/nodes", node(name), **guarded.admin)
        guarded.post(WORKERS, worker(f"w-{name}", name), **guarded.admin)
        guarded.post(f"{BASE}/namespaces/default/datasets", dataset(f"d-{name}", name), **guarded.admin)
    guarded.audit.entries.clear()
    return guarded.by(guarded.key("edge")), guarded.by(guarded.key("other"))


def addresses(app: Flask) -> list[tuple[str, str]]:
    found = []
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<plural>", "datasets", str(rule))
        path = re.sub(r"<sha256>", "0" * 64, path)
        path = re.sub(r"<[^>]*>", "other", path)
        found += [(method, path) for method in sorted(rule.methods or ())]
    return found


# --- who gets in


def test_every_address_has_a_word_by_which_it_is_allowed_or_not(guarded: Guarded) -> None:
    """A new room of the door that has none is open to nobody, not even to who administers everything."""
    administers = Identity("person", "root", "id", "admin", ("*",))
    nodes_own = {"heartbeat", "requests", "key"}
    for method, path in addresses(guarded.app):
        if is_open(path):
            continue
        with guarded.app.test_request_context(path, method=method, headers={"Accept": "*/*"}) as context:
            context.match_request()
            action = action_of(context.request)
        assert refusal(administers, action) is None or action.subresource in nodes_own, (method, path, action)


def test_no_address_answers_without_a_credential_but_those_that_must(guarded: Guarded) -> None:
    assert len(addresses(guarded.app)) > 100
    for method, path in addresses(guarded.app):
        response = guarded.client.open(path, method=method)
        if path in OPEN - {"/join"}:
            assert response.status_code in (200, 405), path
        elif is_open(path) and path != "/join":
            # A file of the dashboard, which is not there by that name.
            assert response.status_code in (404, 405) or method == "OPTIONS", path
        elif path != "/join" or method == "POST":
            # 429: by and by there were too many of them.
            assert response.status_code in (401, 429), (method, path)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer x",
        "Basic YTpi",
        "Bearer abcdefgh." + "A" * 43,
        "Bearer " + "A" * 5000,
        "bearer a.b",
        "\xe4",
    ],
)
def test_what_is_no_credential_of_ours_is_answered_with_401_and_how_to_get_one(guarded: Guarded, header: str) -> None:
    response = guarded.client.get(MODELS, headers={"Authorization": header})
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert "sedna-gm token create" in response.get_json()["message"]


def test_a_guessed_secret_does_not_do_and_is_not_quoted(guarded: Guarded) -> None:
    token = guarded.person("ann", "admin")
    wrong = f"{token[:-4]}AAAA"
    said = guarded.get(MODELS, expect=401, **guarded.by(wrong))["message"]
    assert wrong.partition(".")[2] not in said + repr(guarded.audit.entries)
    assert guarded.get(MODELS, **guarded.by(token))["kind"] == "ModelList"


def test_an_expired_token_and_a_revoked_one_open_nothing(guarded: Guarded, clock: StandingClock) -> None:
    soon = guarded.person("ann", "admin", expires="2026-11-22T15:00:00Z")
    gone = guarded.person("bob", "admin")
    guarded.get(MODELS, **guarded.by(soon))
    clock.forward(3600)
    assert "is expired" in guarded.get(MODELS, expect=401, **guarded.by(soon))["message"]
    guarded.revoke(gone)
    assert "is revoked" in guarded.get(MODELS, expect=401, **guarded.by(gone))["message"]


def test_too_many_failures_from_one_address_are_told_to_wait_and_keep_nobody_else_out(guarded: Guarded) -> None:
    good = guarded.by(guarded.person("ann", "viewer"))
    codes = [guarded.client.get(MODELS).status_code for _ in range(40)]
    assert codes[:30] == [401] * 30
    assert codes[30:] == [429] * 10
    assert guarded.client.get(MODELS).headers["Retry-After"] == "2"
    assert guarded.client.get(MODELS, environ_base={"REMOTE_ADDR": "10.0.0.9"}).status_code == 401
    guarded.get(MODELS, **good)
    # Nor does a flood fill the audit log.
    assert len(guarded.audit.entries) == 31


def test_a_join_token_opens_the_join_and_no_more(guarded: Guarded) -> None:
    token = guarded.join_token("edge")
    for method, path in (("GET", MODELS), ("POST", f"{BASE}/nodes"), ("GET", "/apis")):
        assert "it opens POST /join" in guarded.ask(method, path, expect=401, **guarded.by(token))["message"]


# --- people


def test_a_viewer_reads_in_their_namespace_and_changes_nothing(guarded: Guarded) -> None:
    guarded.post(MODELS, model(), **guarded.admin)
    viewer = guarded.by(guarded.person("vera", "viewer", "default"))
    assert guarded.get(f"{MODELS}/m", **viewer)["metadata"]["name"] == "m"
    guarded.get(f"{BASE}/nodes", **viewer)
    guarded.get(f"{BASE}/models", expect=403, **viewer)
    guarded.get(f"{BASE}/namespaces/shop/models", expect=403, **viewer)
    guarded.post(MODELS, model("n"), expect=403, **viewer)
    guarded.patch(f"{MODELS}/m", {"metadata": {"annotations": {"a": "b"}}}, expect=403, **viewer)
    guarded.put(f"{MODELS}/m", model(), expect=403, **viewer)
    guarded.delete(f"{MODELS}/m", expect=403, **viewer)
    guarded.delete(MODELS, expect=403, **viewer)
    guarded.ask("POST", "/manifests", model("n"), expect=403, **viewer)
    assert guarded.get(MODELS, **viewer)["items"][0]["metadata"]["name"] == "m"


def submitted(guarded: Guarded, method: str, documents: Any, by: dict[str, Any]) -> Any:
    response = guarded.client.open("/manifests", method=method, json=documents, **by)
    assert response.status_code == 403
    return response.get_json()


def test_an_editor_submits_where_they_may_and_each_document_is_answered(guarded: Guarded) -> None:
    editor = guarded.by(guarded.person("ed", "editor", "shop"))
    documents = {
        "kind": "List",
        "items": [
            model("mine", metadata={"namespace": "shop"}),
            model("theirs", metadata={"namespace": "other"}),
            node(),
        ],
    }
    answer = submitted(guarded, "POST", documents, editor)
    assert [result["code"] for result in answer["results"]] == [201, 403, 403]
    assert guarded.get(f"{BASE}/models", **guarded.admin)["items"][0]["metadata"]["namespace"] == "shop"
    for method in ("PUT", "PATCH", "DELETE"):
        answer = submitted(guarded, method, model("theirs", metadata={"namespace": "other"}), editor)
        assert "needs a grant in the namespace other" in answer["results"][0]["message"]
    assert ("ed", "create", "models other/theirs", 403) in [
        (one.identity.name, one.verb, " ".join(one.resource.split()), one.code) for one in guarded.audit.entries
    ]


def test_a_namespace_that_only_the_body_names_counts(guarded: Guarded) -> None:
    editor = guarded.by(guarded.person("ed", "editor", "shop"))
    guarded.post(f"{BASE}/models", model("a", metadata={"namespace": "shop"}), **editor)
    guarded.post(f"{BASE}/models", model("b", metadata={"namespace": "other"}), expect=403, **editor)
    # Without one it is `default`, which is not theirs either.
    guarded.post(f"{BASE}/models", model("c"), expect=403, **editor)


# --- nodes


def about(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "default"}, "reason": "Started",
        "involvedObject": {"kind": "Worker", "name": name, "namespace": "default"},
    }  # fmt: skip


def test_a_node_lives_its_day(guarded: Guarded, edges: Any) -> None:
    mine, _ = edges
    guarded.post(f"{BASE}/nodes/edge/heartbeat", expect=200, **mine)
    guarded.get(f"{BASE}/nodes/edge", **mine)
    guarded.patch(f"{BASE}/nodes/edge", {"metadata": {"labels": {"a": "b"}}}, **mine)
    guarded.patch(f"{BASE}/nodes/edge/status", {"status": {"timezone": "UTC"}}, **mine)
    for plural in ("workers", "datasets", "artifacts"):
        listed = guarded.get(f"{BASE}/{plural}?fieldSelector=spec.nodeName%3Dedge", **mine)
        assert all(item["spec"]["nodeName"] == "edge" for item in listed["items"])
    guarded.patch(f"{WORKERS}/w-edge/status", {"status": {"phase": "Running"}}, **mine)
    guarded.get(f"{WORKERS}/w-edge", **mine)
    guarded.post("/api/v1/namespaces/default/events", about("w-edge"), **mine)
    # All of it is what nodes do all day, but the labels and the event.
    assert [told[:3] for told in guarded.told()] == [
        ("edge", "patch", "nodes edge"), ("edge", "create", "events default/e"),
    ]  # fmt: skip


def test_a_thief_of_a_nodes_key_gets_nothing_of_another_node(guarded: Guarded, edges: Any) -> None:
    mine, _ = edges
    before = guarded.get(f"{WORKERS}/w-other", **guarded.admin)
    tries: list[tuple[str, str, Any]] = [
        ("GET", f"{BASE}/workers", None),
        ("GET", f"{BASE}/workers?fieldSelector=spec.nodeName%3Dother", None),
        ("GET", f"{BASE}/workers?fieldSelector=spec.nodeName!%3Dedge", None),
        ("GET", f"{BASE}/workers?watch=1&fieldSelector=spec.nodeName%3Dother", None),
        ("GET", f"{WORKERS}/w-other", None),
        ("GET", f"{WORKERS}/w-other?watch=1", None),
        ("GET", f"{WORKERS}/w-edge/log", None),
        ("GET", "/api/v1/pods", None),
        ("GET", f"{MODELS}", None),
        ("GET", f"{BASE}/namespaces/default/incrementallearningjobs/j/rounds", None),
        ("GET", f"{BASE}/nodes", None),
        ("GET", f"{BASE}/nodes/other", None),
        ("GET", f"{BASE}/nodes/other/requests", None),
        ("POST", f"{BASE}/nodes/other/heartbeat", {}),
        ("POST", f"{BASE}/nodes/other/requests/1", {}),
        ("PUT", f"{BASE}/nodes/other/key", {"id": "abcdefgh", "sha256": "0" * 64}),
        ("POST", f"{BASE}/nodes", node("third")),
        ("POST", f"{BASE}/nodes", {**node("edge"), "spec": {"unschedulable": False}, "metadata": {"name": "third"}}),
        ("DELETE", f"{BASE}/nodes/other", None),
        ("DELETE", f"{WORKERS}/w-edge", None),
        ("POST", WORKERS, worker("new", "edge")),
        ("PUT", f"{WORKERS}/w-edge", before),
        ("PUT", f"{WORKERS}/w-edge/status", before),
        ("POST", "/manifests", worker("new", "edge")),
        ("GET", "/artifacts/blobs/" + "0" * 64, None),
        ("HEAD", "/artifacts/blobs/" + "0" * 64, None),
        ("PUT", "/artifacts/blobs/" + "0" * 64, {}),
        ("POST", "/artifacts/blobs/" + "0" * 64 + "/verify", {}),
        ("POST", "/artifacts/missing", {"blobs": []}),
    ]
    for method, path, body in tries:
        response = guarded.client.open(path, method=method, json=body, **mine)
        assert response.status_code == 403, (method, path, response.get_data(as_text=True))
    guarded.patch(f"{WORKERS}/w-other/status", {"status": {"phase": "Failed"}}, expect=403, **mine)
    guarded.patch(f"{WORKERS}/w-other", {"metadata": {"finalizers": None}}, expect=403, **mine)
    guarded.post("/api/v1/namespaces/default/events", about("w-other"), expect=403, **mine)
    assert guarded.get(f"{WORKERS}/w-other", **guarded.admin) == before
    # Whoever looks at the audit log sees the thief at work.
    assert len([one for one in guarded.audit.entries if one.code == 403]) == len(tries) + 3


def test_a_node_is_told_when_a_thing_is_another_nodes_and_only_then(guarded: Guarded, edges: Any) -> None:
    # Its LocalController drops what it had to tell of it, and goes on trying after every other refusal.
    mine, _ = edges
    causes = [
        guarded.patch(f"{WORKERS}/{path}", change, expect=403, **whose).get("details", {}).get("causes")
        for path, change, whose in (
            ("w-other/status", {"status": {"phase": "Failed"}}, mine),
            ("w-edge", {"spec": {"round": 7}}, mine),
            ("w-other/status", {"status": {"phase": "Failed"}}, guarded.by(guarded.person("vi", "viewer"))),
        )
    ]
    assert [one["reason"] for one in causes[0]] == [BOUND_ELSEWHERE]
    assert causes[1:] == [None, None]


def test_a_node_ends_its_finalizer_and_changes_no_spec(guarded: Guarded, edges: Any) -> None:
    mine, _ = edges
    guarded.patch(f"{WORKERS}/w-edge", {"metadata": {"finalizers": [NODE_FINALIZER]}}, **guarded.admin)
    guarded.delete(f"{WORKERS}/w-edge", **guarded.admin)
    uid = guarded.get(f"{WORKERS}/w-edge", **mine)["metadata"]["uid"]
    said = guarded.patch(f"{WORKERS}/w-edge", {"spec": {"round": 7}}, expect=403, **mine)["message"]
    assert "may not change spec of workers" in said
    guarded.patch(f"{WORKERS}/w-edge", {"metadata": {"uid": uid, "finalizers": None}}, **mine)
    # Gone: now it is not found, by which its LocalController knows that there is nothing to tell any more.
    guarded.patch(f"{WORKERS}/w-edge/status", {"status": {}}, expect=404, **mine)


@pytest.fixture
def put_tree(guarded: Guarded) -> Callable[[bytes], tuple[str, str]]:
    def put(content: bytes) -> tuple[str, str]:
        """Sha256 of a tree in the store, and of its one file."""
        file = hashlib.sha256(content).hexdigest()
        tree = Tree("file", (TreeFile("model", len(content), file),))
        for data in (content, tree.dump()):
            guarded.parts.blobs.append(hashlib.sha256(data).hexdigest(), 0, data, len(data))
        return tree.digest, file

    return put


def test_a_node_fetches_what_its_workers_refer_to_and_nothing_else(guarded: Guarded, put_tree: Any) -> None:
    mine = guarded.by(guarded.key("edge"))
    (tree, file), (secret_tree, secret) = put_tree(b"model"), put_tree(b"another job's model")
    reference = {"name": "a", "tree": tree, "sizeBytes": 5}
    one = worker("w", "edge")
    one["spec"]["models"] = [{"name": "m", "url": "/m", "artifact": reference}]
    guarded.get(f"/artifacts/blobs/{tree}", expect=403, **mine)
    guarded.post(WORKERS, one, **guarded.admin)
    for sha256 in (tree, file):
        assert guarded.client.get(f"/artifacts/blobs/{sha256}", **mine).status_code == 200
    for sha256 in (secret_tree, secret):
        guarded.get(f"/artifacts/blobs/{sha256}", expect=403, **mine)
    guarded.delete(f"{WORKERS}/w", **guarded.admin)
    guarded.get(f"/artifacts/blobs/{file}", expect=403, **mine)


def test_a_node_sends_while_an_artifact_of_it_is_on_its_way(guarded: Guarded) -> None:
    mine, content = guarded.by(guarded.key("edge")), b"x"
    blob = f"/artifacts/blobs/{hashlib.sha256(content).hexdigest()}"
    artifact = {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": "Artifact",
        "metadata": {"name": "a"},
        "spec": {
            "nodeName": "edge", "job": {"kind": "IncrementalLearningJob", "name": "j", "uid": "u"},
            "model": {"name": "m", "url": "/m"},
        },
    }  # fmt: skip
    guarded.ask("PUT", blob, expect=403, data=content, **mine)
    guarded.post(ARTIFACTS, artifact, **guarded.admin)
    guarded.post("/artifacts/missing", {"blobs": []}, expect=200, **mine)
    guarded.ask("PUT", blob, expect=201, data=content, **mine)
    guarded.patch(f"{ARTIFACTS}/a/status", {"status": {"phase": "Ready"}}, **mine)
    guarded.ask("PUT", blob, expect=403, data=content, **mine)


# --- joining


def joined(key: str, node: str = "edge") -> dict[str, str]:
    return {"node": node, "id": id_of(key), "sha256": sha256_of(key)}


def test_a_host_joins_once_with_a_key_of_its_own(guarded: Guarded) -> None:
    join, key = guarded.by(guarded.join_token("edge")), make_token()
    assert guarded.post("/join", joined(key), **join) == {"node": "edge"}
    # The answer was cut off.
    assert guarded.post("/join", joined(key), expect=200, **join) == {"node": "edge"}
    guarded.post(f"{BASE}/nodes", node("edge"), **guarded.by(key))
    assert "was used for another key" in guarded.post("/join", joined(make_token()), expect=403, **join)["message"]
    assert [told[1:] for told in guarded.told()] == [
        ("join", "nodes edge", 201), ("join", "nodes edge", 200), ("create", "nodes edge", 201), ("join", "nodes", 403),
    ]  # fmt: skip


def test_a_join_token_is_for_one_node_and_one_day(guarded: Guarded, clock: StandingClock) -> None:
    token, revoked = guarded.join_token("edge", expires="2026-11-23T14:00:00Z"), guarded.join_token("edge")
    guarded.post("/join", joined(make_token(), "other"), expect=403, **guarded.by(token))
    guarded.revoke(revoked)
    guarded.post("/join", joined(make_token()), expect=401, **guarded.by(revoked))
    clock.forward(86400)
    guarded.post("/join", joined(make_token()), expect=401, **guarded.by(token))
    guarded.post("/join", joined(make_token()), expect=401, **guarded.by(guarded.person("ann", "admin")))
    guarded.post("/join", joined(make_token()), expect=401)


@pytest.mark.parametrize(
    "body",
    [None, [], {}, {"node": "edge"}, {"node": "edge", "id": "A", "sha256": "0" * 64},
     {"node": "../x", "id": "abcdefgh"},
     {"node": "edge", "id": "abcdefgh", "sha256": "0"}, {"node": 1, "id": "abcdefgh", "sha256": "0" * 64}],
)  # fmt: skip
def test_a_join_that_is_malformed_is_refused_and_uses_nothing_up(guarded: Guarded, body: Any) -> None:
    join, key = guarded.by(guarded.join_token("edge")), make_token()
    guarded.ask("POST", "/join", expect=400, json=body, **join)
    guarded.post("/join", joined(key), **join)


def test_both_keys_are_good_until_the_new_one_is_used_first(guarded: Guarded) -> None:
    old, new = guarded.key("edge"), make_token()
    guarded.post(f"{BASE}/nodes", node("edge"), **guarded.by(old))
    path = f"{BASE}/nodes/edge/key"
    for _ in range(2):
        assert guarded.put(path, joined(new), **guarded.by(old)) == {"node": "edge"}
    guarded.get(f"{BASE}/nodes/edge", **guarded.by(old))
    guarded.get(f"{BASE}/nodes/edge", **guarded.by(new))
    guarded.get(f"{BASE}/nodes/edge", expect=401, **guarded.by(old))
    guarded.put(path, joined(make_token()), expect=403, **guarded.admin)


# --- streams


def test_a_watch_ends_when_its_credential_is_taken_back(guarded: Guarded) -> None:
    token = guarded.person("ann", "viewer")
    events = guarded.watch(f"{MODELS}?watch=1&resourceVersion=0&allowWatchBookmarks=1", **guarded.by(token))
    guarded.post(MODELS, model(), **guarded.admin)
    assert next(events)["type"] == "ADDED"
    guarded.revoke(token)
    assert [event["type"] for event in events if event["type"] != "BOOKMARK"] == []


def test_a_node_that_changed_its_key_loses_the_watches_of_the_old_one(guarded: Guarded, edges: Any) -> None:
    old, new = guarded.key("edge"), make_token()
    guarded.get(f"{BASE}/nodes/edge", **guarded.by(old))
    path = f"{BASE}/workers?watch=1&allowWatchBookmarks=1&fieldSelector=spec.nodeName%3Dedge"
    events = guarded.watch(path, **guarded.by(old))
    assert next(events)["object"]["metadata"]["name"] == "w-edge"
    guarded.put(f"{BASE}/nodes/edge/key", joined(new), **guarded.by(old))
    guarded.get(f"{BASE}/nodes/edge", **guarded.by(new))
    assert {event["type"] for event in events} <= {"BOOKMARK"}


def test_a_client_has_so_many_watches_and_each_that_ends_makes_room(guarded: Guarded) -> None:
    viewer = guarded.by(guarded.person("ann", "viewer"))
    other = guarded.by(guarded.person("bob", "viewer"))
    most = guarded.parts.settings.max_watches_per_client
    open_ones = [guarded.client.get(f"{MODELS}?watch=1", buffered=False, **viewer) for _ in range(most)]
    refused = guarded.client.get(f"{MODELS}?watch=1", **viewer)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "15")
    assert f"has {most} watches open" in refused.get_json()["message"]
    guarded.get(MODELS, **viewer)
    guarded.client.get(f"{MODELS}?watch=1", buffered=False, **other).close()
    for one in reversed(open_ones):
        one.close()
    guarded.client.get(f"{MODELS}?watch=1", buffered=False, **viewer).close()


def test_a_client_has_so_many_writes_under_way_and_each_that_ends_makes_room(guarded: Guarded) -> None:
    token = guarded.person("ann", "editor")
    ann = Identity("person", "ann", id_of(token))
    leave = [guarded.parts.writes.take(ann) for _ in range(MOST_WRITES)]
    refused = guarded.client.post(MODELS, json=model(), **guarded.by(token))
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "15")
    guarded.get(MODELS, **guarded.by(token))
    leave[0]()
    for number in range(3):
        guarded.post(MODELS, model(f"m{number}"), **guarded.by(token))


# --- the audit log


def test_writes_and_refusals_are_told_and_reads_are_not(guarded: Guarded) -> None:
    editor = guarded.by(guarded.person("ed", "editor", "default"))
    guarded.get(MODELS, **editor)
    guarded.post(MODELS, model(), **editor)
    guarded.post(MODELS, model(), expect=409, **editor)
    guarded.get(f"{BASE}/models", expect=403, **editor)
    guarded.get("/healthz")
    guarded.get(MODELS, expect=401)
    assert guarded.told() == [
        ("ed", "create", "models default/m", 201), ("ed", "create", "models default/m", 409),
        ("ed", "list", "models", 403), ("", "get", "", 401),
    ]  # fmt: skip
    first, _, third, _ = guarded.audit.entries
    assert (first.path, first.address, first.reason) == (MODELS, "127.0.0.1", "")
    assert "the rule read needs a grant" in third.reason


def test_behind_a_proxy_of_ours_the_caller_is_whom_the_proxy_names(guarded: Guarded) -> None:
    parts = replace(guarded.parts, behind_proxy=True)
    client = create_app(parts).test_client()
    for said, taken in (("10.1.1.1, 10.2.2.2", "10.2.2.2"), ("nonsense", "127.0.0.1")):
        client.get(MODELS, headers={"X-Forwarded-For": said})
        assert guarded.audit.entries[-1].address == taken
    guarded.client.get(MODELS, headers={"X-Forwarded-For": "10.1.1.1"})
    assert guarded.audit.entries[-1].address == "127.0.0.1"
