"""A new model that raises, is slow or finds everything hard gives way by itself, and no prediction is lost by it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, ClassVar

import pytest

from sedna.api.times import format_time
from sedna.common.digests import digest
from sedna.common.publishing import write_atomically
from sedna.core.asking import Serving
from sedna.core.baselines import FILE, BaselineKeeper, Baselines, pauses, read_cold_guard
from sedna.core.guarding import Limits, Measured
from sedna.core.incremental_learning import IncrementalLearning
from sedna.core.measuring import Measure
from sedna.core.trials import PASSED, ROLLED_BACK, Served, Trial

from .conftest import DEADLINE, Told


class Estimator:
    """A model is a file with words: its name, and what it does wrong."""

    asked: ClassVar[list[tuple[str, Any]]] = []

    def __init__(self) -> None:
        self.words: list[str] = []

    def load(self, model_url: str) -> None:
        self.words = Path(model_url).read_text().split()

    def predict(self, data: Any, **kwargs: Any) -> Any:
        type(self).asked.append((self.words[0], data))
        if "raises" in self.words or data == "unreadable":
            raise ValueError(f"{self.words[0]} cannot see")
        if f"fails-on-{data}" in self.words:
            raise ValueError(f"{self.words[0]} cannot see {data}")
        return self.words[0]


class Site:
    """A worker, and the LocalController that publishes models for it."""

    def __init__(self, folder: Path, told: Told) -> None:
        self.folder = folder
        self.file = folder / "hot" / "model_config.json"
        self.told = told
        self.times = 0
        self.job: IncrementalLearning | None = None

    def model(self, words: str) -> Path:
        path = self.folder / "models" / f"{words.split(maxsplit=1)[0]}.pkl"
        write_atomically(path, words.encode())
        return path

    def start(self) -> IncrementalLearning:
        self.job = IncrementalLearning(estimator=Estimator)
        return self.job

    def publish(self, words: str, guard: dict[str, Any] | None) -> None:
        self.times += 1
        path = self.model(words)
        time = format_time(datetime.now(timezone.utc))
        said = {"model_path": str(path), "model_update_time": time, "sha256": digest(path), "number": self.times}
        if guard is not None:
            said["guard"] = guard
        write_atomically(self.file, json.dumps({"model_config": said}).encode())

    def deploys(self, number: int) -> list[dict[str, Any]]:
        """The first `number` reports about deployments, waited for."""

        def those(reports: Any) -> list[dict[str, Any]]:
            return [report for report in reports if report["kind"] == "deploy"]

        return those(self.told.wait(lambda reports: len(those(reports)) >= number))


@pytest.fixture
def site(tmp_path: Path, told: Told, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    Estimator.asked = []
    made = Site(tmp_path, told)
    monkeypatch.setenv("MODEL_URL", str(made.model("old")))
    monkeypatch.setenv("MODEL_HOT_UPDATE", "true")
    monkeypatch.setenv("MODEL_HOT_UPDATE_CONFIG", str(made.file))
    yield made
    if made.job is not None:
        made.job.close()


def answer(job: IncrementalLearning, data: Any = "frame") -> str:
    return str(job.inference(data)[0])


def states(reports: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(report["status"], report["results"][0].get("state")) for report in reports]


def test_a_model_that_raises_is_refused_at_its_warm_up_and_never_serves(site: Site) -> None:
    job = site.start()
    assert answer(job) == "old"
    site.publish("bad raises", None)
    (refused,) = site.deploys(1)
    assert refused["status"] == "failed"
    assert "its warm-up on the last input" in refused["message"]
    assert "bad cannot see" in refused["message"]
    assert answer(job) == "old"


def test_a_warm_up_is_no_inference_for_anybody_who_counts(site: Site) -> None:
    counted: list[str] = []
    job = site.start()
    for number in range(3):
        job.inference(f"frame-{number}", post_process=lambda result: counted.append(result) or result)
    before = job._serving.now.measure.summary()
    site.publish("new", None)
    site.deploys(1)
    assert [data for name, data in Estimator.asked if name == "new"] == ["frame-0", "frame-1", "frame-2"]
    assert counted == ["old"] * 3
    assert job._serving.now.measure.summary() == Measured()
    assert before.inferences == 3


def test_frames_are_not_kept_where_that_is_turned_off(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEDNA_WARM_UP_FRAMES", "0")
    job = site.start()
    answer(job)
    site.publish("bad raises", None)
    (deploy,) = site.deploys(1)
    assert deploy["status"] == "completed"


def test_predictions_go_on_while_the_candidate_warms_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, reached = threading.Event(), threading.Event()
    predict = Estimator.predict

    class Slow(Estimator):
        def predict(self, data: Any, **kwargs: Any) -> Any:
            if self.words[0] == "new" and not gate.is_set():
                reached.set()
                assert gate.wait(DEADLINE)
            return predict(self, data, **kwargs)

    job = site.job = IncrementalLearning(estimator=Slow)
    try:
        answer(job)
        site.publish("new", None)
        assert reached.wait(DEADLINE)
        assert [answer(job) for _ in range(50)] == ["old"] * 50
    finally:
        gate.set()
    site.deploys(1)
    assert answer(job) == "new"


def test_an_input_on_which_the_new_model_raises_is_answered_by_the_last_good_one(site: Site) -> None:
    job = site.start()
    answer(job)
    site.publish("bad fails-on-night", {"windowSeconds": 3600, "maxExceptions": 0})
    site.deploys(1)
    assert answer(job, "day") == "bad"
    assert answer(job, "night") == "old", "no prediction is lost"
    assert answer(job, "day") == "old", "the next one does not meet the bad model any more"
    watched, ended = site.deploys(2)
    assert states([watched, ended]) == [("running", "Watching"), ("failed", "RolledBack")]
    assert ended["results"][0]["sha256"] == digest(site.model("bad fails-on-night"))
    assert ended["message"].startswith("1 of 2 inferences raised an exception (maxExceptions is 0; the model before")
    inferences = [report for report in site.told.all() if report["kind"] == "inference"]
    assert [report["status"] for report in inferences] == ["running"], "the script has seen no failure"


def test_so_many_exceptions_as_are_allowed_take_nothing_back(site: Site) -> None:
    job = site.start()
    answer(job)
    site.publish("new fails-on-night", {"windowSeconds": 3600, "maxExceptions": 2})
    site.deploys(1)
    assert [answer(job, data) for data in ("night", "day", "night", "day")] == ["old", "new", "old", "new"]
    assert answer(job, "night") == "old"
    assert answer(job, "day") == "old"


def test_a_new_model_that_raises_amid_a_stream_is_not_replaced_by_an_answer_from_the_rest(site: Site) -> None:
    class Summing(Estimator):
        def predict(self, data: Any, **kwargs: Any) -> Any:
            total = 0
            for one in data:
                total += one
                if "raises-amid" in self.words:
                    raise ValueError("new cannot go on")
            return total

    job = site.job = IncrementalLearning(estimator=Summing)
    assert job.inference(iter([1, 2]))[0] == 3
    site.publish("new raises-amid", {"windowSeconds": 3600, "maxExceptions": 1})
    site.deploys(1)
    assert job.inference([1, 2])[0] == 3, "a list is there for the last good model as well"
    with pytest.raises(ValueError, match="new cannot go on"):
        job.inference(iter([1, 2]))
    ((_, state),) = states(site.deploys(2)[1:])
    assert state == ROLLED_BACK, "it counts as any other exception"
    assert job.inference(iter([1, 2]))[0] == 3


def test_a_predict_that_empties_its_input_is_warmed_up_on_what_came_in(site: Site) -> None:
    class Taking(Estimator):
        def predict(self, data: Any, **kwargs: Any) -> Any:
            return self.words[0], data.pop("image")

    job = site.job = IncrementalLearning(estimator=Taking)
    for _ in range(5):
        assert job.inference({"image": 1})[0] == ("old", 1)
    for number, name in enumerate(("new", "newer"), start=1):
        site.publish(name, None)
        assert site.deploys(number)[-1]["status"] == "completed"
        assert job.inference({"image": 1})[0] == (name, 1)


def test_inputs_that_cannot_be_looked_at_or_copied_are_answered_and_hold_no_update_up(site: Site) -> None:
    class Given:
        """An input of a user's own kind, whose memory is elsewhere."""

        @property
        def nbytes(self) -> int:
            raise RuntimeError("the buffer was given back")

    job = site.start()
    assert [answer(job, Given()) for _ in range(5)] == ["old"] * 5
    site.publish("new", None)
    assert site.deploys(1)[0]["status"] == "completed"
    assert answer(job, Given()) == "new"


