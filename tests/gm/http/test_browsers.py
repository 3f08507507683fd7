"""With `auth: none`, a web page in the browser of whoever runs the site reaches nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.http.browsers import refusal
from tests.gm.http.doors import MODELS, Door, model
from tests.gm.http.test_guarding import Guarded, guarded  # noqa: F401 - a fixture

LOOPBACK = [
    "localhost",
    "localhost:9000",
    "LocalHost.:9000",
    "127.0.0.1",
    "127.0.0.1:9000",
    "127.3.2.1:1",
    "[::1]:9000",
]
ELSEWHERE = [
    "evil.example", "evil.example:9000", "localhost.evil.example", "127.0.0.1.evil.example:9000", "0.0.0.0:9000",
    "10.0.0.1:9000", "[::2]:9000", "", "127.0.0.1:x", "evil@127.0.0.1", "127.0.0.1/evil", "2130706433",
]  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK)
def test_who_asks_for_a_loopback_name_is_served(host: str, door: Door) -> None:
    assert door.client.get(MODELS, headers={"Host": host}).status_code == 200
    assert refusal(host, f"http://{host}", writes=True) is None


@pytest.mark.parametrize("host", ELSEWHERE)
def test_a_page_whose_own_name_was_made_to_lead_here_reads_and_runs_nothing(host: str) -> None:
    for writes in (False, True):
        assert "auth: none" in str(refusal(host, f"http://{host}", writes=writes))


def test_a_rebound_name_is_refused_by_every_door(door: Door) -> None:
    evil = {"Host": "evil.example:9000", "Origin": "http://evil.example:9000"}
    for path in (MODELS, "/manifests", "/healthz", "/join", "/nowhere"):
        for method in ("GET", "POST"):
            answer = door.client.open(path, method=method, headers=evil, data=b"")
            assert answer.status_code == 403, (method, path)
            assert "evil.example" in answer.get_json()["message"]


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "http://localhost:8080", "https://localhost:9000", "file://", "x"]
)
def test_a_page_from_elsewhere_changes_nothing_without_asking_first(origin: str, door: Door) -> None:
    here = {"Host": "localhost:9000", "Origin": origin}
    answer = door.client.post("/manifests", data=b"kind: Model", headers={**here, "Content-Type": "text/plain"})
    if origin == "https://localhost:9000":
        # The same name and port: nobody else can have them.
        assert answer.status_code != 403
        return
    assert answer.status_code == 403
    assert door.client.delete(f"{MODELS}/m", headers=here).status_code == 403


def test_our_own_page_and_programs_without_an_origin_are_served(door: Door) -> None:
    own = {"Host": "localhost:9000", "Origin": "http://localhost:9000"}
    assert door.client.post(MODELS, json=model(), headers=own).status_code == 201
    assert door.client.delete(f"{MODELS}/m", headers={"Host": "127.0.0.1:9000"}).status_code == 200


def test_where_credentials_are_asked_for_any_name_will_do(guarded: Guarded) -> None:  # noqa: F811 - the fixture
    answer = guarded.client.get(MODELS, headers={"Host": "gm.example", **guarded.admin["headers"]})
    assert answer.status_code == 200


@given(st.one_of(st.none(), st.text()), st.one_of(st.none(), st.text()), st.booleans())
def test_no_header_breaks_the_door(host: str | None, origin: str | None, writes: bool) -> None:
    refusal(host, origin, writes=writes)
