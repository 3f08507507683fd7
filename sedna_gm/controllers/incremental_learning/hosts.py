"""The nodes as a job's stages meet them: which one takes a worker, and what to say of one that is silent or paused.

The choice itself is `sedna_gm.placing`'s. Any node that matches will do, since samples and models are carried where
they are needed (`carrying`); the dataset's node is preferred, because there nothing has to be carried.
"""

from __future__ import annotations

from sedna.api.pods import PodSpec
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.placing.candidates import NoNode, Request
from sedna_gm.placing.choosing import place


def node_for(snapshot: Snapshot, template: PodSpec) -> str | NoNode:
    """The node for a worker of this job: the dataset's own if it will do, else the least loaded one that does."""
    dataset = snapshot.dataset
    if dataset is None:
        return NoNode(f"Dataset {snapshot.job.spec.dataset.name} does not exist, so nobody knows where its data are.")
    request = Request(
        image=template.container.image,
        node_name=template.node_name,
        selector=template.node_selector,
    )
    placed = place(request, snapshot.nodes, prefer=dataset.spec.node_name)
    return placed if isinstance(placed, NoNode) else placed.node


def paused_on(snapshot: Snapshot, node: str) -> str | None:
    """Nothing is started behind the back of the operator who stopped the job on a host."""
    for worker in snapshot.own:
        if worker.spec.node_name == node and worker.status.phase == "Paused":
            return paused_sentence(snapshot, node)
    return None


def paused_sentence(snapshot: Snapshot, node: str) -> str:
    """The one way out of a pause is on the host itself."""
    target = f"sedna-job-{snapshot.namespace}-{snapshot.job.metadata.name}.target"
    return f"Paused on node {node}: an operator stopped the job there; `systemctl start {target}` resumes it."


def is_silent(snapshot: Snapshot, node: str) -> bool:
    """Whether a node is registered and has not been heard of lately."""
    ready = snapshot.readiness(node)
    return ready is not None and ready.status == "Unknown"


def silence(snapshot: Snapshot, node: str) -> str:
    """What to add to a sentence about a node that cannot be heard: it explains most waiting."""
    if node not in snapshot.nodes:
        return f" No node {node} is registered."
    ready = snapshot.readiness(node)
    if ready is None or ready.status == "True":
        return ""
    if ready.status != "Unknown":
        return f" Node {node} is not Ready."
    last = ready.last_heartbeat_time or ready.last_transition_time
    return f" Node {node} has not been heard of{f' since {last}' if last else ''}."
