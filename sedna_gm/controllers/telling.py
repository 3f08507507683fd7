"""Events: what happened to a resource, as sentences for `kubectl describe`.

The same thing happening again counts up instead of adding a line. Events are a comfort, not a record (that is the
job's history): one that cannot be stored is left out, and old ones are swept.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from sedna.api.times import parse_time
from sedna_gm.controllers.decisions import Happening
from sedna_gm.errors import GMError, NotFound
from sedna_gm.store.interface import Key, Store

_LOG = logging.getLogger(__name__)

COMPONENT = "sedna-gm"


class Events:
    """Writes events into the store, aggregated, and sweeps those nobody will look for any more.

    `keep` bounds their age, `most` how many one resource has: a job that fails every half hour must not fill the
    store in a year.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], datetime],
        *,
        keep: timedelta = timedelta(hours=24),
        most: int = 100,
    ) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep
        self._most = most

    def tell(self, about: Mapping[str, Any], happenings: Iterable[Happening]) -> None:
        """Store what happened to a resource."""
        for happening in happenings:
            try:
                self._tell(about, happening)
            except GMError as error:
                _LOG.warning("An event of %s is lost: %s", about["metadata"]["name"], error)

    def sweep(self) -> int:
        """Delete events that are too old or too many; returns how many."""
        oldest = self._clock() - self._keep
        by_resource: dict[str, list[Mapping[str, Any]]] = {}
        for found in self._store.list("Event").items:
            if found.get("source", {}).get("component") == COMPONENT:
                by_resource.setdefault(found["involvedObject"].get("uid", ""), []).append(found)
        swept = 0
        for events in by_resource.values():
            events.sort(key=_last, reverse=True)
            for place, event in enumerate(events):
                if place >= self._most or _last(event) < oldest:
                    swept += self._delete(event)
        return swept

    def _tell(self, about: Mapping[str, Any], happening: Happening) -> None:
        # With a fraction of a second, which clients sort by: a round's first steps follow within one second.
        now = self._clock().astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        metadata = about["metadata"]
        namespace = metadata.get("namespace") or "default"
        subject = "\0".join((metadata.get("uid", ""), happening.type, happening.reason, happening.message))
        name = f"{metadata['name'][:200]}.{hashlib.sha256(subject.encode()).hexdigest()[:16]}"
        try:
            known = self._store.get(Key("Event", namespace, name))
        except NotFound:
            event = {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {"name": name, "namespace": namespace},
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
        self._store.update(known)

    def _delete(self, event: Mapping[str, Any]) -> int:
        metadata = event["metadata"]
        try:
            self._store.delete(Key("Event", metadata["namespace"], metadata["name"]), uid=metadata["uid"])
        except GMError:
            return 0
        return 1


def _last(event: Mapping[str, Any]) -> datetime:
    return parse_time(event.get("lastTimestamp") or event["metadata"]["creationTimestamp"])
