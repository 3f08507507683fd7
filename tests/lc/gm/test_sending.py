"""The outbox empties itself: in order per key, as often as it takes, and only into the right resource."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from sedna.api.status import BOUND_ELSEWHERE
from sedna.api.workers import WorkerStatus
from sedna_lc.gm.clients import GmClient
from sedna_lc.gm.sending import OutboxSender
from sedna_lc.state.letters import status_letter
from sedna_lc.state.memory import MemoryStore
from sedna_lc.state.records import Letter
from tests.lc.fakes.gm import FakeGm
from tests.lc.gm.conftest import no_pauses


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def sender(client: GmClient, store: MemoryStore) -> OutboxSender:
    clock = iter(range(10_000_000))
    return OutboxSender(client, store, no_pauses, lambda: float(next(clock)))


def letter(name: str, phase: str = "Running", uid: str = "") -> Letter:
    status = WorkerStatus.model_validate({"phase": phase})
    return status_letter("workers", ("default", name), uid or f"uid-{name}", status)


def test_the_age_of_the_oldest_letter_counts_from_its_first_wait_and_ends_with_it(
    gm: FakeGm, client: GmClient, store: MemoryStore
) -> None:
    now = [100.0]
    sender = OutboxSender(client, store, no_pauses, lambda: now[0])
    gm.put("workers", "a")
    gm.stop()
    store.post(letter("a"))
    sender.send_all(never())
    now[0] = 160.0
    # A newer letter of the same key takes the place of one that has waited already.
    store.post(letter("a", "Succeeded"))
    sender.send_all(never())
    assert sender.oldest_seconds == 60.0
    gm.start()
    now[0] = 161.0
    sender.send_all(never())
    assert sender.oldest_seconds == 0.0


def never() -> threading.Event:
    return threading.Event()


def test_a_status_arrives(gm: FakeGm, store: MemoryStore, sender: OutboxSender) -> None:
    gm.put("workers", "a", status={"phase": "Pending", "reason": "ModelNotFound"})
    store.post(letter("a"))
    sender.send_all(never())
    assert gm.get("workers", "a")["status"] == {"phase": "Running", "restarts": 0, "results": []}
    assert store.letters() == []


def test_w06_w74_what_was_posted_during_an_outage_arrives_in_order_afterwards(
    gm: FakeGm, store: MemoryStore, sender: OutboxSender, run: Callable[..., Any]
) -> None:
    gm.put("workers", "a")
    gm.put("workers", "b")
    gm.stop()
    stop = run(sender.run)
    for phase in ("Starting", "Running"):
        store.post(letter("a", phase))
        sender.wake()
    store.post(letter("b", "Failed"))
    gm.start()
    gm.wait_until(lambda: not store.letters())
    assert [body["status"]["phase"] for body in gm.heard("PATCH", "/workers/a")] == ["Running"]
    assert gm.get("workers", "b")["status"]["phase"] == "Failed"
    stop.set()
    sender.wake()


def test_an_outage_is_over_when_nothing_is_left_to_tell(gm: FakeGm, client: GmClient, store: MemoryStore) -> None:
    sender = OutboxSender(client, store, lambda: iter(lambda: 3600.0, None), lambda: 0.0)
    gm.put("workers", "a")
    gm.stop()
    store.post(letter("a"))
    assert sender.send_all(never()) == 3600
    store.settle(store.letters()[0])
    # Nothing tells of the GM's return; the next letter must still leave at once.
    assert sender.send_all(never()) == 30
    assert sender._outage is None


def test_whoever_reaches_the_gm_first_ends_everybodys_wait(
    gm: FakeGm, client: GmClient, store: MemoryStore, run: Callable[..., Any]
) -> None:
    gm.put("workers", "a")
    gm.stop()
    an_hour = lambda: iter(lambda: 3600.0, None)  # noqa: E731
    sender = OutboxSender(client, store, an_hour, lambda: 0.0)
    store.post(letter("a"))
    assert sender.send_all(never()) == 3600
    stop = run(sender.run)
    gm.start()
    client.get("/apis/sedna.io/v1alpha1/namespaces/default/workers/a")
    gm.wait_until(lambda: not store.letters())
    stop.set()
    sender.wake()


@pytest.mark.parametrize("code", [500, 503, 429, 403])
def test_w08_a_failed_write_is_tried_until_it_is_taken(
    gm: FakeGm, store: MemoryStore, sender: OutboxSender, code: int
) -> None:
    gm.put("workers", "a")
    gm.fail("PATCH", "/workers/a/", code, times=5)
    store.post(letter("a", "Succeeded"))
    for _ in range(6):
        sender.send_all(never())
    assert gm.get("workers", "a")["status"]["phase"] == "Succeeded"
    assert store.letters() == []


def test_a_letter_that_fails_holds_up_no_other(gm: FakeGm, store: MemoryStore, sender: OutboxSender) -> None:
    gm.put("workers", "a")
    gm.put("workers", "b")
    gm.fail("PATCH", "/workers/a/", 500)
    store.post(letter("a"))
    store.post(letter("b"))
    sender.send_all(never())
    assert [one.key for one in store.letters()] == ["uid-a"]
    assert gm.get("workers", "b")["status"]["phase"] == "Running"


def test_what_concerns_a_deleted_resource_is_dropped_with_a_line(
    store: MemoryStore, sender: OutboxSender, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    store.post(letter("nobody"))
    sender.send_all(never())
    assert store.letters() == []
    assert "workers/nobody/status is gone" in caplog.text


def test_what_concerns_an_earlier_worker_of_the_name_is_dropped(
    gm: FakeGm, store: MemoryStore, sender: OutboxSender
) -> None:
    gm.put("workers", "a", metadata={"uid": "new"})
    store.post(letter("a", "Failed", uid="old"))
    sender.send_all(never())
    assert store.letters() == []
    assert "status" not in gm.get("workers", "a")


def test_what_is_another_nodes_now_is_dropped_with_a_line_and_holds_up_nothing(
    gm: FakeGm, store: MemoryStore, sender: OutboxSender, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    gm.fail("PATCH", "/workers/a/", 403, times=100, cause=BOUND_ELSEWHERE)
    store.post(letter("a", "Failed"))
    sender.send_all(never())
    assert store.letters() == []
    assert "workers/a/status is for another node now" in caplog.text
    assert sender.trouble == ""


def test_what_this_node_still_works_on_is_told_when_the_gm_gives_it_back(
    gm: FakeGm, store: MemoryStore, sender: OutboxSender
) -> None:
    # It went to another node and came back before this node heard of either.
    store.put_wanted("workers", gm.put("workers", "a"))
    gm.fail("PATCH", "/workers/a/", 403, times=3, cause=BOUND_ELSEWHERE)
    store.post(letter("a", "Succeeded"))
    for _ in range(4):
        sender.send_all(never())
    assert gm.get("workers", "a")["status"]["phase"] == "Succeeded"
    assert store.letters() == []


@pytest.mark.parametrize("code", [400, 404, 405, 409, 410, 413, 422])
def test_what_a_proxy_refuses_in_the_gms_place_is_not_lost(
    gm: FakeGm, store: MemoryStore, sender: OutboxSender, code: int
) -> None:
    gm.put("workers", "a")
    gm.fail("PATCH", "/workers/a/", code, times=5, cause=None)
    gm.fail("GET", "/workers/a", 404, times=5, cause=None)
    store.post(letter("a", "Succeeded"))
    for _ in range(6):
        sender.send_all(never())
    assert gm.get("workers", "a")["status"]["phase"] == "Succeeded"
    assert store.letters() == []


def test_a_conflict_about_a_version_is_tried_again(gm: FakeGm, store: MemoryStore, sender: OutboxSender) -> None:
    gm.put("workers", "a")
    gm.fail("PATCH", "/workers/a/", 409)
    store.post(letter("a"))
    sender.send_all(never())
    assert len(store.letters()) == 1
    sender.send_all(never())
    assert store.letters() == []


def test_what_the_gm_calls_wrong_is_dropped_with_an_error(
    gm: FakeGm, store: MemoryStore, sender: OutboxSender, caplog: pytest.LogCaptureFixture
) -> None:
    gm.put("workers", "a")
    gm.fail("PATCH", "/workers/a/", 422)
    store.post(letter("a"))
    sender.send_all(never())
    assert store.letters() == []
    assert [one.levelname for one in caplog.records if "as the test asked" in one.message] == ["ERROR"]
    path = "/apis/sedna.io/v1alpha1/namespaces/default/workers/a/status"
    what = f"the GlobalManager refused, and it is lost, what was told of {path}: as the test asked"
    assert sender.trouble == what
    gm.fail("PATCH", "/workers/a/", 422)
    store.post(letter("a"))
    sender.send_all(never())
    assert sender.trouble == f"{what} and of 1 more before"


def test_a_letter_replaced_while_it_was_sent_is_sent_again(gm: FakeGm, store: MemoryStore, client: GmClient) -> None:
    gm.put("workers", "a")
    store.post(letter("a", "Starting"))

    class SlowStore(MemoryStore):
        def settle(self, sent: Letter) -> bool:
            if len(gm.heard("PATCH", "/workers/a")) == 1:
                store.post(letter("a", "Running"))
            return store.settle(sent)

    slow = SlowStore()
    slow.letters = store.letters  # type: ignore[method-assign]
    sender = OutboxSender(client, slow, no_pauses, lambda: 0.0)
    sender.send_all(never())
    sender.send_all(never())
    assert [body["status"]["phase"] for body in gm.heard("PATCH", "/workers/a")] == ["Starting", "Running"]


def test_w77_a_status_says_what_is_and_not_what_was(gm: FakeGm, store: MemoryStore, sender: OutboxSender) -> None:
    result = {"url": "/m", "metrics": {"p": 0.5}}
    status = WorkerStatus.model_validate(
        {"phase": "Running", "report": {"status": "running", "message": "x"}, "results": [result]}
    )
    gm.put("workers", "a")
    for one in (status, status.model_copy(update={"report": None, "results": []})):
        store.post(status_letter("workers", ("default", "a"), "uid-a", one))
        sender.send_all(never())
    assert gm.get("workers", "a")["status"] == {"phase": "Running", "restarts": 0, "results": []}


def test_a_flush_waits_until_all_is_told(
    gm: FakeGm, store: MemoryStore, sender: OutboxSender, run: Callable[..., Any]
) -> None:
    gm.put("workers", "a")
    gm.fail("PATCH", "/workers/a", 503, times=3)
    store.post(letter("a", "Failed"))
    stop = run(sender.run)
    assert sender.flush(20)
    stop.set()
    sender.wake()
    assert gm.get("workers", "a")["status"]["phase"] == "Failed"


def test_a_flush_does_not_wait_for_a_gm_that_is_away(
    gm: FakeGm, store: MemoryStore, sender: OutboxSender, run: Callable[..., Any]
) -> None:
    gm.stop()
    store.post(letter("a"))
    run(sender.run)
    # The deadline is never reached: the first attempt that fails ends the wait.
    assert not sender.flush(3600)
    assert len(store.letters()) == 1
