"""Kubernetes' conventions for single resources and their lists."""

from __future__ import annotations

from typing import Any

import pytest

from sedna_gm.store.interface import Key, Step
from tests.gm.http.doors import BASE, MODELS, Door, dataset, model, node, worker


def test_a_resource_is_made_read_changed_and_deleted(door: Door) -> None:
    made = door.post(MODELS, model())
    assert made["metadata"]["namespace"] == "default"
    assert door.get(f"{MODELS}/m") == made
    made["spec"]["format"] = "ckpt"
    changed = door.put(f"{MODELS}/m", made)
    assert (changed["spec"]["format"], changed["metadata"]["generation"]) == ("ckpt", 2)
    gone = door.delete(f"{MODELS}/m")
    assert (gone["status"], gone["details"]["uid"]) == ("Success", made["metadata"]["uid"])
    assert door.get(f"{MODELS}/m", 404)["reason"] == "NotFound"


def test_twice_is_a_conflict(door: Door) -> None:
    door.post(MODELS, model())
    refused = door.post(MODELS, model(), 409)
    assert (refused["reason"], refused["details"]["name"]) == ("AlreadyExists", "m")


def test_a_stale_version_is_a_conflict(door: Door) -> None:
    made = door.post(MODELS, model())
    door.patch(f"{MODELS}/m", {"spec": {"format": "h5"}})
    assert door.put(f"{MODELS}/m", made, 409)["reason"] == "Conflict"
    stale = {"metadata": {"resourceVersion": made["metadata"]["resourceVersion"]}, "spec": {"format": "x"}}
    assert door.patch(f"{MODELS}/m", stale, 409)["reason"] == "Conflict"


def test_the_namespace_may_stand_in_the_address_or_in_the_body(door: Door) -> None:
    door.post(f"{BASE}/models", model("a"))
    door.post(f"{BASE}/models", model("b", metadata={"namespace": "other"}))
    door.post(f"{BASE}/namespaces/third/models", model("c"))
    listed = door.get(f"{BASE}/models")
    assert [item["metadata"]["namespace"] for item in listed["items"]] == ["default", "other", "third"]
    assert (listed["kind"], listed["metadata"]["resourceVersion"]) == ("ModelList", "3")


def test_a_cluster_scoped_kind_has_no_namespace(door: Door) -> None:
    made = door.post(f"{BASE}/nodes", node())
    assert "namespace" not in made["metadata"]
    assert made["status"] == {"runner": "process"}
    door.get(f"{BASE}/nodes/edge")
    door.get(f"{BASE}/namespaces/default/nodes/edge", 404)
    door.get(f"{BASE}/models/m", 404)


@pytest.mark.parametrize(
    "path",
    [f"{BASE}/nothings", f"{BASE}/events", "/api/v1/models", "/apis/sedna.io/v2/models", "/apis/other", "/nothing"],
)
def test_an_unknown_kind_is_not_found(door: Door, path: str) -> None:
    assert door.get(path, 404)["reason"] == "NotFound"
    door.post(path, model(), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", MODELS),
        ("PATCH", MODELS),
        ("POST", f"{MODELS}/m"),
        ("DELETE", f"{MODELS}/m/status"),
        ("POST", "/version"),
        ("DELETE", "/healthz"),
        ("DELETE", f"{BASE}/models"),
    ],
)
def test_what_is_not_offered_is_405(door: Door, method: str, path: str) -> None:
    assert door.ask(method, path, expect=405)["reason"] == "MethodNotAllowed"


def test_status_and_spec_have_doors_of_their_own(door: Door) -> None:
    made = door.post(f"{BASE}/namespaces/default/datasets", {**dataset(), "status": {"numberOfSamples": 99}})
    assert "status" not in made
    here = f"{BASE}/namespaces/default/datasets/d"
    counted = door.patch(f"{here}/status", {"status": {"numberOfSamples": 3}, "spec": {"url": "/x"}})
    assert (counted["status"], counted["spec"]["url"]) == ({"numberOfSamples": 3}, "/data/d.txt")
    counted["status"]["numberOfSamples"] = 4
    counted["metadata"]["labels"] = {"sly": "yes"}
    again = door.put(f"{here}/status", counted)
    assert again["status"] == {"numberOfSamples": 4}
    assert "labels" not in again["metadata"]
    assert door.get(f"{here}/status") == again
    assert door.put(here, {**again, "status": {"numberOfSamples": 5}})["status"] == {"numberOfSamples": 4}
    assert door.patch(here, [{"op": "remove", "path": "/status"}])["status"] == {"numberOfSamples": 4}


