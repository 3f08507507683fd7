"""The kind Event of Kubernetes' core group: what happened to a resource, as a sentence."""

from __future__ import annotations

from typing import Any, Literal

from sedna.api.meta import Int, Resource, Text, Time, Value


class ObjectReference(Value):
    """Which resource an event is about."""

    kind: Text | None = None
    namespace: Text | None = None
    name: Text | None = None
    uid: Text | None = None
    api_version: Text | None = None
    resource_version: Text | None = None
    field_path: Text | None = None


class EventSource(Value):
    """Who says so."""

    component: Text | None = None
    host: Text | None = None


class Event(Resource):
    """One thing that happened, with how often and when last."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["Event"] = "Event"
    involved_object: ObjectReference
    type: Literal["Normal", "Warning"] = "Normal"
    reason: Text = ""
    """CamelCase word for programs."""
    message: Text = ""
    """A sentence for people."""
    source: EventSource | None = None
    count: Int = 1
    first_timestamp: Time | None = None
    last_timestamp: Time | None = None
    event_time: Any = None
    reporting_component: Text | None = None
    reporting_instance: Text | None = None
    action: Text | None = None
    related: ObjectReference | None = None
    series: Any = None
