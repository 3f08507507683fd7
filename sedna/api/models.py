"""The kind Model: a file or folder that estimators load, and which version of it is deployed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sedna.api.meta import API_VERSION, Int, KeyValue, NonEmpty, Resource, ResourceName, Text, Time, Value
from sedna.api.trees import ArtifactReference


class ModelSpec(Value):
    """Where the model is."""

    url: NonEmpty
    """Path of a file or folder on the node, or `s3://bucket/key`, which each node fetches that needs it."""
    format: Text
    """Free text, such as pb, ckpt, keras, onnx."""
    device_soc_versions: Annotated[list[Text], Field(alias="device_soc_versions")] = Field(default_factory=list)
    """Chips that the file is made for."""
    credential_name: Text | None = None
    """The file of this name among a node's credentials opens `url`."""
    node_name: ResourceName | None = None
    """The node on which the file lies; absent: wherever it is used."""


class ModelVersion(Value):
    """One version of a model: never overwritten, named by its content."""

    url: NonEmpty
    sha256: Text | None = None
    format: Text | None = None
    round: Annotated[Int, Field(ge=0)] | None = None
    """The round that made it; 0 for the model a job began with."""
    job: Text | None = None
    time: Time | None = None
    node_name: ResourceName | None = None
    """The node on which `url` lies; absent: wherever it is used."""
    artifact: ArtifactReference | None = None
    """Where other nodes fetch it."""
    credential_name: Text | None = None
    """Which credential of a node opens `url`, where that is on no node (`s3://…`)."""


class ModelStatus(Value):
    """Which version serves, and how good it was when it was judged."""

    update_time: Time | None = None
    metrics: list[KeyValue] = Field(default_factory=list)
    version: ModelVersion | None = None
    """What is deployed now; absent as long as it is the file of spec.url."""


class Model(Resource):
    """A model that jobs begin with, compare with, or deploy to."""

    api_version: Literal["sedna.io/v1alpha1"] = API_VERSION
    kind: Literal["Model"] = "Model"
    spec: ModelSpec
    status: ModelStatus = ModelStatus()
