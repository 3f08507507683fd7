"""What the pages show of hosts, typed on a lab's: on the control machine, on the cloud host, on the edge host.

The stories follow the pages: the example is prepared, carried and submitted as docs/install.md says, labelled, looked
at, paused and resumed. They are `tests.documented.stories`, with a place that knows which host a command is for.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.documented.commands import Command
from tests.documented.sites import Desk
from tests.documented.stories import Said, Story
from tests.hosts.clouds import Cloud
from tests.hosts.digits import INFERENCE, JOB, PLACE
from tests.hosts.labs import Lab
from tests.hosts.machines import Machine
from tests.hosts.proofs import KUBECONFIG

# Three hosts share this machine's cores with ansible.
DEADLINE = 300.0
# Who is meant by the pages, which say it in the text around a command.
ON_CONTROL = re.compile(r"(?:ansible|pip|python|ssh)\b")
ON_CLOUD = re.compile(r"(?:sedna|kubectl|export KUBECONFIG|sudo -i)\b|.*(?:sedna-gm|digits-train-1|ROUND_ID)")


class Hosts:
    """A lab as the reader of the pages sees it: `cloud`, `edge-1`, and a machine to install them from."""

    def __init__(self, lab: Lab, cloud: Cloud, folder: Path) -> None:
        self.cloud, self.edge = cloud, lab["edge1"]
        self.control = Desk(folder, DEADLINE)
        # As section 3 of the page does it, with an inventory that is written already.
        self.control.terminal.set(ANSIBLE_INVENTORY=str(lab.inventory))
        self.words = {
            "edge-1": self.edge.name, "edge-2": lab["edge2"].name, "/tmp/digits": str(folder / "digits"),
            "ssh admin@192.0.2.10": f"ssh -F {lab.folder}/ssh_config {cloud.host.name}",
        }  # fmt: skip

    def type(self, command: Command, text: str, until: str | None, pasted: str) -> Said:
        if ON_CONTROL.match(command.text):
            return self.control.type(command, text, until, pasted)
        host = self.cloud.host if ON_CLOUD.match(command.text) else self.edge
        # Where the pages have exported it before, in this or in another section.
        export = f"export KUBECONFIG={KUBECONFIG}\n" if host is self.cloud.host else ""
        script = f"exec 2>&1\nset -o pipefail\n{export}{text}\n"
        done = host.completed("bash", "-c", script, stdin=pasted, timeout=DEADLINE)
        return Said(done.returncode, done.stdout)

    def until_job(self, holds: Any, what: str) -> None:
        self.cloud.until("IncrementalLearningJob", JOB, holds, what)

    def close(self) -> None:
        self.control.close()


def nothing_is_there(hosts: Hosts) -> None:
    """Earlier tests had the example in the same place."""
    for host in (hosts.cloud.host, hosts.edge):
        host.shell(f"rm -rf {PLACE}")


def serves(hosts: Hosts) -> None:
    hosts.cloud.until_served(INFERENCE, 0)


def has_learned(hosts: Hosts) -> None:
    """Some seconds later the round is over, and its model serves."""
    hosts.cloud.until_round(JOB, 1)
    hosts.cloud.until_served(INFERENCE, 1)


def is_paused(hosts: Hosts) -> None:
    serving = lambda job: (job["status"].get("serving") or {}).get("phase")  # noqa: E731
    hosts.until_job(lambda job: job["status"].get("paused") and serving(job) == "Paused", "the job is paused")


def goes_on(hosts: Hosts, said: Said) -> None:
    hosts.until_job(lambda job: not job["status"].get("paused"), "the job goes on")
    running = lambda worker: worker["status"].get("phase") == "Running"  # noqa: E731
    hosts.cloud.until("Worker", INFERENCE, running, "the camera's worker runs")


def says_paused(hosts: Hosts, said: Said) -> None:
    assert "Paused" in said.out, said.out


def is_in_the_journal(hosts: Hosts, said: Said) -> None:
    assert said.out.strip(), "something was printed"
    assert "No entries" not in said.out, said.out


def knows_round(hosts: Hosts) -> None:
    """The page's round has another id here."""
    labels = hosts.cloud.get("Worker", f"{JOB}-train-1")["metadata"]["labels"]
    hosts.words["68747f26da76"] = labels["sedna.io/round-id"]


def is_down(host: Machine, unit: str) -> bool:
    """Whether systemd has it stopped."""
    return host.show(unit, "ActiveState") == {"ActiveState": "inactive"}


def stays_off(hosts: Hosts, said: Said) -> None:
    is_paused(hosts)
    assert is_down(hosts.edge, f"sedna-worker-default-{INFERENCE}.service")


INSTALL, OPERATING = "docs/install.md", "docs/howto/operating.md"
STORIES = (
    Story(INSTALL, "3. The inventory", apart=("cp -r", "$EDITOR", "export ANSIBLE_INVENTORY")),
    Story(INSTALL, "5. Verify", apart=("ansible-playbook playbooks/verify.yml",)),
    Story(
        INSTALL, "A first job over two hosts",
        before={"ansible edge-1": nothing_is_there, "sedna get ilj": serves, "sedna get artifacts": has_learned},
        # What else is on its way at that moment differs.
        only=r"^NAME|digits-model|round 1: Deploy",
    ),
    Story(
        INSTALL, "Operate",
        before={"sedna get ilj digits": is_paused}, after={"sudo systemctl start": goes_on},
    ),
    Story(
        OPERATING, "Operate a host with systemd",
        after={"journalctl -u": is_in_the_journal},
    ),
    Story(
        OPERATING, "Pause and resume a job",
        before={"kubectl get": is_paused},
        after={
            "kubectl get": says_paused, "systemctl start": goes_on,
            "systemctl disable": stays_off, "systemctl enable": goes_on,
        },
    ),
    Story(
        OPERATING, "Watch it", apart=("curl",),
        before={"journalctl -u sedna-gm": knows_round}, after={"journalctl": is_in_the_journal},
    ),
    Story(OPERATING, "Certificates and keys", apart=("sedna-gm certificates",)),
)  # fmt: skip
