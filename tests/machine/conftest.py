"""One disk for all tests here, and a machine with a disk of its own for each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sedna.cli.client import GlobalManager
from tests.end_to_end.clusters import Cluster
from tests.hosts.proofs import proof_in
from tests.machine import disks
from tests.machine.numbers import Numbers
from tests.machine.virtual_machines import Disk, switched_on

# Read before the environment is cleaned for each test.
WANTED = os.environ.get("SEDNA_MACHINE") == "1"
SEED = int(os.environ.get("SEDNA_MACHINE_SEED") or "1")

# Everything takes ten times as long as on the machine that emulates.
DEADLINE = 600.0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave these tests to `make test-machine`."""
    for item in items:
        if "numbers" in getattr(item, "fixturenames", ()) and item.get_closest_marker("machine") and not WANTED:
            item.add_marker(pytest.mark.skip(reason="a virtual machine takes minutes: make test-machine runs these"))


@pytest.fixture
def machine_seed() -> int:
    """What random moments are drawn from; another one by SEDNA_MACHINE_SEED."""
    return SEED


@pytest.fixture(scope="session")
def disk() -> Disk:
    """The disk of a host on which everything is installed."""
    return disks.built()


@pytest.fixture
def numbers(disk: Disk, tmp_path: Path) -> Iterator[Numbers]:
    """A booted machine with GlobalManager and LocalController, and the example of the how-to pages ready to submit."""
    with switched_on(disk, tmp_path / "machine") as machine:
        cluster = Cluster(machine.server, DEADLINE)
        cluster.gm.close()
        cluster.gm = GlobalManager(machine.server, proof=proof_in(disk.kubeconfig.read_text()))
        try:
            numbers = Numbers(machine, cluster)
            numbers.wait_ready()
            yield numbers
        finally:
            print(machine.ssh("journalctl --no-pager --output=short-precise -u 'sedna-*' | tail -200").stdout)
            cluster.gm.close()
