"""The digits example spread over a lab: learning on the cloud host, camera and data on an edge host, no shared disk.

Prepared as its README says, on this machine, and then carried to the hosts, as a person would do it. Used by the tests
of rounds, of cut links and of crashes, because a round of it takes seconds.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.hosts.clouds import Cloud, node_of, settings_of
from tests.hosts.machines import Machine
from tests.hosts.waiting import wait_until
from tests.house.project import ROOT

EXAMPLE = ROOT / "examples" / "digits"
IMAGE = "sedna/example-digits:v1"
JOB = "digits"
INFERENCE = f"{JOB}-inference"
# The same path on every host, and a different folder on each.
PLACE = "/srv/digits"
# When the example deploys a model, and when these tests do.
BETTER = 'metric: accuracy_delta\n        operator: ">"\n'
MEASURED = 'metric: accuracy\n        operator: ">="\n'
# Stands in the prepared manifests where the name of a node will be.
NODE = "some-node"


def prepare(folder: Path) -> Path:
    """Make the example's data, base model and manifests; return their folder."""
    made = folder / "digits"
    argv = [sys.executable, str(EXAMPLE / "prepare.py"), "--out", str(made), "--node", NODE, "--image", IMAGE]
    subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120)
    return made


class Digits:
    """The example on a cloud and one edge of it.

    Args:
        cloud: where it is submitted; its host trains and evaluates.
        edge: the host with the camera, the dataset and the model that serves.
        made: the folder that `prepare` made.
    """

    def __init__(self, cloud: Cloud, edge: Machine, made: Path) -> None:
        self.cloud, self.edge, self._made = cloud, edge, made

    def carry(self) -> None:
        """Put on the hosts what each has before the job begins: the cloud nothing but the initial model."""
        for host in (self.edge, self.cloud.host):
            host.shell(f"rm -rf {PLACE}")
        for part in ("dataset", "stream", "models/deploy", "hard_examples"):
            self.edge.copy_in(self._made / part, f"{PLACE}/{part}/..")
        self.cloud.host.copy_in(self._made / "models/base", f"{PLACE}/models")
        for host in (self.edge, self.cloud.host):
            # Workers are nobody's root: what they write into, they must own.
            user = settings_of(host)["systemd"]["user"]
            host.shell(f"mkdir -p {PLACE}/output && chown -R {user}: {PLACE}")

    def manifests(self, *, hot: bool = True, batch: int = 80) -> list[str]:
        """Return the example's manifests for these hosts.

        Args:
            hot: whether the running worker swaps the model.
            batch: new samples that begin a round.
        """
        texts = [path.read_text() for path in sorted((self._made / "manifests").glob("*.yaml"))]
        filled = [text.replace(str(self._made), PLACE) for text in texts]
        job = next(text for text in filled if "kind: IncrementalLearningJob" in text)
        learning, serving = job.split("  deploySpec:")
        spread = learning.replace(NODE, node_of(self.cloud.host))
        # The job's uid draws the samples that judge, a few dozen: now and then two models tie. These tests ask whether
        # the loop turns, so each model that was measured is deployed.
        always = serving.replace(BETTER, MEASURED)
        assert always != serving, "the example's condition of deployment is another one now"
        changed = f"{spread}  deploySpec:{always}".replace("threshold: 80", f"threshold: {batch}")
        if not hot:
            changed = changed.replace("hotUpdateEnabled: true", "hotUpdateEnabled: false")
        return [(changed if text == job else text).replace(NODE, node_of(self.edge)) for text in filled]

    def submit(self, *, hot: bool = True, batch: int = 80) -> None:
        """Submit it on the cloud host, and wait until the first model serves."""
        self.cloud.apply("---\n".join(self.manifests(hot=hot, batch=batch)))
        self.cloud.until_served(INFERENCE, 0)

    def label(self, number: int, *, lines: int | None = None) -> int:
        """Append a batch that is labelled already to the dataset on the edge; return how many samples that are."""
        batch = (self._made / "labelled" / f"batch_{number}.csv").read_text().splitlines(keepends=True)[1:][:lines]
        self.edge.append(f"{PLACE}/dataset/train.csv", "".join(batch))
        return len(batch)

    def until_camera_saves(self) -> None:
        """Wait until the inference worker has saved hard examples: it sees, and it is unsure."""
        count = lambda: int(self.edge.shell(f"ls {PLACE}/hard_examples | grep -c json || true"))  # noqa: E731
        wait_until("the camera's hard examples are saved", count, lambda saved: saved > 20, seconds=180)

    def forget_hard_examples(self) -> None:
        """Remove what was saved, so that what is saved next is new."""
        self.edge.shell(f"rm -f {PLACE}/hard_examples/*.json")
