"""What lies on one node and is needed on another: which Artifact carries it, under which name, called how.

The name follows from the job's identity and the content. So a repeated step finds its own artifact, one of an earlier
job of the same name is never taken for it, and what changes (an edited model, a dataset that moved) gets another one.
Built for `carrying`, which asks for what is missing, and for `tidying`, which knows what is still needed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sedna.api.artifacts import ArtifactSamples, ArtifactSpec
from sedna.api.models import ModelVersion
from sedna.api.stages import Stage
from sedna.api.urls import is_remote
from sedna.api.workers import SampleRange
from sedna_gm.controllers.decisions import JSON, Happening
from sedna_gm.controllers.incremental_learning.making import (
    JOB_LABEL,
    STAGE_LABEL,
    dataset_reference,
    job_reference,
    owner_references,
    reference,
    round_labels,
)
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot

DIGITS = 10
"""Hexadecimal digits that tell a job's contents from one another. Job names have 63 characters at most, names of
artifacts may have 253, so nothing has to be cut off."""


@dataclass(frozen=True)
class Content:
    """One thing to be carried from a node."""

    name: str
    """Of its Artifact."""
    what: str
    """As it stands in a sentence: "the samples of dataset incremental-dataset"."""
    spec: ArtifactSpec
    stage: Stage | None = None
    """The one stage that needs it; None for a model, which several may need."""
    round: int = 0

    @property
    def node(self) -> str:
        """Where it lies."""
        return self.spec.node_name

    def asked_for(self, node: str) -> Happening:
        """What to tell when its node is asked to send it for another one."""
        kind = "SamplesRequested" if self.spec.samples is not None else "ModelRequested"
        return Happening(kind, f"Node {self.node} is asked to send {self.what}, for node {node}.")


def of_samples(snapshot: Snapshot, stage: Stage, round_: int, ranges: Sequence[SampleRange]) -> Content | None:
    """The samples of a stage. They lie where the dataset is; None without one."""
    dataset = snapshot.dataset
    if dataset is None:
        return None
    spec = ArtifactSpec(
        node_name=dataset.spec.node_name,
        job=job_reference(snapshot),
        samples=ArtifactSamples(dataset=dataset_reference(snapshot), ranges=list(ranges)),
        store=snapshot.settings.store,
    )
    name = f"{snapshot.job.metadata.name}-{stage.value.lower()}-{round_}-samples-{_digest(spec)}"
    return Content(name, f"the samples of dataset {dataset.metadata.name}", spec, stage, round_)


def of_model(snapshot: Snapshot, name: str, version: ModelVersion) -> Content | None:
    """A version of a model; None when it lies wherever it is used. `name` is the Model resource it stands for."""
    if version.node_name is None or is_remote(version.url):
        return None
    spec = ArtifactSpec(
        node_name=version.node_name,
        job=job_reference(snapshot),
        model=reference(name, version),
        store=snapshot.settings.store,
    )
    round_ = version.round or 0
    what = f"the model of round {round_}" if round_ else f"model {name}"
    return Content(f"{snapshot.job.metadata.name}-model-{round_}-{_digest(spec)}", what, spec, round=round_)


def artifact(snapshot: Snapshot, content: Content) -> JSON:
    """The Artifact resource that has a content sent."""
    labels = {JOB_LABEL: snapshot.job.metadata.name, **round_labels(snapshot, content.round)}
    if content.stage is not None:
        labels[STAGE_LABEL] = content.stage.value
    return {
        "apiVersion": snapshot.job.api_version,
        "kind": "Artifact",
        "metadata": {
            "name": content.name,
            "namespace": snapshot.namespace,
            "labels": labels,
            "ownerReferences": owner_references(snapshot),
        },
        "spec": content.spec.dump(),
    }


def _digest(spec: ArtifactSpec) -> str:
    told = spec.dump()
    # Another store is no other content, and one version may stand for two Model resources.
    told.pop("store", None)
    kind: Literal["model", "samples"] = "model" if spec.model is not None else "samples"
    told[kind].pop("name", None)
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:DIGITS]
