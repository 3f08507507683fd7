"""What is forgotten of jobs' histories, so that a database does not grow for ever.

The newest records of each job stay, and those that a version still refers to: of what may be served again it must be
known where it came from. Of a job that is gone nothing stays: nobody can ask for it any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sedna_gm.errors import NotFound
from sedna_gm.store.interface import History, Key, Store

# Records have kilobytes, and while they are removed nobody else writes: many go in several sweeps.
_AT_ONCE = 500
_REMEMBERED = ("lastTrainedModel", "candidateModel", "deployedModel")


class Histories:
    """Sweeps the records of rounds. `keep` is how many of each job stay."""

    def __init__(self, store: Store, keep: int = 1000) -> None:
        self._store = store
        self._keep = keep

    def sweep(self) -> int:
        """Remove what nobody needs; returns how many records that were."""
        return sum(self._sweep(history) for history in self._store.histories())

    def _sweep(self, history: History) -> int:
        job = self._job(history)
        surplus = history.count - (self._keep if job is not None else 0)
        if surplus <= 0:
            return 0
        spared = self._spared(history.job, job) if job is not None else set()
        # Those that are spared are met again each time, and must not hide the others behind them.
        most = min(surplus, _AT_ONCE + len(spared))
        oldest = self._store.rounds(history.job, history.uid, limit=most).items
        return self._store.drop_rounds(
            history.job, history.uid, [each["round"] for each in oldest if each["round"] not in spared]
        )

    def _job(self, history: History) -> Mapping[str, Any] | None:
        try:
            job = self._store.get(history.job)
        except NotFound:
            return None
        return job if job["metadata"]["uid"] == history.uid else None

    def _spared(self, key: Key, job: Mapping[str, Any]) -> set[int]:
        """The rounds of which a version is remembered, by the job or by a model."""
        status = job.get("status") or {}
        versions = [version for name in _REMEMBERED if (version := status.get(name))]
        for model in self._store.list("Model", key.namespace).items:
            told = model.get("status") or {}
            found = [told.get("version"), *(told.get("versions") or ())]
            # A version without a job's name was written by one that did not say it: better one record too many.
            versions += [each for each in found if each and each.get("job") in (None, key.name)]
        return {version["round"] for version in versions if version.get("round")}
