"""The node is known to the GM, again and again if need be, and beats."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import httpx
import pytest

from sedna.api.nodes import NodeStatus
from sedna_lc.gm.clients import GmClient
from sedna_lc.gm.registering import NodeKeeper
from tests.lc.fakes.gm import BASE, FakeGm
from tests.lc.gm.conftest import no_pauses


class Host:
    def __init__(self) -> None:
        self.images = ["helmet:v1"]

    def describe(self) -> NodeStatus:
        return NodeStatus(images=list(self.images), runner="process")


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def keeper(client: GmClient, host: Host) -> NodeKeeper:
    return NodeKeeper(client, "edge", {"zone": "a"}, host.describe, no_pauses, 10.0)


def node(gm: FakeGm) -> dict[str, Any]:
    return gm.resources[f"{BASE}/nodes/edge"]


def test_a_node_introduces_itself_and_beats(gm: FakeGm, keeper: NodeKeeper) -> None:
    assert keeper.beat() == 10
    assert keeper.beat() == 10
    assert node(gm)["metadata"]["labels"] == {"zone": "a"}
    assert node(gm)["status"]["images"] == ["helmet:v1"]
    assert gm.beats == 2
    assert len(gm.heard("POST", "/nodes")) == 3


def test_a_node_that_was_known_brings_itself_up_to_date(gm: FakeGm, keeper: NodeKeeper) -> None:
    known = {"metadata": {"labels": {"mine": "x"}}, "status": {"images": []}}
    gm.resources[f"{BASE}/nodes/edge"] = known
    keeper.beat()
    assert node(gm)["metadata"]["labels"] == {"mine": "x", "zone": "a"}
    assert node(gm)["status"]["images"] == ["helmet:v1"]


def test_a_node_that_was_forgotten_introduces_itself_again(gm: FakeGm, keeper: NodeKeeper) -> None:
    keeper.beat()
    gm.resources.clear()
    keeper.beat()
    assert node(gm)["status"]["runner"] == "process"
    assert gm.beats == 2


def test_a_new_image_is_told_with_the_next_beat_and_once(gm: FakeGm, keeper: NodeKeeper, host: Host) -> None:
    keeper.beat()
    host.images.append("helmet:v2")
    keeper.beat()
    keeper.beat()
    assert node(gm)["status"]["images"] == ["helmet:v1", "helmet:v2"]
    assert len(gm.heard("PATCH", "/nodes/edge/status")) == 1


def test_the_conditions_stay_the_gms(gm: FakeGm, keeper: NodeKeeper) -> None:
    keeper.beat()
    assert "conditions" not in node(gm)["status"]


def test_a_gm_that_is_away_is_waited_for(gm: FakeGm, keeper: NodeKeeper, run: Callable[..., Any]) -> None:
    gm.stop()
    stop = run(keeper.run)
    gm.start()
    gm.wait_until(lambda: gm.beats == 1)
    stop.set()
    keeper.wake()


def test_a_change_of_the_host_is_told_at_once(
    gm: FakeGm, client: GmClient, host: Host, run: Callable[..., Any]
) -> None:
    keeper = NodeKeeper(client, "edge", {}, host.describe, no_pauses, 3600.0)
    stop = run(keeper.run)
    gm.wait_until(lambda: gm.beats == 1)
    host.images.append("helmet:v2")
    keeper.wake()
    gm.wait_until(lambda: node(gm)["status"]["images"] == ["helmet:v1", "helmet:v2"])
    stop.set()
    keeper.wake()


@pytest.mark.parametrize(("code", "headers", "seconds"), [(429, {"Retry-After": "60"}, 60), (422, {}, 30)])
def test_a_gm_that_wants_to_be_left_alone_is_not_asked_at_every_beat(
    host: Host, code: int, headers: dict[str, str], seconds: float
) -> None:
    answer = httpx.Response(code, headers=headers, json={"kind": "Status", "message": "no"})
    with closing(GmClient("http://gm", httpx.MockTransport(lambda _: answer))) as client:
        keeper = NodeKeeper(client, "edge", {}, host.describe, no_pauses, 10.0)
        assert keeper.attempt() == seconds


def test_a_long_pause_is_never_longer_than_to_the_next_beat(host: Host) -> None:
    def away(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    with closing(GmClient("http://gm", httpx.MockTransport(away))) as client:
        keeper = NodeKeeper(client, "edge", {}, host.describe, lambda: iter([0.5, 300.0]), 10.0)
        assert [keeper.attempt(), keeper.attempt()] == [0.5, 10.0]
