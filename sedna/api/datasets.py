"""The kind Dataset: a file on a node that lists samples, and what its LocalController has counted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sedna.api.meta import API_VERSION, Int, NonEmpty, Resource, ResourceName, Text, Time, Value


def _format(text: str) -> str:
    if text.lower() not in ("txt", "csv"):
        raise ValueError(f"{text!r} is not a dataset format: use txt or csv")
    return text.lower()


class DatasetSpec(Value):
    """Where the samples are."""

    url: NonEmpty
    """Path of the list file on the node: txt (one sample a line, path first) or csv (with a header)."""
    format: Annotated[str, AfterValidator(_format)]
    """txt or csv, in any letter case."""
    node_name: ResourceName
    """The node that holds the data and watches it."""
    credential_name: Text | None = None


class DatasetStatus(Value):
    """What the node's LocalController sees."""

    update_time: Time | None = None
    number_of_samples: Annotated[Int, Field(ge=0)] | None = None
    """Samples in the file as it is now."""
    samples_seen: Annotated[Int, Field(ge=0)] | None = None
    """All samples ever seen, in every generation of the file; only grows."""
    generation: Annotated[Int, Field(ge=0)] | None = None
    """Counts how often the file was truncated, rotated or replaced."""
    state: Literal["Watching", "Unavailable"] | None = None
    reason: Text | None = None
    """Why the file cannot be read: NotFound, IsADirectory, PermissionDenied, NotUtf8, …"""
    message: Text | None = None
    observed_generation: Int | None = None


class Dataset(Resource):
    """Labelled samples on one node."""

    api_version: Literal["sedna.io/v1alpha1"] = API_VERSION
    kind: Literal["Dataset"] = "Dataset"
    spec: DatasetSpec
    status: DatasetStatus = DatasetStatus()