def test_what_neither_model_can_answer_is_raised_and_counts_against_none(site: Site) -> None:
    job = site.start()
    answer(job)
    site.publish("new", {"windowSeconds": 3600, "maxExceptions": 0})
    site.deploys(1)
    with pytest.raises(ValueError, match="new cannot see"):
        answer(job, "unreadable")
    assert answer(job) == "new"


def test_without_a_limit_of_exceptions_they_are_the_scripts_matter(site: Site) -> None:
    job = site.start()
    answer(job)
    site.publish("new fails-on-night", {"windowSeconds": 3600, "maxLatencyRatio": 10})
    site.deploys(1)
    with pytest.raises(ValueError, match="new cannot see night"):
        answer(job, "night")
    assert answer(job) == "new"


def test_a_model_that_finds_everything_hard_gives_way(site: Site) -> None:
    class Sure(Estimator):
        def predict(self, data: Any, **kwargs: Any) -> Any:
            # Boxes with their scores, as the mining rule reads them.
            return [[0, 0, 1, 1, 0.1 if "unsure" in self.words else 0.9, 0]]

    job = site.job = IncrementalLearning(estimator=Sure, hard_example_mining={"method": "IBT"})
    for _ in range(30):
        job.inference("frame")
    guard = {"windowSeconds": 3600, "minInferences": 10, "maxHardExampleShareRise": 0.5}
    site.publish("bad unsure", guard)
    site.deploys(1)
    hard = [job.inference("frame")[2] for _ in range(10)]
    assert hard == [True] * 10
    ended = site.deploys(2)[1]
    assert ended["message"] == (
        "100 % were hard examples (maxHardExampleShareRise is 50 %; the model before it: 0 % were hard examples)."
    )
    assert job.inference("frame")[2] is False


