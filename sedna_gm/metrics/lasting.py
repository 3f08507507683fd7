"""What the last evaluation of each job measured: its status forgets it when the round is over, its records do not.

Finished rounds are told as they come; after a start of the service each job's newest records are read once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

Raw = Mapping[str, Any]
Records = Callable[[Raw, int], Sequence[Raw]]
"""The newest so many records of a job's rounds, oldest first."""

# Some rounds measure nothing: those that failed in training, and those that bring an old version back.
_LOOKED_AT = 5


class LastMetrics:
    """Metrics by the job's uid. Safe to use from many threads."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._lock = threading.Lock()
        self._known: dict[str, Raw] = {}

    def finished(self, record: Raw) -> None:
        """A round has left its record."""
        if metrics := record.get("metrics"):
            with self._lock:
                self._known[record["job"]["uid"]] = metrics

    def of(self, job: Raw) -> Raw:
        """What the last evaluation measured: `new` and `comparedWith`, each by metric; empty when there was none."""
        uid = job["metadata"].get("uid") or ""
        with self._lock:
            known = self._known.get(uid)
        if known is None:
            found = (record.get("metrics") for record in reversed(self._records(job, _LOOKED_AT)))
            read: Raw = next(filter(None, found), {})
            with self._lock:
                # What was told while we read is newer.
                known = self._known.setdefault(uid, read)
        return known

    def keep(self, jobs: Collection[Raw]) -> None:
        """Forget all jobs but these."""
        uids = {job["metadata"].get("uid") for job in jobs}
        with self._lock:
            self._known = {uid: metrics for uid, metrics in self._known.items() if uid in uids}
