"""The door: what is accepted is durable, what is not gets an answer that says why, and nobody can block it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.api.workers import WorkerNews, WorkerReport
from sedna_lc.http.door import MOST_BYTES, MOST_NEWS_BYTES, make_application
from sedna_lc.http.serving import DoorServer
from sedna_lc.state.opening import open_store
from tests.lc.state.test_stores import NOW

REPORT = {"name": "w", "namespace": "default", "kind": "train", "status": "completed"}


class Room:
    def __init__(self) -> None:
        self.heard: list[WorkerReport] = []
        self.news: list[WorkerNews] = []
        self.broken = False
        self.asks_for_tokens = False

    def owner_of(self, token: str) -> tuple[str, str] | None:
        return {"token-of-w": ("default", "w"), "token-of-v": ("default", "v"), "elsewhere": ("other", "w")}.get(token)

    def accept(self, report: WorkerReport, proven: bool) -> None:
        if self.asks_for_tokens and not proven:
            raise PermissionError("worker w reports with its token")
        if self.broken:
            raise OSError("No space left on device")
        if report.name == "nobody":
            raise LookupError("no worker nobody runs on this node")
        if report.kind == "deploy":
            raise ValueError("kind: 'deploy' is not for it")
        self.heard.append(report)

    def hear(self, news: WorkerNews, proven: bool) -> None:
        if self.asks_for_tokens and not proven:
            raise PermissionError("worker w reports with its token")
        if news.name == "nobody":
            raise LookupError("no worker nobody runs on this node")
        self.news.append(news)


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def server(room: Room) -> Iterator[DoorServer]:
    made = DoorServer(make_application(room.accept, room.owner_of, room.hear), "127.0.0.1", 0, request_seconds=1)
    made.start()
    yield made
    made.close()


@pytest.fixture
def client(server: DoorServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as made:
        yield made


def post(client: httpx.Client, body: Any, name: str = "w", **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(f"/sedna/workers/{name}/info", content=content, headers=headers)


def test_a_report_is_taken_in_the_originals_words(client: httpx.Client, room: Room) -> None:
    body = {
        **REPORT,
        "ownerName": "j",
        "ownerKind": "incrementallearningjob",
        "ownerInfo": {"startTime": "x"},
        "results": [{"format": "pb", "url": "/m", "metrics": {"p": [0.5]}, "extra": 1}],
    }
    answer = post(client, body)
    assert (answer.status_code, answer.json()) == (200, {"Status": 200, "Message": "OK"})
    assert room.heard[0].results == body["results"]


def test_the_door_says_that_it_is_open(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"Status": 200, "Message": "OK"}


def test_a_worker_reports_for_itself_by_its_token(client: httpx.Client, room: Room) -> None:
    room.asks_for_tokens = True
    assert post(client, REPORT, Authorization="Bearer token-of-w").status_code == 200
    assert post(client, REPORT, authorization="bearer  token-of-w").status_code == 200
    assert len(room.heard) == 2


WRONG = ("", "Bearer", "Bearer nobodys", "Basic token-of-w", "token-of-w", "Bearer token-of-w,x", "Bearer \xff")


@pytest.mark.parametrize("shown", [*WRONG, "Bearer " + "x" * 8000])
def test_a_token_that_nobody_was_handed_is_refused_before_anything_is_read(
    client: httpx.Client, room: Room, shown: str
) -> None:
    answer = client.post(
        "/sedna/workers/w/info", content=b"not even JSON", headers={"Authorization": shown.encode("latin-1")}
    )
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json() == {"Status": 401, "Message": "this is not the token of a worker on this node"}
    assert room.heard == []


def test_a_report_without_the_token_that_its_worker_has_is_refused(client: httpx.Client, room: Room) -> None:
    room.asks_for_tokens = True
    answer = post(client, REPORT)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json()["Message"] == "worker w reports with its token"


@pytest.mark.parametrize(
    ("token", "body"),
    [("token-of-v", REPORT), ("elsewhere", REPORT), ("token-of-w", {**REPORT, "namespace": "other"})],
)
def test_a_worker_that_reports_for_another_is_refused(
    client: httpx.Client, room: Room, token: str, body: dict[str, str]
) -> None:
    answer = post(client, body, Authorization=f"Bearer {token}")
    assert answer.status_code == 403
    assert "which reports for itself only" in answer.json()["Message"]
    assert room.heard == []


def test_a_thief_writes_no_line_of_the_log_and_the_log_no_token(
    client: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        client.post("/sedna/workers/w%0AERROR%20all%20is%20lost/info", headers={"Authorization": "Bearer hunter2"})
        post(client, REPORT, Authorization="Bearer token-of-v")
    said = [record.getMessage() for record in caplog.records if record.name == "sedna_lc.http.door"]
    assert len(said) == 2
    assert not [line for line in said if "\n" in line or "hunter2" in line or "token-of-v" in line]


def test_w07_a_report_for_nobody_is_said_and_not_swallowed(client: httpx.Client) -> None:
    answer = post(client, {**REPORT, "name": "nobody"}, "nobody")
    assert answer.status_code == 404
    assert answer.json()["Message"] == "no worker nobody runs on this node"


def test_a_report_that_does_not_fit_its_worker_is_malformed(client: httpx.Client, room: Room) -> None:
    answer = post(client, {**REPORT, "kind": "deploy"})
    assert answer.status_code == 400
    assert answer.json()["Message"] == "the report does not fit its worker: kind: 'deploy' is not for it"
    assert room.heard == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": NaN}', "NaN is not JSON"),
        (b"\xff\xfe", "not JSON"),
        ({**REPORT, "kind": "invented"}, "kind:"),
        ({**REPORT, "status": "great", "kind": 7}, "status:"),
        ({**REPORT, "results": "none"}, "results:"),
        ({**REPORT, "junk": 1}, "junk:"),
        ([REPORT], "the report:"),
        ({**REPORT, "name": "other"}, "the address of 'w'"),
        (json.dumps(REPORT).encode() + b"trailing", "not JSON"),
    ],
)
def test_a_malformed_report_gets_every_problem_told(client: httpx.Client, room: Room, body: Any, told: str) -> None:
    answer = post(client, body)
    assert answer.status_code == 400
    assert told in answer.json()["Message"]
    assert room.heard == []


def test_all_problems_are_told_at_once(client: httpx.Client) -> None:
    message = post(client, {**REPORT, "kind": "x", "status": "y"}).json()["Message"]
    assert "kind:" in message
    assert "status:" in message


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/sedna/workers/w/info", 405),
        ("PUT", "/sedna/workers/w/info", 405),
        ("POST", "/sedna/workers/info", 404),
        ("POST", "/healthz", 405),
        ("GET", "/", 404),
    ],
)
def test_there_is_no_other_way_in(client: httpx.Client, method: str, path: str, code: int) -> None:
    assert client.request(method, path).status_code == code


def test_a_report_over_one_mebibyte_is_refused(client: httpx.Client, room: Room) -> None:
    answer = post(client, {**REPORT, "message": "x" * MOST_BYTES})
    assert answer.status_code == 413
    assert answer.json() == {"Status": 413, "Message": f"Request Entity Too Large: exceeds max_body of {MOST_BYTES}"}
    assert room.heard == []


def test_a_body_without_a_length_is_bounded_too(client: httpx.Client, room: Room) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 65_536

    try:
        code = client.post("/sedna/workers/w/info", content=pieces()).status_code
    except httpx.TransportError:
        # Hung up while we were still sending, which is an answer as well.
        code = 413
    assert code == 413
    assert room.heard == []


def test_w08_when_it_cannot_be_kept_the_library_is_asked_to_come_again(client: httpx.Client, room: Room) -> None:
    room.broken = True
    assert post(client, REPORT).status_code == 503
    room.broken = False
    assert post(client, REPORT).status_code == 200


def test_half_sent_requests_are_hung_up_on_and_block_nobody(server: DoorServer, client: httpx.Client) -> None:
    slow = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(50)]
    for one in slow:
        one.sendall(b"POST /sedna/workers/w/info HTTP/1.1\r\nContent-Length: 100\r\n\r\n{")
    assert post(client, REPORT).status_code == 200
    for one in slow:
        one.settimeout(20)
        assert one.recv(100) == b""
        one.close()


def test_a_request_that_comes_in_drops_is_hung_up_on(server: DoorServer) -> None:
    drip = socket.create_connection(("127.0.0.1", server.port))
    drip.sendall(b"POST /sedna/workers/w/info HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n")
    drip.settimeout(0.02)
    ended = False
    for _ in range(1000):
        try:
            drip.sendall(b" ")
            ended = drip.recv(100) == b""
        except TimeoutError:
            continue
        except OSError:
            ended = True
        if ended:
            break
    assert ended
    drip.close()


def test_w101_nobody_outside_this_host_reaches_the_door(server: DoorServer) -> None:
    assert server._server.effective_host == "127.0.0.1"


def test_w06_what_was_answered_200_survives_a_crash(tmp_path: Path) -> None:
    store = open_store(tmp_path, NOW)

    def accept(report: WorkerReport, _: bool) -> None:
        store.add_report((report.namespace, report.name), report.dump())

    application = make_application(accept, lambda _: None)
    transport = httpx.WSGITransport(app=application)  # type: ignore[arg-type]
    with httpx.Client(transport=transport, base_url="http://lc") as client:
        assert post(client, REPORT).status_code == 200
    again = open_store(tmp_path, NOW)
    assert [one.body for one in again.reports(("default", "w"))] == [REPORT]
    again.close()
    store.close()


@given(st.binary(max_size=200) | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_nothing_that_is_sent_gets_anything_but_an_answer(body: Any) -> None:
    room = Room()
    transport = httpx.WSGITransport(app=make_application(room.accept, room.owner_of))  # type: ignore[arg-type]
    with httpx.Client(transport=transport, base_url="http://lc") as client:
        content = body if isinstance(body, bytes) else body.encode()
        assert client.post("/sedna/workers/w/info", content=content).status_code == 400


NEWS = {"name": "w", "namespace": "default", "progress": {"done": 1, "total": 3, "metrics": {"loss": 0.5}}}


def tell(client: httpx.Client, body: Any, name: str = "w", **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(f"/sedna/workers/{name}/progress", content=content, headers=headers)


def test_news_are_passed_on_and_are_no_report(client: httpx.Client, room: Room) -> None:
    answer = tell(client, NEWS)
    assert (answer.status_code, answer.json()) == (200, {"Status": 200, "Message": "OK"})
    assert [one.dump() for one in room.news] == [NEWS]
    assert room.heard == []


def test_news_need_the_token_of_their_own_worker(client: httpx.Client, room: Room) -> None:
    room.asks_for_tokens = True
    assert tell(client, NEWS).status_code == 401
    for token in ("token-of-v", "elsewhere"):
        assert tell(client, NEWS, Authorization=f"Bearer {token}").status_code == 403
    assert tell(client, NEWS, Authorization="Bearer nobodys").status_code == 401
    assert room.news == []
    assert tell(client, NEWS, Authorization="Bearer token-of-w").status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({**NEWS, "name": "v"}, 400),
        ({**NEWS, "more": 1}, 400),
        ({**NEWS, "progress": {"done": -1}}, 400),
        ({**NEWS, "progress": {"done": 1, "metrics": {"loss": "low"}}}, 400),
        ({**NEWS, "progress": {"done": 1, "metrics": {f"m{number}": 1 for number in range(33)}}}, 400),
        ({**NEWS, "progress": {"done": 1, "metrics": {"m" * 64: 1}}}, 400),
        (b'{"name": "w", "namespace": "default", "progress": {"done": NaN}}', 400),
        (b"{" + b" " * MOST_NEWS_BYTES, 413),
    ],
    ids=["another's", "unknown", "negative", "text", "many", "long", "NaN", "large"],
)
def test_news_that_are_not_what_they_should_be_are_refused(
    client: httpx.Client, room: Room, body: Any, status: int
) -> None:
    assert tell(client, body).status_code == status
    assert room.news == []


def test_news_of_nobody_are_404_and_news_are_only_posted(client: httpx.Client) -> None:
    assert tell(client, {**NEWS, "name": "nobody"}, name="nobody").status_code == 404
    assert client.get("/sedna/workers/w/progress").status_code == 405


def test_where_nobody_listens_there_is_no_address_for_news(room: Room) -> None:
    transport = httpx.WSGITransport(app=make_application(room.accept, room.owner_of))  # type: ignore[arg-type]
    with httpx.Client(transport=transport, base_url="http://lc") as client:
        assert tell(client, NEWS).status_code == 404
