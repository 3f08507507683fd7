"""What a lab promises before it boots anything: safe names, known host keys, deadlines that say what was seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.hosts import keys
from tests.hosts.bases import SYSTEMS, recipe_hash, system
from tests.hosts.labs import Lab, LabError
from tests.hosts.networks import Network
from tests.hosts.running import CommandFailed, run
from tests.hosts.waiting import wait_until

ADDRESSES = {"cloud": "198.51.100.11", "edge1": "198.51.100.12"}


@pytest.mark.parametrize("name", ["", "a-b", "../etc", "Lab", "1st", "thirteenchars", "a b"])
def test_a_name_that_could_be_a_path_or_too_long_for_an_interface_is_refused(name: str) -> None:
    with pytest.raises(LabError, match="is no name"):
        Lab.make(name)


def test_a_lab_that_is_not_there_names_the_command_that_makes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SEDNA_LAB_CACHE", str(tmp_path))
    with pytest.raises(LabError, match="up --name nowhere"):
        Lab.open("nowhere")


def test_nobody_looks_away_from_a_host_key(tmp_path: Path) -> None:
    keys.write(tmp_path, Network("demo"), ADDRESSES, ["198.51.100.11,cloud ssh-ed25519 AAAA"])
    config = (tmp_path / "ssh_config").read_text()
    assert "StrictHostKeyChecking yes" in config
    assert f"UserKnownHostsFile {tmp_path}/known_hosts" in config


def test_a_system_that_is_not_there_is_refused_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEDNA_LAB_SYSTEM", "ubuntu")
    with pytest.raises(CommandFailed, match="there are debian-12, ubuntu"):
        system()


def test_each_system_has_a_base_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = set()
    for name in SYSTEMS:
        monkeypatch.setenv("SEDNA_LAB_SYSTEM", name)
        hashes.add(recipe_hash())
    assert len(hashes) == len(SYSTEMS)


def test_the_inventory_has_one_global_manager_and_a_local_controller_on_every_host(tmp_path: Path) -> None:
    keys.write(tmp_path, Network("demo"), ADDRESSES, [])
    groups = json.loads((tmp_path / "inventory.yml").read_text())["all"]["children"]
    assert list(groups["sedna_gm"]["hosts"]) == ["cloud"]
    assert list(groups["sedna_lc"]["hosts"]) == ["cloud", "edge1"]


def test_a_deadline_says_what_was_seen_last() -> None:
    with pytest.raises(AssertionError, match=r"edge1 is up\. Seen last: degraded"):
        wait_until("edge1 is up", lambda: "degraded", lambda state: state == "running", seconds=0, pause=0)


def test_an_error_while_looking_counts_as_seen_and_is_told() -> None:
    def look() -> str:
        raise OSError("no route to host")

    with pytest.raises(AssertionError, match="no route to host"):
        wait_until("the door answers", look, seconds=0, pause=0)


def test_a_command_that_fails_says_what_it_said() -> None:
    with pytest.raises(CommandFailed, match=r"ended with 3:\nthe disk is full"):
        run(["sh", "-c", "echo the disk is full >&2; exit 3"])
