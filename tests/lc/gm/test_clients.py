"""Answers of the GM, sorted by what to do next; and streams that end when they are told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from sedna_lc.errors import GmConflict, GmNotFound, GmRefused, GmUnavailable, WatchTooOld
from sedna_lc.gm.clients import Event, GmClient, Listed
from tests.lc.fakes.gm import FakeGm


def answering(response: httpx.Response | Exception) -> GmClient:
    def handle(request: httpx.Request) -> httpx.Response:
        if isinstance(response, Exception):
            raise response
        return response

    return GmClient("http://gm", httpx.MockTransport(handle))


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (404, GmNotFound),
        (409, GmConflict),
        (410, WatchTooOld),
        (400, GmRefused),
        (422, GmRefused),
        (401, GmUnavailable),
        (403, GmUnavailable),
        (429, GmUnavailable),
        (500, GmUnavailable),
        (503, GmUnavailable),
        (302, GmUnavailable),
    ],
)
def test_a_refusal_is_sorted_by_what_to_do_next(code: int, expected: type[Exception]) -> None:
    client = answering(httpx.Response(code, json={"message": "because"}))
    with pytest.raises(expected, match="because") as caught:
        client.get("/x")
    assert type(caught.value) is expected
    client.close()


def test_a_page_of_a_proxy_is_not_quoted() -> None:
    client = answering(httpx.Response(502, text="<html>" * 1000))
    with pytest.raises(GmUnavailable, match="HTTP 502 without a reason") as caught:
        client.get("/x")
    assert caught.value.answered
    client.close()


def test_the_gms_wish_when_to_come_back_is_heard() -> None:
    client = answering(httpx.Response(429, headers={"Retry-After": "7"}, json={}))
    with pytest.raises(GmUnavailable) as caught:
        client.get("/x")
    assert caught.value.after_seconds == 7
    client.close()


@pytest.mark.parametrize("problem", [httpx.ConnectError("refused"), httpx.ReadTimeout("silent")], ids=str)
def test_a_broken_line_is_an_outage(problem: Exception) -> None:
    client = answering(problem)
    with pytest.raises(GmUnavailable) as caught:
        client.post("/x", {})
    assert not caught.value.answered
    client.close()


def test_what_is_no_json_is_an_outage() -> None:
    client = answering(httpx.Response(200, text="hello"))
    with pytest.raises(GmUnavailable):
        client.get("/x")
    client.close()


WORKER = "/apis/sedna.io/v1alpha1/namespaces/default/workers/a"


def streaming(*lines: dict[str, Any]) -> GmClient:
    """A client of a GM that sends one stream and ends it."""
    content = "".join(json.dumps(line) + "\n" for line in lines)
    headers = {"Sedna-Store": "first"}
    return GmClient("http://gm", httpx.MockTransport(lambda _: httpx.Response(200, text=content, headers=headers)))


def added(name: str) -> dict[str, Any]:
    return {"type": "ADDED", "object": {"metadata": {"name": name, "resourceVersion": "5"}}}


END = {
    "type": "BOOKMARK",
    "object": {"metadata": {"resourceVersion": "7", "annotations": {"k8s.io/initial-events-end": "true"}}},
}


def test_one_stream_has_all_there_is_and_then_what_changes() -> None:
    with closing(streaming(added("a"), added("b"), END, added("c"))) as client:
        listed, event = client.list_and_watch("/x", {})
    assert isinstance(listed, Listed)
    assert isinstance(event, Event)
    assert [one["metadata"]["name"] for one in listed.items] == ["a", "b"]
    assert (listed.version, listed.store, event.resource["metadata"]["name"]) == ("7", "first", "c")


@pytest.mark.parametrize("lines", [(), (added("a"),)], ids=["nothing", "a part"])
def test_a_stream_that_ends_before_it_has_told_all_is_an_outage(lines: tuple[dict[str, Any], ...]) -> None:
    with closing(streaming(*lines)) as client, pytest.raises(GmUnavailable, match="before it had told what there is"):
        list(client.list_and_watch("/x", {}))


def test_an_outage_and_its_end_are_logged_once(gm: FakeGm, client: GmClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    gm.put("workers", "a")
    client.get(WORKER)
    gm.stop()
    for _ in range(3):
        with pytest.raises(GmUnavailable):
            client.get("/x")
    gm.start()
    for _ in range(3):
        client.get(WORKER)
    assert [one.message.split(" (")[0] for one in caplog.records if one.name == "sedna_lc.gm.clients"] == [
        f"The GlobalManager at {gm.address} answers.",
        f"The GlobalManager at {gm.address} does not answer",
        f"The GlobalManager at {gm.address} answers.",
    ]


class Torn(httpx.SyncByteStream):
    """A body that begins as it should and breaks off."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'{"type": "ADDED", "obj'
        raise httpx.ReadError("cut")


@pytest.mark.parametrize(
    "answer",
    [
        lambda: httpx.Response(200, text="<html>", headers={"Content-Type": "text/html; charset=utf-8"}),
        lambda: httpx.Response(200, stream=Torn(), headers={"Content-Type": "application/json"}),
        lambda: httpx.Response(200, text="{no json}", headers={"Content-Type": "application/json"}),
    ],
    ids=["a page", "a cut", "garbage"],
)
@pytest.mark.parametrize(
    "ask", [lambda client: list(client.watch("/x", {}, "1")), lambda client: client.get("/x")], ids=["watch", "get"]
)
def test_an_answer_that_is_none_ends_no_wait_as_the_gms_return_would(
    answer: Callable[[], httpx.Response], ask: Callable[[GmClient], object]
) -> None:
    """Each attempt would be the next one's reason: a thousand requests a second from every node."""
    with closing(GmClient("http://gm", httpx.MockTransport(lambda _: answer()))) as client:
        waits = []
        for _ in range(5):
            before = client.returns
            with pytest.raises(GmUnavailable):
                ask(client)
            waits.append(client.returns == before)
    assert waits[1:] == [True] * 4


def test_a_watch_yields_what_changes_and_ends_at_once_when_cut(gm: FakeGm, client: GmClient) -> None:
    events: list[str] = []
    ended = threading.Event()

    def read() -> None:
        try:
            for event in client.watch("/apis/sedna.io/v1alpha1/workers", {}, "100"):
                events.append(event.resource["metadata"]["name"])
        except GmUnavailable:
            ended.set()

    thread = threading.Thread(target=read)
    thread.start()
    gm.put("workers", "a", spec={"nodeName": "edge"})
    gm.wait_until(lambda: events == ["a"])
    client.close()
    assert ended.wait(timeout=10)
    thread.join()


def test_a_watch_of_a_forgotten_version_is_too_old(gm: FakeGm, client: GmClient) -> None:
    gm.forget_history()
    with pytest.raises(WatchTooOld):
        list(client.watch("/apis/sedna.io/v1alpha1/workers", {}, "100"))


def test_a_silent_watch_is_an_outage(gm: FakeGm, client: GmClient) -> None:
    with pytest.raises(GmUnavailable):
        list(client.lines("/apis/sedna.io/v1alpha1/workers", {"watch": "1", "resourceVersion": "100"}, 0.05))


def test_a_body_is_sent_while_it_is_made(gm: FakeGm, client: GmClient) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"one "
        yield b""
        yield b"two"

    client.stream_out("/apis/sedna.io/v1alpha1/nodes/edge/requests/q1", pieces())
    assert gm.answers == {"q1": b"one two"}
