"""A node gets a key, changes it, loses it, and is never locked out by a crash, whatever moment that chooses."""

from __future__ import annotations

import json
import logging
import stat
import tempfile
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.api.tokens import make_token
from sedna_lc.errors import GmRefused, GmUnavailable
from sedna_lc.gm.clients import GmClient
from sedna_lc.gm.identifying import NodeIdentity
from sedna_lc.gm.joining import Joiner, JoinSettings
from sedna_lc.gm.keys import KeyFile, NodeKeys
from tests.lc.fakes.doors import NODES, Door

BEGIN = datetime(2026, 11, 22, tzinfo=timezone.utc)


class Crash(BaseException):
    """The end of the process, at once."""


class Node:
    """One host: its folder stays, its program comes and goes."""

    def __init__(self, folder: Path, door: Door, *, is_private: bool = True) -> None:
        self.folder = folder
        self.door = door
        self.now = BEGIN
        self.seconds = 0.0
        self.is_private = is_private
        self.start()

    @property
    def token_file(self) -> Path:
        return self.folder / "join-token"

    @property
    def key_file(self) -> Path:
        return self.folder / "node-key.json"

    @property
    def stored(self) -> NodeKeys:
        return KeyFile(self.key_file).load()

    def start(self) -> None:
        self.identity = NodeIdentity(KeyFile(self.key_file), lambda: self.now, is_private=self.is_private)
        self.client = GmClient("http://gm", self.door.transport, self.identity)
        settings = JoinSettings("edge", self.token_file, 30)
        self.joiner = Joiner(self.client, self.identity, settings, lambda: self.now, lambda: self.seconds)

    def lay(self, token: str) -> None:
        self.token_file.write_text(f"{token}\n")

    def go_on(self, steps: int = 12) -> None:
        """Let time pass; each pause is taken in full."""
        for _ in range(steps):
            self.seconds += self.joiner.step()

    def is_let_in(self) -> bool:
        try:
            self.client.get(f"{NODES}/edge")
        except (GmUnavailable, GmRefused):
            return False
        return True


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def node(tmp_path: Path, door: Door) -> Iterator[Node]:
    made = Node(tmp_path, door)
    yield made
    made.client.close()


def join(node: Node) -> None:
    node.lay(node.door.make_join_token())
    node.start()
    node.go_on()
    assert node.is_let_in()


def test_a_join_token_becomes_a_key_of_ones_own_and_is_removed(node: Node) -> None:
    join(node)
    assert not node.token_file.exists()
    assert node.door.knows(node.stored.current)
    assert stat.S_IMODE(node.key_file.stat().st_mode) == 0o600
    assert json.loads(node.key_file.read_text())["next"] is None


def test_nothing_is_asked_without_a_key_while_a_join_token_is_there(node: Node) -> None:
    node.lay(node.door.make_join_token())
    node.start()
    with pytest.raises(GmUnavailable, match="about to join"):
        node.client.get(f"{NODES}/edge")
    assert node.door.calls == []


def test_a_gm_that_asks_for_no_key_is_served_without_one(node: Node) -> None:
    node.door.asks_for_keys = False
    node.go_on()
    assert node.is_let_in()
    assert not node.key_file.exists()


def test_a_gm_that_knows_no_joining_is_served_without_a_key(node: Node) -> None:
    node.door.asks_for_keys = node.door.knows_joining = False
    node.lay(make_token())
    node.start()
    node.go_on()
    assert node.is_let_in()
    assert node.token_file.exists()
    assert node.door.calls.count("POST /join") == 1


def test_a_token_that_is_laid_later_is_noticed(node: Node) -> None:
    assert not node.is_let_in()
    node.go_on()
    assert "sedna-gm token create --node edge" in node.identity.trouble
    assert str(node.token_file) in node.identity.trouble
    node.lay(node.door.make_join_token())
    node.go_on(3)
    assert node.is_let_in()
    assert node.identity.trouble == ""


