"""What a new model has to pass before it serves, and whether the last one did: metrics, old knowledge, the guard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sedna.api.triggers import Metric, TriggerCondition, holds, measure, undivided
from sedna_gm.controllers.incremental_learning import inference, regressing
from sedna_gm.controllers.incremental_learning.deploying import ROLLED_BACK
from sedna_gm.controllers.incremental_learning.explaining.judged import Judged
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot

Document = dict[str, Any]


def gates(
    snapshot: Snapshot, judged: Judged | None, rounds: Sequence[Mapping[str, Any]], deployed: int = 0
) -> list[Document]:
    """The condition of the deployment, what was measured on old knowledge, and the guard.

    `deployed` is the round whose model is deployed now: what a gate compared with may have been another one.
    """
    trigger = snapshot.job.spec.deploy_spec.trigger
    condition = trigger.condition if trigger else None
    found: list[Document] = []
    if judged is not None:
        asked = None
        if condition is not None:
            found.append(_gate(condition, judged, deployed))
            asked = undivided(condition.metric, judged.new)
        found += [_beside(name, judged) for name in sorted(judged.new) if _is_old_knowledge(name) and name != asked]
    return found + _guard(snapshot, rounds)


def _is_old_knowledge(name: str) -> bool:
    return name.startswith(regressing.PREFIX)


def _gate(condition: TriggerCondition, judged: Judged, deployed: int) -> Document:
    verdict = holds(condition, judged.new, judged.old)
    told = _both(undivided(condition.metric, judged.new), judged)
    return {
        "metric": condition.metric,
        **told,
        "operator": condition.operator,
        "threshold": condition.threshold,
        "holds": verdict.holds,
        "round": judged.round,
        "sentence": f"{verdict.reason}{_compared(told, judged)}.{_ended(judged)}{_since_then(judged, deployed)}",
    }


def _beside(name: str, judged: Judged) -> Document:
    """What is measured, and asked for by nobody."""
    told = _both(name, judged)
    sentence = f"{name} was measured{_compared(told, judged)}; the trigger of the deployment does not ask for it."
    missing = {"operator": None, "threshold": None, "holds": None}
    return {"metric": name, **told, **missing, "round": judged.round, "sentence": sentence}


def _both(metric: str, judged: Judged) -> Document:
    new, deployed = _number(metric, judged.new), _number(metric, judged.old)
    delta = new - deployed if new is not None and deployed is not None else None
    compared = {"newRound": judged.new_round, "deployedRound": judged.compared_round, "time": judged.time}
    return {"new": new, "deployed": deployed, "delta": delta, **compared}


def _number(metric: str, measured: Mapping[str, Metric]) -> float | None:
    try:
        return measure(metric, measured)
    except LookupError:
        return None


def _compared(told: Document, judged: Judged) -> str:
    """Both numbers, and whose they are: long after, another model may be deployed."""
    new, deployed = told["new"], told["deployed"]
    was = "the one deployed then" if judged.decision else "the deployed one"
    parts = [f"new {new:.6g}{_of(judged.new_round)}" if new is not None else ""]
    parts += [f"{was} {deployed:.6g}{_of(judged.compared_round)}" if deployed is not None else ""]
    said = "; ".join(part for part in parts if part)
    return f" ({said})" if said else ""


def _of(round_: int | None) -> str:
    if round_ is None:
        return ""
    return f", the model of round {round_}" if round_ else ", the given file"


def _ended(judged: Judged) -> str:
    if not judged.decision:
        return ""
    when = f" at {judged.time}" if judged.time else ""
    return f" Round {judged.round} ended{when}: {judged.decision}."


def _since_then(judged: Judged, deployed: int) -> str:
    """What is deployed now, where that is neither of the two that were compared."""
    expected = judged.new_round if judged.decision == "Deployed" else judged.compared_round
    if not judged.decision or expected is None or expected == deployed:
        return ""
    return f" What is deployed now is another one: {'the given file' if not deployed else f'that of round {deployed}'}."


def _guard(snapshot: Snapshot, rounds: Sequence[Mapping[str, Any]]) -> list[Document]:
    """The guard's word on the model that was given to the inference worker last."""
    guard = snapshot.job.spec.deploy_spec.guard
    if guard is None:
        return []
    worker = inference.current_worker(snapshot)
    served = worker.status.model if worker else None
    refused = next((record for record in reversed(rounds) if record.get("reason") == ROLLED_BACK), None)
    names = ("new", "deployed", "delta", "newRound", "deployedRound", "time", "operator", "threshold")
    missing = dict.fromkeys(names)
    told: Document = {"metric": "guard", **missing, "holds": None, "round": served.round if served else None}
    sentence = f"A new model is watched for {guard.window_seconds} s."
    if served is not None and served.reason == ROLLED_BACK:
        told["holds"], sentence = False, f"The model of round {served.round} was taken back: {served.message or ''}"
    elif served is not None and served.state == "Watching":
        sentence = f"The model of round {served.round} is watched for {guard.window_seconds} s."
    elif refused is not None and (served is None or int(refused.get("round") or 0) > served.round):
        told |= {"holds": False, "round": refused.get("round")}
        sentence = f"The model of round {refused.get('round')} was taken back: {refused.get('message') or ''}"
    elif served is not None and served.state == "Loaded" and served.round > 0:
        told["holds"], sentence = True, f"The model of round {served.round} has kept to its limits."
    return [{**told, "sentence": sentence.strip()}]
