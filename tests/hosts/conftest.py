"""Fixtures of the acceptance tests: a lab on which Sedna is installed, every host up and linked before each test.

SEDNA_LAB names the lab (`make test-hosts` makes one and installs it; so may a person, see tests/hosts/__init__.py).
Without it these tests are skipped. When a test fails, the journals of all hosts are saved and the output says where.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts import digits, helmets
from tests.hosts.clouds import Cloud
from tests.hosts.digits import Digits
from tests.hosts.labs import Lab
from tests.house.project import ROOT

# Read before the environment is cleaned for each test.
LAB = os.environ.get("SEDNA_LAB", "")
REQUIRED = os.environ.get("SEDNA_TEST_REQUIRE", "").split(",")
JOURNALS = ROOT / ".journals"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything that works on a lab; without one, skip it."""
    for item in items:
        if "lab" in getattr(item, "fixturenames", ()):
            item.add_marker("hosts")
            # A round takes seconds and a host boots in seconds; the rest is patience for two busy cores.
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(600))
            if not LAB:
                item.add_marker(
                    pytest.mark.skip(reason="SEDNA_LAB names no lab: real hosts are tested by make test-hosts")
                )
            elif item.get_closest_marker("kubectl") and "kubectl" not in REQUIRED and shutil.which("kubectl") is None:
                item.add_marker(pytest.mark.skip(reason="kubectl is not installed; the hosts get this machine's"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Keep what the hosts have to say about a failure, at its moment."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    # The opened lab: where it lies was said by the environment, which is cleaned by now.
    lab = getattr(item, "funcargs", {}).get("lab")
    if report.failed and isinstance(lab, Lab):
        folder = JOURNALS / re.sub(r"[^\w.-]+", "_", item.nodeid.split("/")[-1])
        lab.save_evidence(folder)
        report.sections.append(("journals of all hosts", f"{folder}/*/journal.log"))


@pytest.fixture(scope="session")
def installed() -> Iterator[Lab]:
    """The lab, and this process within its network: the API answers as it does to a person on site.

    What needs the internet from here on runs through `tests.hosts.networks.outside`.
    """
    lab = Lab.open(LAB)
    with lab.network.entered():
        yield lab


@pytest.fixture
def lab(installed: Lab) -> Lab:
    """The lab with every host up and linked, whatever the last test did to it."""
    for machine in installed.machines.values():
        machine.mend_link()
        if not machine.is_alive:
            machine.boot()
    return installed


@pytest.fixture
def cloud(lab: Lab) -> Iterator[Cloud]:
    """What runs on the lab, asked over its GlobalManager's API: all nodes Ready, and nothing submitted yet."""
    cloud = Cloud(lab)
    try:
        cloud.clear()
        cloud.until_nodes_ready()
        yield cloud
    finally:
        cloud.gm.close()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits example's data, base model and manifests, on this machine."""
    return digits.prepare(tmp_path_factory.mktemp("made"))


@pytest.fixture
def example(lab: Lab, cloud: Cloud, made: Path) -> Digits:
    """The digits example with its data on the hosts; nothing submitted yet."""
    example = Digits(cloud, lab["edge1"], made)
    example.carry()
    return example


@pytest.fixture(scope="session")
def scenes() -> Path:
    """Pictures, video and base model of the helmet example, on this machine."""
    return helmets.provide_scenes()
