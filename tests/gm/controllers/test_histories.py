"""Random histories: samples, outcomes, losses, repeats, restarts in any order, and what must hold in all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from sedna_gm.controllers.incremental_learning.settings import Settings as JobSettings
from sedna_gm.controllers.supervising import Settings
from sedna_gm.store.interface import Key
from tests.gm.controllers.crashing import Crash, CrashingStore
from tests.gm.controllers.edge import Edge, Outcome
from tests.gm.controllers.sender import Outcome as Sending
from tests.gm.controllers.world import JOB, World, job_manifest, references

OUTCOMES: list[Outcome] = ["good", "good", "good", "worse", "silent", "failed", "stopped", "nonsense", "one"]
SENDINGS: list[Sending] = ["good", "good", "waits", "failed"]
JOBS = ("helmets", "vests")
EDGE, CLOUD = "edge-node", "cloud"
# Where each job trains, evaluates and serves on two hosts; None: wherever it may.
PLACES: dict[str, tuple[str | None, str | None, str | None]] = {
    "helmets": (CLOUD, CLOUD, EDGE),
    "vests": (None, CLOUD, None),
}

common = (
    st.tuples(st.just("samples"), st.integers(0, 40)),
    st.tuples(st.just("unit"), st.integers(0, 5), st.sampled_from(OUTCOMES)),
    st.tuples(st.just("unit"), st.integers(0, 5), st.just("good")),
    st.tuples(st.just("work"), st.sampled_from(OUTCOMES)),
    st.tuples(st.just("deliver"), st.integers(1, 4)),
    st.tuples(st.just("repeat")),
    st.tuples(st.just("handle"), st.integers(1, 4)),
    st.tuples(st.just("settle")),
    st.tuples(st.just("settle")),
    st.tuples(st.just("time"), st.sampled_from([1, 30, 90, 1000, 90000])),
    st.tuples(st.just("deadline"), st.sampled_from([11, 60])),
    st.tuples(st.just("silence"), st.sampled_from([60, 2000])),
    st.tuples(st.just("crash"), st.integers(0, 8), st.booleans()),
    st.tuples(st.just("restart")),
    st.tuples(st.just("pause"), st.integers(0, 3)),
    st.tuples(st.just("delete worker"), st.integers(0, 5)),
    st.tuples(st.just("delete node"), st.integers(0, 1)),
    st.tuples(st.just("edit model"), st.integers(0, 3)),
    st.tuples(st.just("edit job"), st.integers(0, 3)),
    st.tuples(st.just("new dataset"), st.integers(0, 40)),
    st.tuples(st.just("new job"), st.booleans()),
    st.tuples(st.just("ask"), st.sampled_from(["train", "eval", "deploy"])),
)
steps = st.one_of(*common)
steps_of_two_hosts = st.one_of(
    *common,
    st.tuples(st.just("send"), st.integers(0, 5), st.sampled_from(SENDINGS)),
    st.tuples(st.just("send"), st.integers(0, 5), st.just("good")),
    st.tuples(st.just("take artifact"), st.integers(0, 5)),
    st.tuples(st.just("move dataset")),
)


def manifest(name: str, places: tuple[str | None, ...] = (None, None, None)) -> dict[str, Any]:
    """One job is updated hot, the other cold."""
    made = job_manifest(name)
    made["spec"]["deploySpec"]["model"]["hotUpdateEnabled"] = name == "helmets"
    for stage, place in zip(("trainSpec", "evalSpec", "deploySpec"), places, strict=True):
        if place is not None:
            made["spec"][stage]["template"]["spec"]["nodeName"] = place
    return made


class History:
    """Plays steps; two jobs share one node, or two, and the dataset."""

    def __init__(self, *nodes: str, patience: int | None = None) -> None:
        jobs = JobSettings() if patience is None else JobSettings(gives_up_after=patience)
        self.world = World(settings=Settings(jobs=jobs))
        self.nodes = nodes or (EDGE,)
        self.edges = [Edge(self.world, node) for node in self.nodes]
        self.seen = 40
        for node in self.nodes:
            self.world.node(node)
        self.world.models()
        self.world.dataset(seen=self.seen)
        for name in JOBS:
            self.world.create(self._manifest(name))

    def _manifest(self, name: str) -> dict[str, Any]:
        return manifest(name, PLACES[name] if CLOUD in self.nodes else (None, None, None))

    def _edge(self, pick: int) -> tuple[Edge, int]:
        """One of the nodes, and a pick for what it has."""
        return self.edges[pick % len(self.edges)], pick // len(self.edges)

    def play(self, step: tuple[Any, ...]) -> None:
        name, *arguments = step
        play: Callable[..., None] = getattr(self, f"_{name.replace(' ', '_')}")
        try:
            play(*arguments)
        except Crash:
            self.world.restart()
        self.world.check()

    def calm(self) -> None:
        """From here on all goes well: what does not come to rest by itself now never would."""
        world = self.world
        for node in self.nodes:
            if node not in self._registered():
                world.node(node)
        for edge in self.edges:
            for worker in edge.wanted():
                uid = worker["metadata"]["uid"]
                if edge.units.get(uid) == "Paused":
                    edge.units[uid] = "Running"
                    edge.outbox.append((worker["metadata"]["name"], uid, {"phase": "Running"}))
        self.seen += 50
        world.samples(self.seen)
        # Twice the longest backoff: a round that may begin does within it.
        for _ in range(80):
            for edge in self.edges:
                edge.work()
            for name in JOBS:
                if "gaveUpAt" in world.status(name):
                    # The one thing that does not mend itself.
                    event("somebody has a job go on that had given up")
                    world.annotate("train", name)
            world.advance(60)
            if all(self._rests(name) for name in JOBS):
                return

    def _rests(self, name: str) -> bool:
        status = self.world.status(name)
        used = status.get("samples", {}).get("used") == self.seen
        return used and status["phase"] == "Waiting" and status["serving"]["phase"] == "Running"

    def _registered(self) -> list[str]:
        return [node["metadata"]["name"] for node in self.world.store.list("Node").items]

    def _samples(self, count: int) -> None:
        self.seen += count
        self.world.samples(self.seen)

    def _unit(self, pick: int, outcome: Outcome) -> None:
        edge, which = self._edge(pick)
        edge.step(which, outcome)

    def _send(self, pick: int, outcome: Sending) -> None:
        edge, which = self._edge(pick)
        edge.send(which, outcome)

    def _take_artifact(self, pick: int) -> None:
        """Somebody deletes one."""
        artifacts = self.world.artifacts()
        if artifacts:
            name = artifacts[pick % len(artifacts)]["metadata"]["name"]
            self.world.store.delete(Key("Artifact", "default", name))

    def _move_dataset(self) -> None:
        """The same samples are on the other host from now on."""

        def move(dataset: dict[str, Any]) -> None:
            dataset["spec"]["nodeName"] = EDGE if dataset["spec"]["nodeName"] == CLOUD else CLOUD

        # What is decided next must know: which host that is, is read with the samples.
        self.world.settle()
        self.world.edit(Key("Dataset", "default", "samples"), move)
        self.world.settle()

    def _work(self, outcome: Outcome) -> None:
        for edge in self.edges:
            edge.work(outcome)
        self.world.settle()

    def _deliver(self, count: int) -> None:
        for edge in self.edges:
            edge.deliver(count)

    def _repeat(self) -> None:
        for edge in self.edges:
            edge.repeat()

    def _handle(self, count: int) -> None:
        for _ in range(count):
            self.world.controllers.workers.handle_next(0)
            self.world.check()
            self.world.controllers.pump(0)

    def _settle(self) -> None:
        self.world.settle()

    def _time(self, seconds: int) -> None:
        if seconds > 2000:
            # A day at once: every deadline is over.
            self.world.clock.now = self.world.after(seconds)
            for node in self._registered():
                self.world.heartbeats.beat(node)
            self.world.settle()
        else:
            self.world.advance(seconds)

    def _deadline(self, seconds: int) -> None:
        """Nobody answers for a day, and the next attempt's time has come."""
        self._time(90000)
        self._time(seconds)

    def _silence(self, seconds: int) -> None:
        self.world.advance(seconds, beat=False)

    def _crash(self, at: int, after: bool) -> None:
        self.world.restart(CrashingStore(self.world.store, at, after=after))  # type: ignore[arg-type]
        self.world.settle()
        self.world.restart()

    def _restart(self) -> None:
        self.world.restart()

    def _pause(self, pick: int) -> None:
        edge, which = self._edge(pick)
        edge.pause(which)

    def _delete_worker(self, pick: int) -> None:
        workers = self.world.workers()
        if workers:
            self.world.store.delete(Key("Worker", "default", workers[pick % len(workers)]))

    def _delete_node(self, pick: int) -> None:
        edge, _ = self._edge(pick)
        if edge.node in self._registered():
            self.world.store.delete(Key("Node", "", edge.node))
            edge.units.clear()
            edge.outbox.clear()
            self.world.settle()
        else:
            self.world.node(edge.node)

    def _new_dataset(self, seen: int) -> None:
        """Deleted and made again under its name: other samples, counted from 0."""
        self.world.store.delete(Key("Dataset", "default", "samples"))
        self.seen = seen
        self.world.dataset(seen=seen)

    def _new_job(self, at_once: bool) -> None:
        """Deleted, and made again under its name as soon as it is gone; or at once, its finalizer cut off."""
        key = Key(JOB, "default", "vests")
        if at_once:
            self.world.edit(key, lambda job: job["metadata"].pop("finalizers", None))
        self.world.store.delete(key)
        for _ in range(8):
            if not any(job["metadata"]["name"] == "vests" for job in self.world.store.list(JOB).items):
                break
            self.world.settle()
            for edge in self.edges:
                edge.work()
        else:
            raise AssertionError(f"the job is not let go: {self.world.status('vests')}")
        self.world.create(self._manifest("vests"))

    def _edit_model(self, number: int) -> None:
        def change(model: dict[str, Any]) -> None:
            model["spec"]["url"] = f"/models/edited-{number}"

        self.world.edit(Key("Model", "default", "deploy-model"), change)

    def _edit_job(self, number: int) -> None:
        def change(job: dict[str, Any]) -> None:
            job["spec"]["deploySpec"]["template"]["spec"]["containers"][0]["args"] = ["inference.py", str(number)]

        self.world.edit(Key(JOB, "default", "helmets"), change)

    def _ask(self, stage: str) -> None:
        self.world.annotate(stage)


