"""A job whose rounds keep failing gives up: it begins no further one by itself, and says how a person has it go on.

It stays Failed, with what it serves and with its samples, which are counted on. Only failures are charged to it that
its own repetition cannot mend: what a host, a link or somebody's hand has done is no reason ever to stop trying.
Nothing else ends this state than somebody who asks: by hand, by an edit of the job, for another version of the model.
"""

from __future__ import annotations

from sedna.api.incremental_learning import RoundProgress
from sedna.api.stages import START
from sedna_gm.controllers.decisions import Happening
from sedna_gm.controllers.incremental_learning import rounds
from sedna_gm.controllers.incremental_learning.advising import advised
from sedna_gm.controllers.incremental_learning.failing import counted, give_back
from sedna_gm.controllers.incremental_learning.hosts import is_silent
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status, Step, move, note, position, stay, update
from sedna_gm.controllers.incremental_learning.training import asked, can_look_again

GAVE_UP = "GaveUp"

ACCIDENTS = frozenset(
    {
        "ArtifactGone",
        "DatasetReplaced",
        "NodeGone",
        "Stopped",
        "StoppedByOperator",
        "StoreUnreachable",
        "UnitVanished",
        "WorkerDeleted",
    }
)
"""Reasons that say nothing about the job: hosts and links that were away, and things that somebody took away."""


def failed(snapshot: Snapshot, status: Status) -> Step:
    """Failed: go on, give up, or stay given up."""
    if status.gave_up_at is not None:
        return _rest(snapshot, status)
    charged = status.charged_failures + (1 if is_charged(snapshot, status) else 0)
    charging = update(status, charged_failures=charged)
    if charged > status.charged_failures and charged >= snapshot.settings.gives_up_after:
        return _give_up(snapshot, charging)
    return give_back(snapshot, charging)


def is_charged(snapshot: Snapshot, status: Status) -> bool:
    """Whether the failure of the round brings the job nearer to giving up."""
    outcome = (status.current or RoundProgress()).outcome
    node = status.nodes.get(position(status).stage.value, "")
    # A deadline that passes while the node cannot be heard is the link's failure, whatever the reason is called.
    return counted(status) and outcome not in ACCIDENTS and not is_silent(snapshot, node)


def _give_up(snapshot: Snapshot, status: Status) -> Step:
    """The last failure is recorded like any other; then nothing begins any more."""
    given = update(status, failures=status.failures + 1, retry_after=None, gave_up_at=snapshot.timestamp)
    sentence = _sentence(snapshot, given)
    noted = update(note(snapshot, given, GAVE_UP, sentence), current=None)
    record = rounds.record(snapshot, status, "Failed")
    recheck = snapshot.after(snapshot.settings.recheck)
    return Step(noted, sentence, recheck, record=record, happenings=(Happening(GAVE_UP, sentence, "Warning"),))


def _rest(snapshot: Snapshot, status: Status) -> Step:
    why = _goes_on(snapshot, status)
    if why is not None:
        fresh = update(status, failures=0, charged_failures=0, gave_up_at=None, retry_after=None)
        return move(snapshot, fresh, START, "GoesOn", f"The job, which had given up, goes on: {why}.")
    told = next((each.message for each in reversed(status.conditions) if each.reason == GAVE_UP), None)
    return stay(status, told or _sentence(snapshot, status), snapshot.after(snapshot.settings.recheck))


def _goes_on(snapshot: Snapshot, status: Status) -> str | None:
    """Who has it go on; None when nobody has asked. An edit has set back what is charged; see `deciding`."""
    if status.charged_failures == 0:
        return "it was edited"
    if status.charged_failures < snapshot.settings.gives_up_after:
        return f"`failures.giveUpAfter` in gm.yml is {snapshot.settings.gives_up_after} now"
    by_hand = asked(snapshot, status)
    # A wish that cannot be granted must not have it try for ever: it would still be there after the next ten rounds.
    if by_hand is not None and (by_hand == "train" or can_look_again(status, by_hand)):
        return f"somebody asked for {by_hand} by hand"
    if status.rollback is not None and status.rollback.state == "Accepted":
        return "somebody asked for another version of the model"
    return None


def _sentence(snapshot: Snapshot, status: Status) -> str:
    name, namespace = snapshot.job.metadata.name, snapshot.namespace
    place = "" if namespace == "default" else f" -n {namespace}"
    return (
        f"{GAVE_UP}: no further round begins after {status.failures} failed rounds in a row. "
        f"{advised(snapshot, status).rstrip('.')}. "
        f"Then edit the job, or `sedna trigger {name} train{place}` (by kubectl: "
        f"`kubectl annotate ilj {name}{place} sedna.io/trigger=train`), and it goes on; "
        "what serves goes on serving, and samples are counted."
    )
