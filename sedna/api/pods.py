"""The container template of the original, and what of it means something on a plain host.

`sedna_lc` turns a PodSpec into a systemd unit or a process. Fields that Kubernetes knows and a plain host has
no use for are accepted with a warning, so that a manifest need not be rewritten.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from sedna.api.meta import Bool, Int, LabelKey, LabelValue, NonEmpty, ResourceName, Text, Value
from sedna.api.names import check_dns_label
from sedna.api.quantities import parse_quantity

HOST_PATH_TYPES = (
    "",
    "DirectoryOrCreate",
    "Directory",
    "FileOrCreate",
    "File",
    "Socket",
    "CharDevice",
    "BlockDevice",
)
_TYPE_BY_LOWER_CASE = {name.lower(): name for name in HOST_PATH_TYPES}
_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")

# What Kubernetes accepts and a plain host cannot give a meaning to. The value's shape is left unchecked.
Ineffective = Annotated[Any, Field(json_schema_extra={"x-sedna-ineffective": True})]


def _quantity(value: Any) -> Any:
    # YAML reads `cpu: 2` as a number; Kubernetes takes both forms.
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, str):
        parse_quantity(value)
    return value


Quantity = Annotated[str, BeforeValidator(_quantity), Field(json_schema_extra={"x-kubernetes-int-or-string": True})]


def _one_of(*choices: str) -> AfterValidator:
    def check(text: str) -> str:
        if text not in choices:
            raise ValueError(f"{text!r} is not one of {', '.join(choices)}")
        return text

    return AfterValidator(check)


def _host_path_type(text: str, info: ValidationInfo) -> str:
    known = _TYPE_BY_LOWER_CASE.get(text.lower())
    if known is None:
        raise ValueError(f"{text!r} is not one of {', '.join(name for name in HOST_PATH_TYPES if name)}")
    if known != text and info.context is not None:
        info.context["warnings"].append(f'hostPath type "{text}" is read as "{known}"')
    return known


def check_absolute(path: str) -> str:
    """Return an absolute path without detours, or raise ValueError."""
    if not path.startswith("/"):
        raise ValueError(f"{path!r} is not absolute: a path begins with '/'")
    if "\0" in path or ".." in path.split("/"):
        raise ValueError(f"{path!r} may hold neither '..' nor a NUL character")
    # A line end in a path would be a line of its own in a unit's file, which systemd reads as root.
    if any(character < " " or character == "\x7f" for character in path):
        raise ValueError(f"{path!r} may hold no control characters")
    return path


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL character cannot be handed to a process")
    return text


def _variable_name(name: str) -> str:
    if not name or "=" in name or "\0" in name:
        raise ValueError(f"{name!r} cannot be the name of an environment variable")
    return name


AbsolutePath = Annotated[str, Field(min_length=1), AfterValidator(check_absolute)]
Argument = Annotated[str, AfterValidator(_no_nul)]


class EnvVar(Value):
    """One variable of the worker's environment."""

    name: Annotated[str, AfterValidator(_variable_name)]
    value: Annotated[str, AfterValidator(_no_nul)] = ""
    """Always a text: quote numbers."""


class VolumeMount(Value):
    """Where a volume appears for the worker."""

    name: NonEmpty
    mount_path: AbsolutePath
    """The path that the worker's code sees."""
    read_only: Bool = False
    sub_path: Ineffective = None
    mount_propagation: Ineffective = None


class HostPath(Value):
    """A file or folder of the host."""

    path: AbsolutePath
    type: Annotated[str, AfterValidator(_host_path_type)] = ""
    """What must be there, or is made: DirectoryOrCreate, Directory, FileOrCreate, File, …; any letter case."""


class Volume(Value):
    """A named piece of the host that containers may mount."""

    name: NonEmpty
    host_path: HostPath
    """The only kind of volume here: a path on the node."""


class Resources(Value):
    """What the worker may take (`limits`) and what is kept for it (`requests`): memory and cpu."""

    limits: dict[NonEmpty, Quantity] = Field(default_factory=dict)
    """`memory` becomes MemoryMax, `cpu` becomes CPUQuota."""
    requests: dict[NonEmpty, Quantity] = Field(default_factory=dict)
    """`memory` becomes MemoryLow, `cpu` becomes CPUWeight."""
    claims: Ineffective = None


