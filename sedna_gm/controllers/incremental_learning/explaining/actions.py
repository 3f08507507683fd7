"""What a person can do about the present state of a job: a sentence each, with the command where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sedna.api.datasets import Dataset
from sedna.api.stages import START, Phase, Stage
from sedna.api.times import parse_time
from sedna_gm.controllers.incremental_learning import inference, models
from sedna_gm.controllers.incremental_learning.advising import advised
from sedna_gm.controllers.incremental_learning.explaining.judged import Judged
from sedna_gm.controllers.incremental_learning.explaining.served import is_version, rolled_back
from sedna_gm.controllers.incremental_learning.hosts import is_silent
from sedna_gm.controllers.incremental_learning.pausing import is_paused
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.standing import FAILING
from sedna_gm.controllers.incremental_learning.steps import Status, position
from sedna_gm.controllers.incremental_learning.training import can_look_again

Document = dict[str, Any]


def actions(snapshot: Snapshot, status: Status, judged: Judged | None) -> list[Document]:
    """What helps first stands first. Empty where there is nothing to do but to wait."""
    if snapshot.job.metadata.deletion_timestamp is not None:
        return list(_silent(snapshot))
    found = [
        *_paused(snapshot),
        *_missing(snapshot),
        *_silent(snapshot),
        *_serving(snapshot, status),
        *_failed(snapshot, status),
        *_by_hand(snapshot, status, judged),
    ]
    return list({(each["sentence"], each.get("command")): each for each in found}.values())


def _paused(snapshot: Snapshot) -> Iterator[Document]:
    if is_paused(snapshot):
        yield _action("Resume the job, which somebody paused.", _command(snapshot, "resume"))
    target = f"sedna-job-{snapshot.namespace}-{snapshot.job.metadata.name}.target"
    for node in sorted({worker.spec.node_name for worker in snapshot.own if worker.status.phase == "Paused"}):
        yield _action(
            f"Start the job again on host {node}, where its operator stopped it.", f"systemctl start {target}"
        )


def _missing(snapshot: Snapshot) -> Iterator[Document]:
    dataset, named = snapshot.job.spec.dataset.name, snapshot.job.spec.eval_spec.regression_dataset
    if snapshot.dataset is None:
        yield _action(f"Make dataset {dataset}: apply its manifest.", "sedna apply -f dataset.yaml")
    elif snapshot.dataset.status.state == "Unavailable":
        yield _action(f"Mend the file of dataset {dataset}.", _why(snapshot, f"dataset/{dataset}"))
    if named is not None and snapshot.regression is None:
        yield _action(f"Make dataset {named.name}: apply its manifest.", "sedna apply -f dataset.yaml")
    for name in models.named(snapshot):
        if name not in snapshot.models:
            yield _action(f"Make model {name}: apply its manifest.", "sedna apply -f model.yaml")


def _silent(snapshot: Snapshot) -> Iterator[Document]:
    """Nodes that have something of this job and cannot be heard."""
    nodes = {worker.spec.node_name for worker in snapshot.workers}
    if snapshot.dataset is not None:
        nodes.add(snapshot.dataset.spec.node_name)
    for node in sorted(nodes):
        if is_silent(snapshot, node):
            yield _action(f"Look at host {node}: it is off, its line is cut, or sedna-lc does not run.",
                          "systemctl status sedna-lc")  # fmt: skip
        elif node not in snapshot.nodes:
            yield _action(f"Have host {node} register: install sedna-lc there, or name another node.")


def _serving(snapshot: Snapshot, status: Status) -> Iterator[Document]:
    worker = inference.current_worker(snapshot)
    if worker is not None and status.serving is not None and status.serving.phase in (FAILING, "Failed"):
        yield _action("Read why the inference worker ends.", _logs(snapshot, worker.metadata.name))


def _failed(snapshot: Snapshot, status: Status) -> Iterator[Document]:
    waits = status.retry_after is not None and parse_time(status.retry_after) > snapshot.now
    if status.gave_up_at is None and not waits:
        return
    told = advised(snapshot, status)
    if told:
        yield _action(told)
    for worker in snapshot.own:
        if worker.spec.role != "inference" and worker.status.phase == "Failed":
            yield _action("Read what the failed worker wrote.", _logs(snapshot, worker.metadata.name))
    then = "Then have it go on" if status.gave_up_at is not None else "Begin the next round now instead of then"
    yield _action(f"{then}.", _trigger(snapshot, "train"))


def _by_hand(snapshot: Snapshot, status: Status, judged: Judged | None) -> Iterator[Document]:
    """What a waiting job can be made to do at once."""
    if is_paused(snapshot) or status.gave_up_at is not None:
        return
    at, counts = position(status), status.samples
    if at == (Stage.DEPLOY, Phase.WAITING):
        yield _action("Deploy the model now, whatever trigger and window say.", _trigger(snapshot, "deploy"))
    if at != START or status.stage is None:
        return
    new = counts.new if counts is not None else 0
    if status.retry_after is None and snapshot.dataset is not None and not models.missing(snapshot):
        if new:
            samples = "sample" if new == 1 else "samples"
            yield _action(f"Train now with the {new} new {samples} that there {'is' if new == 1 else 'are'}.",
                          _trigger(snapshot, "train"))  # fmt: skip
        yield _more_samples(snapshot, snapshot.dataset)
    yield from _about_versions(snapshot, status, judged)


def _about_versions(snapshot: Snapshot, status: Status, judged: Judged | None) -> Iterator[Document]:
    """Which model serves is somebody's choice once it was rolled back: then the way to keep it so."""
    if rolled_back(status) is not None:
        yield _action(
            "Pause the job to keep what was rolled back in place: the next round that wins takes its place.",
            _command(snapshot, "pause"),
        )
        return
    candidate = status.candidate_model
    if candidate is None or is_version(candidate, status.deployed_model) or not can_look_again(status, "deploy"):
        return
    if judged is not None and judged.decision == "NotDeployed":
        number = candidate.round or judged.round
        yield _action(f"Deploy the model of round {number} all the same.", _trigger(snapshot, "deploy"))


def _more_samples(snapshot: Snapshot, dataset: Dataset) -> Document:
    """Labels of hard examples go into txt lists; a csv table takes rows, from whoever makes them."""
    name, node = dataset.metadata.name, dataset.spec.node_name
    if dataset.spec.format == "txt":
        return _action(f"Add samples to dataset {name}: label hard examples, in the dashboard or with `sedna label`.")
    return _action(
        f"Add samples to dataset {name}: append labelled rows to {dataset.spec.url} on node {node}. It is a csv table, "
        f"into which hard examples cannot be labelled; `sedna label export` gives them to whoever makes the rows.",
        _command(snapshot, "label export"),
    )


def _action(sentence: str, command: str | None = None) -> Document:
    return {"sentence": sentence, **({"command": command} if command else {})}


def _command(snapshot: Snapshot, verb: str, *more: str) -> str:
    return _placed(snapshot, " ".join(("sedna", verb, snapshot.job.metadata.name, *more)))


def _trigger(snapshot: Snapshot, stage: str) -> str:
    return _command(snapshot, "trigger", stage)


def _logs(snapshot: Snapshot, worker: str) -> str:
    return _placed(snapshot, f"sedna logs {worker}")


def _why(snapshot: Snapshot, what: str) -> str:
    return _placed(snapshot, f"sedna why {what}")


def _placed(snapshot: Snapshot, command: str) -> str:
    return command if snapshot.namespace == "default" else f"{command} -n {snapshot.namespace}"
