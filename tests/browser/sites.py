"""A GlobalManager and two nodes for a browser to look at: pictures on `edge`, training on `cloud`, one job, `helmets`.

Pictures are drawn by the helmet example. What its inference would find hard is put into the folder of hard examples
by `find_hard`, as `sedna.core.hard_examples` would.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from sedna.cli.up import configs, waiting
from tests.end_to_end.clusters import Document
from tests.end_to_end.machines import BIN, Machine
from tests.house.project import ROOT

JOB = "helmets"
CLASSES = ("person", "helmet", "helmet-on", "helmet-off")
THRESHOLD = 9
"""More samples than this begin a round: ten."""


@dataclass(frozen=True)
class Picture:
    """A drawn scene: a JPEG, and the boxes in it, each with its class."""

    data: bytes
    boxes: tuple[tuple[float, ...], ...]


def draw(count: int, domain: str = "B", seed: int = 7) -> list[Picture]:
    """Some scenes of the helmet example, the same every time."""
    sys.path.insert(0, str(ROOT / "examples" / "helmet_detection"))
    try:
        from scenes.recording import Stills, still
    finally:
        sys.path.pop(0)
    recipe = Stills(domain, seed, count)
    drawn = []
    for index in range(count):
        canvas, labels, quality = still(recipe, index)
        _, data = cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, quality])
        drawn.append(Picture(data.tobytes(), tuple((*map(float, label.box), label.kind) for label in labels)))
    return drawn


class Site(Machine):
    """The daemons, the job's files, and the hands of who prepares them."""

    def __init__(
        self, folder: Path, epochs: int = 3, epoch_seconds: float = 0.0, classes: Sequence[str] = CLASSES
    ) -> None:
        super().__init__(folder / "edge")
        self.classes = classes
        self.training = {"EPOCHS": str(epochs), "EPOCH_SECONDS": str(epoch_seconds)}
        self.cloud = configs.prepare(folder / "cloud", port=0, lc_port=0, node="cloud")
        self._configure(
            self.cloud.lc_config, gm=self.setup.server, stopWorkersOnExit=False, heartbeatSeconds=1,
            safetyPollSeconds=1,
        )  # fmt: skip
        self.data, self.hard = self.folder / "data", self.folder / "hard_examples"
        for one in (self.data / "images", self.hard):
            one.mkdir(parents=True)
        self.list_file = self.data / "train.txt"
        self.list_file.touch()
        for name in ("base", "first"):
            (self.folder / f"{name}.json").write_text('{"seen": 0}')
        shutil.copy(self.folder / "base.json", self.cloud.folder / "base.json")
        for setup in (self.setup, self.cloud):
            image = setup.images / "helmets" / "v1"
            (image / "app").mkdir(parents=True)
            shutil.copy(Path(__file__).parent / "worker.py", image / "app" / "worker.py")
            (image / "image.yml").write_text(f"{{name: helmets, tag: v1, python: {sys.executable}}}")
        self.found = 0

    def start(self) -> None:
        super().start()
        child = self._begin("cloud", [str(BIN / "sedna-lc"), "run", "--config", str(self.cloud.lc_config)])
        ready = lambda: waiting.node_is_ready(self.gm, "cloud", self.cloud.lc_listen)  # noqa: E731
        assert waiting.until_ready([child], ready, "node cloud not Ready", self._stop)

    def close(self) -> None:
        if "cloud" in self._daemons:
            self.stop("cloud")
        super().close()

    def submit(self, threshold: int = THRESHOLD, name: str = JOB) -> None:
        """The dataset, the models and the job; waits until the first model is served."""
        edge = str(self.setup.node)
        self._make("Dataset", "site-frames", {"url": str(self.list_file), "format": "txt", "nodeName": edge})
        base = str(self.cloud.folder / "base.json")
        self._make("Model", "helmets-base", {"url": base, "format": "json", "nodeName": "cloud"})
        self._make("Model", "helmets-served", {"url": str(self.folder / "first.json"), "format": "json"})
        self._make("IncrementalLearningJob", name, self._job(threshold))
        self.until("Worker", f"{name}-inference", _serves, "the first model is served")

    def _make(self, kind: str, name: str, spec: Document) -> None:
        self.create(
            json.dumps({"apiVersion": "sedna.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
        )

    def _job(self, threshold: int) -> Document:
        def template(role: str, node: str, **more: Any) -> Document:
            variables = {"class_names": ",".join(self.classes), **self.training, **more.pop("env", {})}
            env = [{"name": key, "value": value} for key, value in variables.items()]
            container = {"name": role, "image": "helmets:v1", "args": ["worker.py", role], "env": env}
            container |= more.pop("container", {})
            return {"template": {"spec": {"nodeName": node, "containers": [container], **more}}}

        mounts = {"volumeMounts": [{"name": "he", "mountPath": "/hard_examples"}]}
        kept = {"name": "he", "hostPath": {"path": str(self.hard), "type": "DirectoryOrCreate"}}
        serving = template(
            "inference", str(self.setup.node), restartPolicy="Always", env={"HE_SAVED_URL": "/hard_examples"},
            container=mounts, volumes=[kept],
        )  # fmt: skip
        return {
            # Of ten samples some are on both sides of the split, nearly always.
            "dataset": {"name": "site-frames", "trainProb": 0.5},
            "initialModel": {"name": "helmets-base"},
            "trainSpec": {
                **template("train", "cloud"),
                "trigger": {
                    "checkPeriodSeconds": 1,
                    "condition": {"metric": "num_of_samples", "operator": ">", "threshold": threshold},
                },
            },
            "evalSpec": template("eval", "cloud"),
            "deploySpec": {
                **serving,
                "model": {"name": "helmets-served", "hotUpdateEnabled": True, "pollPeriodSeconds": 1},
                "trigger": {"condition": {"metric": "precision_delta", "operator": ">", "threshold": 0.01}},
                "hardExampleMining": {"name": "IBT", "parameters": [{"key": "threshold_img", "value": "0.9"}]},
            },
            "outputDir": str(self.cloud.folder / "out"),
        }

    def find_hard(self, pictures: list[Picture]) -> list[str]:
        """Put hard examples where the inference worker would; returns their names."""
        names = []
        for picture in pictures:
            stem = f"{self.found:08d}_frame{self.found * 15:06d}"
            self.found += 1
            (self.hard / f"{stem}.jpg").write_bytes(picture.data)
            boxes = [_predicted(index, box) for index, box in enumerate(picture.boxes) if index % 5 != 3]
            about = {"picture": f"{stem}.jpg", "frame": self.found * 15, "boxes": boxes}
            (self.hard / f"{stem}.json").write_text(json.dumps(about))
            names.append(stem)
        return names

    def feed(self, pictures: list[Picture]) -> None:
        """Samples that somebody labelled elsewhere: the pictures first, then their lines."""
        have = len(list((self.data / "images").iterdir()))
        lines = []
        for number, picture in enumerate(pictures, have):
            name = f"images/fed{number:05d}.jpg"
            (self.data / name).write_bytes(picture.data)
            boxes = (",".join(str(round(value)) for value in box) for box in picture.boxes)
            lines.append(" ".join([name, *boxes]) + "\n")
        with self.list_file.open("a") as appended:
            appended.writelines(lines)

    def begins(self, number: int) -> bool:
        """Wait until a round has begun; False where the split of its samples, by chance, leaves a side without any."""

        def has_begun(job: Document) -> bool:
            return (job["status"].get("round") or 0) >= number

        def lacks(job: Document) -> bool:
            return "the split leaves" in str(job["status"].get("message"))

        told = self.until(
            "IncrementalLearningJob", JOB, lambda job: has_begun(job) or lacks(job), f"round {number} begins"
        )
        return has_begun(told)

    def run_round(self, number: int, pictures: list[Picture]) -> Document:
        """Feed these, and one more for as long as the split asks for it; wait until the round is finished."""
        self.feed(pictures)
        while not self.begins(number):
            self.feed(pictures[:1])
        return self.round_done(number)

    def round_done(self, number: int) -> Document:
        """Wait until so many rounds are finished; gives the last one's record."""
        self.until(
            "IncrementalLearningJob", JOB,
            lambda job: job["status"].get("stage") == "Train" and len(self.rounds(JOB)) >= number,
            f"round {number} is finished",
        )  # fmt: skip
        return self.rounds(JOB)[number - 1]


def _predicted(index: int, box: tuple[float, ...]) -> list[float]:
    """A box as a model that is unsure would tell it: a little beside, with a score."""
    x0, y0, x1, y1, kind = box
    shift = (index % 3 - 1) * 3.0
    return [x0 + shift, max(0.0, y0 - shift), x1 + shift, y1, round(0.35 + 0.11 * (index % 5), 2), kind]


def _serves(worker: Document) -> bool:
    return (worker["status"].get("model") or {}).get("state") == "Loaded"