def test_going_back_loads_nothing_when_the_local_controller_says_so_too(site: Site) -> None:
    job = site.start()
    answer(job)
    site.publish("bad fails-on-night", {"windowSeconds": 3600, "maxExceptions": 0})
    site.deploys(1)
    answer(job, "night")
    site.deploys(2)
    serving = job.estimator
    site.publish("old", None)
    confirmed = site.deploys(3)[2]
    assert (confirmed["status"], confirmed["results"][0]["sha256"]) == ("completed", digest(site.model("old")))
    assert job.estimator is serving


def test_a_third_model_ends_the_watch_of_the_second(site: Site) -> None:
    job = site.start()
    answer(job)
    site.publish("second fails-on-night", {"windowSeconds": 3600, "maxExceptions": 0})
    site.deploys(1)
    site.publish("third fails-on-night", None)
    site.deploys(2)
    with pytest.raises(ValueError, match="third cannot see night"):
        answer(job, "night")
    assert answer(job) == "third"


def test_a_guarded_model_leaves_no_thread_behind(site: Site) -> None:
    threads = set(threading.enumerate())
    job = site.start()
    answer(job)
    site.publish("new", {"windowSeconds": 3600, "maxExceptions": 0})
    site.deploys(1)
    assert [thread for thread in threading.enumerate() if thread.name == "sedna-trial"]
    job.close()
    assert set(threading.enumerate()) <= threads


class Watched:
    """A trial, driven without threads and without a clock of its own."""

    def __init__(self, limits: Limits, before: Measured | None = None) -> None:
        self.now = 0.0
        self.told: list[tuple[str, str]] = []
        self.gave_way = 0
        self.new = Served(object())  # type: ignore[arg-type]
        self.trial = Trial(
            limits, self.new, None, before,
            give_way=self._give_way, tell=lambda *told: self.told.append(told), monotonic=lambda: self.now,
        )  # fmt: skip

    def _give_way(self) -> None:
        self.gave_way += 1

    def answered(self, count: int, seconds: float = 0.01) -> None:
        for _ in range(count):
            self.new.measure.answered(seconds, is_hard=False)


def test_a_slow_model_is_taken_back_once_and_in_the_middle_of_its_window() -> None:
    watched = Watched(Limits(600, 20, max_latency_ratio=3), Measured(100, 0, 10.0, 0.0))
    watched.answered(19, seconds=0.5)
    assert watched.trial.look() == 1.0
    watched.answered(1, seconds=0.5)
    assert watched.trial.look() is None
    assert watched.trial.look() is None
    ((state, sentence),) = watched.told
    assert state == ROLLED_BACK
    assert sentence.startswith("95 % of the inferences took up to 500 ms (maxLatencyRatio is 3;")
    assert watched.gave_way == 1


def test_a_model_that_keeps_to_its_limits_has_passed_when_its_window_is_over() -> None:
    watched = Watched(Limits(5, 20, max_latency_milliseconds=50, max_exceptions=0))
    watched.answered(40)
    pauses = []
    while (pause := watched.trial.look()) is not None:
        pauses.append(pause)
        watched.now += pause
    assert pauses == [1.0] * 5
    ((state, sentence),) = watched.told
    assert state == PASSED
    assert "0 of 40 inferences raised an exception" in sentence
    watched.trial.failed()
    assert watched.gave_way == 0, "what comes later is not the guard's"


def test_an_exception_decides_at_once_and_is_told_by_the_next_look() -> None:
    watched = Watched(Limits(600, 20, max_exceptions=1))
    watched.trial.failed()
    assert watched.gave_way == 0
    watched.trial.failed()
    assert (watched.gave_way, watched.told) == (1, [])
    watched.trial.abandon()
    watched.trial.look()
    assert [state for state, _ in watched.told] == [ROLLED_BACK], "a verdict that has fallen is told"


