"""The kind Node: a host with a LocalController, as that LocalController describes it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sedna.api.meta import API_VERSION, Bool, Condition, Resource, Text, Value


class NodeSpec(Value):
    """What an operator wants of the node."""

    unschedulable: Bool = False
    """True: nothing new is placed here; what runs goes on."""


class NodeStatus(Value):
    """What the host is and can do."""

    addresses: list[Text] = Field(default_factory=list)
    images: list[Text] = Field(default_factory=list)
    """Worker images installed, each NAME:TAG."""
    runner: Literal["process", "systemd"] | None = None
    timezone: Text | None = None
    capacity: dict[Text, Text] = Field(default_factory=dict)
    """cpu and memory, as quantities."""
    versions: dict[Text, Text] = Field(default_factory=dict)
    """Of sedna, python and the kernel; `release` is what is installed, where Ansible has installed it."""
    conditions: list[Condition] = Field(default_factory=list)
    """`Ready`: True while heartbeats come in, Unknown when they stop; written by the GlobalManager."""


class Node(Resource):
    """A host; cluster-scoped."""

    api_version: Literal["sedna.io/v1alpha1"] = API_VERSION
    kind: Literal["Node"] = "Node"
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()
