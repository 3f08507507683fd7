"""The how-to pages' example on a virtual machine: a plain Python estimator, since TensorFlow would take hours here."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.end_to_end import pages
from tests.end_to_end.clusters import Cluster, Document
from tests.machine.virtual_machines import VirtualMachine

FOLDER = Path("/srv/numbers")
NODE = "machine"
JOB = ("IncrementalLearningJob", "numbers")
INFERENCE = "numbers-inference"


class Numbers:
    """The job, its data on the machine's disk, and what became of it."""

    def __init__(self, machine: VirtualMachine, cluster: Cluster) -> None:
        self.machine = machine
        self.cluster = cluster
        self.fed = 0

    def wait_ready(self) -> None:
        """Wait until the node is Ready, as it is told since the last boot."""
        self.cluster.until("Node", NODE, _is_ready, "the node is Ready")

    def submit(self, change: Callable[[str], str] = lambda text: text) -> None:
        """Send the page's manifests. A round here judges by few samples: any model that was measured is deployed."""
        text = pages.manifests(FOLDER).replace("nodeName: edge-node", f"nodeName: {NODE}")
        text = text.replace(
            'operator: ">", threshold: 0.1, metric: accuracy_delta', 'operator: ">=", threshold: 0, metric: accuracy'
        )
        assert "metric: accuracy}" in text
        self.cluster.create(change(text))

    def feed(self, count: int = 50) -> None:
        """Append samples, and sync: what its writer has not synced is lost with the power by nobody's fault."""
        text = pages.samples(self.fed, count)
        self.machine.run(f"printf %s {shlex.quote(text)} >> {FOLDER}/numbers.csv && sync {FOLDER}/numbers.csv")
        self.fed += count

    def used(self) -> int:
        """How many samples rounds have used."""
        status = self.cluster.get(*JOB)["status"]
        return int((status.get("samples") or {}).get("used", 0))

    def settle(self) -> None:
        """Wait until all samples are used and the job waits for more, and the worker serves what was deployed last."""
        self.cluster.until(*JOB, self._rests, f"the {self.fed} samples are used and the job waits for more")
        deployed = [one["models"]["deployed"]["sha256"] for one in self.finished() if one["decision"] == "Deployed"]
        if deployed:
            self.cluster.until(
                "Worker", INFERENCE, lambda worker: _serves(worker, deployed[-1]), "the last model serves"
            )

    def finished(self) -> list[Document]:
        """The records of the rounds that used their samples, oldest first."""
        return [one for one in self.cluster.rounds("numbers") if one["decision"] != "Failed"]

    def check(self) -> None:
        """No sample lost or used twice, no round twice, and every model that a record names is the file it names."""
        numbers = [one["round"] for one in self.cluster.rounds("numbers")]
        assert numbers == sorted(set(numbers)), f"rounds are repeated: {numbers}"
        ranges = [(one["samples"]["start"], one["samples"]["end"]) for one in self.finished()]
        starts, ends = [start for start, _ in ranges], [end for _, end in ranges]
        assert starts == [0, *ends[:-1]], f"rounds leave samples out, or use them twice: {ranges}"
        assert ends[-1] == self.used() == self.fed
        files = self._files(f"{FOLDER}/output/train/*/model.json")
        # Older rounds' outputs go, except of the versions that the Model lists.
        deployed = self.cluster.get(*JOB)["spec"]["deploySpec"]["model"]["name"]
        kept = {one["url"] for one in self.cluster.get("Model", deployed)["status"]["versions"]}
        for one in self.finished():
            new = one["models"]["new"]
            found = files.get(new["url"], "" if new["url"] in kept else new["sha256"])
            assert found == new["sha256"], f"the model of round {one['round']} is not what its record says"
        served = self.cluster.get("Worker", INFERENCE)["status"]["model"]["sha256"]
        slots = self._files("/var/lib/sedna/models/default/numbers/*/*")
        assert served in slots.values(), f"{served} is served, and the slots hold {slots}"
        for path, digest in slots.items():
            assert path.split("/")[-2] == digest[:12], f"{path} is torn: its content is {digest}"

    def _rests(self, job: Document) -> bool:
        status = job["status"]
        waits = status.get("stage") == "Train" and status.get("phase") == "Waiting"
        return waits and (status.get("samples") or {}).get("used") == self.fed

    def _files(self, pattern: str) -> dict[str, str]:
        """The sha256 of each file on the machine that a pattern of the shell names, by path."""
        lines = self.machine.run(f"sha256sum {pattern}").splitlines()
        return {path.lstrip("*"): digest for digest, path in (line.split(None, 1) for line in lines)}


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node["status"].get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _serves(worker: Document, sha256: str) -> bool:
    model = worker["status"].get("model") or {}
    return (
        worker["status"].get("phase") == "Running" and model.get("state") == "Loaded" and model.get("sha256") == sha256
    )
