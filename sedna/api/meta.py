"""What all resources have in common: the base of our types, and metadata."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict
from pydantic.alias_generators import to_camel

from sedna.api.names import check_dns_subdomain, check_label_key, check_label_value
from sedna.api.times import parse_time

GROUP = "sedna.io"
VERSION = "v1alpha1"
API_VERSION: Final = "sedna.io/v1alpha1"
INITIAL_EVENTS_END: Final = "k8s.io/initial-events-end"
"""Annotates the bookmark after which a watch has told all that there was: Kubernetes' name."""

# A text that looks like a number stays a text: `value: 32` without quotes is the writer's slip, said at once.
Int = Annotated[int, Strict()]
Bool = Annotated[bool, Strict()]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Text = Annotated[str, Strict()]
NonEmpty = Annotated[str, Strict(), Field(min_length=1)]


def _check_time(text: str) -> str:
    parse_time(text)
    return text


Time = Annotated[str, Strict(), AfterValidator(_check_time), Field(json_schema_extra={"format": "date-time"})]
LabelKey = Annotated[str, AfterValidator(check_label_key)]
LabelValue = Annotated[str, Strict(), AfterValidator(check_label_value)]
ResourceName = Annotated[str, Strict(), AfterValidator(check_dns_subdomain)]


class Value(BaseModel):
    """A frozen value, written in camelCase on the wire; an unknown field is an error."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        protected_namespaces=(),
    )

    def dump(self) -> dict[str, Any]:
        """Return the JSON form: only what was set, never null."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)


class OwnerReference(Value):
    """Whom a resource belongs to: it goes when its owner goes."""

    api_version: Text
    kind: Text
    name: Text
    uid: Text
    controller: Bool | None = None
    block_owner_deletion: Bool | None = None


class ObjectMeta(Value):
    """Identity and life of a resource. Name, labels and annotations are the user's; the rest is the store's."""

    name: Text = ""
    """Unique within its kind and namespace; becomes part of file and unit names."""
    generate_name: Text | None = None
    """A prefix to which the server adds five random characters, where `name` is not given."""
    namespace: Text | None = None
    """Where the resource lives; `default` where nothing is said."""
    uid: Text | None = None
    """Identity over time: a resource made again under the same name has another one."""
    resource_version: Text | None = None
    """Number of the last write; sent back with an update, it refuses to overwrite what others wrote since."""
    generation: Int | None = None
    """Counts the changes of spec."""
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    """Set when somebody deleted the resource and finalizers still hold it."""
    deletion_grace_period_seconds: Int | None = None
    labels: dict[LabelKey, LabelValue] | None = None
    annotations: dict[LabelKey, Text] | None = None
    finalizers: list[Text] | None = None
    """Who still has to tidy up before the resource may disappear."""
    owner_references: list[OwnerReference] | None = None
    self_link: Text | None = None
    managed_fields: list[dict[str, Any]] | None = None


class Resource(Value):
    """A validated manifest with identity and status."""

    api_version: Text
    kind: Text
    metadata: ObjectMeta

    def dump(self) -> dict[str, Any]:
        """Return the JSON form, which always tells its kind."""
        return {"apiVersion": self.api_version, "kind": self.kind, **super().dump()}


class Condition(Value):
    """One thing that is so, or is not, or is not known, and since when."""

    type: Text
    status: Text
    reason: Text | None = None
    message: Text | None = None
    last_heartbeat_time: Time | None = None
    last_transition_time: Time | None = None


class KeyValue(Value):
    """A named text, as the original writes metrics and parameters."""

    key: NonEmpty
    value: Text


class NameReference(Value):
    """The name of another resource in the same namespace."""

    name: ResourceName
