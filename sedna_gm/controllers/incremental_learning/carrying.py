"""What a worker needs that lies on other nodes: what has to be asked for, is under way, has arrived, or cannot come.

A worker is made, or given another model, only when all it needs has arrived: `working` asks for its stages,
`deploying` and `serving` for the model to serve. Nothing is asked for that lies on the worker's own node. A node that
is silent fails nothing: its work goes on when the link is back, and until then the sentence says since when it is
silent. A node that was deleted will never send anything, and that is a failure; so is one that can be heard and comes
no further, since a round that waits for ever would keep all later ones from beginning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sedna.api.artifacts import Artifact
from sedna.api.models import ModelVersion
from sedna.api.quantities import size_text
from sedna.api.stages import Stage
from sedna.api.times import format_time, parse_time
from sedna.api.trees import ArtifactReference
from sedna.api.workers import ModelReference, SampleRange, Worker
from sedna_gm.controllers.decisions import JSON, Happening
from sedna_gm.controllers.incremental_learning import contents
from sedna_gm.controllers.incremental_learning.contents import Content
from sedna_gm.controllers.incremental_learning.hosts import silence
from sedna_gm.controllers.incremental_learning.making import reference
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot, going


@dataclass(frozen=True)
class Cargo:
    """What a worker takes in, wherever that lies. A model is named by the Model resource it stands for."""

    stage: Stage
    round: int
    models: tuple[tuple[str, ModelVersion], ...]
    samples: tuple[SampleRange, ...] = ()


@dataclass(frozen=True)
class Failure:
    """Why something cannot come. `artifact` is the failed one, if it came to that."""

    reason: str
    sentence: str
    artifact: Artifact | None = None


@dataclass(frozen=True)
class Carried:
    """How far it is with all that a worker needs from other nodes."""

    samples: ArtifactReference | None = None
    """Where the worker fetches its samples; None when they lie on its node, or have not arrived."""
    models: tuple[ModelReference, ...] = ()
    """The cargo's models as the worker is told of them."""
    create: tuple[JSON, ...] = ()
    waits: str | None = None
    """What is waited for, with amounts; None when nothing is."""
    brief: str = ""
    """The same without amounts, for a log that is not to grow with every megabyte."""
    failure: Failure | None = None
    happenings: tuple[Happening, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the worker can have all it needs."""
        return self.waits is None and self.failure is None


def carry(snapshot: Snapshot, node: str, cargo: Cargo) -> Carried:
    """How far it is with what a worker on this node needs from others."""
    samples, models = _contents(snapshot, cargo)
    needed = {each.name: each for each in (samples, *models) if each is not None and each.node != node}
    arrived = {name: arrival for name in needed if (arrival := _arrival(snapshot.artifact(name))) is not None}
    told = zip(cargo.models, models, strict=True)
    return _under_way(
        snapshot,
        node,
        [content for name, content in needed.items() if name not in arrived],
        Carried(
            samples=arrived.get(samples.name) if samples else None,
            models=tuple(reference(*named, arrived.get(content.name) if content else None) for named, content in told),
        ),
    )


def again(snapshot: Snapshot, worker: Worker, cargo: Cargo) -> Carried:
    """What a worker refers to and somebody took away is sent once more; the rest is as complete as it was.

    It fails when that cannot be had again, and when it has come as something else.
    """
    samples, models = _contents(snapshot, cargo)
    known = {each.name: each for each in (samples, *models) if each is not None}
    lost: list[Content] = []
    for fetched in _fetched(worker):
        name = fetched.name
        found = snapshot.artifact(name)
        arrival = _arrival(found)
        if arrival is not None and arrival.tree == fetched.tree:
            continue
        if arrival is not None:
            # Sent anew after it was deleted, and something had changed at its source: what the worker was told of is
            # in no store any more, and this is not what it was to work on.
            sentence = f"artifact {name}, which worker {worker.metadata.name} is to fetch, was deleted and sent again"
            return Carried(failure=Failure("ArtifactGone", f"{sentence} with other content.", found))
        if name not in known:
            # The dataset has moved since, and what it names may be other samples.
            sentence = f"artifact {name}, which worker {worker.metadata.name} is to fetch, was deleted."
            return Carried(failure=Failure("ArtifactGone", sentence, found))
        lost.append(known[name])
    return _under_way(snapshot, worker.spec.node_name, lost, Carried())


def references(worker: Worker) -> tuple[str, ...]:
    """The names of the artifacts that a worker refers to."""
    return tuple(each.name for each in _fetched(worker))


def came_wrong(worker: Worker) -> tuple[str, ...]:
    """The names of the artifacts that a worker ended for, since it had fetched something else than what was named."""
    failed = worker.status.phase == "Failed" and worker.status.reason == "WrongDigest"
    return references(worker) if failed else ()


def fetching_time(snapshot: Snapshot, worker: Worker) -> int:
    """Seconds that a worker's node may need to fetch what it refers to."""
    return sum(each.size_bytes for each in _fetched(worker)) // snapshot.settings.slowest_link


def _fetched(worker: Worker) -> list[ArtifactReference]:
    found = (worker.spec.samples_artifact, *(model.artifact for model in worker.spec.models))
    return [each for each in found if each is not None]


def _contents(snapshot: Snapshot, cargo: Cargo) -> tuple[Content | None, list[Content | None]]:
    """The samples and each of the models, as far as they lie on some node."""
    samples = contents.of_samples(snapshot, cargo.stage, cargo.round, cargo.samples) if cargo.samples else None
    return samples, [contents.of_model(snapshot, name, version) for name, version in cargo.models]


def _under_way(snapshot: Snapshot, node: str, needed: list[Content], carried: Carried) -> Carried:
    """The same with what has not arrived."""
    create: list[JSON] = []
    waits: list[str] = []
    brief: list[str] = []
    news: list[Happening] = []
    for content in needed:
        found = snapshot.artifact(content.name)
        failure = _failure(snapshot, content, found)
        if failure is not None:
            return Carried(failure=failure)
        if found is None:
            create.append(contents.artifact(snapshot, content))
            news.append(content.asked_for(node))
        head, quiet = f"Waits for {content.what} from node {content.node}", silence(snapshot, content.node)
        waits.append(f"{head}: {_progress(found)}.{quiet}")
        brief.append(f"{head}.{quiet}")
    return replace(
        carried,
        create=tuple(create),
        waits=" ".join(waits) or None,
        brief=" ".join(brief),
        happenings=tuple(news),
    )


def _arrival(found: Artifact | None) -> ArtifactReference | None:
    if found is None or going(found) or found.status.phase != "Ready" or found.status.tree is None:
        return None
    values = {"size_bytes": found.status.size_bytes or 0, "store": found.spec.store}
    return ArtifactReference(name=found.metadata.name, tree=found.status.tree, **values)


def _failure(snapshot: Snapshot, content: Content, found: Artifact | None) -> Failure | None:
    if found is not None and found.status.phase == "Failed":
        why = found.status.message or found.status.reason or "no reason was given"
        sentence = f"node {content.node} could not send {content.what}: {why}"
        return Failure(found.status.reason or "ArtifactFailed", sentence, found)
    if content.node not in snapshot.nodes:
        return Failure("NodeGone", f"node {content.node}, which is to send {content.what}, is not registered.")
    if found is None:
        return None
    heard_since = _heard_since(snapshot, content.node, found)
    if heard_since is None or (snapshot.now - heard_since).total_seconds() < snapshot.settings.nothing_sent:
        return None
    sentence = f"node {content.node} has come no further with {content.what} since {format_time(heard_since)}"
    return Failure(found.status.reason or "NothingSent", f"{sentence}: {_progress(found)}.", found)


def _heard_since(snapshot: Snapshot, node: str, found: Artifact) -> datetime | None:
    """Since when the node could have told anything new and has not; None while it cannot be heard."""
    ready = snapshot.readiness(node)
    if ready is None or ready.status != "True":
        return None
    told = found.status.update_time or found.metadata.creation_timestamp
    moments = [parse_time(moment) for moment in (told, ready.last_transition_time) if moment is not None]
    return max([*moments, *((snapshot.listening_since,) if snapshot.listening_since else ())], default=snapshot.now)


def _progress(found: Artifact | None) -> str:
    """How far it is: "12 of 40 MB sent"."""
    if found is None or going(found):
        return "its LocalController is asked for it"
    status = found.status
    if status.phase == "Pending" or status.size_bytes is None:
        return status.message.rstrip(".") if status.message else "nothing is sent yet"
    sent, total = size_text(min(status.sent_bytes or 0, status.size_bytes)), size_text(status.size_bytes)
    (number, unit), whole = sent.split(), total.split()[1]
    # "12 of 40 MB" reads better than "12 MB of 40 MB".
    amount = f"{number if unit == whole else sent} of {total} sent"
    return f"{amount}; {status.message.rstrip('.')}" if status.message else amount
