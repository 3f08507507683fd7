"""Hot update with a real file and a fake estimator: no prediction is dropped, torn or delayed by a load."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.common.digests import digest
from sedna.common.publishing import write_atomically
from sedna.core.hot_updating import HotUpdater, WantedModel, read_wanted
from sedna.core.incremental_learning import IncrementalLearning

from .conftest import DEADLINE, Told


class Estimator:
    """A model is a file with a word; loading can be held up, and a prediction tells which word answered."""

    gate: ClassVar[threading.Event] = threading.Event()
    loading: ClassVar[threading.Event] = threading.Event()
    loads: ClassVar[list[str]] = []

    def __init__(self) -> None:
        self.first = self.second = ""

    def load(self, model_url: str) -> None:
        word = Path(model_url).read_text()
        type(self).loads.append(word)
        self.first = word
        if word.startswith("slow"):
            type(self).loading.set()
            assert type(self).gate.wait(DEADLINE)
        if word == "broken":
            raise OSError("not a model")
        self.second = word

    def predict(self, data: Any, **kwargs: Any) -> tuple[Any, str, str]:
        return data, self.first, self.second


@pytest.fixture
def model(tmp_path: Path) -> Callable[[str], Path]:
    def make(word: str) -> Path:
        path = tmp_path / "models" / f"{word}.pkl"
        write_atomically(path, word.encode())
        return path

    return make


class Deployment:
    """A LocalController that publishes models, and the worker that follows it."""

    def __init__(self, folder: Path, told: Told) -> None:
        self.file = folder / "hot" / "model_config.json"
        self.told = told
        self.job: IncrementalLearning | None = None
        self.times = 0

    def start(self) -> IncrementalLearning:
        self.job = IncrementalLearning(estimator=Estimator)
        return self.job

    def publish(self, path: Path, sha256: str | None = None) -> None:
        self.times += 1
        said = {"model_path": str(path), "model_update_time": f"2026-11-22T14:00:{self.times:02}Z"}
        said["sha256"] = digest(path) if sha256 is None else sha256
        write_atomically(self.file, json.dumps({"model_config": said}).encode())

    def deployed(self, number: int) -> list[dict[str, Any]]:
        """The first `number` outcomes of deployments, waited for."""

        def outcomes(reports: Any) -> list[dict[str, Any]]:
            return [report for report in reports if report["kind"] == "deploy"]

        return outcomes(self.told.wait(lambda reports: len(outcomes(reports)) >= number))


@pytest.fixture
def deployment(
    tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch, model: Callable[[str], Path]
) -> Iterator[Deployment]:
    Estimator.gate, Estimator.loading, Estimator.loads = threading.Event(), threading.Event(), []
    made = Deployment(tmp_path, told)
    monkeypatch.setenv("MODEL_URL", str(model("old")))
    monkeypatch.setenv("MODEL_HOT_UPDATE", "true")
    monkeypatch.setenv("MODEL_HOT_UPDATE_CONFIG", str(made.file))
    yield made
    Estimator.gate.set()
    if made.job is not None:
        made.job.close()


def answer(job: IncrementalLearning, data: Any = 0) -> str:
    given, first, second = job.inference(data)[0]
    assert given == data
    assert first == second, "a prediction saw a half-loaded model"
    return str(first)


def test_predictions_go_on_with_the_old_model_while_the_new_one_loads(
    deployment: Deployment, model: Callable[[str], Path]
) -> None:
    job = deployment.start()
    assert answer(job) == "old"
    deployment.publish(model("slow-new"))
    assert Estimator.loading.wait(DEADLINE)
    # The load is under way and will not end before the gate opens: none of these waits for it.
    assert [answer(job, number) for number in range(100)] == ["old"] * 100
    Estimator.gate.set()
    (deploy,) = deployment.deployed(1)
    assert answer(job) == "slow-new"
    new = model("slow-new")
    assert deploy["status"] == "completed"
    assert deploy["results"] == [{"format": "pkl", "url": str(new), "sha256": digest(new)}]
    assert deploy["ownerKind"] == "incrementallearningjob"


def test_every_prediction_of_many_threads_sees_one_whole_model(
    deployment: Deployment, model: Callable[[str], Path]
) -> None:
    job = deployment.start()
    answer(job)
    stop = threading.Event()
    seen: list[str] = []
    torn: list[BaseException] = []

    def predict() -> None:
        try:
            while not stop.is_set():
                seen.append(answer(job))
        except BaseException as problem:
            torn.append(problem)

    threads = [threading.Thread(target=predict) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(5):
        deployment.publish(model(f"new-{number}"))
        deployment.deployed(number + 1)
    stop.set()
    for thread in threads:
        thread.join()
    assert torn == []
    assert set(seen) <= {"old", *(f"new-{number}" for number in range(5))}
    assert answer(job) == "new-4"


def test_a_bad_model_is_refused_and_the_last_good_one_goes_on(
    deployment: Deployment, model: Callable[[str], Path]
) -> None:
    job = deployment.start()
    answer(job)
    deployment.publish(model("good"))
    deployment.deployed(1)
    deployment.publish(model("broken"))
    failed = deployment.deployed(2)[1]
    assert failed["status"] == "failed"
    assert failed["message"].startswith("OSError: not a model")
    assert "\n" not in failed["message"]
    assert answer(job) == "good"
    deployment.publish(model("better"))
    assert deployment.deployed(3)[2]["status"] == "completed"
    assert answer(job) == "better"


def test_a_model_that_is_not_what_was_promised_is_never_loaded(
    deployment: Deployment, model: Callable[[str], Path], tmp_path: Path
) -> None:
    job = deployment.start()
    answer(job)
    deployment.publish(model("other"), sha256="0" * 64)
    assert "not 0000" in deployment.deployed(1)[0]["message"]
    deployment.publish(tmp_path / "missing.pkl", sha256="0" * 64)
    assert "cannot be read" in deployment.deployed(2)[1]["message"]
    assert Estimator.loads == ["old"]
    assert answer(job) == "old"


def test_w53_torn_and_invalid_files_are_survived_with_a_reason(
    deployment: Deployment, model: Callable[[str], Path], caplog: pytest.LogCaptureFixture
) -> None:
    job = deployment.start()
    answer(job)
    for content in (
        b"",
        b'{"model_config": {"model_pa',
        b"[1]",
        b'{"model_config": {"model_path": 7}}',
        b"\xff",
        b"[" * 100_000,
    ):
        write_atomically(deployment.file, content)
    deployment.publish(model("new"))
    deployment.deployed(1)
    assert answer(job) == "new"
    write_atomically(deployment.file, b"[1]")
    hot_update = job._hot_update
    assert hot_update is not None
    hot_update.check()
    assert "no object model_config" in caplog.text
    assert answer(job) == "new"


def test_w38_each_published_model_is_loaded_once(deployment: Deployment, model: Callable[[str], Path]) -> None:
    job = deployment.start()
    answer(job)
    deployment.publish(model("new"))
    deployment.deployed(1)
    # The same file once more, and the same content under a new time.
    write_atomically(deployment.file, deployment.file.read_bytes())
    deployment.publish(model("new"))
    deployment.deployed(2)
    assert Estimator.loads == ["old", "new"]
    # Going back is a new deployment of an old content.
    deployment.publish(model("old"))
    deployment.deployed(3)
    assert answer(job) == "old"
    assert Estimator.loads == ["old", "new", "old"]


def test_after_a_restart_the_newest_model_is_the_first_one(
    deployment: Deployment, model: Callable[[str], Path], told: Told
) -> None:
    deployment.publish(model("newest"))
    job = deployment.start()
    assert answer(job) == "newest"
    assert Estimator.loads == ["newest"]
    (running,) = [one for one in told.all() if one["kind"] == "inference"]
    assert running["status"] == "running"
    assert running["results"][0]["sha256"] == digest(model("newest"))


def test_after_a_restart_with_a_bad_newest_model_the_given_one_serves(
    deployment: Deployment, model: Callable[[str], Path]
) -> None:
    deployment.publish(model("broken"))
    job = deployment.start()
    assert answer(job) == "old"
    assert deployment.deployed(1)[0]["status"] == "failed"


def test_a_folder_is_a_model_too(deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FolderEstimator(Estimator):
        def load(self, model_url: str) -> None:
            self.first = self.second = (Path(model_url) / "weights").read_text()

    job = deployment.job = IncrementalLearning(estimator=FolderEstimator)
    folder = tmp_path / "saved"
    write_atomically(folder / "weights", b"folder")
    deployment.publish(folder)
    deployment.deployed(1)
    assert answer(job) == "folder"


def test_an_estimator_given_as_an_instance_is_copied_for_the_second_model(
    deployment: Deployment, model: Callable[[str], Path]
) -> None:
    job = deployment.job = IncrementalLearning(estimator=Estimator())
    assert answer(job) == "old"
    deployment.publish(model("slow-new"))
    assert Estimator.loading.wait(DEADLINE)
    assert answer(job) == "old"
    Estimator.gate.set()
    deployment.deployed(1)
    assert answer(job) == "slow-new"


def test_w38_nothing_is_left_behind(deployment: Deployment, model: Callable[[str], Path], tmp_path: Path) -> None:
    threads = set(threading.enumerate())
    job = deployment.start()
    answer(job)
    deployment.publish(model("new"))
    deployment.deployed(1)
    job.close()
    assert set(threading.enumerate()) <= threads
    assert sorted(path.name for path in deployment.file.parent.iterdir()) == ["model_config.json"]


def test_a_hot_update_without_its_file_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_HOT_UPDATE", "true")
    with pytest.raises(ValueError, match="MODEL_HOT_UPDATE_CONFIG does not name the file"):
        IncrementalLearning(estimator=Estimator)


def test_the_file_of_the_original_without_a_hash_is_taken(tmp_path: Path) -> None:
    file, model = tmp_path / "c.json", tmp_path / "model"
    model.write_text("x")
    outcomes: list[BaseException | None] = []
    loaded: list[WantedModel] = []
    updater = HotUpdater(str(file), loaded.append, lambda _, problem: outcomes.append(problem))
    try:
        said = {"model_config": {"model_path": str(model), "model_update_time": "2021-01-01 00:00:00 m=+0.1"}}
        write_atomically(file, json.dumps(said).encode())
        updater.check()
    finally:
        updater.close()
    assert [one.path for one in loaded] == [str(model)]
    assert outcomes == [None]


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps).map(str.encode)
)
def test_no_bytes_at_all_break_the_reader(content: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any reason will do
        read_wanted(content)


@given(st.text(min_size=1), st.text(), st.text("0123456789abcdef", max_size=64))
def test_what_is_written_is_read(path: str, time: str, sha256: str) -> None:
    said = {"model_config": {"model_path": path, "model_update_time": time, "sha256": sha256, "round": 3}}
    assert read_wanted(json.dumps(said).encode()) == WantedModel(path, time, sha256)


def test_threads_take_short_turns_while_the_file_is_followed(tmp_path: Path) -> None:
    before = sys.getswitchinterval()
    updater = HotUpdater(str(tmp_path / "hot.json"), lambda _: None, lambda *_: None)
    assert sys.getswitchinterval() == pytest.approx(0.0005)
    updater.close()
    assert sys.getswitchinterval() == before
