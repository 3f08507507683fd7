"""What the GM wants arrives, whatever happens to the GM in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from sedna_lc.gm.clients import GmClient
from sedna_lc.gm.watching import NodeWatch
from tests.lc.fakes.gm import FakeGm
from tests.lc.gm.conftest import no_pauses


class Ear:
    def __init__(self) -> None:
        self.known: dict[str, Any] = {}
        self.heard: list[str] = []
        self.fail_once = False

    def listed(self, resources: Iterable[Any]) -> None:
        self.known = {one["metadata"]["name"]: one.get("spec") for one in resources}
        self.heard.append(f"list {sorted(self.known)}")

    def changed(self, resource: Any) -> None:
        if self.fail_once:
            self.fail_once = False
            raise ValueError("a bug of ours")
        self.known[resource["metadata"]["name"]] = resource["spec"]
        self.heard.append(f"change {resource['metadata']['name']}")

    def gone(self, resource: Any) -> None:
        self.known.pop(resource["metadata"]["name"], None)
        self.heard.append(f"gone {resource['metadata']['name']}")


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def watch(client: GmClient, ear: Ear) -> NodeWatch:
    return NodeWatch(client, "workers", "edge", ear, no_pauses)


def spec(node: str = "edge") -> dict[str, Any]:
    return {"nodeName": node}


def test_first_a_list_then_what_changes(gm: FakeGm, ear: Ear, watch: NodeWatch, run: Callable[..., Any]) -> None:
    gm.put("workers", "a", spec=spec())
    gm.put("workers", "other", spec=spec("elsewhere"))
    run(watch.run)
    gm.wait_until(lambda: ear.heard == ["list ['a']"])
    gm.put("workers", "b", spec=spec())
    gm.remove("workers", "a")
    gm.wait_until(lambda: ear.heard[1:] == ["change b", "gone a"])


def test_w76_nothing_is_sent_twice_while_nothing_changes(
    gm: FakeGm, ear: Ear, watch: NodeWatch, run: Callable[..., Any]
) -> None:
    gm.put("workers", "a", spec=spec())
    run(watch.run)
    gm.wait_until(lambda: "a" in ear.known)
    gm.put("workers", "a", spec={**spec(), "round": 2})
    gm.wait_until(lambda: ear.known["a"].get("round") == 2)
    assert ear.heard == ["list ['a']", "change a"]


def test_w74_after_an_outage_the_watch_goes_on_where_it_was(
    gm: FakeGm, ear: Ear, watch: NodeWatch, run: Callable[..., Any]
) -> None:
    run(watch.run)
    gm.wait_until(lambda: gm.watching == 1)
    gm.put("workers", "a", spec=spec())
    gm.wait_until(lambda: "a" in ear.known)
    gm.stop()
    gm.put("workers", "b", spec=spec())
    gm.remove("workers", "a")
    gm.start()
    gm.wait_until(lambda: set(ear.known) == {"b"})
    assert ear.heard == ["list []", "change a", "change b", "gone a"]


def test_a_forgotten_version_makes_one_new_list(
    gm: FakeGm, ear: Ear, watch: NodeWatch, run: Callable[..., Any]
) -> None:
    gm.put("workers", "a", spec=spec())
    run(watch.run)
    gm.wait_until(lambda: gm.watching == 1)
    gm.stop()
    gm.remove("workers", "a")
    gm.put("workers", "b", spec=spec())
    gm.forget_history()
    gm.start()
    gm.wait_until(lambda: ear.heard == ["list ['a']", "list ['b']"])


def test_an_lc_that_begins_without_a_gm_waits_for_it(
    gm: FakeGm, ear: Ear, watch: NodeWatch, run: Callable[..., Any]
) -> None:
    gm.stop()
    gm.put("workers", "a", spec=spec())
    run(watch.run)
    gm.start()
    gm.wait_until(lambda: ear.heard == ["list ['a']"])


def test_a_bug_of_ours_does_not_make_the_node_deaf(
    gm: FakeGm, ear: Ear, watch: NodeWatch, run: Callable[..., Any]
) -> None:
    run(watch.run)
    gm.wait_until(lambda: gm.watching == 1)
    ear.fail_once = True
    gm.put("workers", "a", spec=spec())
    gm.wait_until(lambda: "a" in ear.known)
