"""Why a job does what it does: its triggers, gates, workers and last decisions, and what a person can do."""

from __future__ import annotations

from flask import Blueprint, Response

from sedna.api.kinds import by_kind
from sedna_gm.controllers.incremental_learning.explaining.answering import why
from sedna_gm.errors import NotFound
from sedna_gm.http.addresses import key_at
from sedna_gm.http.answers import answer
from sedna_gm.http.parts import parts

_JOB = by_kind("IncrementalLearningJob")
ROUNDS = 40
"""Newest records of rounds that are looked at: two for each decision that is told, since some say little."""


def blueprint() -> Blueprint:
    """`…/incrementallearningjobs/{name}/why`."""
    views = Blueprint("why", __name__)
    views.add_url_rule(f"/apis/{_JOB.api_version}/namespaces/<namespace>/{_JOB.plural}/<name>/why", view_func=_why)
    return views


def _why(namespace: str, name: str) -> Response:
    store, key = parts().store, key_at(_JOB, namespace, name)
    # The address of a job that is not there: the store says so in the words of every other address.
    uid = store.get(key)["metadata"]["uid"]
    snapshot = parts().look(key)
    if snapshot is None or snapshot.uid != uid:
        raise NotFound(f"{key} was deleted a moment ago.", kind=_JOB.name, name=name)
    events = store.list("Event", namespace, matches=lambda event: (event.get("involvedObject") or {}).get("uid") == uid)
    return answer(why(snapshot, store.rounds(key, uid, newest=ROUNDS).items, events.items))
