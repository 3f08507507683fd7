"""The kind Model: a file or folder that estimators load, and which version of it is deployed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sedna.api.meta import API_VERSION, Int, KeyValue, NonEmpty, Resource, ResourceName, Text, Time, Value
from sedna.api.trees import ArtifactReference

ROLLBACK_ANNOTATION = "sedna.io/rollback"
"""On a Model: the round whose version shall be served again, or `previous`. Removed as soon as it was read."""
ROLLBACK_BY_ANNOTATION = "sedna.io/rollback-by"
"""On a Model, if somebody wants it to be known: who asked for the rollback."""
PREVIOUS = "previous"
RETAINED_BY_DEFAULT = 5


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
    retain: Annotated[Int, Field(ge=1, le=100)] = RETAINED_BY_DEFAULT
    """How many versions stay within reach of a rollback, newest first; the deployed one always does."""


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


class RetainedVersion(ModelVersion):
    """A version that can be served again: where it came from, how good it was, and what became of it."""

    metrics: list[KeyValue] = Field(default_factory=list)
    """As it was judged in its round; empty for one that never was."""
    origin: Text = ""
    """`JOB/ROUND`, or `spec` for the file that the manifest names."""
    state: Literal["Deployed", "Previous", "RolledBack", "NotDeployed"] = "NotDeployed"
    """Previous was deployed once; RolledBack was, and somebody or its guard took it back."""
    message: Text | None = None
    """Why it is not deployed, or was taken back."""


class Rollback(Value):
    """The last wish for another version, and what became of it."""

    asked: Text
    """What the annotation said: a round, or `previous`."""
    by: Text | None = None
    """Who asked, if that was said."""
    job: Text | None = None
    """The job that carries it out."""
    requested_at: Time | None = None
    """When the GlobalManager read it."""
    to: ModelVersion | None = None
    """The version that was meant; absent when there is none such."""
    state: Literal["Accepted", "Deploying", "Deployed", "Failed", "Refused"] = "Accepted"
    message: Text | None = None
    """One sentence: what is done, or why not."""


class ModelStatus(Value):
    """Which version serves, which others can, and how good it was when it was judged."""

    update_time: Time | None = None
    metrics: list[KeyValue] = Field(default_factory=list)
    version: ModelVersion | None = None
    """What is deployed now; absent as long as it is the file of spec.url."""
    versions: list[RetainedVersion] = Field(default_factory=list)
    """What a rollback can go to, newest first: `spec.retain` of them, and the deployed one."""
    rollback: Rollback | None = None


class Model(Resource):
    """A model that jobs begin with, compare with, or deploy to."""

    api_version: Literal["sedna.io/v1alpha1"] = API_VERSION
    kind: Literal["Model"] = "Model"
    spec: ModelSpec
    status: ModelStatus = ModelStatus()
