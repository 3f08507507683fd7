"""Hard examples and labels: asked of the node that has the pictures and of the node that has the list."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from tests.gm.controllers.world import job_manifest
from tests.gm.http.doors import BASE, Door, dataset, node

JOB = f"{BASE}/namespaces/default/incrementallearningjobs/helmets"
EXAMPLES = f"{JOB}/hardexamples"
PICTURE = b"\xff\xd8 a picture"
Answer = Callable[[Mapping[str, Any]], dict[str, Any]]


class Nodes:
    """LocalControllers that answer questions from a table until the test ends, and remember what they were asked."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, Answer] = {
            "hard-examples": lambda _: {"items": [item("a"), item("b")], "total": 2, "continue": None},
            "labels": lambda _: {"labels": {"b": {"boxes": [], "by": "ann", "version": "1"}}},
            "picture": lambda _: {
                "media": "image/jpeg", "name": "a.jpg", "sha256": "5" * 64, "data": base64.b64encode(PICTURE).decode(),
            },
            "label": lambda asked: {"label": {"boxes": asked["boxes"], "version": "1"}, "line": "l", "created": True},
        }  # fmt: skip
        self._threads: list[threading.Thread] = []

    def add(self, name: str) -> None:
        self._door.post(f"{BASE}/nodes", node(name))
        self._threads.append(threading.Thread(target=self._listen, args=(name,)))
        self._threads[-1].start()

    def _listen(self, name: str) -> None:
        path = f"{BASE}/nodes/{name}/requests"
        response = self._door.client.get(f"{path}?watch=1&timeoutSeconds=60", buffered=False)
        for line in response.iter_encoded():
            if line.strip():
                question = json.loads(line)
                self.heard.append((name, question))
                body = json.dumps(self.answers[question["type"]](question)).encode()
                self._door.client.post(f"{path}/{question['id']}", data=body, content_type="application/json")
        response.close()

    def close(self) -> None:
        self._door.parts.exchange.close()
        for thread in self._threads:
            thread.join(30)

    def asked(self) -> list[tuple[str, str]]:
        return [(name, question["type"]) for name, question in self.heard]


def item(name: str) -> dict[str, Any]:
    boxes = [{"box": [1, 2, 30, 40], "score": 0.4, "class": 1}]
    return {"name": name, "picture": f"{name}.jpg", "width": 64, "height": 48, "boxes": boxes, "value": 0.6}


@pytest.fixture
def nodes(door: Door) -> Iterator[Nodes]:
    found = Nodes(door)
    yield found
    found.close()


