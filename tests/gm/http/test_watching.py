"""Watches, as Kubernetes' clients expect them."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from sedna_gm.http import watching
from sedna_gm.http.apps import create_app
from sedna_gm.http.parts import Parts
from sedna_gm.http.streams import KEEPER, Stream
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
    events = door.watch(f"{MODELS}?watch=1&resourceVersion=0")
    for number in range(40):
        door.post(MODELS, model(f"m{number}"))
    event = next(events)
    assert (event["type"], event["object"]["code"], event["object"]["kind"]) == ("ERROR", 410, "Status")
    assert next(events, None) is None


def test_a_watch_does_not_fall_behind_by_what_does_not_concern_it(door: Door) -> None:
    events = door.watch(f"{BASE}/datasets?watch=1&resourceVersion=0&timeoutSeconds=1&allowWatchBookmarks=1")
    for number in range(40):
        door.post(MODELS, model(f"m{number}"))
    bookmark = next(events)
    version = bookmark["object"]["metadata"]["resourceVersion"]
    assert (bookmark["type"], version) == ("BOOKMARK", str(door.parts.store.revision()))


def test_closing_the_store_ends_every_watch_at_once(door: Door) -> None:
    events = door.watch(f"{MODELS}?watch=1&allowWatchBookmarks=1")
    door.parts.store.close()
    assert [event["type"] for event in events] == ["BOOKMARK"]


def test_a_client_that_hung_up_ends_its_watch(parts: Parts) -> None:
    answers, left = iter([False, True]), []
    wish = watching.Wish(60, True, lambda resource: resource, lambda revision: {}, lambda: next(answers))
    watch = parts.store.watch("Model")
    stream = watching.WatchStream(watch, [], wish, parts.settings, lambda: left.append("place"))
    taken = []
    while not stream.over:
        taken += list(stream.take())
    stream.close()
    assert (taken, left, watch.closed) == ([], ["place"], True)


def test_a_watch_leaves_the_log_when_its_client_leaves(door: Door) -> None:
    events = door.watch(f"{MODELS}?watch=1&resourceVersion=0")
    door.post(MODELS, model())
    next(events)
    assert door.parts.store.watches == 1
    events.close()
    assert door.parts.store.watches == 0


def test_a_server_that_keeps_streams_gets_the_watch_and_an_answer_without_lines(door: Door) -> None:
    kept: list[Stream] = []
    response = door.client.get(f"{MODELS}?watch=1", environ_overrides={KEEPER: kept.append})
    assert (response.status_code, response.data) == (200, b"")
    (stream,) = kept
    calls: list[str] = []
    stream.subscribe(lambda: calls.append("call"))
    assert (calls, list(stream.take())) == ([], [])
    door.post(MODELS, model())
    assert calls == ["call"]
    assert [json.loads(line)["type"] for line in stream.take()] == ["ADDED"]
    stream.close()
    assert door.parts.store.watches == 0


def test_tables_can_be_watched(door: Door) -> None:
    door.post(MODELS, model("a"))
    events = door.watch(f"{MODELS}?watch=1&allowWatchBookmarks=1&timeoutSeconds=1&includeObject=Object", headers=TABLE)
    first, *_, last = events
    assert first["object"]["kind"] == last["object"]["kind"] == "Table"
    assert first["object"]["rows"][0]["cells"][0] == "a"
    assert first["object"]["rows"][0]["object"]["spec"]["url"] == "/models/m"
    assert (last["type"], last["object"]["rows"]) == ("BOOKMARK", [])


WHOLE = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


@pytest.mark.parametrize("since", ["", "&resourceVersion=1"])
def test_one_request_tells_what_there_is_and_where_that_ends_and_what_changes(door: Door, since: str) -> None:
    door.post(MODELS, model("a"))
    door.post(MODELS, model("b"))
    events = door.watch(f"{MODELS}?{WHOLE}{since}")
    told = [next(events) for _ in range(3)]
    assert [(one["type"], one["object"]["metadata"].get("name")) for one in told] == [
        ("ADDED", "a"),
        ("ADDED", "b"),
        ("BOOKMARK", None),
    ]
    assert told[-1]["object"]["metadata"] == {
        "resourceVersion": "2",
        "annotations": {"k8s.io/initial-events-end": "true"},
    }
    door.post(MODELS, model("c"))
    assert next(events)["object"]["metadata"]["name"] == "c"


def test_where_there_is_nothing_that_is_said_at_once(door: Door) -> None:
    (end, *_) = door.watch(f"{MODELS}?{WHOLE}&timeoutSeconds=1")
    assert (end["type"], list(end["object"]["metadata"])) == ("BOOKMARK", ["resourceVersion", "annotations"])


def test_the_end_of_what_there_is_is_no_bookmark_for_who_wants_none(door: Door) -> None:
    door.post(MODELS, model("a"))
    events = door.watch(f"{MODELS}?{WHOLE.replace('Bookmarks=true', 'Bookmarks=false')}&timeoutSeconds=1")
    assert [event["type"] for event in events] == ["ADDED"]


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ("sendInitialEvents=true", 422, "needs resourceVersionMatch=NotOlderThan"),
        ("sendInitialEvents=true&resourceVersionMatch=Exact", 422, "needs resourceVersionMatch=NotOlderThan"),
        ("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=9", 410, "from the future"),
    ],
)
def test_what_cannot_be_told_so_is_refused(door: Door, query: str, code: int, said: str) -> None:
    assert said in door.get(f"{MODELS}?watch=1&{query}", code)["message"]


def test_what_there_is_is_not_told_as_tables(door: Door) -> None:
    """kubectl does not ask for it, and Kubernetes' mark has no place in a Table without rows."""
    assert "Tables" in door.get(f"{MODELS}?{WHOLE}", 422, headers=TABLE)["message"]


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
