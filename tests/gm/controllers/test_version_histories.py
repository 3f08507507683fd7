"""Random histories of rounds, rollbacks, losses and restarts: what may be served again is never removed.

Nodes remove what old rounds have left exactly as LocalControllers do, by the list in the spec of a worker that begins,
however late it begins, and keep nothing beyond that list.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from sedna.api.validating import parse
from sedna.api.workers import Worker
from sedna_gm.store.interface import Key
from sedna_lc.reconcile.outputs import outdated
from tests.gm.controllers.edge import Edge
from tests.gm.controllers.test_histories import (
    CLOUD,
    EDGE,
    JOBS,
    History,
    play_out,
    steps,
    steps_of_two_hosts,
)
from tests.gm.controllers.world import World

MODEL = Key("Model", "default", "deploy-model")
WISHES = ["0", "1", "2", "3", "previous", "previous", "latest"]
own = st.one_of(
    st.tuples(st.just("roll back"), st.sampled_from(WISHES)),
    st.tuples(st.just("good round")),
    st.tuples(st.just("retain"), st.integers(1, 4)),
)


class Disk(Edge):
    """A node with the models that trainings have left on it."""

    def __init__(self, world: World, node: str) -> None:
        super().__init__(world, node)
        self.models: set[tuple[str, int]] = set()

    def _say(self, name: str, uid: str, phase: str, **more: Any) -> None:
        raw = self.world.worker(name)
        spec, job = raw["spec"], raw["spec"]["job"]["uid"]
        if phase == "Starting" and spec["role"] != "inference":
            wanted = parse(Worker, raw)
            found = [round_ for owner, round_ in self.models if owner == job]
            self.models -= {(job, round_) for round_ in outdated(found, wanted, keep=1)}
        if phase == "Running" and spec["role"] == "train":
            self.models.add((job, spec["round"]))
        super()._say(name, uid, phase, **more)


class Rolling(History):
    """A history in which people change their minds about models."""

    def __init__(self, *nodes: str) -> None:
        super().__init__(*nodes)
        self.edges = [Disk(self.world, node) for node in self.nodes]

    def play(self, step: tuple[Any, ...]) -> None:
        super().play(step)
        self.check()

    def check(self) -> None:
        models = {node.node: node.models for node in self.edges if isinstance(node, Disk)}
        retain = self.world.store.get(MODEL)["spec"].get("retain", 5)
        for name in JOBS:
            found = self.world.status(name)
            uid = self.world.job(name)["metadata"]["uid"]
            listed = found.get("versions", [])
            remembered = [found.get(each) for each in ("deployedModel", "lastTrainedModel", "candidateModel")]
            for version in [*listed, *(each for each in remembered if each)]:
                if version.get("round"):
                    there = models.get(version["nodeName"], set())
                    assert (uid, version["round"]) in there, f"{name}: round {version['round']} is gone"
            if self.world.due(name) is None:
                # Nothing is waiting to be looked at: the list is as long as the Model says.
                assert len(listed) <= retain + 3, listed
            check_deployed(self.world, name)

    def _roll_back(self, text: str) -> None:
        told = {"sedna.io/rollback": text}
        self.world.edit(MODEL, lambda model: model["metadata"].setdefault("annotations", {}).update(told))

    def _good_round(self) -> None:
        self._samples(40)
        for _ in range(6):
            self._work("good")

    def _retain(self, count: int) -> None:
        self.world.edit(MODEL, lambda model: model["spec"].update(retain=count))


def check_deployed(world: World, name: str) -> None:
    """What is deployed is what the last round that deployed anything deployed: a rollback's is what was asked for."""
    status = world.status(name)
    records = [record for record in world.history(name) if record["decision"] == "Deployed"]
    if not records or (status.get("stage"), status.get("phase")) != ("Train", "Waiting"):
        return
    last = records[-1]
    deployed = status["deployedModel"]
    assert deployed.get("round", 0) == last["models"]["new"].get("round", 0)
    if "rollback" in last:
        event("a rollback is what is deployed")
        assert deployed["url"] == last["rollback"]["to"]["url"]
    (listed,) = [each for each in status["versions"] if each["state"] == "Deployed"]
    assert listed.get("round", 0) == deployed.get("round", 0)


def end(played: Rolling, history: list[tuple[Any, ...]]) -> None:
    play_out(played, history)
    played.check()
    shown = played.world.store.get(MODEL)
    assert not shown["metadata"].get("annotations"), "every wish was read"
    told = {(each.get("job"), each.get("round", 0)): each["state"] for each in shown["status"]["versions"]}
    for name in JOBS:
        for each in played.world.status(name)["versions"]:
            assert told[(name, each.get("round", 0))] == each["state"]
        assert len(played.world.status(name)["versions"]) <= shown["spec"].get("retain", 5) + 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(st.one_of(own, own, steps), max_size=30))
def test_in_any_history_no_version_that_can_be_served_again_is_removed(history: list[tuple[Any, ...]]) -> None:
    end(Rolling(), history)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(st.one_of(own, own, steps_of_two_hosts), max_size=30))
def test_in_any_history_of_two_hosts_no_version_that_can_be_served_again_is_removed(
    history: list[tuple[Any, ...]],
) -> None:
    end(Rolling(EDGE, CLOUD), history)
