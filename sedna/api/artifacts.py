"""The kind Artifact: a model or samples that a node sends into a store, for other nodes to fetch.

A controller of the GlobalManager makes one where a worker needs what lies on another node; the LocalController of
`spec.nodeName`, where the content lies, packs it as a tree (`sedna.api.trees`), sends what the store does not have yet
and writes the status. A worker's spec then names it by an ArtifactReference.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sedna.api.meta import API_VERSION, Int, Resource, ResourceName, Text, Time, Value
from sedna.api.trees import ArtifactReference, Sha256, StoreUrl, Tree, TreeFile
from sedna.api.workers import DatasetReference, JobReference, ModelReference, SampleRange

__all__ = [
    "Artifact",
    "ArtifactReference",
    "ArtifactSamples",
    "ArtifactSpec",
    "ArtifactStatus",
    "Tree",
    "TreeFile",
]

Count = Annotated[Int, Field(ge=0)]


class ArtifactSamples(Value):
    """Samples to send: lines of a dataset, and the files that they name."""

    dataset: DatasetReference
    ranges: Annotated[list[SampleRange], Field(min_length=1)]


class ArtifactSpec(Value):
    """What shall be sent, from where, and where to."""

    node_name: ResourceName
    """The node on which the content lies."""
    job: JobReference
    """The job that needs it elsewhere."""
    model: ModelReference | None = None
    """Either this, or samples."""
    samples: ArtifactSamples | None = None
    """Either this, or a model."""
    store: StoreUrl = ""
    """Empty: the GlobalManager's own; else an fsspec URL, such as s3://bucket/prefix."""

    @model_validator(mode="after")
    def _one_content(self) -> ArtifactSpec:
        if (self.model is None) == (self.samples is None):
            raise ValueError("exactly one of model and samples is to be sent")
        return self


class ArtifactStatus(Value):
    """How far the sending is; Ready and Failed are final."""

    phase: Literal["Pending", "Sending", "Ready", "Failed"] = "Pending"
    reason: Text | None = None
    message: Text | None = None
    observed_generation: Int | None = None
    update_time: Time | None = None
    tree: Sha256 | None = None
    """The sha256 of the tree document: the address of the whole content."""
    sha256: Sha256 | None = None
    """Of a model: its own digest, as in the lineage of models."""
    files: Count | None = None
    size_bytes: Count | None = None
    sent_bytes: Count | None = None
    """How much of it the store has, whoever sent it."""
    sample_count: Count | None = None


class Artifact(Resource):
    """A content on its way from one node to others."""

    api_version: Literal["sedna.io/v1alpha1"] = API_VERSION
    kind: Literal["Artifact"] = "Artifact"
    spec: ArtifactSpec
    status: ArtifactStatus = ArtifactStatus()
