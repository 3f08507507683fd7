"""The pages that are typed against a `sedna up` of their own: the first manifest, and the API and the `sedna` command
with a job that trains in no time and a camera that found pictures hard.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sedna.core.hard_examples import save
from tests.documented.sites import OpenSite
from tests.documented.stories import Said, Story
from tests.end_to_end.clusters import Document
from tests.end_to_end.sites import WORKER

# As the pages call them.
JOB, DATASET, MODEL = "demo", "samples", "deployed"
# Each worker leaves its token where the pages about reports read it: for as long as it is handed it.
KEEP_TOKEN = """
import os, pathlib, shutil
kept = pathlib.Path(os.environ["KEPT"], os.environ["WORKER_NAME"])
kept.mkdir(parents=True, exist_ok=True)
shutil.copy(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "worker-token"), kept)
"""


def counted(site: OpenSite) -> None:
    """Wait until the ten samples of the README's `seq` are counted."""
    enough = lambda dataset: dataset["status"].get("numberOfSamples") == 10  # noqa: E731
    site.cluster.until("Dataset", "first-samples", enough, "ten samples are counted")


def afresh(site: OpenSite) -> None:
    """Another reader begins in an empty folder."""
    site.words["/tmp/first"] = str(site.folder / "afresh")


def second_terminal(site: OpenSite) -> None:
    site.terminal.begin_anew()


def submitted(site: OpenSite) -> None:
    """Have the job of the API's examples run: its camera serves, and has found pictures hard."""
    folder = site.up / "demo"
    for name in ("data", "hard"):
        (folder / name).mkdir(parents=True)
    image = site.up / "images" / "app" / "v1"
    (image / "app").mkdir(parents=True)
    (image / "app" / "run.py").write_text(KEEP_TOKEN + WORKER)
    (image / "image.yml").write_text(f"{{name: app, tag: v1, python: {sys.executable}}}")
    (folder / "data" / "list.txt").touch()
    for name in ("base.txt", "first.txt"):
        (folder / name).write_text("m\n")
    for number in (17, 18, 19):
        picture = np.full((352, 640, 3), number, np.uint8)
        _, data = cv2.imencode(".jpg", picture)
        save(folder / "hard", f"{number:08d}", data.tobytes(), [[12, 40, 80, 170, 0.5, 2]], frame=number)
    for kind, name, spec in (
        ("Model", "base", {"url": str(folder / "base.txt"), "format": "txt"}),
        ("Model", MODEL, {"url": str(folder / "first.txt"), "format": "txt"}),
        ("Dataset", DATASET, {"url": str(folder / "data" / "list.txt"), "format": "txt", "nodeName": "edge-node"}),
        ("IncrementalLearningJob", JOB, _job(folder)),
    ):
        site.cluster.create(manifest(kind, name, spec))
    loaded = lambda worker: (worker["status"].get("model") or {}).get("state") == "Loaded"  # noqa: E731
    site.cluster.until("Worker", f"{JOB}-inference", loaded, "the camera runs")


def _job(folder: Path) -> dict[str, Any]:
    def template(role: str, **env: str) -> dict[str, Any]:
        known = {"KEPT": str(folder / "kept"), "MODEL_BYTES": "0", "class_names": "person,helmet,head", **env}
        variables = [{"name": key, "value": value} for key, value in known.items()]
        hard = {"volumeMounts": [{"name": "hard", "mountPath": "/hard"}]} if role == "inference" else {}
        container = {"name": role, "image": "app:v1", "args": ["run.py", role], "env": variables, **hard}
        return {"template": {"spec": {"nodeName": "edge-node", "containers": [container]}}}

    serving = template("inference", OUT=str(folder / "served.json"), HE_SAVED_URL="/hard")
    serving["template"]["spec"]["volumes"] = [{"name": "hard", "hostPath": {"path": str(folder / "hard")}}]
    return {
        "dataset": {"name": DATASET, "trainProb": 0.5},
        "initialModel": {"name": "base"},
        # Rounds begin by hand only, as the pages say.
        "trainSpec": {
            **template("train"),
            "trigger": {"condition": {"operator": ">=", "threshold": 100_000, "metric": "num_of_samples"}},
        },
        "evalSpec": template("eval"),
        "deploySpec": {
            **serving,
            "model": {"name": MODEL, "hotUpdateEnabled": True, "pollPeriodSeconds": 1},
            "trigger": {"condition": {"operator": ">", "threshold": 0, "metric": "known"}},
        },
        "outputDir": str(folder / "out"),
    }


