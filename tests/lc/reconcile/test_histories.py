"""Random lives of a node: whatever happens in whatever order, nothing runs twice, goes backwards or gets stuck."""

from __future__ import annotations

import copy
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sedna.api.workers import FINAL_PHASES
from sedna_lc.reconcile.views import is_final
from sedna_lc.runners.names import worker_unit
from sedna_lc.state.memory import MemoryStore
from tests.lc.reconcile.worlds import NAMES, World

ROLES = st.sampled_from(["train", "inference"])


class NodeMachine(RuleBasedStateMachine):
    """The GM, the host, the operator and the LC each do something; the LC must keep its promises."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="node-"))
        self.world = World(self.folder)
        self.models = [self.world.model(f"r{number}", f"model {number}") for number in range(3)]
        self.ended: dict[str, str] = {}
        self.backup: dict[tuple[str, str], dict[str, Any]] = {}
        for role in NAMES.keys() & {"train", "inference"}:
            self.the_gm_wants(role)
            self.world.settle(self.key(role))

    def key(self, role: str) -> tuple[str, str]:
        return "default", NAMES[role]

    def wanted(self, role: str) -> dict[str, Any] | None:
        found = self.world.store.wanted("workers").get(self.key(role))
        return dict(found) if found is not None else None

    def runs(self, role: str) -> bool:
        unit = self.world.unit(self.key(role))
        return unit is not None and not unit.activity.ended

    @rule(role=ROLES)
    def the_gm_wants(self, role: str) -> None:
        if self.wanted(role) is None:
            self.world.want(role, **({"guard": {"windowSeconds": 600}} if role == "inference" else {}))

    @rule(role=ROLES)
    def the_gm_deletes(self, role: str) -> None:
        if self.wanted(role) is not None:
            self.world.delete(self.key(role))

    @rule(role=ROLES)
    def the_gm_drops_what_was_released(self, role: str) -> None:
        uid = (self.wanted(role) or {"metadata": {}})["metadata"].get("uid")
        if any(letter.key == f"{uid}/finalizers" for letter in self.world.store.letters()):
            self.world.store.drop_wanted("workers", self.key(role))

    @rule(number=st.integers(0, 2))
    def the_gm_changes_the_model(self, number: int) -> None:
        if self.wanted("inference") is not None:
            self.world.serve(self.key("inference"), self.models[number], number)

    @rule(number=st.integers(0, 2), content=st.integers(0, 2))
    def a_round_is_made_again(self, number: int, content: int) -> None:
        """As after a restore: path and number are the same, the content may be another one, and it is to be served."""
        self.world.model(f"r{number}", f"model {number}, made {content} times again")
        self.the_gm_changes_the_model(number)

    @rule(role=ROLES, code=st.sampled_from([0, 1]))
    def the_program_ends(self, role: str, code: int) -> None:
        if self.runs(role):
            self.world.host.finish(worker_unit(*self.key(role)), code)

    @rule(role=ROLES)
    def the_unit_vanishes(self, role: str) -> None:
        if self.runs(role):
            self.world.host.vanish(worker_unit(*self.key(role)))

    @rule(role=ROLES)
    def the_runner_loses_every_trace(self, role: str) -> None:
        """As a host does that was reinstalled under its LC."""
        self.world.host._units.pop(worker_unit(*self.key(role)), None)

    @rule(role=ROLES)
    def the_gm_replaces_the_worker(self, role: str) -> None:
        """It took the node for gone, let go of the worker, and wants another one of the name."""
        self.world.store.drop_wanted("workers", self.key(role))
        self.world.want(role)

    @rule(role=ROLES, pause=st.booleans())
    def the_operator_pauses_or_resumes(self, role: str, pause: bool) -> None:
        unit = self.world.unit(self.key(role))
        if unit is None or unit.activity.ended:
            return
        if unit.activity.value == "Paused" and not pause:
            self.world.host.resume(unit.name)
        elif unit.activity.value == "Running" and pause:
            self.world.host.pause(unit.name)

    @rule()
    def the_gm_is_backed_up(self) -> None:
        for key, resource in self.world.store.wanted("workers").items():
            record = self.world.store.worker(key)
            known = record is not None and record.uid == resource["metadata"]["uid"]
            told = record.status.dump() if record is not None and known else resource.get("status", {})
            self.backup[key] = copy.deepcopy({**resource, "status": told})

    @rule()
    def the_gm_comes_back_with_its_backup(self) -> None:
        """It wants what it wanted then, under numbers that it has never given, and knows of nothing that came after."""
        for key, resource in self.backup.items():
            resource["metadata"]["generation"] = next(self.world.generations)
            if self.world.store.worker(key) is None:
                # This node has let go of it, and is to work on it once more.
                self.ended.pop(resource["metadata"]["uid"], None)
                self.world.wanted_count[resource["spec"]["role"]] += 1
        self.world.store.replace_wanted("workers", copy.deepcopy(list(self.backup.values())))
        for role in ("train", "inference"):
            self.world.settle(self.key(role))
        self.check_what_is_served()

    def check_what_is_served(self) -> None:
        """Whatever was served before under that path and number: what is wanted now is what is told and served."""
        wanted, record = self.wanted("inference"), self.world.store.worker(self.key("inference"))
        unit = self.world.unit(self.key("inference"))
        if wanted is None or record is None or unit is None or unit.activity.value != "Running":
            return
        if wanted["metadata"].get("deletionTimestamp") or is_final(record):
            return
        (model,), told = wanted["spec"]["models"], record.status.model
        assert told is not None
        assert (told.url, told.round) == (model["url"], model["round"])
        assert model.get("sha256") in (None, told.sha256)
        if told.state != "Refused":
            assert self.world.hot_file()["sha256"] == told.sha256

    @rule(status=st.sampled_from(["completed", "failed", "running"]))
    def the_training_reports(self, status: str) -> None:
        if self.runs("train"):
            self.world.report(self.key("train"), "train", status)

    @rule(status=st.sampled_from(["completed", "failed"]))
    def the_model_is_confirmed_or_refused(self, status: str) -> None:
        if self.runs("inference"):
            file = self.world.hot_file()
            result = {"url": file["model_path"], "sha256": file["sha256"]}
            self.world.report(self.key("inference"), "deploy", status, results=[result])

    @rule(told=st.sampled_from([("running", "Watching"), ("completed", "Passed"), ("failed", "RolledBack")]))
    def the_model_is_watched_and_judged(self, told: tuple[str, str]) -> None:
        if self.runs("inference"):
            file = self.world.hot_file()
            result = {"url": file["model_path"], "sha256": file["sha256"], "state": told[1]}
            self.world.report(self.key("inference"), "deploy", told[0], results=[result])

    @rule()
    def the_lc_is_restarted(self) -> None:
        self.world.restart()

    @rule()
    def the_lc_loses_its_memory(self) -> None:
        """The database is damaged; the GM remembers what it was told."""
        before = self.world.store
        fresh = MemoryStore()
        fresh.put_wanted("datasets", before.wanted("datasets")["default", "d"])
        progress = before.progress("du")
        assert progress is not None
        fresh.put_progress(progress)
        for key, resource in before.wanted("workers").items():
            record = before.worker(key)
            known = record is not None and record.uid == resource["metadata"]["uid"]
            told = record.status.dump() if record is not None and known else resource.get("status", {})
            fresh.put_wanted("workers", {**resource, "status": told})
        self.world.store = fresh
        self.world.restart()

    @rule(roles=st.sets(ROLES))
    def the_lc_looks(self, roles: set[str]) -> None:
        for role in sorted(roles):
            self.world.settle(self.key(role))
        if "inference" in roles:
            self.check_what_is_served()

    @invariant()
    def no_training_ever_runs_twice(self) -> None:
        if hasattr(self, "world"):
            started = [unit for unit in self.world.host.started if unit.name == worker_unit(*self.key("train"))]
            assert len(started) <= self.world.wanted_count["train"]

    @rule(data=st.data(), events=st.integers(2, 6))
    def things_happen_and_the_lc_looks_after_each(self, data: st.DataObject, events: int) -> None:
        """Without this, most histories would end before anything interesting has been seen."""
        for _ in range(events):
            role = data.draw(ROLES)
            what = data.draw(
                st.sampled_from(
                    [
                        "want",
                        "delete",
                        "drop",
                        "model",
                        "end",
                        "vanish",
                        "confirm",
                        "watch",
                        "judge",
                        "report",
                        "lose",
                        "replace",
                        "again",
                        "back up",
                        "restore",
                    ]
                )
            )
            acts = {
                "want": lambda role=role: self.the_gm_wants(role),
                "delete": lambda role=role: self.the_gm_deletes(role),
                "drop": lambda role=role: self.the_gm_drops_what_was_released(role),
                "model": lambda: self.the_gm_changes_the_model(data.draw(st.integers(0, 2))),
                "end": lambda role=role: self.the_program_ends(role, data.draw(st.integers(0, 1))),
                "vanish": lambda role=role: self.the_unit_vanishes(role),
                "lose": lambda role=role: self.the_runner_loses_every_trace(role),
                "replace": lambda role=role: self.the_gm_replaces_the_worker(role),
                "confirm": lambda: self.the_model_is_confirmed_or_refused("completed"),
                "watch": lambda: self.the_model_is_watched_and_judged(("running", "Watching")),
                "judge": lambda: self.the_model_is_watched_and_judged(("failed", "RolledBack")),
                "report": lambda: self.the_training_reports("completed"),
                "again": lambda: self.a_round_is_made_again(data.draw(st.integers(0, 2)), data.draw(st.integers(0, 2))),
                "back up": self.the_gm_is_backed_up,
                "restore": self.the_gm_comes_back_with_its_backup,
            }
            acts[what]()
            self.world.settle(self.key(role))
            if role == "inference":
                self.check_what_is_served()

    @invariant()
    def a_final_phase_stays(self) -> None:
        if not hasattr(self, "world"):
            return
        for record in self.world.store.workers():
            phase = record.status.phase
            before = self.ended.get(record.uid)
            assert before is None or phase == before
            if phase in FINAL_PHASES:
                self.ended[record.uid] = phase

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.end()
        finally:
            shutil.rmtree(self.folder)

    def end(self) -> None:
        """In the end the GM deletes everything: all units go, and all resources are let go."""
        for role in ("train", "inference"):
            key = self.key(role)
            self.world.settle(key)
            if self.wanted(role) is not None:
                self.world.delete(key)
            for _ in range(3):
                self.world.settle(key)
            assert self.world.unit(key) is None
            assert self.world.store.worker(key) is None
            resource = self.wanted(role)
            if resource is not None:
                uid = resource["metadata"]["uid"]
                assert any(letter.key == f"{uid}/finalizers" for letter in self.world.store.letters())


TestNode = NodeMachine.TestCase
TestNode.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
