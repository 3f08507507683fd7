"""The table of kinds: one row a kind, from which API paths, discovery, validation and Tables follow.

A new kind is a module of types, a row here, and a controller in the GlobalManager.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sedna.api import artifacts, datasets, events, incremental_learning, models, nodes, workers
from sedna.api.meta import GROUP, VERSION, Resource
from sedna.api.names import check_dns_label, check_dns_subdomain
from sedna.api.quantities import size_text

Cell = str | int | float | None


class UnknownKind(LookupError):
    """No such kind; the message lists the known ones."""


@dataclass(frozen=True)
class Column:
    """A column of `kubectl get`; those of priority 1 show with `-o wide` only."""

    name: str
    type: str
    description: str
    value: Callable[[Mapping[str, Any]], Cell]
    priority: int = 0


@dataclass(frozen=True)
class Kind:
    """How a kind is called, addressed, checked and shown."""

    name: str
    plural: str
    model: type[Resource]
    short_names: tuple[str, ...]
    columns: tuple[Column, ...]
    group: str = GROUP
    version: str = VERSION
    namespaced: bool = True
    check_name: Callable[[str], str] = check_dns_label
    has_status: bool = True
    # Its names are made by programs: tables show them last, and with `-o wide` only.
    name_is_made: bool = False

    @property
    def singular(self) -> str:
        """The kind in lower case, as kubectl writes it."""
        return self.name.lower()

    @property
    def api_version(self) -> str:
        """`sedna.io/v1alpha1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def schema_name(self) -> str:
        """Name of the kind in the OpenAPI document."""
        prefix = "io.sedna" if self.group else "io.k8s.api.core"
        return f"{prefix}.{self.version}.{self.name}"


def _at(*path: str) -> Callable[[Mapping[str, Any]], Cell]:
    def value(resource: Mapping[str, Any]) -> Cell:
        found: Any = resource
        for step in path:
            found = found.get(step) if isinstance(found, Mapping) else None
        return found if isinstance(found, (str, int, float)) else None

    return value


def _column(name: str, description: str, *path: str, type: str = "string", priority: int = 0) -> Column:  # noqa: A002
    return Column(name, type, description, _at(*path), priority)


def _ready(node: Mapping[str, Any]) -> Cell:
    for condition in node.get("status", {}).get("conditions", ()):
        if condition.get("type") == "Ready":
            return "Ready" if condition.get("status") == "True" else "NotReady"
    return "Unknown"


def _job_phase(job: Mapping[str, Any]) -> Cell:
    """The phase; Paused where nothing begins or goes on, and "Running,Paused" where a round ends in a pause."""
    status = job.get("status", {})
    phase = status.get("phase")
    if status.get("paused"):
        return "Paused"
    if not incremental_learning.says_paused(job["metadata"].get("annotations")):
        return phase if isinstance(phase, str) else None
    return "Paused" if phase in (None, "Waiting") else f"{phase},Paused"


def _pause(job: Mapping[str, Any]) -> Cell:
    """Who has paused it: whoever annotated the job, or the operators of hosts."""
    hosts = job.get("status", {}).get("paused")
    by_annotation = incremental_learning.says_paused(job["metadata"].get("annotations"))
    said = ["by annotation"] * by_annotation + ([f"on {hosts}"] if hosts else [])
    return ", ".join(said) or None


def _image_count(node: Mapping[str, Any]) -> Cell:
    return len(node.get("status", {}).get("images", ()))


def _short_hash(*path: str) -> Callable[[Mapping[str, Any]], Cell]:
    value = _at(*path)
    return lambda resource: str(value(resource) or "")[:12] or None


def _versions(model: Mapping[str, Any]) -> Cell:
    """What a rollback can go to, newest first: "3*,2,1,0", the deployed one with a star."""
    listed = model.get("status", {}).get("versions") or ()
    return (
        ",".join(f"{each.get('round', 0)}{'*' if each.get('state') == 'Deployed' else ''}" for each in listed) or None
    )


def _content(artifact: Mapping[str, Any]) -> Cell:
    spec = artifact.get("spec", {})
    if "model" in spec:
        return f"model {spec['model'].get('name', '')}"
    return f"samples of {spec.get('samples', {}).get('dataset', {}).get('name', '')}"


def _bytes(*path: str) -> Callable[[Mapping[str, Any]], Cell]:
    value = _at(*path)

    def shown(resource: Mapping[str, Any]) -> Cell:
        size = value(resource)
        return size_text(int(size)) if isinstance(size, (int, float)) else None

    return shown


AGE = _column("Age", "Time since the resource was made", "metadata", "creationTimestamp", type="date")

KINDS: tuple[Kind, ...] = (
    Kind(
        "Dataset",
        "datasets",
        datasets.Dataset,
        ("ds",),
        (
            _column("Samples", "Samples in the file now", "status", "numberOfSamples", type="integer"),
            _column("State", "Whether the file can be read", "status", "state"),
            _column("Node", "Node that holds the data", "spec", "nodeName"),
            AGE,
            _column("Format", "txt or csv", "spec", "format", priority=1),
            _column("URL", "Path on the node", "spec", "url", priority=1),
            _column("Message", "Why it cannot be read", "status", "message", priority=1),
        ),
    ),
    Kind(
        "Model",
        "models",
        models.Model,
        ("md",),
        (
            _column("Format", "Format of the file", "spec", "format"),
            _column("Round", "Round that made the deployed version", "status", "version", "round", type="integer"),
            Column("SHA256", "string", "Content of the deployed version", _short_hash("status", "version", "sha256")),
            AGE,
            _column("URL", "Where the model began", "spec", "url", priority=1),
            _column("Deployed", "Path of the deployed version", "status", "version", "url", priority=1),
            Column("Versions", "string", "Rounds that a rollback can go to; * is deployed", _versions, priority=1),
            _column("Rollback", "How far the last rollback is", "status", "rollback", "state", priority=1),
        ),
    ),
    Kind(
        "IncrementalLearningJob",
        "incrementallearningjobs",
        incremental_learning.IncrementalLearningJob,
        ("ilj", "il"),
        (
            _column("Stage", "Train, Eval or Deploy", "status", "stage"),
            Column("Phase", "string", "How far the stage is, and whether the job is paused", _job_phase),
            _column("Round", "Rounds begun", "status", "round", type="integer"),
            _column("Samples", "New samples, not used yet", "status", "samples", "new", type="integer"),
            _column("Serving", "Phase of the inference worker", "status", "serving", "phase"),
            _column("Node", "Node of the inference worker", "status", "serving", "node"),
            AGE,
            Column("Paused", "string", "What keeps the job from beginning anything, if so", _pause, priority=1),
            _column("Message", "What it does or waits for", "status", "message", priority=1),
        ),
    ),
    Kind(
        "Worker",
        "workers",
        workers.Worker,
        ("wk",),
        (
            _column("Role", "train, eval or inference", "spec", "role"),
            _column("Phase", "Life of the worker", "status", "phase"),
            _column("Round", "Round it works for", "spec", "round", type="integer"),
            _column("Node", "Where it runs", "spec", "nodeName"),
            _column("Restarts", "How often it was started again", "status", "restarts", type="integer"),
            AGE,
            _column("Message", "Why it is so", "status", "message", priority=1),
        ),
        check_name=check_dns_subdomain,
    ),
    Kind(
        "Artifact",
        "artifacts",
        artifacts.Artifact,
        ("art",),
        (
            _column("Node", "Where the content lies", "spec", "nodeName"),
            Column("What", "string", "The model or dataset that is sent", _content),
            _column("Phase", "How far the sending is", "status", "phase"),
            Column("Size", "string", "Bytes of all its files", _bytes("status", "sizeBytes")),
            Column("Sent", "string", "How much of it the store has", _bytes("status", "sentBytes")),
            AGE,
            _column("Message", "Why it is so", "status", "message", priority=1),
        ),
        check_name=check_dns_subdomain,
    ),
    Kind(
        "Node",
        "nodes",
        nodes.Node,
        ("no",),
        (
            Column("Status", "string", "Whether its LocalController is heard", _ready),
            _column("Runner", "What starts workers: systemd or process", "status", "runner"),
            Column("Images", "integer", "Worker images installed", _image_count),
            AGE,
            _column("Timezone", "Zone of the host's clock", "status", "timezone", priority=1),
        ),
        namespaced=False,
        check_name=check_dns_subdomain,
    ),
    Kind(
        "Event",
        "events",
        events.Event,
        ("ev",),
        (
            _column("Last Seen", "When it happened last", "lastTimestamp", type="date"),
            _column("Type", "Normal or Warning", "type"),
            _column("Reason", "For programs", "reason"),
            Column(
                "Object",
                "string",
                "What it is about",
                lambda event: "{}/{}".format(
                    str(event.get("involvedObject", {}).get("kind", "")).lower(),
                    event.get("involvedObject", {}).get("name", ""),
                ),
            ),
            _column("Message", "For people", "message"),
        ),
        group="",
        version="v1",
        check_name=check_dns_subdomain,
        has_status=False,
        name_is_made=True,
    ),
)

_BY_NAME = {kind.name: kind for kind in KINDS}
_BY_PLURAL = {kind.plural: kind for kind in KINDS}


def by_kind(name: str, api_version: str | None = None) -> Kind:
    """Return the kind of that name, and of that apiVersion where one is given; UnknownKind lists what there is."""
    kind = _BY_NAME.get(name)
    if kind is None or (api_version is not None and api_version != kind.api_version):
        known = ", ".join(f"{known.api_version} {known.name}" for known in KINDS)
        raise UnknownKind(f"no kind {name!r} in apiVersion {api_version!r}: the known ones are {known}")
    return kind


def by_plural(plural: str) -> Kind:
    """Return the kind that API paths call by that word."""
    try:
        return _BY_PLURAL[plural]
    except KeyError:
        raise UnknownKind(f"no kind is called {plural!r}: the known ones are {', '.join(_BY_PLURAL)}") from None
