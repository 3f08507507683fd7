"""`sedna top`: the nodes say how busy they are; one that cannot be heard is in the list all the same."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from sedna.cli.connecting import Parts
from sedna.cli.main import sedna
from tests.cli.conftest import NOW, Run
from tests.cli.fake_gm import FakeGM

NODES = "/apis/sedna.io/v1alpha1/nodes"


def usage(*workers: dict[str, Any]) -> dict[str, Any]:
    return {
        "node": {
            "cpuSeconds": 80.0, "cpuCount": 4, "loadAverage": [0.5, 0.4, 0.3], "memoryBytes": 2_000_000_000,
            "memoryTotalBytes": 8_000_000_000, "diskFreeBytes": 40_000_000_000, "diskTotalBytes": 100_000_000_000,
        },
        "workers": list(workers),
        "series": {"seconds": [-20, -10, 0], "cpu": [None, 0.5, 1.25], "memory": [1, 2, 3]},
    }  # fmt: skip


def worker(name: str, cpu: float | None, **more: Any) -> dict[str, Any]:
    series = {"cpu": [None, cpu], "memory": [1, 2]}
    found = {"namespace": "default", "name": name, "memoryBytes": 300_000_000, "since": "2026-11-22T14:50:00Z"}
    return {**found, "series": series, "running": True, **more}


@pytest.fixture
def nodes(gm: FakeGM) -> FakeGM:
    for name, ready in (("edge-1", "True"), ("edge-2", "Unknown")):
        path = f"{NODES}/{name}"
        gm.put("Node", name, namespace="", status={"conditions": [{"type": "Ready", "status": ready}]})
        others = worker("old", 0.1, running=False), worker("x", 0.2, namespace="far")
        busy = usage(worker("train", 0.9), worker("serve", 1.1), *others)
        gm.answers[("GET", f"{path}/usage")] = httpx.Response(200, json=busy)
    return gm


def test_a_node_is_a_row_and_one_that_is_silent_is_not_asked(run: Run, nodes: FakeGM) -> None:
    header, first, second = run("top").stdout.splitlines()
    assert header.split("  ")[0] == "NODE"
    assert " ".join(first.split()) == "edge-1 Ready 1.25 of 4 2.0 GB of 8.0 GB 40 GB of 100 GB 0.50 3"
    assert second.split() == ["edge-2", "Unknown", "-", "-", "-", "-", "-"]
    assert not [request for request in nodes.requests if request.url.path.endswith("edge-2/usage")]


def test_workers_come_busiest_first_and_those_of_others_and_of_yesterday_not_at_all(run: Run, nodes: FakeGM) -> None:
    assert [line.split() for line in run("top", "workers").stdout.splitlines()[1:]] == [
        ["serve", "edge-1", "1.10", "300", "MB", "10m"],
        ["train", "edge-1", "0.90", "300", "MB", "10m"],
    ]


def test_a_node_that_cannot_say_is_told_and_the_others_are_shown(run: Run, nodes: FakeGM) -> None:
    status = {"kind": "Status", "code": 502, "reason": "BadGateway", "message": "Node edge-1 does not understand."}
    nodes.answers[("GET", f"{NODES}/edge-1/usage")] = httpx.Response(502, json=status)
    result = run("top")
    assert result.exit_code == 0
    assert "Node edge-1 does not understand." in result.stderr
    assert result.stdout.splitlines()[1].split() == ["edge-1", "Ready", "-", "-", "-", "-", "-"]


def test_programs_get_what_the_nodes_said(run: Run, nodes: FakeGM) -> None:
    items = json.loads(run("top", "-o", "json").stdout)["items"]
    assert [item.get("node", {}).get("cpuCount") for item in items] == [4, None]
    assert run("top", "-w", "-o", "json").exit_code == 2


def test_names_alone_are_for_the_next_program(run: Run, nodes: FakeGM) -> None:
    assert run("top", "-o", "name").stdout.split() == ["node.sedna.io/edge-1", "node.sedna.io/edge-2"]
    assert run("top", "workers", "-o", "name").stdout.split() == ["worker.sedna.io/serve", "worker.sedna.io/train"]


def test_a_watch_looks_again_until_somebody_ends_it(nodes: FakeGM) -> None:
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt

    parts = Parts(transport=nodes.transport, now=lambda: NOW, wait=wait)
    result = CliRunner().invoke(sedna, ["top", "-w"], obj=parts)
    assert result.exit_code == 0
    assert result.stdout.count("NODE ") == 3
