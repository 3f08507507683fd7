"""Events: what happened to a resource, as sentences for `kubectl describe`.

The same thing happening again counts up instead of adding a line. Events are a comfort, not a record (that is the
job's history): one that cannot be stored is left out, and old ones are swept.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from sedna.api.rounds import ROUND_ID_LABEL, round_id
from sedna.api.times import parse_time
from sedna_gm.controllers.decisions import Happening
from sedna_gm.errors import GMError, NotFound
from sedna_gm.store.interface import Key, Store

_LOG = logging.getLogger(__name__)

COMPONENT = "sedna-gm"


class Events:
    """Writes events into the store, aggregated, and sweeps those nobody will look for any more, whoever wrote them.

    `keep` bounds their age, `most` how many one resource has: a job that fails every half hour must not fill the
    store in a year. `most_of_all` bounds their number whatever they say they are about, oldest first: nodes write
    events, too, and one of them may have been stolen.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        *,
        keep: timedelta = timedelta(hours=24),
        most: int = 100,
        most_of_all: int = 20_000,
    ) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep
        self._most = most
        self._most_of_all = most_of_all

    def tell(self, about: Mapping[str, Any], happenings: Iterable[Happening]) -> None:
        """Store what happened to a resource."""
        for happening in happenings:
            try:
                self._tell(about, happening)
            except GMError as error:
                _LOG.warning("An event of %s is lost: %s", about["metadata"]["name"], error)

    def sweep(self) -> int:
        """Delete events that are too old or too many; returns how many."""
        now = self._clock()
        newest_first = sorted(self._store.list("Event").items, key=lambda event: _last(event, now), reverse=True)
        told: Counter[object] = Counter()
        kept = swept = 0
        for event in newest_first:
            about = _about(event)
            told[about] += 1
            if told[about] > self._most or kept >= self._most_of_all or _last(event, now) < now - self._keep:
                swept += self._delete(event)
            else:
                kept += 1
        return swept

    def _tell(self, about: Mapping[str, Any], happening: Happening) -> None:
        # With a fraction of a second, which clients sort by: a round's first steps follow within one second.
        now = self._clock().astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        metadata = about["metadata"]
        labels = {ROUND_ID_LABEL: found} if (found := round_of(about)) else {}
        namespace = metadata.get("namespace") or "default"
        subject = "\0".join((metadata.get("uid", ""), happening.type, happening.reason, happening.message))
        name = f"{metadata['name'][:200]}.{hashlib.sha256(subject.encode()).hexdigest()[:16]}"
        try:
            known = self._store.get(Key("Event", namespace, name))
        except NotFound:
            event = {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": name, "namespace": namespace, **({"labels": labels} if labels else {})},
                "involvedObject": {
                    "apiVersion": about["apiVersion"],
                    "kind": about["kind"],
                    "name": metadata["name"],
                    **({"namespace": metadata["namespace"]} if metadata.get("namespace") else {}),
                    "uid": metadata.get("uid", ""),
                },
                "type": happening.type,
                "reason": happening.reason,
                "message": happening.message,
                "source": {"component": COMPONENT},
                "reportingComponent": COMPONENT,
                "count": 1,
                "firstTimestamp": now,
                "lastTimestamp": now,
            }
            self._store.create(event)
            return
        known["count"] = int(known.get("count") or 0) + 1
        known["lastTimestamp"] = now
        known["metadata"]["labels"] = {**(known["metadata"].get("labels") or {}), **labels}
        self._store.update(known)

    def _delete(self, event: Mapping[str, Any]) -> int:
        metadata = event["metadata"]
        try:
            self._store.delete(Key("Event", metadata["namespace"], metadata["name"]), uid=metadata["uid"])
        except GMError:
            return 0
        return 1


def round_of(about: Mapping[str, Any]) -> str:
    """The id of the round that a resource is in; empty for what has no rounds."""
    number = (about.get("status") or {}).get("round")
    return round_id(about["metadata"].get("uid") or "", number) if isinstance(number, int) else ""


def _last(event: Mapping[str, Any], now: datetime) -> datetime:
    """When it last happened, as far as that can be: a writer whose clock is ahead does not make it immortal."""
    created = parse_time(event["metadata"]["creationTimestamp"])
    last = event.get("lastTimestamp")
    said = parse_time(last) if last else created
    return said if said <= now else created


def _about(event: Mapping[str, Any]) -> object:
    """What it is about; resources without a uid are told apart by their names."""
    about = event["involvedObject"]
    return about.get("uid") or (about.get("kind"), about.get("namespace"), about.get("name"))