def site(door: Door, nodes: Nodes, pictures: str = "edge", labels: str = "edge") -> None:
    for name in sorted({pictures, labels}):
        nodes.add(name)
    door.post(f"{BASE}/namespaces/default/datasets", dataset("samples", labels))
    manifest = job_manifest()
    container = manifest["spec"]["trainSpec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "class_names", "value": "person, helmet"}]
    door.post(f"{BASE}/namespaces/default/incrementallearningjobs", manifest)
    spec = {
        "nodeName": pictures,
        "role": "inference",
        "job": {"kind": "IncrementalLearningJob", "name": "helmets", "uid": "u"},
        "round": 0,
        "template": {"containers": [{"name": "infer", "image": "i:t"}]},
    }
    wanted = {"apiVersion": "sedna.io/v1alpha1", "kind": "Worker", "metadata": {"name": "helmets-inference"}}
    door.post(f"{BASE}/namespaces/default/workers", {**wanted, "spec": spec})


def test_a_list_has_what_was_predicted_and_what_people_said_of_it(door: Door, nodes: Nodes) -> None:
    site(door, nodes)
    found = door.get(EXAMPLES)
    assert [(each["name"], each["label"] and each["label"]["by"]) for each in found["items"]] == [
        ("a", None),
        ("b", "ann"),
    ]
    assert found["classes"] == ["person", "helmet"]
    assert found["counts"] == {"hard": 2, "labelled": 1}
    assert found["trigger"]["samples"] == 0
    assert found["trigger"]["needed"] > 0


def counts(door: Door, **samples: int) -> None:
    """The job's status says so much of its dataset."""
    job = door.get(JOB)
    uid = door.get(f"{BASE}/namespaces/default/datasets/samples")["metadata"]["uid"]
    door.ask("PUT", f"{JOB}/status", {**job, "status": {"samples": samples, "datasetUid": uid}})


def test_what_was_just_saved_counts_towards_the_trigger_before_the_watcher_has_told_of_it_and_once(
    door: Door, nodes: Nodes
) -> None:
    site(door, nodes)
    counts(door, seen=137, used=100, new=37)
    saved = {"label": {"boxes": []}, "line": "l", "created": True, "seen": 138}
    nodes.answers["label"] = lambda _: saved
    nodes.answers["labels"] = lambda _: {"labels": {}, "seen": 138}
    assert door.ask("PUT", f"{EXAMPLES}/a/label", {"boxes": []}, 201)["trigger"]["samples"] == 38
    assert door.get(EXAMPLES)["trigger"]["samples"] == 38
    counts(door, seen=138, used=100, new=38)
    assert door.ask("PUT", f"{EXAMPLES}/a/label", {"boxes": []}, 201)["trigger"]["samples"] == 38
    counts(door, seen=139, used=100, new=39)
    assert door.get(EXAMPLES)["trigger"]["samples"] == 39


def test_a_label_of_another_picture_that_had_the_name_before_is_none(door: Door, nodes: Nodes) -> None:
    site(door, nodes)
    items = [{**item(name), "time": "2026-11-22T14:00:00Z"} for name in ("a", "b", "c")]
    nodes.answers["hard-examples"] = lambda _: {"items": items, "total": 3, "continue": None}
    times = {"a": "2026-11-22T14:00:00Z", "b": "2026-11-21T09:00:00Z", "c": None}
    labels = {name: {"boxes": [], "by": "ann", "version": "1", "pictureTime": time} for name, time in times.items()}
    nodes.answers["labels"] = lambda _: {"labels": labels}
    found = door.get(EXAMPLES)["items"]
    assert [each["label"] is not None for each in found] == [True, False, True]


def test_an_imported_label_is_for_the_picture_that_was_exported(door: Door, nodes: Nodes) -> None:
    site(door, nodes)
    told = {**item("a"), "time": "2026-11-22T14:00:00Z"}
    nodes.answers["hard-examples"] = lambda _: {"items": [told], "total": 1, "continue": None}
    door.ask("POST", f"{EXAMPLES}/import?untouched=take", door.get(f"{EXAMPLES}/export"))
    assert nodes.heard[-1][1]["pictureTime"] == "2026-11-22T14:00:00Z"


def test_a_list_without_labels_is_better_than_none(door: Door, nodes: Nodes) -> None:
    site(door, nodes)
    nodes.answers["labels"] = lambda _: {"error": {"code": 404, "reason": "NotFound", "message": "It is not here yet."}}
    found = door.get(EXAMPLES)
    assert [each["label"] for each in found["items"]] == [None, None]
    assert found["labelsUnknown"] == "Node edge: It is not here yet."


def test_a_label_is_kept_on_the_node_of_the_dataset_which_has_the_picture_too(door: Door, nodes: Nodes) -> None:
    site(door, nodes)
    boxes = [{"box": [1, 2, 30, 40], "class": 1}]
    found = door.ask("PUT", f"{EXAMPLES}/a/label", {"boxes": boxes, "version": None}, 201)
    assert found["label"] == {"boxes": boxes, "version": "1"}
    assert found["sample"] == {"line": "l"}
    ((_, question),) = nodes.heard
    assert question["picture"] == {"name": "a", "worker": "helmets-inference"}
    assert (question["dataset"], question["example"], question["version"]) == ("samples", "a", None)


def test_a_picture_travels_to_the_node_of_the_dataset_with_its_label(door: Door, nodes: Nodes) -> None:
    site(door, nodes, pictures="camera", labels="store")
    door.ask("PUT", f"{EXAMPLES}/a/label", {"boxes": []}, 201)
    assert nodes.asked() == [("camera", "picture"), ("store", "label")]
    carried = nodes.heard[1][1]["picture"]
    assert (carried["name"], carried["sha256"], base64.b64decode(carried["data"])) == ("a.jpg", "5" * 64, PICTURE)


def test_somebody_elses_label_comes_back_as_a_conflict_with_that_label(door: Door, nodes: Nodes) -> None:
    site(door, nodes)
    theirs = {"boxes": [], "by": "ben", "version": "7"}
    told = {"code": 409, "reason": "AlreadyLabelled", "message": "ben has labelled it.", "label": theirs}
    nodes.answers["label"] = lambda _: {"error": told}
    refusal = door.ask("PUT", f"{EXAMPLES}/a/label", {"boxes": [], "version": None}, 409)
    assert refusal["message"] == "Node edge: ben has labelled it."
    assert refusal["details"]["label"] == theirs


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "boxes"),
        ({"boxes": [{"box": [5, 5, 1, 9], "class": 0}]}, "boxes[0].box"),
        ({"boxes": [{"box": [0, 0, 1, 9], "class": "helmet"}]}, "boxes[0].class"),
        ({"boxes": [], "colour": "red"}, "colour"),
        ([], ""),
    ],
)
def test_what_is_no_label_is_refused_with_its_place_and_nobody_is_asked(
    door: Door, nodes: Nodes, body: Any, field: str
) -> None:
    site(door, nodes)
    refusal = door.ask("PUT", f"{EXAMPLES}/a/label", body, 422)
    assert field in [cause["field"] for cause in refusal["details"]["causes"]]
    assert nodes.heard == []