def check_history(world: World, name: str) -> None:
    """The lineage: rounds count up, and completed ones took every used sample exactly once, in order."""
    records = world.history(name)
    numbers = [record["round"] for record in records]
    assert numbers == sorted(set(numbers))
    used, dataset = 0, None
    for record in records:
        taken = record["samples"]
        if taken["datasetUid"] != dataset:
            used, dataset = 0, taken["datasetUid"]
        if record["decision"] == "Failed" or taken["end"] == taken["start"]:
            continue
        assert taken["start"] == used, f"round {record['round']} of {name} began at {taken['start']}, not {used}"
        used = taken["end"]
    if dataset == world.store.get(Key("Dataset", "default", "samples"))["metadata"]["uid"]:
        assert world.status(name)["samples"]["used"] == used


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(steps, max_size=40))
def test_in_any_history_nothing_is_doubled_lost_or_stuck(history: list[tuple[Any, ...]]) -> None:
    played = History()
    play_out(played, history)
    assert played.world.asked_for == [], "on one host nothing has to be carried"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(steps_of_two_hosts, max_size=40))
def test_in_any_history_of_two_hosts_nothing_is_used_before_it_has_arrived(history: list[tuple[Any, ...]]) -> None:
    """`World.check` holds every worker that is made or changed against what was ever ready to be fetched."""
    played = History(EDGE, CLOUD)
    play_out(played, history)
    world = played.world
    needed = {name for worker in world.store.list("Worker").items for name in named(worker)}
    left = {artifact["metadata"]["name"] for artifact in world.artifacts()}
    samples = [name.rpartition("-")[0] for name in left - needed if "-samples-" in name]
    assert all("-eval-" in name for name in samples), "the samples of a training have had their time"
    assert len(samples) <= len(JOBS), samples
    assert len(left) <= 8, left


