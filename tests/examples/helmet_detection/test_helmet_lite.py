"""Workers with `format=tflite`: no TensorFlow in their process, the same boxes, and errors that say what to set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helmets.boxes import overlaps
from helmets.files import Description, Lite, ModelFileError, read, read_lite, write
from helmets.parameters import ParameterError, model_format
from hypothesis import given
from hypothesis import strategies as st
from scenes.recording import Stills, record
from showing import manifests
from showing.places import EXAMPLE, WORKER

ABOUT = Description(("person", "helmet"), (96, 160), 1.0)
WEIGHTS = [np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(4, np.float32)]
LITE = Lite(b"TFL3 and so on", (96, 160), "dynamic")
needs_litert = pytest.mark.skipif(find_spec("ai_edge_litert") is None, reason="ai-edge-litert is not installed")

WITHOUT_TENSORFLOW = """
import json, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
"""

TRAINED = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
from interface import Estimator
folder, out = Path(sys.argv[1]), Path(sys.argv[2])
lines = [str(folder / line) for line in (folder / "list.txt").read_text().splitlines()]
names = ("person", "helmet", "helmet-on", "helmet-off")
estimator = Estimator()
estimator.train(SimpleNamespace(x=lines), class_names=names, input_shape=(96, 160), batch_size=4, epochs=100)
estimator.save(str(out / "model"))
"""

ASKED = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
import cv2
from choosing import estimator
from sedna.core.incremental_learning import IncrementalLearning
folder, model = Path(sys.argv[1]), sys.argv[2]
lines = [str(folder / line) for line in (folder / "list.txt").read_text().splitlines()]
asked = estimator()()
asked.load(model)
pictures = [cv2.imread(line.split()[0]) for line in lines]
print("ANSWER" + json.dumps({
    "found": asked.predict(pictures, obj_threshold=0.05), "metrics": asked.evaluate(SimpleNamespace(x=lines)),
    "heavy": sorted({name.partition(".")[0] for name in sys.modules} & {"tensorflow", "keras"}),
}))
"""


def run(script: str, *words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(WORKER), "input_shape": "96,160", **env}
    command = [sys.executable, "-W", "ignore", "-c", script, *words]
    return subprocess.run(command, cwd=WORKER, env=environment, capture_output=True, text=True, check=False)


def answer(script: str, *words: str, env: dict[str, str]) -> dict[str, Any]:
    done = run(script, *words, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout.partition("ANSWER")[2] or "{}"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with frames and a model that was trained on them for LiteRT, too."""
    if find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    folder = tmp_path_factory.mktemp("lite")
    record(folder / "a", Stills("A", 3, 8), lambda _: None)
    answer(TRAINED, str(folder / "a"), str(folder), env={"format": "tflite"})
    return folder


@needs_litert
@pytest.mark.tensorflow
@pytest.mark.timeout(300)
def test_a_camera_with_litert_finds_what_one_with_keras_finds(trained: Path) -> None:
    words = (str(trained / "a"), str(trained / "model"))
    keras = answer(ASKED, *words, env={"format": "keras"})
    lite = answer(WITHOUT_TENSORFLOW + ASKED, *words, env={"format": "tflite"})

    assert keras["heavy"] == ["keras", "tensorflow"]
    assert lite["heavy"] == []
    assert lite["metrics"].keys() == keras["metrics"].keys()
    seen = [
        _best_overlap(box, ours)
        for ours, theirs in zip(lite["found"], keras["found"], strict=True)
        for box in theirs
        if box[4] >= 0.3
    ]
    assert len(seen) >= 8, "the model is sure of too little to compare"
    # One in ten may go: of two neighbouring cells with nearly the same score another may win.
    assert np.mean(np.array(seen) >= 0.6) >= 0.9, seen


def _best_overlap(box: list[float], others: list[list[float]]) -> float:
    """Of those of the same class with nearly the same score."""
    like = [other for other in others if other[5] == box[5] and abs(other[4] - box[4]) < 0.1]
    if not like:
        return 0.0
    return float(overlaps(np.array([box[:4]], np.float32), np.array([other[:4] for other in like], np.float32)).max())


