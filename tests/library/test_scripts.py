"""Whole scripts in processes of their own: the quick start's snippets, failures, and what imports cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# The snippets of the original's quick start, put together; only what stands for "…" there is filled in.
QUICK_START = """
import os

os.environ['BACKEND_TYPE'] = 'TENSORFLOW'

class Estimator:

    def __init__(self, **kwargs):
        ...

    def train(self, train_data, valid_data=None, **kwargs):
        print("train", len(train_data), kwargs)

    def evaluate(self, data, **kwargs):
        return {"precision": [0.5], "recall": [0.25]}

    def predict(self, data, **kwargs):
        print("predict", data, kwargs)
        return [[0, 0, 1, 1, 0.2, 1]]

    def load(self, model_url, **kwargs):
        print("load", open(model_url).read())

    def save(self, model_path, **kwargs):
        open(model_path, "w").write("trained")

    def get_weights(self):
        ...

    def set_weights(self, weights):
        ...

from sedna.common.config import BaseConfig

train_dataset_url = BaseConfig.train_dataset_url
model_url = BaseConfig.model_url

from sedna.common.config import Context

obj_threshold = Context.get_parameters("obj_threshold")
nms_threshold = Context.get_parameters("nms_threshold")
input_shape = Context.get_parameters("input_shape")
epochs = Context.get_parameters('epochs')
batch_size = Context.get_parameters('batch_size')
class_names = Context.get_parameters('class_names')

from sedna.datasources import BaseDataSource


train_data = BaseDataSource(data_type="train")
train_data.x = []
train_data.y = []
for item in [("image", "label")]:
     train_data.x.append(item[0])
     train_data.y.append(item[1])

from sedna.core.incremental_learning import IncrementalLearning

hem_dict = hard_example_mining = IncrementalLearning.get_hem_algorithm_from_config(
    threshold_img=0.9
)

# initial an incremental instance
incremental_instance = IncrementalLearning(
    estimator=Estimator,
    hard_example_mining=hem_dict
)

# Call the interface according to the job state

# train.py
incremental_instance.train(train_data=train_data, epochs=epochs,
                          batch_size=batch_size,
                          class_names=class_names,
                          input_shape=input_shape,
                          obj_threshold=obj_threshold,
                          nms_threshold=nms_threshold)

# inference
data = "frame"
results, _, is_hard_example = incremental_instance.inference(
            data, input_shape=input_shape)
