"""What comes in is refused with every cause, or kept as its writer wrote it."""

from __future__ import annotations

from typing import Any

import pytest

from sedna.api.kinds import by_kind
from sedna.api.yaml12 import load_documents
from sedna_gm.admission.admitting import Place, admit, admit_status
from sedna_gm.errors import BadRequest, Refused
from tests.gm.clients.servers import printed

MODEL = Place(by_kind("Model"), "default")


def model(**spec: Any) -> dict[str, Any]:
    spec = {"url": "/m", "format": "pb", **spec}
    return {"apiVersion": "sedna.io/v1alpha1", "kind": "Model", "metadata": {"name": "m"}, "spec": spec}


def worker(node: str = "edge") -> dict[str, Any]:
    spec = {
        "nodeName": node,
        "role": "train",
        "job": {"kind": "IncrementalLearningJob", "name": "j", "uid": "u"},
        "round": 1,
        "template": {"containers": [{"name": "c", "image": "i:t", "resources": {"limits": {"cpu": 2}}}]},
    }
    return {"apiVersion": "sedna.io/v1alpha1", "kind": "Worker", "metadata": {"name": "w"}, "spec": spec}


def test_what_is_accepted_is_kept_as_written() -> None:
    place = Place(by_kind("Worker"), "default")
    written = worker()
    written["spec"]["template"]["volumes"] = [{"name": "v", "hostPath": {"path": "/v", "type": "DirectoryorCreate"}}]
    admitted = admit(written, place, "Strict")
    template = admitted.resource["spec"]["template"]
    assert template["volumes"][0]["hostPath"]["type"] == "DirectoryorCreate"
    assert template["containers"][0]["resources"]["limits"]["cpu"] == 2
    assert any("DirectoryOrCreate" in warning for warning in admitted.warnings)


@pytest.mark.parametrize("strictness", ["Warn", "Ignore"])
def test_unknown_fields_are_dropped(strictness: Any) -> None:
    raw = {**model(colour="red"), "extra": 1}
    raw["metadata"]["nonsense"] = True
    admitted = admit(raw, MODEL, strictness)
    assert admitted.resource["spec"] == {"url": "/m", "format": "pb"}
    assert "extra" not in admitted.resource
    assert "nonsense" not in admitted.resource["metadata"]
    assert len(admitted.warnings) == (3 if strictness == "Warn" else 0)


def test_unknown_fields_are_refused_when_strict_all_at_once() -> None:
    with pytest.raises(Refused) as refused:
        admit({**model(colour="red", url=7), "extra": 1}, MODEL, "Strict")
    assert {cause.field for cause in refused.value.causes} == {"spec.colour", "spec.url", "extra"}


@pytest.mark.parametrize("raw", [None, [], "text", 7, {"metadata": []}, {"metadata": "m"}])
def test_what_is_no_resource_is_a_bad_request(raw: Any) -> None:
    with pytest.raises((BadRequest, Refused)):
        admit(raw, MODEL, "Warn")


@pytest.mark.parametrize(
    "change",
    [{"kind": "Dataset"}, {"apiVersion": "sedna.io/v2"}, {"kind": ["Model"]}],
    ids=["kind", "version", "list"],
)
def test_a_body_for_another_address_is_a_bad_request(change: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="this address takes"):
        admit({**model(), **change}, MODEL, "Warn")


def test_names_that_contradict_the_address_are_a_bad_request() -> None:
    with pytest.raises(BadRequest, match="namespace"):
        admit({**model(), "metadata": {"name": "m", "namespace": "other"}}, MODEL, "Warn")
    with pytest.raises(BadRequest, match="name"):
        admit(model(), Place(by_kind("Model"), "default", "other"), "Warn")
    with pytest.raises(BadRequest, match="no namespace"):
        node = {"apiVersion": "sedna.io/v1alpha1", "kind": "Node", "metadata": {"name": "n", "namespace": "x"}}
        admit(node, Place(by_kind("Node")), "Warn")


