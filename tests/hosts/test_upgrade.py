"""The life of an installation on real hosts: an upgrade while a round runs, and a removal.

Both begin and end with this checkout installed, as all tests here expect it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts.clouds import Cloud, node_of
from tests.hosts.digits import INFERENCE, JOB, Digits
from tests.hosts.labs import Lab
from tests.hosts.machines import Machine
from tests.hosts.playing import IMAGE, bundle_of, check_out, earlier_commit, make_bundle, play
from tests.hosts.test_operators import SERVING, frozen_training, life_of, submit

pytestmark = pytest.mark.timeout(3600)

# Everything that the name says is ours, wherever it is; what the journal and kubectl remember is theirs.
SKIPPED = ["-path", "/proc", "-o", "-path", "/sys", "-o", "-path", "/var/log/journal", "-o", "-path", "*/.kube"]
TRACES = ["find", "/", "-xdev", "(", *SKIPPED, ")", "-prune", "-o", "-iname", "*sedna*", "-print"]


@pytest.fixture(scope="module")
def all_images(installed: Lab) -> Iterator[None]:
    """In the end every image of the bundle is there again, as the playbook verify.yml expects where nothing is set."""
    yield
    play(installed, "images")


@pytest.fixture
def installed_again(installed: Lab, all_images: None) -> Iterator[None]:
    """Whatever the test has done to the installation, the next one finds this checkout's."""
    yield
    # One image is enough for these tests, and the others take minutes.
    play(installed, "site", sedna_images=[IMAGE])


@pytest.fixture
def earlier(lab: Lab, installed_again: None, tmp_path: Path) -> str:
    """The commit before this one, installed on fresh hosts by its own playbooks; the name of its release."""
    commit = earlier_commit()
    if commit is None:
        pytest.skip(
            "there is no earlier commit that could be installed (a shallow clone?); SEDNA_UPGRADE_FROM names one"
        )
    tree = check_out(commit, tmp_path / "earlier")
    # Most wheels are the same; what differs is downloaded.
    bundle = make_bundle(tree, Path(shutil.copytree(bundle_of(lab), tmp_path / "bundle")))
    play(lab, "remove", sedna_remove_confirmed=True, sedna_remove_data=True)
    play(lab, "site", tree=tree, bundle=bundle, sedna_images=[IMAGE], **as_then(tree, lab))
    return release_of(next(iter(lab.machines.values())))


def as_then(tree: Path, lab: Lab) -> dict[str, str]:
    """What an inventory said before the GlobalManager spoke TLS; nothing for a commit that knows it."""
    if (tree / "roles" / "sedna_gm" / "tasks" / "certificates.yml").exists():
        return {}
    return {"sedna_lc_gm": f"http://{next(iter(lab.machines.values())).address}:9000"}


def release_of(host: Machine) -> str:
    """The release that `current` names."""
    return Path(host.run("readlink", "/opt/sedna/current").strip()).name


def running_release_of(host: Machine, service: str) -> str:
    """The release that a service was started from."""
    return host.show(service, "Environment")["Environment"].partition("SEDNA_RELEASE=")[2].split()[0]


def version_of(cloud: Cloud, host: Machine) -> str:
    """The version that the node tells the GlobalManager."""
    return str(cloud.get("Node", node_of(host))["status"]["versions"]["sedna"])


def test_an_upgrade_disturbs_no_worker_and_the_round_goes_on(lab: Lab, earlier: str, example: Digits) -> None:
    cloud, edge = example.cloud, example.edge
    submit(example)
    example.label(1)
    unit = frozen_training(example)
    trains, serves = life_of(cloud.host, unit), life_of(edge, SERVING)
    before = version_of(cloud, edge)
    said = play(lab, "upgrade")
    # From a release without TLS and tokens, it brings both.
    cloud.meet_again()
    assert cloud.server.startswith("https://")
    assert "1 workers run on as the same processes" in said
    assert life_of(cloud.host, unit) == trains
    assert life_of(edge, SERVING) == serves
    for host in lab.machines.values():
        assert release_of(host) != earlier
        assert running_release_of(host, "sedna-lc.service") == release_of(host)
        # The one to go back to.
        assert earlier in host.run("ls", "/opt/sedna/releases").split()
    assert running_release_of(cloud.host, "sedna-gm.service") == release_of(cloud.host)
    assert version_of(cloud, edge) != before
    play(lab, "verify", sedna_images=[IMAGE])
    # What was begun under the old release ends under the new one, by workers that know only the old.
    cloud.host.systemctl("kill", "--signal=CONT", unit)
    assert cloud.until_round(JOB, 1)["decision"] == "Deployed"
    cloud.until_served(INFERENCE, 1)
    assert life_of(edge, SERVING) == serves, "the running worker has swapped its model"


def test_a_second_run_changes_nothing_and_disturbs_no_worker(lab: Lab, example: Digits) -> None:
    submit(example)
    serves = life_of(example.edge, SERVING)
    said = play(lab, "site", sedna_images=[IMAGE])
    counts = [line.split("changed=")[1].split()[0] for line in said.splitlines() if "changed=" in line]
    assert counts == ["0"] * len(lab.machines)
    assert life_of(example.edge, SERVING) == serves


def test_a_removal_asks_for_a_confirmation(lab: Lab, cloud: Cloud) -> None:
    with pytest.raises(AssertionError, match="sedna_remove_confirmed=yes"):
        play(lab, "remove")
    cloud.until_nodes_ready()


def test_a_removal_ends_the_workers_and_leaves_nothing_behind_but_what_it_names(
    lab: Lab, example: Digits, installed_again: None
) -> None:
    cloud, edge = example.cloud.host, example.edge
    submit(example)
    said = play(lab, "remove", sedna_remove_confirmed=True)
    for host in lab.machines.values():
        kept = {path for path in host.run(*TRACES).split() if not path.startswith(("/var/lib/sedna/", "/srv/"))}
        assert kept <= {"/var/lib/sedna", "/var/lib/sedna-gm"}
        assert "/var/lib/sedna " in said
        assert host.systemctl("list-units", "--all", "--plain", "--no-legend", "sedna*").split() == []
        assert host.shell("getent passwd sedna-gm sedna-worker || true").split() == []
        assert host.shell("pgrep --full [s]edna || true").split() == []
    assert "/var/lib/sedna-gm " in said
    # The data of a user are the user's.
    assert edge.shell("ls /srv/digits/dataset").split()
    play(lab, "remove", sedna_remove_confirmed=True, sedna_remove_data=True)
    for host in (cloud, edge):
        assert [path for path in host.run(*TRACES).split() if not path.startswith("/srv/")] == []
