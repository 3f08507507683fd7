"""All that runs on a lab, asked over the GlobalManager's API or by kubectl on the cloud host.

What is asked is the same as on one machine (tests.end_to_end.clusters); here are only the deadlines of real hosts, and
what tests of several hosts need. Handed to tests as the fixture `cloud`.
"""

from __future__ import annotations

import operator
import subprocess
from functools import partial
from typing import Any

import yaml

from sedna.api.kinds import by_kind
from sedna.cli.client import GlobalManager, path_of
from tests.end_to_end.clusters import Cluster, Document
from tests.hosts.labs import Lab
from tests.hosts.machines import Machine
from tests.hosts.proofs import KUBECONFIG, proof_in
from tests.hosts.waiting import wait_until

# Three hosts share this machine's cores; a deadline only decides how long a failure takes.
DEADLINE = 180.0
# In the order in which they can go: what is used by others last.
SUBMITTED = ("IncrementalLearningJob", "Dataset", "Model")


class Cloud(Cluster):
    """The GlobalManager on a lab's cloud host and all that it knows."""

    def __init__(self, lab: Lab) -> None:
        self.host = next(iter(lab.machines.values()))
        self.nodes = [node_of(machine) for machine in lab.machines.values()]
        super().__init__(self._meet(), DEADLINE)
        self.meet_again()

    def _meet(self) -> str:
        self.server = str(settings_of(self.host)["gm"])
        return self.server

    def meet_again(self) -> None:
        """Find out where the GlobalManager is and how to come in: an upgrade may have changed both."""
        self.gm.close()
        kubeconfig = self.kubeconfig()
        self.gm = GlobalManager(self._meet(), proof=proof_in(kubeconfig) if kubeconfig else None)

    def kubeconfig(self) -> str:
        """The administrator's kubeconfig; nothing, for an installation of before there was one."""
        found = self.host.completed("cat", KUBECONFIG)
        return found.stdout if found.returncode == 0 else ""

    @property
    def _environment(self) -> tuple[str, ...]:
        return ("env", f"KUBECONFIG={KUBECONFIG}" if self.kubeconfig() else f"SEDNA_SERVER={self.server}")

    def apply(self, manifests: str) -> None:
        """Submit manifests by the `sedna` command on the cloud host, which every installation has."""
        self.host.run(*self._environment, "sedna", "apply", "--filename", "-", stdin=manifests)

    def kubectl(self, *words: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl on the cloud host, with the administrator's kubeconfig, and return what it prints."""
        return self.host.run(*self._environment, "kubectl", *words, stdin=stdin, check=check)

    def completed_kubectl(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl on the cloud host and return status and both outputs."""
        return self.host.completed(*self._environment, "kubectl", *words, stdin=stdin)

    def until_nodes_ready(self) -> None:
        """Wait until all nodes are Ready."""
        for name in self.nodes:
            self.until("Node", name, is_ready, f"node {name} is Ready")

    def until_silent(self, node: str) -> None:
        """Wait until the GlobalManager has noticed that it hears nothing of a node."""
        self.until("Node", node, lambda it: not is_ready(it), f"node {node} is silent")

    def clear(self) -> None:
        """Delete all jobs, datasets and models, and wait until they and their workers are gone."""
        wait_until("the GlobalManager answers", lambda: self.list("Model") is not None, seconds=DEADLINE)
        for kind in SUBMITTED:
            for resource in self.list(kind):
                self.gm.ask("DELETE", path_of(by_kind(kind), "default", resource["metadata"]["name"]))
            wait_until(f"no {kind} is left", partial(self.list, kind), operator.not_, seconds=DEADLINE)
        wait_until("no worker is left", partial(self.list, "Worker"), operator.not_, seconds=DEADLINE)

    def until_round(self, job: str, number: int, seconds: float | None = None) -> Document:
        """Wait until the job has finished that many rounds, and return the record of the last of them."""
        enough = lambda _: len(self.rounds(job)) >= number  # noqa: E731
        self.until("IncrementalLearningJob", job, enough, f"round {number} of {job} is finished", seconds)
        record: dict[str, Any] = self.rounds(job)[number - 1]
        return record

    def until_served(self, worker: str, number: int) -> Document:
        """Wait until an inference worker says that it serves the model of a round; return its status.model."""
        serves = lambda it: (it["status"].get("model") or {}).get("round") == number  # noqa: E731
        status: Document = self.until("Worker", worker, serves, f"{worker} serves round {number}")["status"]
        return dict(status["model"])


def settings_of(host: Machine) -> Document:
    """Return what the LocalController of a host was told: a scenario may name nodes and folders as it likes."""
    return dict(yaml.safe_load(host.read("/etc/sedna/lc.yml")))


def node_of(host: Machine) -> str:
    """Return the name by which the GlobalManager knows a host."""
    return str(settings_of(host)["nodeName"])


def is_ready(node: Document) -> bool:
    """Whether a Node says of itself that it is Ready."""
    conditions = node["status"].get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)
