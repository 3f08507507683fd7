"""Applies a decision, once, with version checks. Knows the store, and nothing of what kinds mean.

The order makes a crash between any two steps harmless, because the decision is taken again from what is stored:

1. finalizers, alone: a job holds itself before the first worker exists;
2. the round's record and other resources' statuses: both say the same when written again;
3. deletions, then changes, then creations of workers: names are fixed by job, stage and round, so a repeated step
   finds its own work and takes it over;
4. the resource's own status, with its version: it alone moves the stage, so whatever came before is repeated if it
   is missing. Were it first, a crash would leave a stage that waits for a worker nobody makes;
5. the annotation that was obeyed, which the status by then says;
6. events: a comfort, and said only about what was really stored.

A Conflict at any step ends the attempt: somebody wrote meanwhile, that write wakes the key, and what is stored now
is looked at afresh.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sedna.common.faults import reached
from sedna.daemons.logs import fields
from sedna_gm.controllers.decisions import JSON, Decision
from sedna_gm.controllers.mirroring import Mirror
from sedna_gm.controllers.telling import Events, round_of
from sedna_gm.errors import AlreadyExists, Conflict, NotFound
from sedna_gm.store.interface import Key, Store, key_of, revision_of

_LOG = logging.getLogger(__name__)

CATCH_UP = 5.0
"""Seconds to wait for the mirror to see one's own writes before the key may be handled again."""


class Applier:
    """One for all controllers. Keys are applied by one thread at a time, different keys at once."""

    def __init__(
        self, store: Store, mirror: Mirror, events: Events, finished: Callable[[JSON], None] = lambda _record: None
    ) -> None:
        """`finished` is told the record of each round, once."""
        self._store = store
        self._finished = finished
        self._mirror = mirror
        self._events = events
        self._sentences: dict[Key, str] = {}
        self._written: dict[Key, int] = {}

    def apply(self, key: Key, resource: Mapping[str, Any] | None, decision: Decision) -> datetime | None:
        """Carry out a decision about the resource as it was looked at; returns when to look again.

        `resource` is None when the key has none (any more); then only what it left behind is changed or deleted.
        """
        try:
            if resource is None:
                self._sentences.pop(key, None)
                self._written.pop(key, None)
                self._delete(decision)
                self._change(decision)
                return decision.look_again_at
            revision = self._carry_out(key, resource, decision)
        except Conflict as conflict:
            _LOG.debug("%s changed while it was decided about: %s", key, conflict)
            return None
        self._tell(key, resource, decision)
        if revision:
            self._written[key] = revision
        return decision.look_again_at

    def settle(self, key: Key) -> None:
        """Wait until the mirror shows what was last written for this key: else it would be decided upon twice.

        Raises Conflict when the mirror lags behind for long, so that the key is tried again later.
        """
        revision = self._written.get(key)
        if revision is None:
            return
        if not self._mirror.wait_for(revision, CATCH_UP):
            raise Conflict(f"The mirror has not reached revision {revision} within {CATCH_UP:g} s.")
        self._written.pop(key, None)

    def _carry_out(self, key: Key, resource: Mapping[str, Any], decision: Decision) -> int:
        """Returns the revision of the last write, 0 when there was none."""
        if decision.finalizers is not None:
            return self._hold(resource, decision.finalizers)
        revision = 0
        uid = resource["metadata"]["uid"]
        if decision.record is not None:
            is_new = self._store.append_round(key, uid, decision.record)
            reached("gm.apply.record.after")
            if is_new:
                self._finished(decision.record)
        for status in decision.statuses:
            revision = max(revision, self._write_status(status))
            reached("gm.apply.statuses.after")
        revision = max(revision, self._delete(decision))
        revision = max(revision, self._change(decision))
        for wanted in decision.create:
            revision = max(revision, self._create(wanted, uid))
            reached("gm.apply.create.after")
        current: Mapping[str, Any] = resource
        if decision.status is not None:
            reached("gm.apply.status.before")
            current = self._store.update_status({**resource, "status": dict(decision.status)})
            revision = max(revision, revision_of(current))
            reached("gm.apply.status.after")
        if decision.drop_annotation is not None:
            current = self._without_annotation(current, decision.drop_annotation)
            revision = max(revision, revision_of(current))
        self._events.tell(_as_decided(resource, decision), decision.happenings)
        return revision

    def _hold(self, resource: Mapping[str, Any], finalizers: tuple[str, ...]) -> int:
        held = copy.deepcopy(dict(resource))
        held["metadata"]["finalizers"] = list(finalizers)
        try:
            reached("gm.apply.finalizers.before")
            return revision_of(self._store.update(held))
        except NotFound:
            return 0

    def _write_status(self, resource: JSON) -> int:
        try:
            return revision_of(self._store.update_status(resource))
        except NotFound:
            # Deleted meanwhile: there is nothing left to tell it.
            return 0

    def _delete(self, decision: Decision) -> int:
        revision = 0
        for removal in decision.delete:
            try:
                deletion = self._store.delete(removal.key, uid=removal.uid)
            except (NotFound, Conflict):
                # Gone already, or a namesake took its place: either way that one is no more.
                continue
            revision = max(revision, revision_of(deletion.resource))
            reached("gm.apply.delete.after")
        return revision

    def _change(self, decision: Decision) -> int:
        revision = 0
        for changed in decision.change:
            try:
                revision = max(revision, revision_of(self._store.update(changed)))
                reached("gm.apply.change.after")
            except NotFound:
                # Gone meanwhile; the watch tells, and the key is looked at again.
                continue
        return revision

    def _create(self, wanted: JSON, owner: str) -> int:
        try:
            return revision_of(self._store.create(wanted))
        except AlreadyExists:
            found = self._store.get(key_of(wanted))
            owners = {reference.get("uid") for reference in found["metadata"].get("ownerReferences", ())}
            if owner not in owners:
                raise Conflict(f"{key_of(wanted)} belongs to another job.") from None
            return revision_of(found)

    def _without_annotation(self, resource: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        changed = copy.deepcopy(dict(resource))
        annotations = changed["metadata"].get("annotations") or {}
        annotations.pop(name, None)
        changed["metadata"]["annotations"] = annotations
        return self._store.update(changed)

    def _tell(self, key: Key, resource: Mapping[str, Any], decision: Decision) -> None:
        if self._sentences.get(key) != decision.sentence:
            self._sentences[key] = decision.sentence
            told = round_of(_as_decided(resource, decision))
            told_of = fields(ACTION="decide", KIND=key.kind, NAMESPACE=key.namespace, NAME=key.name, ROUND_ID=told)
            _LOG.info("%s: %s", key, decision.sentence, extra=told_of)


def _as_decided(resource: Mapping[str, Any], decision: Decision) -> Mapping[str, Any]:
    return resource if decision.status is None else {**resource, "status": decision.status}
