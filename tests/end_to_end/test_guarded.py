"""A bad model on real daemons: it raises, is slow or is unsure of everything, and its node goes back by itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sedna.images import references
from sedna.images.building import build
from tests.end_to_end.conftest import NOW
from tests.end_to_end.machines import Machine

pytestmark = pytest.mark.timeout(300)
JOB = ("IncrementalLearningJob", "frames")
WORKER = ("Worker", "frames-inference")

INTERFACE = '''
import os, time
from pathlib import Path

class Estimator:
    """A model is two words: its name, and what becomes of it in a night."""

    def __init__(self):
        self.words = []

    def load(self, model_url):
        self.words = Path(model_url).read_text().split()

    def train(self, train_data, valid_data=None, **kwargs):
        self.words = ["trained", os.environ["BECOMES"]]

    def save(self, model_path):
        Path(model_path).write_text(" ".join(self.words))

    def evaluate(self, data, **kwargs):
        return {"good": 1.0}

    def predict(self, data, **kwargs):
        if not Path(os.environ["NIGHT"]).exists():
            return self.words[0]
        if self.words[1] == "raises":
            raise ValueError("it is too dark")
        if self.words[1] == "slow":
            time.sleep(0.08)
        return f"{self.words[0]}-unsure" if self.words[1] == "unsure" else self.words[0]
'''
TRAIN = """
from interface import Estimator
from sedna.core.incremental_learning import IncrementalLearning

IncrementalLearning(Estimator).train([1])
"""
EVAL = """
from interface import Estimator
from sedna.core.incremental_learning import IncrementalLearning

IncrementalLearning(Estimator).evaluate([1])
"""
INFERENCE = """
import os, time
from interface import Estimator
from sedna.common.class_factory import ClassFactory, ClassType
from sedna.core.incremental_learning import IncrementalLearning

@ClassFactory.register(ClassType.HEM, alias="Unsure")
class Unsure:
    def __call__(self, result):
        return "unsure" in result

job = IncrementalLearning(Estimator)
number = 0
with open(os.environ["SEEN"], "a") as seen:
    while True:
        answer, _, is_hard = job.inference(number)
        seen.write(f"{os.getpid()} {number} {answer}\\n")
        seen.flush()
        number += 1
        time.sleep(0.01)
"""
LIMITS = {
    "raises": {"maxExceptions": 0},
    "slow": {"maxLatencyMilliseconds": 40},
    "unsure": {"maxHardExampleShareRise": 0.25},
}
WORDS = {
    "raises": "inferences raised an exception (maxExceptions is 0; the model before it: 0 of",
    "slow": "(maxLatencyMilliseconds is 40; the model before it: 95 % of the inferences took up to",
    "unsure": "were hard examples (maxHardExampleShareRise is 25 %; the model before it: 0 % were hard examples)",
}


class Frames:
    """A machine whose inference worker looks at a hundred frames a second."""

    def __init__(self, machine: Machine, becomes: str, *, hot: bool, guard: dict[str, Any]) -> None:
        self.machine, self.hot = machine, hot
        folder = machine.folder
        self.night, self.seen_file, self.data = folder / "night", folder / "seen.txt", folder / "frames.txt"
        self.data.touch()
        (folder / "first.txt").write_text("first fine")
        code = folder / "code"
        code.mkdir()
        scripts = {"interface.py": INTERFACE, "train.py": TRAIN, "eval.py": EVAL, "inference.py": INFERENCE}
        for name, text in scripts.items():
            (code / name).write_text(text)
        build(code, references.parse("frames:v1"), machine.setup.images, now=NOW, python=sys.executable)
        env = {
            "BACKEND_TYPE": "PLAIN", "BECOMES": becomes, "NIGHT": str(self.night), "SEEN": str(self.seen_file),
        }  # fmt: skip
        machine.create("---\n".join(manifest(kind, name, spec) for kind, name, spec in self.manifests(env, hot, guard)))
        machine.until(*WORKER, served(0, "Loaded"), "the first model is served")

    def manifests(self, env: dict[str, str], hot: bool, guard: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
        folder = self.machine.folder

        def template(script: str) -> dict[str, Any]:
            variables = [{"name": key, "value": value} for key, value in env.items()]
            container = {"name": "c", "image": "frames:v1", "args": [script], "env": variables}
            return {"template": {"spec": {"containers": [container]}}}

        condition = {"operator": ">=", "threshold": 10, "metric": "num_of_samples"}
        job = {
            "dataset": {"name": "frames", "trainProb": 0.5},
            "initialModel": {"name": "frames"},
            "trainSpec": {**template("train.py"), "trigger": {"checkPeriodSeconds": 1, "condition": condition}},
            "evalSpec": template("eval.py"),
            "deploySpec": {
                **template("inference.py"),
                "model": {"name": "frames", "hotUpdateEnabled": hot, "pollPeriodSeconds": 1},
                "hardExampleMining": {"name": "Unsure"},
                "guard": guard,
            },
            "outputDir": str(folder / "output"),
        }
        return [
            ("Model", "frames", {"url": str(folder / "first.txt"), "format": "txt"}),
            ("Dataset", "frames", {"url": str(self.data), "format": "txt", "nodeName": self.machine.setup.node}),
            ("IncrementalLearningJob", "frames", job),
        ]

    def learn(self) -> None:
        """Let a round begin, and wait until its model serves and is watched."""
        if not self.hot:
            # What the next process will compare with.
            self.machine.until_seen(self.measured, "the first model's numbers are written down", seconds=60)
        with self.data.open("a") as file:
            file.writelines(f"{number}.jpg\n" for number in range(10))
        self.machine.until(*WORKER, served(1, "Watching"), "the new model is watched")
        self.answers("trained")

    def measured(self) -> bool:
        """Whether it is written down how a model fares over enough inferences to judge by."""
        files = [json.loads(file.read_text()) for file in self.machine.folder.rglob("measured") if file.is_file()]
        return any(one["inferences"] >= 20 for file in files for one in file.values())

    def seen(self) -> list[tuple[str, int, str]]:
        """Every prediction: process, frame, answer."""
        lines = self.seen_file.read_text().splitlines()[:-1]
        return [(line.split()[0], int(line.split()[1]), line.split()[2]) for line in lines]

    def answers(self, name: str) -> None:
        """Wait until the newest predictions are a model's."""
        self.machine.until_seen(
            lambda: [answer for *_, answer in self.seen()[-5:]] == [name] * 5, f"{name} answers", seconds=60
        )

    def rolled_back(self) -> dict[str, Any]:
        """Wait until the round has failed for it; return its record."""
        self.machine.until_seen(lambda: self.machine.rounds("frames"), "the round has ended")
        record = self.machine.rounds("frames")[0]
        assert (record["decision"], record["stage"], record["reason"]) == ("Failed", "Deploy", "RolledBack")
        return record