def test_a_refused_node_asks_ever_more_seldom(node: Node) -> None:
    node.lay(make_token())
    node.start()
    node.go_on(2000)
    assert "is not let in" in node.identity.trouble
    asked = len(node.door.calls)
    before = node.seconds
    while node.seconds < before + 3600:
        node.go_on(1)
    assert len(node.door.calls) - asked <= 2 * 3600 / 150 + 4
    assert not node.is_let_in()


def test_while_no_key_is_good_requests_stay_here(node: Node) -> None:
    join(node)
    node.door.forget()
    assert not node.is_let_in()
    before = list(node.door.calls)
    for _ in range(50):
        assert not node.is_let_in()
    assert node.door.calls == before


def test_a_revoked_node_joins_anew_by_a_new_token(node: Node) -> None:
    join(node)
    old = node.stored.current
    node.door.forget()
    assert not node.is_let_in()
    node.go_on()
    assert not node.is_let_in()
    node.lay(node.door.make_join_token())
    node.go_on()
    assert node.is_let_in()
    assert node.stored.current != old
    assert node.door.audit == []


def test_a_used_token_that_is_laid_again_opens_nothing(node: Node) -> None:
    token = node.door.make_join_token()
    node.lay(token)
    node.start()
    node.go_on()
    node.door.forget()
    assert not node.is_let_in()
    node.lay(token)
    node.key_file.unlink()
    node.start()
    node.go_on()
    assert not node.is_let_in()
    assert node.door.audit != []
    assert "answered 403" in node.identity.trouble


def test_a_key_is_changed_when_it_is_old(node: Node) -> None:
    join(node)
    first = node.stored.current
    node.now += timedelta(days=29)
    node.go_on(1)
    assert node.stored.current == first
    node.now += timedelta(days=1)
    node.go_on(1)
    second = node.stored.current
    assert second != first
    assert node.is_let_in()
    assert node.door.knows(second)
    assert not node.door.knows(first)


def test_a_clock_that_was_wrong_does_not_change_keys_over_and_over(node: Node) -> None:
    join(node)
    node.now -= timedelta(days=400)
    node.go_on(50)
    assert node.door.calls.count(f"PUT {NODES}/edge/key") == 1


def test_a_gm_that_was_put_back_knows_the_key_before_and_is_told_of_a_new_one(node: Node) -> None:
    join(node)
    old = node.stored.current
    backup = dict(node.door.keys)
    node.now += timedelta(days=40)
    node.go_on(1)
    assert node.is_let_in()
    node.door.keys = backup
    assert node.is_let_in()
    node.go_on(2)
    assert node.is_let_in()
    assert node.door.knows(node.stored.current)
    assert not node.door.knows(old)


def test_two_threads_at_the_change_are_both_let_in(node: Node) -> None:
    join(node)
    shown = node.identity.bearer()
    node.now += timedelta(days=40)
    node.go_on(1)
    assert node.is_let_in()
    # One that took its key before the change comes late.
    assert node.identity.refused(shown) == node.stored.current
    assert node.is_let_in()
    assert node.identity.trouble == ""


def test_a_gm_that_does_not_answer_costs_neither_token_nor_key(node: Node) -> None:
    node.door.away = True
    node.lay(node.door.make_join_token())
    node.start()
    node.go_on(30)
    assert "cannot join yet" in node.identity.trouble
    assert node.token_file.exists()
    node.door.away = False
    node.go_on(200)
    assert node.is_let_in()


@pytest.mark.parametrize(("seconds", "most"), [("120", 6), ("", 14)], ids=["it says when", "it does not say"])
def test_a_gm_that_asks_to_come_back_later_is_not_asked_over_and_over(node: Node, seconds: str, most: int) -> None:
    headers = {"Retry-After": seconds} if seconds else {}
    node.door.between = lambda _: httpx.Response(429, json={"kind": "Status", "message": "too many"}, headers=headers)
    node.lay(node.door.make_join_token())
    node.start()
    while node.seconds < 600:
        node.go_on(1)
    assert 1 < node.door.calls.count("POST /join") <= most
    assert "too many" in node.identity.trouble
    # Another token is another matter: that is tried at once.
    before = node.door.calls.count("POST /join")
    node.lay(node.door.make_join_token())
    node.go_on(1)
    assert node.door.calls.count("POST /join") == before + 1
    node.door.between = lambda _: None
    node.go_on(200)
    assert node.is_let_in()