def manifest(kind: str, name: str, spec: dict[str, Any]) -> str:
    """A manifest as text."""
    return json.dumps({"apiVersion": "sedna.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})


def written(site: OpenSite) -> None:
    """A job.yaml of several new documents in the folder where the page posts it."""
    known = len(site.cluster.list("Model"))
    documents = [manifest("Model", f"of-{known + number}", {"url": "/models/m", "format": "pb"}) for number in (1, 2)]
    (site.terminal.folder / "job.yaml").write_text("\n---\n".join(documents))


def fed(site: OpenSite) -> None:
    """Wait until nothing is under way, and take twenty pictures: enough for both parts of a round."""
    settled(site)
    data, number = site.up / "demo" / "data", len(site.cluster.rounds(JOB)) * 100
    names = [f"{each}.jpg" for each in range(number, number + 20)]
    for name in names:
        (data / name).write_text(f"picture {name}")
    before = site.cluster.get("Dataset", DATASET)["status"].get("numberOfSamples", 0)
    with (data / "list.txt").open("a") as lines:
        lines.writelines(f"{name} 0\n" for name in names)
    counted = lambda dataset: dataset["status"].get("numberOfSamples", 0) >= before + 20  # noqa: E731
    site.cluster.until("Dataset", DATASET, counted, "the pictures are counted")


def settled(site: OpenSite) -> None:
    """Wait until the job does nothing, and what was asked for by hand was taken."""

    def holds(job: Document) -> bool:
        status, annotations = job["status"], job["metadata"].get("annotations", {})
        asked = {"sedna.io/trigger", "sedna.io/rollback"} & annotations.keys()
        return (status.get("stage"), status.get("phase")) == ("Train", "Waiting") and not asked

    site.cluster.until("IncrementalLearningJob", JOB, holds, "the job waits for samples")


def round_done(site: OpenSite, said: Said) -> None:
    """Wait until what was asked for is a finished round."""
    wanted = lambda job: bool(job["status"].get("rounds")) or len(site.cluster.rounds(JOB)) >= 1  # noqa: E731
    site.cluster.until("IncrementalLearningJob", JOB, wanted, "a round is finished")


def is_labelled(site: OpenSite, said: Said) -> None:
    assert json.loads(said.out)["sample"]["line"].endswith("12,40,80,170,2"), said.out


def is_small_picture(site: OpenSite, said: Said) -> None:
    picture = cv2.imread(str(site.terminal.folder / "small.jpg"))
    assert picture is not None
    assert picture.shape[:2] == (176, 320)


def as_worker(site: OpenSite) -> None:
    """Be the worker that the page's report is of."""
    site.terminal.set(
        CREDENTIALS_DIRECTORY=str(site.up / "demo" / "kept" / f"{JOB}-train-1"), WORKER_NAME=f"{JOB}-train-1",
        NAMESPACE="default", LC_SERVER=site.words["http://127.0.0.1:9100"],
    )  # fmt: skip


def code(site: OpenSite) -> None:
    """The folder with the reader's code."""
    folder = site.terminal.folder / "my-code"
    folder.mkdir()
    for name in ("train.py", "eval.py", "inference.py"):
        (folder / name).write_text("print('begun')\n")


def rolled_back(site: OpenSite, said: Said) -> None:
    """Wait until the version of before is the one that is deployed."""
    known = lambda model: "sedna.io/rollback" not in model["metadata"].get("annotations", {})  # noqa: E731
    site.cluster.until("Model", MODEL, known, "the rollback was taken")


API = "docs/api.md"
STORIES = (
    Story("README.md", "A first manifest", before={"kubectl get datasets": counted}),
    Story(
        "docs/howto/first-job.md", "Start Sedna", apart=("make set-up",),
        before={"mkdir": afresh, "cd /tmp/first": second_terminal},
    ),
    Story("docs/howto/first-job.md", "By curl alone", before={"curl": written}),
    Story(
        "docs/howto/worker-image.md", "Build a worker image", before={"sedna image build": code},
        only=r"^(?!Making a Python environment)",
    ),
    Story(
        API, "Hard examples and labels", before={"JOB=": submitted},
        after={'curl "$JOB/hardexamples/00000017/picture': is_small_picture, 'curl -X PUT "$JOB': is_labelled},
    ),
    Story("docs/howto/labelling.md", "Bring your own tool", words={"helmet-detection-demo": JOB}),
    Story(API, "Create"),
    Story(API, "Several at once", before={"curl": written}),
    Story(API, "Change", before={"curl": fed}, after={"curl": round_done}),
    Story(API, "List and watch", until={"curl -N": r'"type": ?"\w+", ?"object": ?\{'}),
    Story(API, "A worker's report", before={"(umask 077": as_worker}),
    Story("docs/environment.md", "Worker environment"),
    Story("docs/howto/operating.md", "Watch it", apart=("journalctl",)),
    Story("docs/howto/triggers.md", "By hand", before={"sedna trigger": fed, "kubectl annotate": fed}),
    Story("docs/howto/triggers.md", "A pause", before={"sedna pause": settled}),
    Story(
        "docs/howto/versions.md", "Versions of a model, and the way back", words={"deploy-model": MODEL},
        only="^NAME",
    ),
    Story(
        "docs/howto/versions.md", "Go back", words={"deploy-model": MODEL},
        before={"sedna rollback": settled}, after={"sedna rollback": rolled_back, "kubectl annotate": rolled_back},
    ),
)  # fmt: skip
