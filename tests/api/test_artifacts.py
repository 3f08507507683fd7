"""The kind Artifact: one content, from one node, for one job."""

from __future__ import annotations

from typing import Any

import pytest

from sedna.api.artifacts import Artifact
from sedna.api.kinds import by_kind
from sedna.api.validating import Invalid, validate

MODEL = {"name": "m", "url": "/models/m.pb", "format": "pb", "round": 2}
SAMPLES = {
    "dataset": {"name": "d", "url": "/data/d.txt", "format": "txt"},
    "ranges": [{"dataset": "d", "start": 0, "end": 8, "part": "train", "probability": 0.8, "seed": "u"}],
}


def artifact(**spec: Any) -> dict[str, Any]:
    job = {"kind": "IncrementalLearningJob", "name": "j", "uid": "u"}
    return {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": "Artifact",
        "metadata": {"name": "j-model-2"},
        "spec": {"nodeName": "cloud", "job": job, **spec},
    }


@pytest.mark.parametrize("content", [{"model": MODEL}, {"samples": SAMPLES}], ids=["model", "samples"])
def test_a_model_or_samples_are_sent(content: dict[str, Any]) -> None:
    resource = validate(artifact(**content, store="s3://bucket/a")).resource
    assert isinstance(resource, Artifact)
    assert resource.status.phase == "Pending"
    assert validate(resource.dump()).resource == resource


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({}, "spec"),
        ({"model": MODEL, "samples": SAMPLES}, "spec"),
        ({"model": MODEL, "store": "bucket"}, "spec.store"),
        ({"samples": {**SAMPLES, "ranges": []}}, "spec.samples.ranges"),
        ({"model": MODEL, "nodeName": "../etc"}, "spec.nodeName"),
    ],
    ids=["neither", "both", "no URL", "no samples", "no node"],
)
def test_an_artifact_that_says_nothing_definite_is_refused(spec: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        validate(artifact(**spec))
    assert field in [cause.field for cause in caught.value.causes]


def test_a_status_names_content_by_sha256_only() -> None:
    with pytest.raises(Invalid) as caught:
        validate({**artifact(model=MODEL), "status": {"phase": "Ready", "tree": "latest"}})
    assert [cause.field for cause in caught.value.causes] == ["status.tree"]


def test_a_worker_and_a_model_may_name_the_artifact_that_brings_their_content() -> None:
    reference = {"name": "a", "tree": "a" * 64, "sizeBytes": 3, "store": ""}
    worker = {
        "nodeName": "edge",
        "role": "train",
        "job": {"kind": "IncrementalLearningJob", "name": "j", "uid": "u"},
        "round": 1,
        "template": {"containers": [{"name": "train-worker", "image": "i:t"}]},
        "models": [{**MODEL, "artifact": reference}],
        "samplesArtifact": reference,
    }
    model = {"url": "/models/m.pb", "format": "pb", "nodeName": "cloud"}
    version = {"url": "/out/1/m.pb", "nodeName": "cloud", "artifact": reference}
    for kind, spec, status in [("Worker", worker, {}), ("Model", model, {"version": version})]:
        raw = {"apiVersion": "sedna.io/v1alpha1", "kind": kind, "metadata": {"name": "x"}, "spec": spec}
        dumped = validate({**raw, "status": status} if status else raw).resource.dump()
        assert dumped["spec"] == spec
        assert dumped.get("status", {}) == status
    with pytest.raises(Invalid):
        bare = {"apiVersion": "sedna.io/v1alpha1", "kind": "Worker", "metadata": {"name": "x"}}
        validate({**bare, "spec": {**worker, "samplesArtifact": {**reference, "tree": "../x"}}})


def test_a_row_says_what_is_sent_and_how_much_of_it_has_arrived() -> None:
    status = {"phase": "Sending", "sizeBytes": 40_000_000, "sentBytes": 12_345_678}
    rows = {
        "model m": {**artifact(model=MODEL), "status": status},
        "samples of d": {**artifact(samples=SAMPLES), "status": status},
    }
    for what, raw in rows.items():
        cells = {column.name: column.value(raw) for column in by_kind("Artifact").columns}
        assert (cells["Node"], cells["What"], cells["Phase"]) == ("cloud", what, "Sending")
        assert (cells["Size"], cells["Sent"]) == ("40 MB", "12 MB")
