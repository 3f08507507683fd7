"""What clients ask before they ask for anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sedna.api.kinds import KINDS
from tests.gm.http.doors import BASE, MODELS, Door, dataset, model, node, worker


def test_every_kind_is_listed_where_it_lives(door: Door) -> None:
    for path, group in ((BASE, "sedna.io"), ("/api/v1", "")):
        listed = {resource["name"]: resource for resource in door.get(path)["resources"]}
        for kind in KINDS:
            if kind.group == group:
                assert listed[kind.plural]["kind"] == kind.name
                assert listed[kind.plural]["shortNames"] == list(kind.short_names)
                assert (f"{kind.plural}/status" in listed) == kind.has_status
    assert "pods/log" in listed


def test_the_ways_to_them_are_told(door: Door) -> None:
    assert door.get("/api")["versions"] == ["v1"]
    (group,) = door.get("/apis")["groups"]
    assert group["preferredVersion"]["groupVersion"] == "sedna.io/v1alpha1"
    assert door.get("/apis/sedna.io")["name"] == "sedna.io"
    assert door.get("/version")["gitVersion"].startswith("v1.32.0+sedna-")


@pytest.mark.parametrize("accept", ["application/json", "application/com.github.proto-openapi.spec.v3@v1.0+protobuf"])
def test_openapi_leads_from_the_index_to_documents(door: Door, accept: str) -> None:
    index = door.get("/openapi/v3", headers={"Accept": accept})
    for entry in index["paths"].values():
        document = door.get(entry["serverRelativeURL"], headers={"Accept": accept})
        assert document["openapi"].startswith("3.")
    assert door.get("/openapi/v2", 404)["reason"] == "NotFound"


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
def test_health_is_a_word(door: Door, path: str) -> None:
    assert door.get(path).data == b"ok\n"


def test_a_service_that_stops_is_not_ready_but_alive(door: Door) -> None:
    door.parts.exchange.close()
    door.get("/readyz", 503)
    door.get("/livez")


def test_namespaces_exist_by_being_used(door: Door) -> None:
    door.post(MODELS.replace("default", "mine"), model())
    names = [item["metadata"]["name"] for item in door.get("/api/v1/namespaces")["items"]]
    assert names == ["default", "mine"]
    assert door.get("/api/v1/namespaces/any-label")["status"] == {"phase": "Active"}
    door.get("/api/v1/namespaces/No_Label", 404)
    made = door.client.post("/api/v1/namespaces", json={"metadata": {"name": "new"}})
    assert (made.status_code, "exist by being used" in made.headers["Warning"]) == (201, True)
    for body in ({}, [], {"metadata": {"name": "No_Label"}}, {"metadata": {"name": 7}}):
        door.post("/api/v1/namespaces", body, 400)


def test_workers_look_like_pods_to_who_wants_pods(door: Door) -> None:
    path = f"{BASE}/namespaces/default/workers"
    door.post(path, worker())
    door.patch(f"{path}/w/status", {"status": {"phase": "Running", "restarts": 2, "message": "It runs."}})
    pod = door.get("/api/v1/namespaces/default/pods/w")
    assert pod["spec"]["containers"] == [{"name": "train-worker", "image": "i:t"}]
    assert (pod["status"]["phase"], pod["status"]["containerStatuses"][0]["restartCount"]) == ("Running", 2)
    assert [item["metadata"]["name"] for item in door.get("/api/v1/pods")["items"]] == ["w"]
    assert door.get("/api/v1/pods?fieldSelector=status.phase%3DFailed")["items"] == []
    table = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    assert door.get("/api/v1/namespaces/default/pods", headers=table)["rows"][0]["cells"][:3] == ["w", "Running", 2]
    assert len(door.get("/api/v1/namespaces/default/pods/w", headers=table)["rows"]) == 1
    door.get("/api/v1/namespaces/default/pods/x", 404)


def test_events_are_found_by_what_they_are_about(door: Door) -> None:
    event: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "d.1"},
        "involvedObject": {"kind": "Dataset", "name": "d", "namespace": "default"},
        "reason": "Counted",
        "message": "There are 3 samples.",
    }
    path = "/api/v1/namespaces/default/events"
    door.post(path, event)
    about = "?fieldSelector=involvedObject.name%3Dd,involvedObject.kind%3DDataset"
    assert [item["message"] for item in door.get(f"{path}{about}")["items"]] == ["There are 3 samples."]
    assert door.get(f"{path}?fieldSelector=involvedObject.name%3Dx")["items"] == []
    door.get(f"{path}/d.1/status", 405)


def test_a_heartbeat_is_for_nodes_that_are_known(door: Door) -> None:
    path = f"{BASE}/nodes/edge/heartbeat"
    door.post(path, {}, 404)
    door.post(f"{BASE}/nodes", node())
    before = door.parts.store.revision()
    assert door.post(path, {}, 200) == {"intervalSeconds": 10}
    assert door.parts.heartbeats.last("edge") == door.parts.clock()
    assert door.parts.store.revision() == before


def test_the_rounds_of_a_job_come_in_pages(door: Door) -> None:
    from sedna_gm.store.interface import key_of
    from tests.api.manifests import job

    path = f"{BASE}/namespaces/default/incrementallearningjobs"
    made = door.post(path, job())
    rounds = f"{path}/{made['metadata']['name']}/rounds"
    for number in range(1, 6):
        door.parts.store.append_round(key_of(made), made["metadata"]["uid"], {"round": number})
    door.parts.store.append_round(key_of(made), "an earlier job's uid", {"round": 9})
    first = door.get(f"{rounds}?limit=2")
    assert [record["round"] for record in first["items"]] == [1, 2]
    rest = door.get(f"{rounds}?continue={first['metadata']['continue']}")
    assert [record["round"] for record in rest["items"]] == [3, 4, 5]
    assert rest["metadata"] == {}
    door.get(f"{rounds}?limit=0", 400)
    assert [record["round"] for record in door.get(f"{rounds}?newest=2")["items"]] == [4, 5]
    for wrong in ("newest=0", "newest=2&limit=1", "newest=2&continue=1", "newest=x"):
        door.get(f"{rounds}?{wrong}", 400)
    door.get(f"{rounds}?continue=x", 400)
    door.get(f"{path}/nobody/rounds", 404)


def test_every_answer_is_ascii_json_so_that_no_proxy_can_spoil_it(door: Door) -> None:
    door.post(f"{BASE}/namespaces/default/datasets", dataset(metadata={"annotations": {"a": "漢"}}))
    data = door.client.get(f"{BASE}/datasets").data
    assert data.isascii()
    assert json.loads(data)["items"][0]["metadata"]["annotations"] == {"a": "漢"}