def test_a_gm_that_comes_back_after_hours_is_found_within_half_a_minute(node: Node) -> None:
    node.door.away = True
    node.lay(node.door.make_join_token())
    node.start()
    while node.seconds < 7200:
        node.go_on(1)
    node.door.away = False
    back = node.seconds
    while not node.is_let_in():
        node.go_on(1)
        assert node.seconds < back + 31


def test_no_key_is_shown_where_others_can_read_it(tmp_path: Path, door: Door) -> None:
    node = Node(tmp_path, door, is_private=False)
    node.lay(door.make_join_token())
    node.start()
    assert not node.is_let_in()
    node.go_on()
    assert "over https only" in node.identity.trouble
    assert not any("/join" in call for call in door.calls)
    node.client.close()


def test_a_damaged_key_file_is_set_aside_and_told(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    join(node)
    node.key_file.write_bytes(node.key_file.read_bytes()[:40])
    node.start()
    assert "must join anew" in caplog.text
    assert node.key_file.with_name("node-key.json.damaged").exists()
    join(node)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"abc", b"x" * 10_000], ids=["empty", "binary", "short", "long"])
def test_a_file_that_is_no_token_is_told_once_and_never_quoted(
    node: Node, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    node.token_file.write_bytes(content)
    node.start()
    node.go_on(20)
    told = [record for record in caplog.records if "is not a join token" in record.getMessage()]
    assert len(told) == 1
    assert "xxxx" not in caplog.text


def test_no_log_line_or_sentence_holds_a_secret(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = node.door.make_join_token()
    node.lay(token)
    node.start()
    node.go_on()
    keys = node.stored
    node.now += timedelta(days=31)
    node.go_on()
    node.door.forget()
    node.is_let_in()
    node.go_on()
    secrets = [one.partition(".")[2] for one in (token, *keys.candidates(), *node.stored.candidates())]
    assert all(secret not in caplog.text + node.identity.trouble + repr(node.client) for secret in secrets)


def test_the_thread_ends_when_it_is_told_to(node: Node) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=node.joiner.run, args=(stop,))
    thread.start()
    stop.set()
    node.identity.wake()
    thread.join(20)
    assert not thread.is_alive()


def with_a_key_before(node: Node) -> None:
    join(node)
    node.now += timedelta(days=40)
    node.go_on(1)
    assert node.is_let_in()
    assert node.stored.previous is not None


def status(code: int) -> httpx.Response:
    return httpx.Response(code, json={"kind": "Status", "message": "not now"}, headers={"Retry-After": "1"})


def page(code: int) -> httpx.Response:
    return httpx.Response(code, html="<html>nothing here</html>")


@pytest.mark.parametrize("answer", [status(429), status(503), page(403), page(404), page(200), page(502)], ids=str)
def test_an_answer_that_anybody_may_get_does_not_erase_the_key_that_the_gm_knows(
    node: Node, answer: httpx.Response
) -> None:
    with_a_key_before(node)
    good = node.stored
    answers = [status(401), answer]
    node.door.between = lambda _: answers.pop(0) if answers else None
    assert not node.is_let_in()
    assert node.stored == good, "401 for the one, and nothing learnt about the other"
    node.go_on(2)
    node.is_let_in()
    node.go_on(20)
    assert node.is_let_in()
    assert node.door.knows(node.stored.current)


def test_a_key_that_was_taken_for_too_new_is_kept_until_another_is_good(node: Node) -> None:
    """Two GMs at one address, as after a bad failover: each knows one of the last two keys."""
    join(node)
    older = dict(node.door.keys)
    node.now += timedelta(days=40)
    node.go_on(1)
    assert node.is_let_in()
    newer, node.door.keys = node.door.keys, older
    assert node.is_let_in()
    node.door.keys = newer
    assert node.is_let_in()


ANYBODY = st.sampled_from(["", "", "", "429", "503", "401", "page 403", "page 404", "page 200"])
HAPPENS = st.sampled_from(["ask", "ask", "look", "look", "month", "back up", "put back", "start"])


@given(st.lists(HAPPENS, max_size=25), st.lists(ANYBODY, max_size=40))
def test_no_key_that_the_gm_still_knows_is_ever_forgotten(happens: list[str], in_its_place: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        door = Door()
        node = Node(Path(folder), door)
        with_a_key_before(node)
        left, backup = list(in_its_place), dict(door.keys)

        def answer(_is_known: bool) -> httpx.Response | None:
            kind, _, code = (left.pop(0) if left else "").rpartition(" ")
            if not code:
                return None
            return page(int(code)) if kind else status(int(code))

        door.between = answer
        for one in happens:
            known = {key for key in node.stored.candidates() if door.knows(key)}
            if one == "ask":
                node.is_let_in()
            elif one == "look":
                node.go_on(1)
            elif one == "month":
                node.now += timedelta(days=31)
            elif one == "back up":
                backup = dict(door.keys)
            elif one == "put back":
                door.keys = dict(backup)
            else:
                node.client.close()
                node.start()
            assert {key for key in known if door.knows(key)} <= set(node.stored.candidates())
        left.clear()
        is_known = any(door.knows(key) for key in node.stored.candidates())
        node.go_on(200)
        node.is_let_in()
        node.go_on(200)
        assert node.is_let_in() == is_known
        node.client.close()


@given(st.lists(st.tuples(st.sampled_from(["before", "after"]), st.integers(0, 6)), max_size=6), st.booleans())
def test_a_crash_at_any_moment_of_joining_or_changing_locks_nobody_out(
    crashes: list[tuple[str, int]], token_runs_out: bool
) -> None:
    """The process dies before or after the GM has acted; then it is started again, over what its disk holds."""
    with tempfile.TemporaryDirectory() as folder:
        door = Door()
        node = Node(Path(folder), door)
        token = door.make_join_token()
        node.lay(token)
        left = list(crashes)
        counted = 0

        def cut(moment: str) -> None:
            nonlocal counted
            if left and left[0][0] == moment:
                counted += 1
                if counted > left[0][1]:
                    left.pop(0)
                    counted = 0
                    raise Crash

        door.cut = cut
        for _ in range(len(crashes) + 1):
            try:
                node.client.close()
                node.start()
                node.go_on()
                node.is_let_in()
                node.now += timedelta(days=31)
                node.go_on()
                node.is_let_in()
            except Crash:
                used = next(iter(door.joins.values())).used_for is not None
                if used and token_runs_out:
                    # Whoever was let in once needs the token no more.
                    next(iter(door.joins.values())).good = False
        door.cut = lambda _: None
        node.client.close()
        node.start()
        node.go_on()
        assert node.is_let_in()
        assert node.stored.current is not None
        assert door.knows(node.stored.current)
        assert door.audit == []
        assert not node.token_file.exists()
        node.client.close()


@given(st.lists(st.sampled_from(["keep", "lost"]), min_size=1, max_size=8))
def test_a_crash_between_our_own_writes_locks_nobody_out(ends: list[str]) -> None:
    """The process dies at a write of its key file: the old content stays, or the new one has come."""

    left = list(ends)

    class CrashingFile(KeyFile):
        def save(self, keys: NodeKeys) -> None:
            end = left.pop(0) if left else ""
            if end != "lost":
                super().save(keys)
            if end:
                raise Crash

    with tempfile.TemporaryDirectory() as folder:
        door = Door()
        node = Node(Path(folder), door)
        node.lay(door.make_join_token())
        for _ in range(len(ends) + 2):
            node.client.close()
            node.start()
            node.identity._file = CrashingFile(node.key_file)
            try:
                node.go_on()
                node.now += timedelta(days=31)
                node.go_on()
            except Crash:
                continue
        assert node.is_let_in()
        assert door.knows(node.stored.current)
        assert door.audit == []
        node.client.close()
