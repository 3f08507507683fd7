"""Rounds over hosts that share nothing: samples go edge to cloud, models cloud to edge, and both ends have the same."""

from __future__ import annotations

import pytest

from tests.hosts.clouds import node_of, settings_of
from tests.hosts.digits import INFERENCE, JOB, PLACE, Digits
from tests.hosts.machines import Machine

TRAINED = f"{PLACE}/output/train"


@pytest.mark.parametrize("hot", [True, False], ids=["hot", "cold"])
def test_what_the_cloud_learns_from_an_edge_serves_on_that_edge(example: Digits, hot: bool) -> None:
    cloud, edge = example.cloud, example.edge
    example.submit(hot=hot)
    example.until_camera_saves()
    before = main_pid(edge)
    example.label(1)
    first = cloud.until_round(JOB, 1)
    assert first["metrics"]["new"]["accuracy"] > first["metrics"]["comparedWith"]["accuracy"]
    assert first["decision"] == "Deployed"
    served = cloud.until_served(INFERENCE, 1)
    assert first["nodes"] == {"Train": node_of(cloud.host), "Eval": node_of(cloud.host), "Deploy": node_of(edge)}
    assert served["sha256"] in sha256_of_files(cloud.host, TRAINED), "the edge serves what the cloud made"
    assert (main_pid(edge) == before) is hot, "a hot update is the same process, a cold one another"
    example.label(2)
    second = cloud.until_round(JOB, 2)
    cloud.until_served(INFERENCE, 2 if second["decision"] == "Deployed" else 1)
    assert second["samples"]["start"] == first["samples"]["end"], "each sample is in one round"
    assert not half_files(edge) | half_files(cloud.host)


def main_pid(host: Machine) -> str:
    """The process that serves."""
    return host.show(f"sedna-worker-default-{INFERENCE}.service", "MainPID")["MainPID"]


def sha256_of_files(host: Machine, folder: str) -> set[str]:
    """The sha256 of every file below a folder of a host."""
    return {line.split()[0] for line in host.shell(f"find {folder} -type f -exec sha256sum {{}} +").splitlines()}


def half_files(host: Machine) -> set[str]:
    """What is left of transfers that did not come to their end.

    What the camera saves is no transfer: it writes all the time, and a crash leaves what it was just writing.
    """
    state = settings_of(host)["stateDir"]
    where = f"{state} {PLACE} -path {PLACE}/hard_examples -prune -o"
    found = host.shell(f"find {where} '(' -name '*.part' -o -name '*.tmp' ')' -print")
    return {f"{host.name}:{path}" for path in found.splitlines()}