def test_a_trial_that_was_abandoned_says_nothing() -> None:
    watched = Watched(Limits(1, 1, max_exceptions=0))
    watched.trial.abandon()
    watched.trial.failed()
    watched.now = 100.0
    assert watched.trial.look() is None
    assert (watched.told, watched.gave_way) == ([], 0)


def test_measuring_costs_an_inference_no_file_no_thread_and_no_copy() -> None:
    serving = Serving(object(), lambda *told: None)  # type: ignore[arg-type]
    threads = threading.enumerate()
    frame = object()
    for _ in range(100):
        assert serving.ask(serving.now, lambda estimator: (frame, True), frame, {}) is frame
    assert threading.enumerate() == threads
    assert serving.now.measure.summary().inferences == 100


class TestColdStart:
    """A worker that was started anew with another model: the process of the last good one is gone."""

    def start(self, site: Site, monkeypatch: pytest.MonkeyPatch, words: str, guard: dict[str, Any]) -> Any:
        """The process ends and another one begins, as at a cold update."""
        if site.job is not None:
            site.job.close()
        path = site.model(words)
        monkeypatch.delenv("MODEL_HOT_UPDATE", raising=False)
        monkeypatch.setenv("SEDNA_SPOOL_DIR", str(site.folder / "spool"))
        monkeypatch.setenv("MODEL_URL", str(path))
        monkeypatch.setenv("SEDNA_GUARD", json.dumps(guard))
        return site.start()

    def test_the_old_models_numbers_are_compared_with_although_its_process_is_gone(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limits = {"windowSeconds": 3600, "minInferences": 2, "maxExceptions": 0}
        job = self.start(site, monkeypatch, "old", {"guard": limits, "previous": "", "since": ""})
        for _ in range(3):
            answer(job)
        since = format_time(datetime.now(timezone.utc))
        guard = {"guard": limits, "previous": digest(site.model("old")), "since": since}
        job = self.start(site, monkeypatch, "bad fails-on-night", guard)
        answer(job)
        with pytest.raises(ValueError, match="bad cannot see night"):
            answer(job, "night")
        (ended,) = site.deploys(1)
        assert states([ended]) == [("failed", "RolledBack")]
        assert "the model before it: 0 of 3 inferences raised" in ended["message"]

    @pytest.mark.parametrize(
        "guard",
        [
            {"previous": "", "since": "2999-01-01T00:00:00Z"},
            {"previous": "0" * 64, "since": "2020-01-01T00:00:00Z"},
            {"previous": "0" * 64, "since": "yesterday"},
        ],
        ids=["nothing to go back to", "started again long after", "no time"],
    )
    def test_a_start_that_is_no_deployment_is_not_watched(
        self, site: Site, monkeypatch: pytest.MonkeyPatch, guard: dict[str, Any]
    ) -> None:
        job = self.start(site, monkeypatch, "bad raises", {"guard": {"maxExceptions": 0}, **guard})
        with pytest.raises(ValueError, match="bad cannot see"):
            answer(job)
        assert [report["kind"] for report in site.told.all()] == ["inference", "inference"]

    def test_the_numbers_of_three_models_are_kept_and_a_damaged_file_is_none(self, tmp_path: Path) -> None:
        baselines = Baselines(tmp_path / FILE)
        for number in range(5):
            baselines.keep(f"m{number}", Measured(number))
        assert [baselines.of(f"m{number}") for number in (1, 2, 4)] == [None, Measured(2), Measured(4)]
        (tmp_path / FILE).write_text("{torn")
        assert baselines.of("m4") is None
        baselines.keep("m4", Measured(9))
        assert baselines.of("m4") == Measured(9)

    def test_a_worker_that_serves_for_years_does_not_wear_out_the_flash_of_its_host(self) -> None:
        day, seconds, writes = 86_400.0, 0.0, 0
        for pause in pauses():
            seconds += pause
            if seconds > day:
                break
            writes += 1
            assert seconds <= 310 or pause >= 600
        assert 30 < writes < 180

    def test_the_last_numbers_are_written_once_when_the_worker_ends(self, tmp_path: Path) -> None:
        class Counted(Baselines):
            written: ClassVar[list[Measured]] = []

            def keep(self, sha256: str, measured: Measured) -> None:
                self.written.append(measured)

        measure = Measure()
        keeper = BaselineKeeper(Counted(tmp_path / FILE), "m", measure)
        measure.answered(0.01, is_hard=False)
        keeper.close()
        keeper.close()
        assert Counted.written == [measure.summary()]

    @pytest.mark.parametrize("text", ["[]", "{", '{"guard": 3}'])
    def test_a_variable_that_makes_no_sense_is_an_error_and_none_is_none(self, text: str) -> None:
        with pytest.raises(ValueError):  # noqa: PT011 - any reason will do
            read_cold_guard(text)
        assert read_cold_guard(None) is None
        assert read_cold_guard("{}") is None
