"""A camera that finds pictures hard, on an edge host, where files have owners and folders have rights.

What runs as the workers' user writes the pictures, and a person of the host owns the dataset, as on a real site. The
worker is one of the digits image, because that is small, with a program of its own; nothing is trained. Made for
tests/hosts/test_labelling.py.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from tests.hosts.bases import ADMIN
from tests.hosts.clouds import Cloud, node_of
from tests.hosts.digits import IMAGE
from tests.hosts.digits import PLACE as DIGITS
from tests.hosts.machines import Machine
from tests.hosts.waiting import wait_until

JOB = "pictures"
INFERENCE = f"{JOB}-inference"
# Open for workers in both scenarios.
PLACE = f"{DIGITS}/pictures"
LIST = f"{PLACE}/dataset/list.txt"
WIDTH, HEIGHT = 64, 48
COUNT = 4
NEEDED = 3

# Saves each picture once, with a box and how sure it is of it, and stays.
CAMERA = """\
import signal, threading
from pathlib import Path
from sedna.common.config import Context
from sedna.core.hard_examples import save

stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
folder = Path(Context.get_parameters("HE_SAVED_URL"))
for number, path in enumerate(sorted(Path("/stream").glob("*.png"))):
    save(folder, path.stem, path.read_bytes(), boxes=[[4, 6, 30, 40, 0.5 + number / 10, 1]])
print("All pictures are saved.", flush=True)
stop.wait()
"""

MANIFESTS = """\
apiVersion: sedna.io/v1alpha1
kind: Dataset
metadata: {name: pictures}
spec: {url: LIST, format: txt, nodeName: NODE}
---
apiVersion: sedna.io/v1alpha1
kind: Model
metadata: {name: pictures}
spec: {url: PLACE/model.joblib, format: joblib}
---
apiVersion: sedna.io/v1alpha1
kind: IncrementalLearningJob
metadata: {name: pictures}
spec:
  initialModel: {name: pictures}
  dataset: {name: pictures, trainProb: 0.8}
  trainSpec:
    template:
      spec:
        nodeName: NODE
        containers: [{name: train, image: "IMAGE", args: [train.py]}]
    trigger:
      checkPeriodSeconds: 5
      condition: {metric: num_of_samples, operator: ">=", threshold: NEEDED}
  evalSpec:
    template:
      spec:
        nodeName: NODE
        containers: [{name: eval, image: "IMAGE", args: [eval.py]}]
  deploySpec:
    model: {name: pictures, hotUpdateEnabled: true, pollPeriodSeconds: 5}
    trigger:
      condition: {metric: accuracy_delta, operator: ">", threshold: 0.0}
    hardExampleMining: {name: CrossEntropy, parameters: [{key: threshold_cross_entropy, value: "0.7"}]}
    template:
      spec:
        nodeName: NODE
        containers:
          - name: camera
            image: "IMAGE"
            args: [/program/camera.py]
            env:
              - {name: HE_SAVED_URL, value: /hard}
              - {name: class_names, value: "person,helmet"}
            volumeMounts:
              - {name: program, mountPath: /program}
              - {name: stream, mountPath: /stream}
              - {name: hard, mountPath: /hard}
        volumes:
          - {name: program, hostPath: {path: PLACE/program, type: Directory}}
          - {name: stream, hostPath: {path: PLACE/stream, type: Directory}}
          - {name: hard, hostPath: {path: PLACE/hard, type: DirectoryOrCreate}}
  outputDir: PLACE/output
"""


def picture(number: int) -> bytes:
    """Return a PNG of one colour; each number is another picture."""
    row = b"\0" + bytes((40 * number, 90, 200)) * WIDTH
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(row * HEIGHT)), (b"IEND", b""))
    chunks = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def name_of(number: int) -> str:
    """Return the name of the example that a picture becomes."""
    return f"seen-{number:04d}"


class Pictures:
    """The job on one edge host; nothing is there before `carry`."""

    def __init__(self, cloud: Cloud, edge: Machine) -> None:
        self.cloud, self.edge = cloud, edge

    def carry(self, folder: Path, model: Path) -> None:
        """Put on the host what it has before the job begins; `folder` is a scratch folder of this machine."""
        for part in ("stream", "program"):
            (folder / part).mkdir()
        for number in range(COUNT):
            (folder / "stream" / f"{name_of(number)}.png").write_bytes(picture(number))
        (folder / "program" / "camera.py").write_text(CAMERA)
        self.edge.shell(f"rm -rf {DIGITS}")
        for part in (folder / "stream", folder / "program", model):
            self.edge.copy_in(part, PLACE)
        # A person's own folder, in which nobody else writes.
        self.edge.shell(
            f"install -d -o {ADMIN} -g {ADMIN} {PLACE}/dataset && : > {LIST} && chown {ADMIN}: {LIST};"
            f"mkdir {PLACE}/output"
        )

    def submit(self) -> None:
        """Submit it on the cloud host, and wait until all pictures are listed."""
        filled = MANIFESTS.replace("LIST", LIST).replace("PLACE", PLACE).replace("NODE", node_of(self.edge))
        self.cloud.apply(filled.replace("IMAGE", IMAGE).replace("NEEDED", str(NEEDED)))
        wait_until("the pictures are listed", self.listed, lambda it: len(it["items"]) == COUNT, seconds=180)

    def listed(self) -> dict[str, object]:
        """Return the hard examples as the GlobalManager lists them."""
        return self.cloud.gm.ask("GET", at())


def at(*below: str) -> str:
    """Return the address of the job's hard examples, or of something below it."""
    base = f"/apis/sedna.io/v1alpha1/namespaces/default/incrementallearningjobs/{JOB}/hardexamples"
    return "/".join((base, *below))
