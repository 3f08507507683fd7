"""A decision takes effect once, in an order that may break anywhere, and only on what was looked at."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from sedna_gm.controllers.applying import Applier
from sedna_gm.controllers.decisions import Decision, Happening, Removal
from sedna_gm.controllers.mirroring import Mirror
from sedna_gm.controllers.telling import Events
from sedna_gm.errors import Conflict
from sedna_gm.store.interface import Key
from sedna_gm.store.memory import MemoryStore
from tests.gm.controllers.world import JOB, Clock, job_manifest

KEY = Key(JOB, "default", "helmets")


class Recorder:
    """The store, and the order in which it was written."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name not in ("create", "update", "update_status", "delete", "append_round"):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            first = args[0]
            what = first.kind if isinstance(first, Key) else first["kind"]
            self.calls.append(f"{name} {what}")
            return found(*args, **kwargs)

        return call


class Applying:
    def __init__(self) -> None:
        self.clock = Clock()
        self.store = MemoryStore(self.clock)
        self.job = self.store.create(job_manifest())
        self.recorder = Recorder(self.store)
        self.mirror = Mirror(self.recorder)  # type: ignore[arg-type]
        self.mirror.load()
        events = Events(self.recorder, self.clock)  # type: ignore[arg-type]
        self.applier = Applier(self.recorder, self.mirror, events)  # type: ignore[arg-type]

    def worker(self, name: str = "w", owner: str | None = None) -> dict[str, Any]:
        return {
            "apiVersion": "sedna.io/v1alpha1",
            "kind": "Worker",
            "metadata": {
                "name": name,
                "namespace": "default",
                "ownerReferences": [{"uid": owner or self.job["metadata"]["uid"]}],
            },
            "spec": {"nodeName": "n", "job": {"kind": JOB, "name": "helmets", "uid": "u"}},
        }

    def apply(self, decision: Decision) -> Any:
        return self.applier.apply(KEY, self.job, decision)


def test_the_order_is_history_workers_status_annotation_events() -> None:
    applying = Applying()
    old = applying.store.create(applying.worker("old"))
    changed = {**applying.store.create(applying.worker("changed"))}
    changed["spec"] = {**changed["spec"], "round": 2}
    applying.apply(
        Decision(
            "All at once.",
            record={"round": 1},
            statuses=({"kind": "Model", "metadata": {"name": "m", "namespace": "default"}, "status": {}},),
            delete=(Removal(Key("Worker", "default", "old"), old["metadata"]["uid"]),),
            change=(changed,),
            create=(applying.worker("new"),),
            status={"message": "so"},
            drop_annotation="sedna.io/trigger",
            happenings=(Happening("It", "Happened."),),
        )
    )
    assert applying.recorder.calls == [
        f"append_round {JOB}",
        "update_status Model",
        "delete Worker",
        "update Worker",
        "create Worker",
        f"update_status {JOB}",
        f"update {JOB}",
        "create Event",
    ]


def test_a_finalizer_is_set_before_anything_else_is_done() -> None:
    applying = Applying()
    applying.apply(Decision("Held.", finalizers=("f",), create=(applying.worker(),)))
    assert applying.recorder.calls == [f"update {JOB}"]
    assert applying.store.get(KEY)["metadata"]["finalizers"] == ["f"]


def test_a_decision_on_what_is_no_longer_so_writes_no_status_and_tells_nobody() -> None:
    applying = Applying()
    applying.store.update_status({**applying.job, "status": {"message": "somebody else"}})
    applying.apply(Decision("Too late.", status={"message": "mine"}, happenings=(Happening("It", "Happened."),)))
    assert applying.store.get(KEY)["status"] == {"message": "somebody else"}
    assert applying.store.list("Event").items == []


def test_a_worker_that_exists_and_is_ours_was_made_before_a_crash() -> None:
    applying = Applying()
    applying.store.create(applying.worker())
    applying.apply(Decision("Again.", create=(applying.worker(),), status={"message": "made"}))
    assert applying.store.get(KEY)["status"] == {"message": "made"}


def test_a_worker_that_exists_and_is_anothers_stops_the_decision() -> None:
    applying = Applying()
    applying.store.create(applying.worker(owner="another"))
    applying.apply(Decision("Again.", create=(applying.worker(),), status={"message": "made"}))
    assert "status" not in applying.store.get(KEY)


def test_a_namesake_made_since_is_not_deleted() -> None:
    applying = Applying()
    applying.store.create(applying.worker())
    applying.apply(Decision("Gone.", delete=(Removal(Key("Worker", "default", "w"), "older uid"),)))
    assert len(applying.store.list("Worker").items) == 1


def test_a_sentence_is_logged_once_until_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    applying = Applying()
    with caplog.at_level(logging.INFO, "sedna_gm.controllers.applying"):
        for sentence in ("Waits.", "Waits.", "Waits.", "Goes on.", "Waits."):
            applying.apply(Decision(sentence))
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == ["Waits.", "Goes on.", "Waits."]


def test_the_same_happening_counts_up() -> None:
    applying = Applying()
    for _ in range(3):
        applying.apply(Decision("So.", happenings=(Happening("RoundFailed", "Out of memory.", "Warning"),)))
    applying.apply(Decision("So.", happenings=(Happening("RoundFailed", "Disk full.", "Warning"),)))
    events = {event["message"]: event["count"] for event in applying.store.list("Event").items}
    assert events == {"Out of memory.": 3, "Disk full.": 1}
    event = applying.store.list("Event").items[0]
    assert event["involvedObject"]["uid"] == applying.job["metadata"]["uid"]
    assert event["type"] == "Warning"


def test_a_key_is_not_decided_about_before_its_own_last_write_is_seen() -> None:
    applying = Applying()
    applying.apply(Decision("Written.", status={"message": "new"}))
    applying.mirror.pump(0)
    applying.applier.settle(KEY)
    raw = applying.mirror.raw(KEY)
    assert raw is not None
    assert raw["status"] == {"message": "new"}


def test_a_mirror_that_does_not_catch_up_holds_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    applying = Applying()
    monkeypatch.setattr("sedna_gm.controllers.applying.CATCH_UP", 0.0)
    applying.apply(Decision("Written.", status={"message": "new"}))
    with pytest.raises(Conflict):
        applying.applier.settle(KEY)