def manifest(kind: str, name: str, spec: dict[str, Any]) -> str:
    said = {"apiVersion": "sedna.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec}
    return f"{json.dumps(said)}\n"


def served(round_: int, state: str) -> Any:
    def holds(worker: dict[str, Any]) -> bool:
        model = worker["status"].get("model") or {}
        return (model.get("round"), model.get("state")) == (round_, state)

    return holds


def guard(becomes: str, window: int = 600) -> dict[str, Any]:
    return {"windowSeconds": window, "minInferences": 20, **LIMITS[becomes]}


@pytest.mark.parametrize("becomes", ["raises", "slow", "unsure"])
@pytest.mark.parametrize("hot", [True, False], ids=["hot", "cold"])
def test_a_model_that_turns_out_bad_gives_way_to_the_last_good_one(machine: Machine, becomes: str, hot: bool) -> None:
    frames = Frames(machine, becomes, hot=hot, guard=guard(becomes))
    frames.learn()
    assert machine.get(*JOB)["status"]["phase"] == "Running"
    frames.night.touch()
    record = frames.rolled_back()
    frames.answers("first")
    if hot or becomes != "raises":
        assert WORDS[becomes] in record["message"], record["message"]
    else:
        # Its script does not catch what it raises: the count is broken, and then the process ends.
        assert "it is too dark" in record["message"] or WORDS[becomes] in record["message"]
    failed = [one for one in machine.get(*JOB)["status"]["conditions"] if one["type"] == "Failed"]
    assert failed[0]["reason"] == "RolledBack"
    assert any("the last good one serves again" in event for event in machine.events("frames"))
    assert "deployedModel" not in machine.get(*JOB)["status"]
    if hot:
        numbers = [number for _, number, _ in frames.seen()]
        assert numbers == list(range(len(numbers))), "no prediction was lost"
        assert len({process for process, *_ in frames.seen()}) == 1, "one process predicted all the time"


@pytest.mark.parametrize("hot", [True, False], ids=["hot", "cold"])
def test_a_node_goes_back_while_there_is_no_global_manager_and_tells_it_later(machine: Machine, hot: bool) -> None:
    frames = Frames(machine, "slow", hot=hot, guard=guard("slow"))
    frames.learn()
    machine.kill("gm")
    frames.night.touch()
    frames.answers("first")
    # Whatever happens to the worker now, it does not come back with the model that was taken back.
    before = {process for process, *_ in frames.seen()}
    machine.kill("lc")
    machine.begin_lc()
    frames.answers("first")
    machine.start_gm()
    assert WORDS["slow"] in frames.rolled_back()["message"]
    if hot:
        assert {process for process, *_ in frames.seen()} == before


def test_a_model_under_which_the_worker_dies_gives_way_however_it_dies(machine: Machine) -> None:
    import os
    import signal

    frames = Frames(machine, "fine", hot=True, guard={"windowSeconds": 600})
    frames.learn()
    os.kill(machine.get(*WORKER)["status"]["pid"], signal.SIGKILL)
    record = frames.rolled_back()
    assert "The worker ended (signal 9) while the model was watched" in record["message"]
    frames.answers("first")


@pytest.mark.parametrize("hot", [True, False], ids=["hot", "cold"])
def test_a_good_model_is_deployed_when_its_window_is_over(machine: Machine, hot: bool) -> None:
    limits = {name: value for one in LIMITS.values() for name, value in one.items()}
    frames = Frames(machine, "fine", hot=hot, guard={"windowSeconds": 3, "minInferences": 20, **limits})
    frames.learn()
    frames.night.touch()
    worker = machine.until(*WORKER, served(1, "Loaded"), "the model has passed")
    assert "has broken no limit" in worker["status"]["model"]["message"]
    machine.until_seen(lambda: machine.rounds("frames"), "the round has ended")
    assert machine.rounds("frames")[0]["decision"] == "Deployed"
    assert Path(machine.get("Model", "frames")["status"]["version"]["url"]).name
