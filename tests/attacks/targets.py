"""The whole door over a memory store, with one resource of each kind, for whoever wants to break in.

Nothing here waits for anything: a watch ends at once, and a node answers before it is asked.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from sedna_gm.artifacts.disks import DiskBlobs
from sedna_gm.http.apps import create_app
from sedna_gm.http.exchange import Exchange, Question
from sedna_gm.http.parts import Parts
from sedna_gm.identity.authenticating import OpenAuthenticator, TokenAuthenticator
from sedna_gm.identity.limiting import Failures
from sedna_gm.settings import ArtifactSettings, HttpSettings
from sedna_gm.store.credentials import Credentials, MemoryCredentials
from sedna_gm.store.heartbeats import Heartbeats
from sedna_gm.store.memory import MemoryStore
from tests.gm.controllers.world import job_manifest
from tests.gm.http.doors import StandingClock, dataset, model, node, worker

BLOB = b"a blob that is there"
ARTIFACT = {
    "apiVersion": "sedna.io/v1alpha1",
    "kind": "Artifact",
    "metadata": {"name": "there", "namespace": "default"},
    "spec": {
        "nodeName": "there",
        "job": {"kind": "IncrementalLearningJob", "name": "there", "uid": "u"},
        "model": {"name": "there", "url": "/m", "format": "pb", "round": 1},
    },
}
EVENT = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {"name": "there", "namespace": "default"},
    "involvedObject": {"kind": "Model", "name": "there"},
    "reason": "Seen",
}
SEEDS: Mapping[str, dict[str, Any]] = {
    "datasets": dataset("there"),
    "models": model("there"),
    "incrementallearningjobs": job_manifest("there"),
    "workers": worker("there"),
    "artifacts": ARTIFACT,
    "nodes": node("there"),
    "events": EVENT,
}


_PICTURE = {"media": "image/jpeg", "name": "there.jpg", "sha256": "5" * 64, "data": "/9g="}
_EXAMPLE = {"name": "there", "picture": "there.jpg", "boxes": [], "value": 0.5}
_LABEL = {"boxes": [], "by": "ann", "version": "1"}
ANSWERS: dict[str, bytes] = {
    "log": b"a line\n",
    "usage": json.dumps({"node": {}, "workers": [], "series": {}}).encode(),
    "hard-examples": json.dumps({"items": [_EXAMPLE], "total": 1, "continue": None}).encode(),
    "labels": json.dumps({"labels": {"there": _LABEL}}).encode(),
    "picture": json.dumps(_PICTURE).encode(),
    "label": json.dumps({"label": _LABEL, "line": "images/there.jpg", "created": True}).encode(),
}
"""What a node in good order answers, by the type of the question."""


class Answering(Exchange):
    """Every node answers every question, at once."""

    def ask(self, node: str, details: Mapping[str, Any], patience: float) -> Question:
        question = Question(node, details)
        question.answer.open()
        question.answer.write(ANSWERS[details["type"]], patience)
        question.answer.finish()
        return question


@dataclass(frozen=True)
class Target:
    """A client of the door, and what is behind it."""

    client: FlaskClient
    parts: Parts


def make_target(folder: Path, credentials: Credentials | None = None) -> Target:
    """A fresh one; give it back by `close`. With credentials, it asks for them."""
    clock = StandingClock()
    authenticator = OpenAuthenticator() if credentials is None else TokenAuthenticator(credentials, clock)
    store = MemoryStore(clock)
    for seed in SEEDS.values():
        resource = copy.deepcopy(seed)
        if resource["kind"] != "Node":
            resource["metadata"]["namespace"] = "default"
        store.create(resource)
    inference = worker("there-inference")
    store.create({**inference, "metadata": {**inference["metadata"], "namespace": "default"}})
    # As short as can be: what is attacked is the reading of requests, not the waiting.
    settings = HttpSettings(watch_seconds=0, bookmark_seconds=0.001, look_up_seconds=0.001, answer_seconds=0.001)
    blobs = DiskBlobs(ArtifactSettings(folder=str(folder), reserve_bytes=1), clock)
    blobs.append(hashlib.sha256(BLOB).hexdigest(), 0, BLOB, len(BLOB))
    parts = Parts(
        store,
        Heartbeats(clock),
        clock,
        blobs,
        settings,
        exchange=Answering(),
        authenticator=authenticator,
        credentials=credentials or MemoryCredentials(),
        # Who tries a thousand doors is held up soon; here every one of them is to be tried.
        failures=Failures(itertools.count(step=3600.0).__next__),
    )
    app = create_app(parts)
    app.testing = False
    return Target(app.test_client(), parts)


def close(target: Target) -> None:
    """End its waits."""
    target.parts.exchange.close()
    target.parts.store.close()