troubles = st.one_of(
    st.tuples(st.just("work"), st.sampled_from(["failed", "silent", "nonsense", "failed"])),
    st.tuples(st.just("time"), st.sampled_from([30, 90, 1000])),
    *common,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(troubles, max_size=40))
def test_in_any_history_a_job_that_has_given_up_begins_no_round_unless_asked(history: list[tuple[Any, ...]]) -> None:
    """`World.check` holds every stored status against what a job that has given up looks like."""
    played = History(patience=2)
    for step in history:
        before = {name: played.world.job(name) for name in JOBS}
        played.play(step)
        for name, was in before.items():
            now = played.world.job(name)
            same = now["metadata"]["uid"] == was["metadata"]["uid"]
            if "gaveUpAt" in was.get("status", {}) and same and not is_asked(was):
                event(f"{name} has given up")
                assert "gaveUpAt" in now["status"], f"after {step} {name} goes on by itself"
                assert now["status"]["round"] == was["status"]["round"]
    play_out(played, [])


def is_asked(job: dict[str, Any]) -> bool:
    """Whether somebody has asked a job for something that it has not seen yet."""
    metadata = job["metadata"]
    edited = job["status"]["observedGeneration"] != metadata["generation"]
    return edited or "sedna.io/trigger" in metadata.get("annotations", {})


def named(worker: dict[str, Any]) -> set[str]:
    return {each["name"] for each in references(worker)}


def play_out(played: History, history: list[tuple[Any, ...]]) -> None:
    """Whatever happened, all comes to rest once all goes well."""
    for step in history:
        played.play(step)
    played.calm()
    world = played.world
    for name in JOBS:
        check_history(world, name)
        status = world.status(name)
        event(f"{name} ends at {status['stage']} {status['phase']} after {status['round']} rounds")
        assert (status["stage"], status["phase"]) == ("Train", "Waiting"), status["message"]
        assert status["samples"] == {"seen": played.seen, "used": played.seen, "new": 0}, status["message"]
        assert status["serving"]["phase"] == "Running", status["serving"]
        assert world.due(name) is not None