def test_a_picture_is_what_its_node_sent_and_comes_once(door: Door, nodes: Nodes) -> None:
    site(door, nodes)
    response = door.client.get(f"{EXAMPLES}/a/picture?width=320")
    assert (response.status_code, response.mimetype, response.data) == (200, "image/jpeg", PICTURE)
    assert response.headers["Cache-Control"] == "private, max-age=60"
    lasting = door.client.get(f"{EXAMPLES}/a/picture?width=320&time=2026-11-22T14:00:00Z")
    assert lasting.headers["Cache-Control"] == "private, max-age=86400"
    again = door.client.get(f"{EXAMPLES}/a/picture?width=320", headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert nodes.heard[0][1]["width"] == 320


@pytest.mark.parametrize(
    "address", ["?sort=beauty", "/a/picture?width=0", "/a/picture?width=100000", "/export?format=voc"]
)
def test_a_parameter_that_is_not_offered_is_said(door: Door, nodes: Nodes, address: str) -> None:
    site(door, nodes)
    door.get(f"{EXAMPLES}{address}", 400)


def test_without_an_inference_worker_there_are_no_hard_examples(door: Door) -> None:
    door.post(f"{BASE}/namespaces/default/incrementallearningjobs", job_manifest())
    assert "no inference worker yet" in door.get(EXAMPLES, 404)["message"]
    door.get(f"{BASE}/namespaces/default/incrementallearningjobs/nobody/hardexamples", 404)


def test_what_goes_out_as_coco_comes_in_again_each_picture_with_its_result(door: Door, nodes: Nodes) -> None:
    site(door, nodes)
    document = door.get(f"{EXAMPLES}/export?format=coco")
    assert [image["file_name"] for image in document["images"]] == ["a.jpg", "b.jpg"]

    def label(asked: Mapping[str, Any]) -> dict[str, Any]:
        if asked["example"] == "b":
            return {"error": {"code": 409, "reason": "AlreadyLabelled", "message": "ann was first."}}
        return {"label": {"boxes": asked["boxes"], "version": "1"}, "line": "l", "created": True}

    nodes.answers["label"] = label
    left = door.ask("POST", f"{EXAMPLES}/import", document)
    assert [each["code"] for each in left["results"]] == [304, 409]
    assert left["message"].startswith("0 of 2 pictures were taken. 1 still had the prediction that was exported")
    assert [asked["example"] for _, asked in nodes.heard if asked["type"] == "label"] == ["b"]
    told = door.ask("POST", f"{EXAMPLES}/import?untouched=take", document)
    assert [(each["example"], each["code"]) for each in told["results"]] == [("a", 201), ("b", 409)]
    assert told["message"] == "1 of 2 pictures were taken."
    assert "leave and take" in door.ask("POST", f"{EXAMPLES}/import?untouched=drop", document, 400)["message"]
    assert door.ask("POST", f"{EXAMPLES}/import", {"images": 1}, 422)["message"].startswith("This is no COCO document")


@pytest.mark.parametrize("known", ["1a2b3c4d-b", "b"])
def test_a_name_with_what_label_studio_puts_before_it_finds_its_example_the_whole_name_first(
    door: Door, nodes: Nodes, known: str
) -> None:
    site(door, nodes)

    def label(asked: Mapping[str, Any]) -> dict[str, Any]:
        if asked["example"] != known:
            return {"error": {"code": 404, "reason": "NotFound", "message": "no such example."}}
        return {"label": {"boxes": asked["boxes"], "version": "1"}, "line": "l", "created": True}

    nodes.answers["label"] = label
    images = [{"id": 1, "file_name": "1a2b3c4d-b.jpg"}, {"id": 2, "file_name": "camera.jpg"}]
    told = door.ask("POST", f"{EXAMPLES}/import", {"images": images, "annotations": [], "categories": []})
    assert [(each["example"], each["code"]) for each in told["results"]] == [(known, 201), ("camera", 404)]
