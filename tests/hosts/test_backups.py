"""What playbooks/submit.yml, backup.yml and restore.yml do to real hosts on which a job runs."""

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path

import pytest

from tests.hosts.digits import INFERENCE, JOB, Digits
from tests.hosts.labs import Lab
from tests.hosts.machines import Machine
from tests.hosts.playing import play
from tests.hosts.test_operators import SERVING, life_of, submit

pytestmark = pytest.mark.timeout(1800)


def changed(said: str) -> int:
    """How many tasks have changed something, on all hosts."""
    return sum(map(int, re.findall(r"changed=(\d+)", said)))


def back_up(lab: Lab, folder: Path) -> str:
    """Back every host up into a folder; return the name of the files, with a place for the host's."""
    play(lab, "backup", sedna_backups_dir=str(folder))
    names = {machine.name: list(folder.glob(f"{machine.name}-*.tar.gz")) for machine in lab.machines.values()}
    assert all(len(files) == 1 for files in names.values()), names
    assert all(file.stat().st_mode & 0o077 == 0 for (file,) in names.values()), "credentials are in it"
    [time] = {file.name.removeprefix(f"{name}-") for name, (file,) in names.items()}
    return f"{folder}/{{{{ inventory_hostname }}}}-{time}"


def standing(host: Machine) -> tuple[str, str, list[dict[str, str]]]:
    """What a restore that has failed must leave as it was: folders, settings, and which services run."""
    folders = host.shell("ls -d /etc/sedna* /var/lib/sedna/*")
    services = [host.show(service, "ActiveState") for service in ("sedna-gm", "sedna-lc")]
    return folders, host.read("/etc/sedna/lc.yml"), services


def test_a_job_submitted_again_is_not_changed(lab: Lab, example: Digits, tmp_path: Path) -> None:
    file = tmp_path / "digits.yaml"
    file.write_text("---\n".join(example.manifests()))
    said = play(lab, "submit", sedna_submit_files=[str(file)])
    assert changed(said) > 0
    example.cloud.until_served(INFERENCE, 0)
    again = play(lab, "submit", sedna_submit_files=[str(file)])
    assert changed(again) == 0


def test_a_restored_job_goes_on_with_the_state_of_its_backup(lab: Lab, example: Digits, tmp_path: Path) -> None:
    cloud, edge = example.cloud, example.edge
    submit(example)
    example.label(1)
    first = cloud.until_round(JOB, 1)
    cloud.until_served(INFERENCE, 1)
    serves = life_of(edge, SERVING)
    files = back_up(lab, tmp_path)
    assert life_of(edge, SERVING) == serves, "a backup disturbs no worker"
    # After the backup somebody makes a mistake: no sample begins a round any more.
    cloud.apply("---\n".join(example.manifests(batch=100_000)))
    start, fresh = first["samples"]["end"], example.label(2)
    play(lab, "restore", sedna_restore_file=files)
    cloud.until_nodes_ready()
    record = cloud.until_round(JOB, 2, seconds=300)
    assert record["decision"] == "Deployed", record
    assert (record["samples"]["start"], record["samples"]["end"]) == (start, start + fresh)
    # The worker runs in the restored folders: it sees the new model without another start.
    restarted = life_of(edge, SERVING)
    cloud.until_served(INFERENCE, 2)
    assert life_of(edge, SERVING) == restarted != serves


def test_a_backup_that_cannot_be_used_leaves_the_host_as_it_was(lab: Lab, example: Digits, tmp_path: Path) -> None:
    cloud, edge = example.cloud, example.edge
    submit(example)
    files = back_up(lab, tmp_path)
    for machine in lab.machines.values():
        damage(Path(files.replace("{{ inventory_hostname }}", machine.name)))
    before = standing(cloud.host), standing(edge)
    serves = life_of(edge, SERVING)
    with pytest.raises(AssertionError, match="was not restored"):
        play(lab, "restore", sedna_restore_file=files)
    assert (standing(cloud.host), standing(edge)) == before
    assert life_of(edge, SERVING) == serves
    cloud.until_nodes_ready()
    cloud.until_served(INFERENCE, 0)


def test_a_running_global_manager_is_restored_by_root_without_systemds_help(lab: Lab, example: Digits) -> None:
    cloud, host = example.cloud, example.cloud.host
    submit(example)
    before, serves = life_of(host, "sedna-gm.service"), life_of(example.edge, SERVING)
    host.run("sedna-gm", "backup", "/root/gm-now.db")
    cloud.apply("---\n".join(example.manifests(batch=100_000)))
    said = host.run("sedna-gm", "restore", "/root/gm-now.db")
    assert "the GlobalManager serves them" in said
    assert life_of(host, "sedna-gm.service") == before, "its own parent starts the child that takes it in"
    assert life_of(example.edge, SERVING) == serves
    cloud.until_nodes_ready()
    cloud.until_served(INFERENCE, 0)
    owners = host.shell("stat -c %U /var/lib/sedna-gm/gm.db* /var/lib/sedna-gm/backups/*").split()
    assert set(owners) == {"sedna-gm"}


def test_a_dry_run_of_a_backup_makes_none(lab: Lab, cloud: object, tmp_path: Path) -> None:
    play(lab, "backup", check=True, sedna_backups_dir=str(tmp_path / "backups"))
    assert not (tmp_path / "backups").exists()


def damage(file: Path) -> None:
    """Cut the database and the state in a backup in two; its configuration stays whole."""
    with tarfile.open(file) as packed:
        contents = {member: packed.extractfile(member) for member in packed if member.isfile()}
        kept = [(member, opened.read()) for member, opened in contents.items() if opened is not None]
    with tarfile.open(file, "w:gz") as packed:
        for member, content in kept:
            half = content[: len(content) // 2] if member.name in ("./gm.db", "./lc.tar") else content
            member.size = len(half)
            packed.addfile(member, io.BytesIO(half))