@needs_litert
@pytest.mark.tensorflow
@pytest.mark.timeout(300)
def test_a_model_from_before_is_given_what_it_lacks_and_shown_what_that_costs(trained: Path, tmp_path: Path) -> None:
    about, weights = read(trained / "model")
    write(tmp_path / "old", about, weights)
    env = {**os.environ, "PYTHONPATH": str(EXAMPLE)}
    for words in (["add", str(tmp_path / "old")], ["compare", str(tmp_path / "old"), str(trained / "a" / "list.txt")]):
        command = [sys.executable, "-W", "ignore", str(EXAMPLE / "lite.py"), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        assert done.returncode == 0, done.stderr[-3000:]

    assert read_lite(tmp_path / "old")[1].input_shape == (96, 160)
    assert all(np.array_equal(a, b) for a, b in zip(read(tmp_path / "old")[1], weights, strict=True))
    rows = [line[:16].strip() for line in done.stdout.splitlines() if "Li" in line or "Keras" in line]
    assert rows == ["Keras", "LiteRT, dynamic", "LiteRT, float16", "LiteRT, none"]


@needs_litert
@pytest.mark.tensorflow
@pytest.mark.timeout(300)
def test_another_size_of_pictures_is_refused_with_both_sizes(trained: Path) -> None:
    done = run(ASKED, str(trained / "a"), str(trained / "model"), env={"format": "tflite", "input_shape": "352,640"})
    assert done.returncode != 0
    assert "pictures of 96,160 and no other, but input_shape is 352,640; set input_shape=96,160 here" in done.stderr


@needs_litert
def test_bytes_that_litert_does_not_take_are_refused_with_the_name_of_the_file(tmp_path: Path) -> None:
    write(tmp_path / "model", ABOUT, WEIGHTS, LITE)
    done = run(ASKED, str(tmp_path), str(tmp_path / "model"), env={"format": "tflite"})
    # The list is read first; an empty one will do.
    assert "list.txt" in done.stderr
    (tmp_path / "list.txt").touch()
    done = run(ASKED, str(tmp_path), str(tmp_path / "model"), env={"format": "tflite"})
    assert f"{tmp_path / 'model'}: LiteRT does not take its network" in done.stderr


def test_without_the_package_the_way_to_it_is_named(tmp_path: Path) -> None:
    write(tmp_path / "model", ABOUT, WEIGHTS, LITE)
    (tmp_path / "list.txt").touch()
    missing = WITHOUT_TENSORFLOW.replace('"keras"', '"keras", "ai_edge_litert"')
    done = run(missing + ASKED, str(tmp_path), str(tmp_path / "model"), env={"format": "tflite"})
    assert "needs the package ai-edge-litert" in done.stderr
    assert "requirements-lite.txt" in done.stderr


def test_a_model_without_a_network_for_litert_says_what_to_set_and_where(tmp_path: Path) -> None:
    write(tmp_path / "saved_model.pb", ABOUT, WEIGHTS)
    with pytest.raises(ModelFileError, match=r"saved_model\.pb has no network for LiteRT: set format=tflite .* train"):
        read_lite(tmp_path / "saved_model.pb")


def test_a_format_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("format", "onnx")
    with pytest.raises(ParameterError, match="format must be keras or tflite, not 'onnx'"):
        model_format()


@given(st.binary(min_size=1, max_size=300), st.tuples(st.integers(1, 60), st.integers(1, 60)), st.booleans())
def test_a_model_reads_the_same_with_and_without_a_network_for_litert(
    tmp_path_factory: pytest.TempPathFactory, model: bytes, shape: tuple[int, int], has_lite: bool
) -> None:
    file = tmp_path_factory.getbasetemp() / "model"
    lite = Lite(model, shape, "dynamic")
    write(file, ABOUT, WEIGHTS, lite if has_lite else None)

    about, weights = read(file)
    assert about == ABOUT
    assert [weight.tolist() for weight in weights] == [weight.tolist() for weight in WEIGHTS]
    if has_lite:
        assert read_lite(file) == (ABOUT, lite)


def test_a_model_that_was_stored_before_there_was_litert_still_reads(tmp_path: Path) -> None:
    about = {
        "format": "helmets-detector/1",
        "class_names": ["person", "helmet"],
        "input_shape": [96, 160],
        "width": 1.0,
    }
    np.savez(tmp_path / "old.npz", about=np.array(json.dumps(about)), w000=WEIGHTS[0], w001=WEIGHTS[1])
    read_about, weights = read(tmp_path / "old.npz")
    assert read_about == ABOUT
    assert len(weights) == 2


def test_the_demo_says_it_to_every_stage() -> None:
    overlays = [EXAMPLE / "overlay.yaml", EXAMPLE / "overlay-tflite.yaml"]
    job = manifests.filled(
        EXAMPLE / "manifests", overlays, {"WORKER_NODE": "n", "IMAGE": "i:1", "DATA": "/d", "RUN": "/r"}
    )[-1]
    for stage in ("trainSpec", "evalSpec", "deploySpec"):
        assert manifests.parameter(job, stage, "format") == "tflite"
        assert manifests.parameter(job, stage, "input_shape") == "176,320"


def test_the_image_without_tensorflow_needs_what_the_other_one_needs_but_for_it() -> None:
    full, lite = (
        {line for line in (WORKER / name).read_text().splitlines() if not line.startswith("#")}
        for name in ("requirements.txt", "requirements-lite.txt")
    )
    assert {line.partition(">")[0] for line in lite - full} == {"ai-edge-litert"}
    assert {line.partition(">")[0] for line in full - lite} == {"tensorflow-cpu"}