print("hard", is_hard_example)
"""


def run(code: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", code], env={**kept, **environment}, cwd=folder,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def as_worker(folder: Path, **more: str) -> dict[str, str]:
    # Port 9 (discard): nobody listens there, so the spool keeps what would have been sent.
    said = {"WORKER_NAME": "job-train-1", "LC_SERVER": "http://127.0.0.1:9", "JOB_NAME": "job"}
    said["SEDNA_REPORT_DEADLINE_SECONDS"] = "0.1"
    return {**said, "NAMESPACE": "default", "SEDNA_SPOOL_DIR": str(folder / "spool"), **more}


def spooled(folder: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in sorted((folder / "spool").glob("*.json"))]


def test_the_quick_starts_snippets_run_unchanged(tmp_path: Path) -> None:
    output = tmp_path / "output" / "train" / "1"
    ran = run(
        QUICK_START,
        tmp_path,
        **as_worker(
            tmp_path,
            MODEL_URL=str(output),
            TRAIN_DATASET_URL="/data/data.txt",
            HEM_NAME="IBT",
            HEM_PARAMETERS='[{"key": "threshold_box", "value": "0.9"}]',
            input_shape="352,640",
            epochs="1",
            batch_size="32",
            class_names="person,helmet",
            obj_threshold="0.3",
            nms_threshold="0.4",
        ),
    )
    assert ran.returncode == 0, ran.stderr
    given = {"epochs": "1", "batch_size": "32", "class_names": "person,helmet", "input_shape": "352,640"}
    given |= {"obj_threshold": "0.3", "nms_threshold": "0.4"}
    assert ran.stdout.splitlines() == [
        f"train 1 {given}",
        "predict frame {'input_shape': '352,640'}",
        "hard True",
    ]
    model = output / "model_finetune_tensorflow.pb"
    assert model.read_text() == "trained"
    (report,) = spooled(tmp_path)
    assert report["status"] == "completed"
    assert report["results"] == [
        {"format": "pb", "url": str(model), "metrics": {}},
        {"format": "ckpt", "url": str(output), "metrics": {}},
    ]


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({"TRAIN_DATASET_URL": "/missing.txt"}, "train"),
        ({"TEST_DATASET_URL": "/missing.txt", "MODEL_URLS": "/a;/b"}, "eval"),
        ({"MODEL_URL": "/missing"}, "inference"),
    ],
)
def test_w39_what_fails_before_the_job_is_made_is_reported_too(
    tmp_path: Path, environment: dict[str, str], kind: str
) -> None:
    code = "import sedna.core.incremental_learning\nfrom sedna.datasources import TxtDataParse\n"
    code += "TxtDataParse('train').parse('/missing.txt')"
    ran = run(code, tmp_path, **as_worker(tmp_path, **environment))
    assert ran.returncode == 1
    assert "Traceback" in ran.stderr
    (report,) = spooled(tmp_path)
    assert (report["kind"], report["status"]) == (kind, "failed")
    assert str(report["message"]).startswith("FileNotFoundError: there is no /missing.txt")


def test_an_exception_is_reported_once_although_it_ends_the_script(tmp_path: Path) -> None:
    code = "from sedna.core.incremental_learning import IncrementalLearning\n"
    code += "class E:\n    def train(self, train_data):\n        raise OSError('disk')\n"
    code += "IncrementalLearning(E).train([])"
    ran = run(code, tmp_path, **as_worker(tmp_path, MODEL_URL=str(tmp_path / "new")))
    assert ran.returncode == 1
    assert [(report["kind"], report["status"]) for report in spooled(tmp_path)] == [("train", "failed")]


def test_w39_a_report_outlives_the_sudden_death_of_its_worker(tmp_path: Path) -> None:
    code = "import os, signal\nfrom sedna.core.incremental_learning import IncrementalLearning\n"
    code += "class E:\n    def train(self, train_data): pass\n"
    code += "    def save(self, path): open(path, 'w').close()\n"
    code += "IncrementalLearning(E).train([])\nos.kill(os.getpid(), signal.SIGKILL)"
    ran = run(code, tmp_path, **as_worker(tmp_path, MODEL_URL=str(tmp_path / "new")))
    assert ran.returncode == -9
    assert [report["status"] for report in spooled(tmp_path)] == ["completed"]


def test_outside_of_sedna_one_line_says_that_nothing_is_reported(tmp_path: Path) -> None:
    code = "from sedna.core.incremental_learning import IncrementalLearning as I\nclass E:\n"
    code += "    def predict(self, data): return data\nprint(I(E).inference(1))\nI(E)"
    ran = run(code, tmp_path)
    assert ran.stdout == "(1, 1, False)\n"
    assert ran.stderr.count("running outside of Sedna, nothing is reported") == 1
    assert ran.returncode == 0


# Frameworks and what is heavy in itself; numpy is allowed to the library, not to what the services import.
FRAMEWORKS = {"pandas", "tensorflow", "keras", "torch", "sklearn", "joblib", "cv2", "scipy", "matplotlib"}
LIGHT = ["sedna", "sedna.common.digests", "sedna.common.publishing", "sedna.common.watching", "sedna.api"]
LIBRARY = ["sedna.backend.tensorflow", "sedna.backend.torch", "sedna.common.file_ops"]


@pytest.mark.parametrize("module", LIGHT + LIBRARY)
def test_importing_the_library_loads_nothing_heavy(tmp_path: Path, module: str) -> None:
    ran = run(f"import sys, {module}\nprint('\\n'.join(sys.modules))", tmp_path)
    assert ran.returncode == 0, ran.stderr
    loaded = {name.partition(".")[0] for name in ran.stdout.split()}
    assert loaded & FRAMEWORKS == set()
    if module in LIGHT:
        assert loaded & {"numpy", "httpx"} == set()
