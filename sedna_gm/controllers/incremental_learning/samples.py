"""Which samples a round takes, by their place in the dataset's history. Nothing here reads a file.

Ranges are half-open and follow one another without gap or overlap: a round takes everything from `samples.used` to
what the dataset had seen when the round began, and `used` moves on only when the round completes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sedna.api.incremental_learning import RoundRange, SampleCounts
from sedna.api.splitting import in_train_part
from sedna.api.workers import SampleRange
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status, update

LOOKED_AT = 100_000
"""Samples drawn to see whether both parts of a split have any; among more, each part has some for certain."""


def counted(snapshot: Snapshot, status: Status) -> Status:
    """The status with the dataset's present count."""
    dataset = snapshot.dataset
    counts = status.samples or SampleCounts()
    if dataset is None:
        return status
    seen = dataset.status.samples_seen or 0
    uid = dataset.metadata.uid
    if status.dataset_uid not in (None, uid) and status.current is None and dataset.status.state is not None:
        # Made again under the same name: what was used of its namesake says nothing about these samples.
        counts = SampleCounts()
        status = update(status, finished_rounds=[], dataset_uid=uid)
    elif status.dataset_uid is None:
        status = update(status, dataset_uid=uid)
    elif status.dataset_uid != uid:
        return status
    fresh = SampleCounts(seen=seen, used=counts.used, new=max(0, seen - counts.used))
    return update(status, samples=fresh)


def made_anew(snapshot: Snapshot, count: int) -> str:
    """What to tell of a dataset that took the place of one whose samples were used."""
    name = snapshot.job.spec.dataset.name
    return f"Dataset {name} was made anew: all its {count} samples count as new, so ones used before may be used again."


def train_range(snapshot: Snapshot, round_: int, start: int, end: int) -> SampleRange:
    """The part of a round's samples that trains."""
    return _range(snapshot, RoundRange(round=round_, start=start, end=end), "train")


def eval_ranges(snapshot: Snapshot, status: Status, start: int, end: int) -> list[SampleRange]:
    """This round's evaluation part and those of the last completed rounds, each sample once."""
    earlier = status.finished_rounds[-snapshot.settings.compared_rounds :]
    ranges = [_range(snapshot, each, "eval") for each in earlier]
    if end > start:
        ranges.append(_range(snapshot, RoundRange(round=status.round or 1, start=start, end=end), "eval"))
    return ranges


def one_part_only(snapshot: Snapshot, ranges: Sequence[RoundRange], start: int, end: int) -> str | None:
    """What is missing for a round over these samples: some to train on, some (now or earlier) to judge by."""
    if not _any(snapshot, start, end, train=True):
        return "train on"
    if _any(snapshot, start, end, train=False) or any(
        _any(snapshot, each.start, each.end, train=False) for each in ranges
    ):
        return None
    return "evaluate on"


def _any(snapshot: Snapshot, start: int, end: int, *, train: bool) -> bool:
    share = snapshot.job.spec.dataset.train_prob
    indexes: Iterable[int] = range(start, min(end, start + LOOKED_AT))
    return any(in_train_part(snapshot.uid, index, share) is train for index in indexes)


def _range(snapshot: Snapshot, taken: RoundRange, part: str) -> SampleRange:
    return SampleRange(
        dataset=snapshot.job.spec.dataset.name,
        start=taken.start,
        end=taken.end,
        part="train" if part == "train" else "eval",
        probability=snapshot.job.spec.dataset.train_prob,
        seed=snapshot.uid,
        round=taken.round,
    )
