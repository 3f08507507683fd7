"""Train, evaluate and infer as a worker does: what is called, what is saved, what is reported."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from sedna.common.class_factory import ClassFactory, ClassType
from sedna.core.base import JobBase
from sedna.core.failures import Health, describe
from sedna.core.incremental_learning import IncrementalLearning
from sedna.core.metrics import plain_metrics

from .conftest import Told


class Estimator:
    """Its model is a list of words; training adds one."""

    kwargs: ClassVar[dict[str, Any]] = {}

    def __init__(self, **kwargs: Any) -> None:
        self.words: list[str] = []

    def train(self, train_data: Any, valid_data: Any = None, **kwargs: Any) -> dict[str, Any]:
        type(self).kwargs = kwargs
        self.words.append(str(train_data))
        return {"loss": np.float32(0.5)}

    def evaluate(self, data: Any, **kwargs: Any) -> dict[str, Any]:
        type(self).kwargs = kwargs
        return {"precision": [0.5, float(len(self.words))], "recall": np.float64(0.25)}

    def predict(self, data: Any, **kwargs: Any) -> Any:
        type(self).kwargs = kwargs
        return data

    def load(self, model_url: str, **kwargs: Any) -> None:
        self.words = json.loads(Path(model_url).read_text())

    def save(self, model_path: str, **kwargs: Any) -> None:
        Path(model_path).write_text(json.dumps(self.words))


def saved(path: Path, *words: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(words))
    return path


def test_training_saves_into_the_output_folder_and_reports(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "output" / "train" / "1"
    monkeypatch.setenv("MODEL_URL", str(output))
    job = IncrementalLearning(estimator=Estimator)
    wrapper = job.train("first", epochs="2", batch_size="32")
    assert wrapper.estimator.words == ["first"]
    assert Estimator.kwargs == {"epochs": "2", "batch_size": "32"}
    model = output / "model_finetune_.pkl"
    assert json.loads(model.read_text()) == ["first"]
    assert told.all() == [
        {
            "name": "job-train-1",
            "namespace": "default",
            "ownerName": "job",
            "ownerKind": "incrementallearningjob",
            "kind": "train",
            "status": "completed",
            "results": [{"format": "pkl", "url": str(model), "metrics": {"loss": 0.5}}],
        }
    ]


def test_w49t_training_starts_from_the_base_model(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_URL", str(tmp_path / "new"))
    monkeypatch.setenv("BASE_MODEL_URL", str(saved(tmp_path / "base.pkl", "base")))
    assert IncrementalLearning(estimator=Estimator).train("more").estimator.words == ["base", "more"]
    monkeypatch.setenv("BASE_MODEL_URL", str(tmp_path / "missing.pkl"))
    with pytest.raises(FileNotFoundError, match=r"missing\.pkl"):
        IncrementalLearning(estimator=Estimator).train("more")

    class Itself(Estimator):
        fine_tune = False

    assert IncrementalLearning(estimator=Itself).train("alone").estimator.words == ["alone"]


def test_w49u_a_model_name_without_suffix_gets_the_frameworks(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_URL", str(tmp_path))
    for name, backend, file in [
        ("deploy-model", "KERAS", "deploy-model.pb"),
        ("deploy-model", "TORCH", "deploy-model.pth"),
        ("weights.keras", "TENSORFLOW", "weights.keras"),
        ("", "TENSORFLOW", "model_finetune_tensorflow.pb"),
        ("", "KERAS", "model_finetune_keras.pb"),
    ]:
        monkeypatch.setenv("MODEL_NAME", name)
        monkeypatch.setenv("BACKEND_TYPE", backend)
        assert IncrementalLearning(estimator=Estimator).model_path == str(tmp_path / file)


def test_w39_a_training_that_writes_no_model_fails(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(Estimator):
        def save(self, model_path: str, **kwargs: Any) -> None:
            pass

    monkeypatch.setenv("MODEL_URL", str(tmp_path / "new"))
    with pytest.raises(FileNotFoundError, match="did not write"):
        IncrementalLearning(estimator=Forgetful).train("x")
    (report,) = told.all()
    assert report["status"] == "failed"


def test_every_model_is_evaluated_in_an_estimator_of_its_own(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, old = saved(tmp_path / "new.pkl", "a", "b"), saved(tmp_path / "old.pkl", "a")
    monkeypatch.setenv("MODEL_URLS", f"{new};{old};")
    results = IncrementalLearning(estimator=Estimator).evaluate("data", class_names=["x"])
    assert results == [
        {"format": "pkl", "url": str(new), "metrics": {"precision": [0.5, 2.0], "recall": 0.25}},
        {"format": "pkl", "url": str(old), "metrics": {"precision": [0.5, 1.0], "recall": 0.25}},
    ]
    assert Estimator.kwargs == {"class_names": ["x"], "model_path": str(old)}
    (report,) = told.all()
    assert (report["kind"], report["status"], report["results"]) == ("eval", "completed", results)


def test_w19b_metrics_are_numbers_or_lists_whatever_the_estimator_returns(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plain_metrics({"a": np.array([1, 2]), "b": np.float32(0.5), "c": 1, "d": (0.5, np.int64(2))}) == {
        "a": [1, 2], "b": 0.5, "c": 1, "d": [0.5, 2],
    }  # fmt: skip
    assert plain_metrics(0.5) == {"score": 0.5}
    # JSON has no such number; the text lets the stage fail with the metric's name.
    assert plain_metrics({"a": math.nan}) == {"a": "nan"}
    for wrong in (None, {"a": "high"}, {"a": None}, {"a": {"b": 1}}, {"a": True}, "text"):
        with pytest.raises(TypeError):
            plain_metrics(wrong)
    monkeypatch.setenv("MODEL_URLS", str(saved(tmp_path / "new.pkl")))
    job = IncrementalLearning(estimator=Estimator)
    with pytest.raises(TypeError, match="metric precision is a str"):
        job.evaluate("data", post_process=lambda result: {"precision": "good"})
    assert "metric precision" in told.all()[0]["message"]


def test_inference_gives_raw_processed_and_hard(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_URL", str(saved(tmp_path / "model.pkl", "a")))
    monkeypatch.setenv("HEM_NAME", "IBT")
    monkeypatch.setenv(
        "HEM_PARAMETERS", '[{"key": "threshold_img", "value": "0.9"}, {"key": "threshold_box", "value": "0.9"}]'
    )
    job = IncrementalLearning(estimator=Estimator)
    boxes = [[0, 0, 1, 1, 0.95, 0]]
    assert job.inference(boxes, input_shape=(352, 640)) == (boxes, boxes, False)
    assert Estimator.kwargs == {"input_shape": (352, 640)}

    def lower(result: Any) -> Any:
        result[0][4] = 0.5
        return result

    assert job.inference(boxes, post_process=lower) == ([[0, 0, 1, 1, 0.95, 0]], [[0, 0, 1, 1, 0.5, 0]], True)
    (report,) = told.all()
    assert (report["kind"], report["status"]) == ("inference", "running")
    assert report["results"][0]["url"] == str(tmp_path / "model.pkl")


def test_a_model_folder_is_loaded_by_the_name_in_it_or_as_a_whole(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []

    class Remembering(Estimator):
        def load(self, model_url: str, **kwargs: Any) -> None:
            loaded.append(model_url)

    named = saved(tmp_path / "one" / "model_finetune_.pkl")
    whole = saved(tmp_path / "two" / "variables" / "data").parent.parent
    for folder in (named.parent, whole):
        monkeypatch.setenv("MODEL_URL", str(folder))
        IncrementalLearning(estimator=Remembering).inference("x")
    assert loaded == [str(named), str(whole)]


def test_mining_comes_from_the_script_else_the_manifest_else_there_is_none(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert IncrementalLearning(estimator=Estimator).inference([])[2] is False
    monkeypatch.setenv("HEM_NAME", "CloudOnly")
    assert IncrementalLearning(estimator=Estimator).inference([])[2] is True
    assert IncrementalLearning.get_hem_algorithm_from_config(a=1) == {"method": "CloudOnly", "param": {"a": 1}}
    chosen = {"method": "EdgeOnly", "param": {}}
    assert IncrementalLearning(estimator=Estimator, hard_example_mining=chosen).inference([])[2] is False
    monkeypatch.setenv("HEM_NAME", "Unknown")
    with pytest.raises(ValueError, match="there are: CloudOnly, CrossEntropy, EdgeOnly, IBT, Random, Threshold"):
        IncrementalLearning(estimator=Estimator)


def test_callbacks_are_functions_or_registered_names(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ClassFactory.register(ClassType.CALLBACK, alias="test_words")(_words)
    monkeypatch.setenv("MODEL_URL", str(tmp_path))
    job = IncrementalLearning(estimator=Estimator)
    assert job.train("a", post_process="test_words") == ["a"]
    assert job.train("b", post_process=_words) == ["a", "b"]
    assert job.inference("x", post_process=lambda text: text + "!") == ("x", "x!", False)
    with pytest.raises(ValueError, match="nothing is registered as 'absent'"):
        job.evaluate("x", post_process="absent")


def _words(wrapper: Any) -> Any:
    return list(wrapper.estimator.words)


@pytest.mark.parametrize("kind", ["train", "eval", "inference"])
def test_w39_an_exception_in_user_code_is_reported_with_its_text(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    class Failing(Estimator):
        def fail(self, *args: Any, **kwargs: Any) -> Any:
            raise RuntimeError("the GPU is on fire")

        train = evaluate = predict = fail

    monkeypatch.setenv("MODEL_URL", str(tmp_path))
    job = IncrementalLearning(estimator=Failing)
    call: Callable[[Any], Any] = {"train": job.train, "eval": job.evaluate, "inference": job.inference}[kind]
    (tmp_path / "model_finetune_.pkl").write_text("[]")
    with pytest.raises(RuntimeError, match="on fire"):
        call("x")
    failed = [report for report in told.all() if report["status"] == "failed"]
    assert [report["kind"] for report in failed] == [kind]
    line = Failing.fail.__code__.co_firstlineno + 1
    assert failed[0]["message"] == f"RuntimeError: the GPU is on fire (test_incremental_learning.py:{line})"


def test_a_message_is_one_bounded_line_that_names_the_users_code() -> None:
    def raised(text: str, raising: Callable[[str], Any]) -> str:
        try:
            raising(text)
        except ValueError as error:
            return describe(error)
        raise AssertionError("nothing was raised")

    def own(text: str) -> None:
        raise ValueError(text)

    line = own.__code__.co_firstlineno + 1
    assert raised("no\n  samples", own) == f"ValueError: no samples (test_incremental_learning.py:{line})"
    assert len(raised("x" * 100_000, own)) < 600
    # Raised in Python's own library: what counts is the line that called it.
    call = raised.__code__.co_firstlineno + 2
    assert raised("{", json.loads).endswith(f"(test_incremental_learning.py:{call})")
    assert describe(ValueError("never raised")) == "ValueError: never raised"


def test_a_camera_that_fails_at_every_frame_sends_one_report_and_its_recovery_another(told: Told) -> None:
    now = [0.0]

    class Camera(Estimator):
        broken = True

        def predict(self, data: Any, **kwargs: Any) -> Any:
            if type(self).broken:
                raise OSError(f"no frame {data}")
            return data

    job = IncrementalLearning(estimator=Camera)
    job._health = Health(clock=lambda: now[0])
    for number in range(100):
        with pytest.raises(OSError, match="no frame"):
            job.inference(number)
    Camera.broken = False
    job.inference(1)
    now[0] += 60
    job.inference(2)
    job.inference(3)
    assert [report["status"] for report in told.all()] == ["running", "failed", "running"]


def test_w49j_keywords_of_the_base_class_reach_the_estimator(told: Told) -> None:
    job = JobBase(Estimator)
    assert job.inference("x", post_process=str.upper, input_shape=(1, 2)) == "X"
    assert Estimator.kwargs == {"input_shape": (1, 2)}
    assert job.evaluate("x")["recall"] == 0.25
    with pytest.raises(NotImplementedError):
        job.train()


def test_w31_a_service_reports_under_its_own_name(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOB_NAME")
    monkeypatch.setenv("SERVICE_NAME", "my-ji")
    job = JobBase(Estimator, config={"namespace": "edge"})
    job.report_task_info({"inferenceNumber": 1}, "running", kind="inference")
    (report,) = told.all()
    assert (report["ownerName"], report["namespace"]) == ("my-ji", "edge")
    assert report["ownerInfo"] == {"inferenceNumber": 1}


def test_outside_of_sedna_everything_works_and_nothing_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_URL", str(tmp_path))
    monkeypatch.setenv("BACKEND_TYPE", "PLAIN")
    job = IncrementalLearning(estimator=Estimator)
    assert job._reporter is None
    assert job.train("a").has_load
    assert job.inference("x") == ("x", "x", False)
    assert job.evaluate("x")[0]["metrics"]["recall"] == 0.25


def test_paths_of_the_host_are_reported_when_the_environment_says_there_is_a_prefix(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATA_PATH_PREFIX", str(tmp_path))
    monkeypatch.setenv("MODEL_URL", str(tmp_path / "output"))
    IncrementalLearning(estimator=Estimator).train("a")
    assert told.all()[0]["results"][0]["url"] == "/output/model_finetune_.pkl"