class Container(Value):
    """The user's code: a worker image, what to run in it, and with which environment."""

    name: Annotated[str, AfterValidator(check_dns_label)]
    image: NonEmpty
    """NAME:TAG of a worker image installed on the node."""
    command: list[Argument] = Field(default_factory=list)
    """Replaces the image's interpreter."""
    args: list[Argument] = Field(default_factory=list)
    """What to run, such as `["train.py"]`, in the image's app folder."""
    env: list[EnvVar] = Field(default_factory=list)
    volume_mounts: list[VolumeMount] = Field(default_factory=list)
    resources: Resources = Resources()
    image_pull_policy: Annotated[str, _one_of(*_PULL_POLICIES)] = "IfNotPresent"
    """Images are installed, not pulled: IfNotPresent and Never are always true here."""
    working_dir: AbsolutePath | None = None
    """Instead of the image's app folder."""
    ports: Ineffective = None
    env_from: Ineffective = None
    lifecycle: Ineffective = None
    liveness_probe: Ineffective = None
    readiness_probe: Ineffective = None
    startup_probe: Ineffective = None
    security_context: Ineffective = None
    stdin: Ineffective = None
    stdin_once: Ineffective = None
    tty: Ineffective = None
    termination_message_path: Ineffective = None
    termination_message_policy: Ineffective = None
    volume_devices: Ineffective = None


class PodSpec(Value):
    """Where and how one run of user code happens."""

    containers: Annotated[list[Container], Field(min_length=1, max_length=1)]
    """Exactly one: a worker is one process tree."""
    node_name: ResourceName | None = None
    """The node to run on; absent: placed by the GlobalManager."""
    node_selector: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels that the node must have."""
    volumes: list[Volume] = Field(default_factory=list)
    restart_policy: Annotated[str, _one_of(*_RESTART_POLICIES)] | None = None
    """Absent: Always for inference, Never for training and evaluation."""
    active_deadline_seconds: Annotated[Int, Field(ge=1)] | None = None
    """After this long the run is ended and has failed."""
    termination_grace_period_seconds: Annotated[Int, Field(ge=0)] = 30
    """Between SIGTERM and SIGKILL."""
    host_network: Ineffective = None
    dns_policy: Ineffective = None
    dns_config: Ineffective = None
    host_aliases: Ineffective = None
    host_ipc: Annotated[Any, Field(alias="hostIPC", json_schema_extra={"x-sedna-ineffective": True})] = None
    host_pid: Annotated[Any, Field(alias="hostPID", json_schema_extra={"x-sedna-ineffective": True})] = None
    hostname: Ineffective = None
    affinity: Ineffective = None
    tolerations: Ineffective = None
    topology_spread_constraints: Ineffective = None
    priority: Ineffective = None
    priority_class_name: Ineffective = None
    runtime_class_name: Ineffective = None
    scheduler_name: Ineffective = None
    security_context: Ineffective = None
    service_account: Ineffective = None
    service_account_name: Ineffective = None
    automount_service_account_token: Ineffective = None
    image_pull_secrets: Ineffective = None
    init_containers: Ineffective = None
    enable_service_links: Ineffective = None

    @model_validator(mode="after")
    def _mounts_have_volumes(self) -> PodSpec:
        names = [volume.name for volume in self.volumes]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"volumes of the same name: {', '.join(twice)}")
        if missing := sorted({mount.name for mount in self.container.volume_mounts} - set(names)):
            raise ValueError(f"volumeMounts name volumes that are not there: {', '.join(missing)}")
        return self

    @property
    def container(self) -> Container:
        """The one container."""
        return self.containers[0]


class TemplateMeta(Value):
    """Labels and annotations that the worker gets."""

    name: Text | None = None
    labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    annotations: dict[LabelKey, Text] = Field(default_factory=dict)
    creation_timestamp: Any = None


class PodTemplate(Value):
    """A container template, as in the original."""

    metadata: TemplateMeta = TemplateMeta()
    spec: PodSpec
