"""Takes the node for one worker: the rules exclude, then the least loaded node wins, its name breaking ties.

Only a node's own state is looked at, never a clock, so the same snapshot always gives the same node.
"""

from __future__ import annotations

from collections.abc import Iterable

from sedna_gm.placing.candidates import Candidate, NoNode, Placed, Request
from sedna_gm.placing.rules import RULES

SPELLED_OUT = 5
"""How many nodes a sentence names. A fleet of hundreds would make it unreadable."""


def place(request: Request, nodes: Iterable[Candidate], prefer: str | None = None) -> Placed | NoNode:
    """The node for this request. `prefer` is taken before a less loaded one: it is where the stage's data are."""
    everyone = sorted(nodes, key=lambda node: (node.load, node.name))
    excluded: list[tuple[str, str]] = []
    possible: list[Candidate] = []
    for node in everyone:
        why = next((why for rule in RULES if (why := rule(request, node)) is not None), None)
        if why is None:
            possible.append(node)
        else:
            excluded.append((node.name, why))
    if possible:
        wanted = next((node for node in possible if node.name == prefer), possible[0])
        return Placed(wanted.name)
    return NoNode(_sentence(request, sorted(excluded)))


def _sentence(request: Request, excluded: list[tuple[str, str]]) -> str:
    if not excluded:
        return "No node has registered yet."
    known = {name for name, _ in excluded}
    if request.node_name is not None:
        if request.node_name not in known:
            return f"Node {request.node_name}, which the template names, is not registered."
        # The other nodes are out of the question; naming them would hide the one reason that counts.
        excluded = [entry for entry in excluded if entry[0] == request.node_name]
    told = [f"node {name} {why}" for name, why in excluded[:SPELLED_OUT]]
    if len(excluded) > SPELLED_OUT:
        told.append(f"{len(excluded) - SPELLED_OUT} more nodes are excluded too")
    return f"No node can take the worker: {'; '.join(told)}."
