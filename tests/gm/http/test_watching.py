"""Watches, as Kubernetes' clients expect them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import pytest

from sedna_gm.http import watching
from sedna_gm.http.apps import create_app
from sedna_gm.http.parts import Parts
from sedna_gm.settings import HttpSettings
from tests.gm.http.doors import BASE, MODELS, Door, dataset, model

TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


def briefly(events: Any, count: int) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"]["name"]) for event in itertools.islice(events, count)]


def test_without_a_version_a_watch_begins_with_what_there_is(door: Door) -> None:
    door.post(MODELS, model("a"))
    events = door.watch(f"{BASE}/models?watch=1")
    door.post(MODELS, model("b"))
    door.patch(f"{MODELS}/a", {"spec": {"format": "h5"}})
    door.delete(f"{MODELS}/b")
    assert briefly(events, 4) == [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]
    events.close()


def test_with_a_version_a_watch_tells_only_what_came_after(door: Door) -> None:
    door.post(MODELS, model("a"))
    version = door.get(MODELS)["metadata"]["resourceVersion"]
    door.post(MODELS, model("b"))
    events = door.watch(f"{MODELS}?watch=true&resourceVersion={version}")
    assert briefly(events, 1) == [("ADDED", "b")]
    events.close()


def test_a_selective_watch_sees_resources_come_and_go(door: Door) -> None:
    path = f"{BASE}/namespaces/default/datasets"
    events = door.watch(f"{BASE}/datasets?watch=1&fieldSelector=spec.nodeName%3Dmine&resourceVersion=0")
    made = door.post(path, dataset("d", "other"))
    moved = door.put(f"{path}/d", {**made, "spec": {**made["spec"], "nodeName": "mine"}})
    door.put(f"{path}/d", {**moved, "spec": made["spec"]})
    assert briefly(events, 2) == [("ADDED", "d"), ("DELETED", "d")]
    events.close()


def test_one_resource_can_be_watched_by_its_address(door: Door) -> None:
    door.post(MODELS, model("a"))
    door.post(MODELS, model("b"))
    events = door.watch(f"{MODELS}/b?watch=1&timeoutSeconds=1")
    assert briefly(events, 2) == [("ADDED", "b")]


def test_a_watch_ends_when_its_time_is_up_with_a_last_bookmark(door: Door) -> None:
    door.post(MODELS, model("a"))
    *_, last = door.watch(f"{MODELS}?watch=1&timeoutSeconds=1&allowWatchBookmarks=true")
    assert (last["type"], last["object"]["metadata"]["resourceVersion"]) == ("BOOKMARK", "1")


def test_bookmarks_move_on_with_changes_that_do_not_concern_the_watch(door: Door) -> None:
    events = door.watch(f"{BASE}/datasets?watch=1&allowWatchBookmarks=true&resourceVersion=0")
    door.post(MODELS, model("a"))
    for event in events:
        assert event["type"] == "BOOKMARK"
        if event["object"]["metadata"]["resourceVersion"] == "1":
            break
    events.close()


def test_bookmarks_are_only_for_who_asked(door: Door) -> None:
    assert list(door.watch(f"{MODELS}?watch=1&timeoutSeconds=1")) == []


def test_a_version_that_left_the_log_is_410(door: Door) -> None:
    for number in range(40):
        door.post(MODELS, model(f"m{number}"))
    gone = door.get(f"{MODELS}?watch=1&resourceVersion=1", 410)
    assert gone["reason"] == "Expired"


def test_a_watch_that_falls_behind_hears_410_as_an_event(door: Door) -> None:
    events = door.watch(f"{BASE}/datasets?watch=1&resourceVersion=0")
    door.post(MODELS, model("first"))
    next_event = iter(events)
    for number in range(40):
        door.post(MODELS, model(f"m{number}"))
    event = next(next_event)
    assert (event["type"], event["object"]["code"], event["object"]["kind"]) == ("ERROR", 410, "Status")
    assert next(next_event, None) is None


def test_closing_the_store_ends_every_watch_at_once(door: Door) -> None:
    events = door.watch(f"{MODELS}?watch=1&allowWatchBookmarks=1")
    door.parts.store.close()
    assert [event["type"] for event in events] == ["BOOKMARK"]


def test_a_client_that_hung_up_ends_its_watch(parts: Parts) -> None:
    answers = iter([False, True])
    with parts.store.watch("Model") as watch:
        wish = watching.Wish(60, False, lambda resource: resource, lambda revision: {}, lambda: next(answers))
        assert list(watching.lines(watch, [], wish, parts.settings)) == [b""]


def test_a_watch_leaves_the_log_when_its_client_leaves(door: Door) -> None:
    log = door.parts.store._log  # type: ignore[attr-defined]
    events = door.watch(f"{MODELS}?watch=1&resourceVersion=0")
    door.post(MODELS, model())
    next(events)
    assert len(log._watches) == 1
    events.close()
    assert len(log._watches) == 0


def test_tables_can_be_watched(door: Door) -> None:
    door.post(MODELS, model("a"))
    events = door.watch(f"{MODELS}?watch=1&allowWatchBookmarks=1&timeoutSeconds=1&includeObject=Object", headers=TABLE)
    first, *_, last = events
    assert first["object"]["kind"] == last["object"]["kind"] == "Table"
    assert first["object"]["rows"][0]["cells"][0] == "a"
    assert first["object"]["rows"][0]["object"]["spec"]["url"] == "/models/m"
    assert (last["type"], last["object"]["rows"]) == ("BOOKMARK", [])


def test_initial_events_in_a_stream_are_declined_as_older_servers_do(door: Door) -> None:
    door.get(f"{MODELS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan", 422)


@pytest.mark.parametrize(("asked", "least", "most"), [(None, 1800, 3600), (5, 5, 5), (0, 1800, 3600)])
def test_watches_end_at_different_times_unless_asked_for_one(asked: int | None, least: int, most: int) -> None:
    assert least <= watching.patience(asked, HttpSettings()) <= most


def test_ages_move_in_a_watched_table(parts: Parts, clock: Any) -> None:
    parts = dataclasses.replace(parts)
    door = Door(create_app(parts).test_client(), parts)
    door.post(MODELS, model("a"))
    forward: Callable[[float], None] = clock.forward
    forward(125)
    events = door.watch(f"{MODELS}?watch=1", headers=TABLE)
    seen = next(events)["object"]
    age = [column["name"] for column in seen["columnDefinitions"]].index("Age")
    assert seen["rows"][0]["cells"][age] == "2m5s"
    events.close()
