"""The address `…/why`: whose job it explains, and what a stranger hears."""

from __future__ import annotations

from typing import Any

from tests.gm.controllers.world import job_manifest
from tests.gm.http.doors import BASE, Door, dataset, model

JOBS = f"{BASE}/namespaces/default/incrementallearningjobs"


def made(door: Door) -> Any:
    door.post(f"{BASE}/namespaces/default/datasets", dataset("samples"))
    for name in ("initial-model", "deploy-model"):
        door.post(f"{BASE}/namespaces/default/models", model(name))
    return door.post(JOBS, job_manifest())


def test_a_job_that_was_just_made_is_explained(door: Door) -> None:
    made(door)
    told = door.get(f"{JOBS}/helmets/why")
    assert (told["kind"], told["job"]) == ("Why", "helmets")
    assert told["triggers"][0]["metric"] == "num_of_samples"
    assert told["nodes"] == [{"name": "edge", "ready": False, "why": "No node edge is registered."}]


def test_events_of_a_namesake_that_was_deleted_are_not_told(door: Door) -> None:
    job = made(door)
    about = {"kind": job["kind"], "name": "helmets", "namespace": "default"}
    for uid, message in ((job["metadata"]["uid"], "Mine."), ("another", "Another's.")):
        event = {
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": uid}, "involvedObject": {**about, "uid": uid},
            "reason": "Blocked", "message": message, "lastTimestamp": "2026-11-22T13:00:00Z",
        }  # fmt: skip
        door.post("/api/v1/namespaces/default/events", event)
    assert [each["sentence"] for each in door.get(f"{JOBS}/helmets/why")["decisions"]] == ["Mine."]


def test_a_job_that_is_not_there_is_not_found_as_anywhere_else(door: Door) -> None:
    answer = door.get(f"{JOBS}/none/why", expect=404)
    assert answer["details"] == {"name": "none", "kind": "IncrementalLearningJob"}


def test_it_is_only_read(door: Door) -> None:
    made(door)
    door.post(f"{JOBS}/helmets/why", {}, expect=405)