def test_a_wrong_status_is_refused_with_its_path(door: Door) -> None:
    door.post(f"{BASE}/namespaces/default/datasets", dataset())
    status = {"status": {"numberOfSamples": -1, "state": "Sleeping"}}
    refused = door.patch(f"{BASE}/namespaces/default/datasets/d/status", status, 422)
    fields = {cause["field"] for cause in refused["details"]["causes"]}
    assert fields == {"status.numberOfSamples", "status.state"}


def test_finalizers_hold_a_resource_until_they_are_taken_off(door: Door) -> None:
    path = f"{BASE}/namespaces/default/workers"
    door.post(path, {**worker(), "metadata": {"name": "w", "finalizers": ["sedna.io/node"]}})
    held = door.delete(f"{path}/w", {"propagationPolicy": "Background"})
    assert (held["kind"], held["metadata"]["finalizers"]) == ("Worker", ["sedna.io/node"])
    assert "deletionTimestamp" in door.get(f"{path}/w")["metadata"]
    door.patch(f"{path}/w", {"metadata": {"finalizers": None}})
    door.get(f"{path}/w", 404)


def test_a_deletion_may_have_conditions(door: Door) -> None:
    made = door.post(MODELS, model())
    door.delete(f"{MODELS}/m", {"preconditions": {"uid": "another"}}, 409)
    door.delete(f"{MODELS}/m", {"preconditions": {"resourceVersion": "99"}}, 409)
    assert door.delete(f"{MODELS}/m?dryRun=All")["status"] == "Success"
    assert door.delete(f"{MODELS}/m", {"dryRun": ["All"]})["status"] == "Success"
    door.get(f"{MODELS}/m")
    orphan = door.client.delete(f"{MODELS}/m", json={"propagationPolicy": "Orphan"})
    assert "taken as Background" in orphan.headers["Warning"]
    door.post(MODELS, model())
    door.delete(f"{MODELS}/m", {"preconditions": {"uid": door.get(f"{MODELS}/m")["metadata"]["uid"]}})
    assert made["metadata"]["uid"]


@pytest.mark.parametrize(
    "options",
    [[], "x", {"propagationPolicy": "Never"}, {"preconditions": []}, {"preconditions": {"uid": 7}}, {"dryRun": "All"}],
)
def test_nonsense_about_a_deletion_deletes_nothing(door: Door, options: Any) -> None:
    door.post(MODELS, model())
    door.delete(f"{MODELS}/m", options, 400)
    door.get(f"{MODELS}/m")


def test_a_collection_is_deleted_by_selectors(door: Door) -> None:
    for name, colour in [("a", "red"), ("b", "blue"), ("c", "red")]:
        door.post(MODELS, model(name, metadata={"labels": {"colour": colour}}))
    assert len(door.delete(f"{MODELS}?labelSelector=colour%3Dred&dryRun=All")["items"]) == 2
    door.delete(f"{MODELS}?labelSelector=colour%3Dred")
    assert [item["metadata"]["name"] for item in door.get(MODELS)["items"]] == ["b"]


def test_lists_are_selected_and_paged(door: Door) -> None:
    for number in range(5):
        door.post(f"{BASE}/namespaces/default/datasets", dataset(f"d{number}", node=f"n{number % 2}"))
    path = f"{BASE}/datasets?fieldSelector=spec.nodeName%3Dn0&limit=2"
    first = door.get(path)
    second = door.get(f"{path}&continue={first['metadata']['continue']}")
    names = [item["metadata"]["name"] for item in first["items"] + second["items"]]
    assert names == ["d0", "d2", "d4"]
    assert "continue" not in second["metadata"]
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=x",
        "limit=-1",
        "limit=%D9%A3",
        "continue=nonsense",
        "watch=perhaps",
        "labelSelector=a+b",
        "labelSelector=UPPER%2F%2F%3Dx",
        "fieldSelector=nothing",
        "watch=1&resourceVersion=abc",
        "watch=1&timeoutSeconds=-3",
        "watch=1&includeObject=All",
    ],
)
def test_a_parameter_that_says_nothing_is_a_bad_request(door: Door, query: str) -> None:
    assert door.get(f"{MODELS}?{query}", 400)["reason"] == "BadRequest"


