"""A model to serve that is not on its node yet: what to say, and when one that could not be sent is asked for again.

No round fails for it: what serves goes on, or the inference worker is made as soon as its model has come.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sedna.api.times import format_time, parse_time
from sedna_gm.controllers.decisions import JSON, Happening, Removal
from sedna_gm.controllers.incremental_learning.carrying import Carried
from sedna_gm.controllers.incremental_learning.removing import removals
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot


@dataclass(frozen=True)
class Fetch:
    """What is done for a model to come, and the sentence about it."""

    sentence: str
    look_again_at: datetime | None
    create: tuple[JSON, ...] = ()
    delete: tuple[Removal, ...] = ()
    happenings: tuple[Happening, ...] = ()


def fetch(snapshot: Snapshot, carried: Carried) -> Fetch:
    """What to do about a model that has not arrived."""
    failure, recheck = carried.failure, snapshot.after(snapshot.settings.recheck)
    if failure is None:
        return Fetch(carried.waits or "", recheck, create=carried.create, happenings=carried.happenings)
    sentence = f"{failure.sentence[:1].upper()}{failure.sentence[1:].rstrip('.')}."
    if failure.artifact is None:
        return Fetch(sentence, recheck)
    failed_at = failure.artifact.status.update_time or failure.artifact.metadata.creation_timestamp
    again = parse_time(failed_at or snapshot.timestamp) + timedelta(seconds=snapshot.settings.ask_again)
    # Farther away than that: its node's clock is ahead, or was.
    if snapshot.now < again <= snapshot.after(snapshot.settings.ask_again):
        return Fetch(f"{sentence} It is asked for again {format_time(again)}.", again)
    news = Happening(failure.reason, sentence, "Warning")
    return Fetch(f"{sentence} It is asked for again.", None, delete=removals([failure.artifact]), happenings=(news,))