@pytest.mark.parametrize("name", ["dataset.yaml", "initial-model.yaml", "deploy-model.yaml", "job.yaml"])
def test_the_quick_starts_manifests_are_kept_to_the_letter(name: str) -> None:
    (manifest,) = load_documents(printed(name))
    place = Place(by_kind(manifest["kind"]), "default")
    admitted = admit(manifest, place, "Strict")
    expected = {**manifest, "metadata": {**manifest["metadata"], "namespace": "default"}}
    assert admitted.resource == expected
    assert admit(admitted.resource, place, "Strict") == admitted
    assert len(admitted.warnings) == (1 if name == "job.yaml" else 0)


def test_a_prefix_gets_a_suffix() -> None:
    raw = {**model(), "metadata": {"generateName": "m-"}}
    assert admit(raw, MODEL, "Strict", new_suffix=lambda: "abcde").resource["metadata"]["name"] == "m-abcde"


@pytest.mark.parametrize("name", ["", "Upper", "-a", "a_b", "x" * 64, "../etc", "a\x00", None])
def test_a_name_that_is_no_dns_label_is_refused(name: Any) -> None:
    with pytest.raises(Refused) as refused:
        admit({**model(), "metadata": {"name": name}}, MODEL, "Warn")
    assert "metadata.name" in {cause.field for cause in refused.value.causes}


def test_a_status_cannot_be_brought_along_except_by_a_node() -> None:
    assert "status" not in admit({**model(), "status": {"anything": 1}}, MODEL, "Strict").resource
    node = {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": "Node",
        "metadata": {"name": "n"},
        "status": {"runner": "process"},
    }
    assert admit(node, Place(by_kind("Node")), "Strict").resource["status"] == {"runner": "process"}


def test_a_worker_stays_on_its_node() -> None:
    place = Place(by_kind("Worker"), "default", "w")
    stored = admit(worker(), place, "Strict").resource
    with pytest.raises(Refused, match=r"spec\.nodeName"):
        admit(worker("other"), place, "Strict", stored=stored)


def test_what_an_artifact_stands_for_cannot_be_changed_under_its_name() -> None:
    place = Place(by_kind("Artifact"), "default", "a")
    reference = {"name": "m", "url": "/m", "format": "pb"}
    spec = {"nodeName": "n", "job": {"kind": "J", "name": "j", "uid": "u"}, "model": reference}
    raw = {"apiVersion": "sedna.io/v1alpha1", "kind": "Artifact", "metadata": {"name": "a"}, "spec": spec}
    stored = admit(raw, place, "Strict").resource
    admit({**raw, "metadata": {"name": "a", "labels": {"x": "y"}}}, place, "Strict", stored=stored)
    with pytest.raises(Refused, match=r"spec: cannot be changed"):
        admit({**raw, "spec": {**spec, "model": {**reference, "round": 1}}}, place, "Strict", stored=stored)


def test_a_leaving_resource_takes_no_new_finalizer() -> None:
    place = Place(by_kind("Model"), "default", "m")
    stored = model()
    stored["metadata"] |= {"finalizers": ["a"], "deletionTimestamp": "2026-11-22T14:00:00Z"}
    wanted = {**model(), "metadata": {"name": "m", "finalizers": ["a", "b"]}}
    with pytest.raises(Refused, match=r"metadata\.finalizers"):
        admit(wanted, place, "Strict", stored=stored)
    wanted["metadata"]["finalizers"] = []
    admit(wanted, place, "Strict", stored=stored)


def test_a_status_is_checked_and_brings_nothing_else() -> None:
    place = Place(by_kind("Model"), "default", "m")
    stored = {**model(), "metadata": {"name": "m", "namespace": "default", "uid": "u", "resourceVersion": "3"}}
    raw = {**model(url="/other"), "status": {"metrics": [{"key": "a", "value": "1"}]}}
    admitted = admit_status(raw, place, "Strict", stored)
    assert admitted.resource["spec"]["url"] == "/m"
    assert admitted.resource["status"] == {"metrics": [{"key": "a", "value": "1"}]}
    with pytest.raises(Refused, match=r"status\.metrics"):
        admit_status({**raw, "status": {"metrics": 7}}, place, "Strict", stored)