@pytest.mark.parametrize("query", ["dryRun=Some", "fieldValidation=Perhaps"])
def test_a_parameter_of_writing_that_says_nothing_is_a_bad_request(door: Door, query: str) -> None:
    door.post(f"{MODELS}?{query}", model(), 400)


def test_a_rehearsal_changes_nothing(door: Door) -> None:
    door.post(f"{MODELS}?dryRun=All", model())
    door.get(f"{MODELS}/m", 404)
    made = door.post(MODELS, model())
    assert door.patch(f"{MODELS}/m?dryRun=All", {"spec": {"format": "x"}})["spec"]["format"] == "x"
    assert door.get(f"{MODELS}/m") == made


def test_unknown_fields_are_refused_warned_of_or_dropped_as_asked(door: Door) -> None:
    odd = model(spec={"colour": "red"})
    refused = door.post(f"{MODELS}?fieldValidation=Strict", odd, 422)
    assert refused["details"]["causes"][0]["field"] == "spec.colour"
    (warning,) = door.warnings("POST", MODELS, odd)
    assert warning == '299 - "unknown field \\"spec.colour\\""'
    door.delete(f"{MODELS}/m")
    assert door.warnings("POST", f"{MODELS}?fieldValidation=Ignore", odd) == []
    assert "colour" not in door.get(f"{MODELS}/m")["spec"]


def test_a_prefix_gets_names_of_its_own(door: Door) -> None:
    raw = {**model(), "metadata": {"generateName": "m-"}}
    names = {door.post(MODELS, raw)["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("m-") and len(name) == 7 for name in names)


def test_w08_a_patch_without_a_version_survives_a_writer_in_between(door: Door) -> None:
    door.post(MODELS, model())
    store, change = door.parts.store, door.parts.store.change

    def slower(key: Key, step: Step, **how: bool) -> Any:
        store.update({**store.get(key), "spec": {"url": "/hurried", "format": "pb"}})
        return change(key, step, **how)

    store.change = slower  # type: ignore[method-assign]
    patched = door.patch(f"{MODELS}/m", {"spec": {"format": "h5"}})
    assert patched["spec"] == {"url": "/hurried", "format": "h5"}


def test_w07_a_status_for_nobody_is_404_and_not_quietly_dropped(door: Door) -> None:
    door.patch(f"{BASE}/namespaces/default/workers/w/status", {"status": {"phase": "Succeeded"}}, 404)
    door.put(f"{BASE}/namespaces/default/workers/w/status", worker(), 404)


@pytest.mark.parametrize(
    "media",
    ["application/strategic-merge-patch+json", "application/apply-patch+yaml", "application/json", "text/plain"],
)
def test_an_unknown_kind_of_patch_says_which_are_known(door: Door, media: str) -> None:
    door.post(MODELS, model())
    refused = door.patch(f"{MODELS}/m", {}, 415, content_type=media)
    assert "application/merge-patch+json" in refused["message"]


def test_a_patch_cannot_rename_or_change_the_kind(door: Door) -> None:
    door.post(MODELS, model())
    for patch in ({"metadata": {"name": "x"}}, {"metadata": {"namespace": "x"}}, {"kind": "Dataset"}):
        door.patch(f"{MODELS}/m", patch, 400)
    door.patch(f"{MODELS}/m", [{"op": "test", "path": "/spec/format", "value": "no"}], 422)
    door.patch(f"{MODELS}/m", [{"op": "replace", "path": "", "value": 7}], 400)
    door.patch(f"{MODELS}/m", {"metadata": None}, 200)


def test_no_answer_of_ours_tells_what_went_wrong_inside(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("secret detail")

    door.parts.store.get = broken  # type: ignore[method-assign]
    answer = door.get(f"{MODELS}/m", 500)
    assert "secret" not in str(answer)
    assert "secret detail" in caplog.text


def test_head_and_options_are_answered(door: Door) -> None:
    assert door.client.head(MODELS).status_code == 200
    assert "POST" in door.client.options(MODELS).headers["Allow"]
