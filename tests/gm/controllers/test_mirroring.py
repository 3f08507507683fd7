"""The mirror is the store at one moment, whatever happens while it is read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.controllers.mirroring import KINDS, Mirror
from sedna_gm.controllers.watching import touched
from sedna_gm.errors import GMError, Gone
from sedna_gm.store.interface import Key, key_of
from sedna_gm.store.memory import MemoryStore
from tests.gm.controllers.world import JOB, Clock, World, job_manifest


def worker(name: str, job: str = "helmets") -> dict[str, Any]:
    return {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": "Worker",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": "n", "job": {"kind": JOB, "name": job, "uid": "u"}},
    }


def content(mirror: Mirror) -> dict[Key, str]:
    return {key_of(raw): raw["metadata"]["resourceVersion"] for kind in KINDS for raw in mirror.raws(kind)}


def stored(store: MemoryStore) -> dict[Key, str]:
    return {key_of(raw): raw["metadata"]["resourceVersion"] for kind in KINDS for raw in store.list(kind).items}


operations = st.lists(
    st.tuples(
        st.sampled_from(["create", "update", "delete", "pump", "load"]), st.sampled_from("abc"), st.sampled_from("xy")
    ),
    max_size=40,
)


@given(operations)
def test_after_the_last_change_the_mirror_equals_the_store(history: list[tuple[str, str, str]]) -> None:
    clock = Clock()
    store = MemoryStore(clock)
    store.create({"apiVersion": "sedna.io/v1alpha1", "kind": "Node", "metadata": {"name": "n"}})
    mirror = Mirror(store)
    mirror.load()
    for number, (name, which, job) in enumerate(history):
        key = Key("Worker", "default", which)
        try:
            if name == "create":
                store.create(worker(which, job))
            elif name == "update":
                store.update({**store.get(key), "spec": {**store.get(key)["spec"], "round": number}})
            elif name == "delete":
                store.delete(key)
            elif name == "pump":
                mirror.pump(0)
            else:
                mirror.load()
        except GMError:
            continue
    while mirror.pump(0):
        pass
    assert content(mirror) == stored(store)
    by_job = {
        job: sorted(entry.raw["metadata"]["name"] for entry in mirror.owned("Worker", Key(JOB, "default", job)))
        for job in "xy"
    }
    everyone = store.list("Worker").items
    named = mirror.nodes().named("n")
    assert named is not None
    assert named.load == len(everyone)
    assert by_job == {
        job: [raw["metadata"]["name"] for raw in everyone if raw["spec"]["job"]["name"] == job] for job in "xy"
    }
    assert mirror.revision == store.revision()


def test_a_change_between_the_watch_and_the_lists_is_neither_lost_nor_undone() -> None:
    clock = Clock()
    store = MemoryStore(clock)

    class Busy:
        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def list(self, kind: str) -> Any:
            if kind == "Worker":
                store.create(worker("late"))
                store.update({**store.get(Key("Worker", "default", "late")), "spec": worker("late", "y")["spec"]})
            page = store.list(kind)
            if kind == "Worker":
                store.delete(Key("Worker", "default", "late"))
            return page

    mirror = Mirror(Busy())  # type: ignore[arg-type]
    mirror.load()
    mirror.pump(0)
    assert mirror.raws("Worker") == []
    assert mirror.owned("Worker", Key(JOB, "default", "y")) == []


def test_a_watch_that_fell_behind_is_told_and_loading_repairs_it() -> None:
    clock = Clock()
    store = MemoryStore(clock, log_capacity=2)
    mirror = Mirror(store)
    mirror.load()
    for number in range(9):
        store.create(worker(f"w{number}"))
    with pytest.raises(Gone):
        mirror.pump(0)
    mirror.load()
    assert content(mirror) == stored(store)


def test_a_resource_that_cannot_be_read_does_not_hide_the_others() -> None:
    clock = Clock()
    store = MemoryStore(clock)
    good = {"apiVersion": "sedna.io/v1alpha1", "kind": "Node", "metadata": {"name": "good"}}
    store.create(good)
    store.create({**good, "metadata": {"name": "bad"}, "spec": {"unschedulable": "perhaps"}})
    mirror = Mirror(store)
    mirror.load()
    assert list(mirror.nodes()) == ["good"]
    assert [each.name for each in mirror.nodes().by_load()] == ["good"]


def keys_after(world: World, change: Any) -> set[str]:
    world.settle()
    change()
    found = set()
    for each in world.controllers.mirror.pump(0):
        found |= {str(key) for key in touched(each, world.controllers.mirror)}
    return found


HELMETS = f"{JOB} default/helmets"
VESTS = f"{JOB} default/vests"


def two_jobs() -> World:
    world = World()
    world.usual()
    world.dataset("others")
    world.create(job_manifest("vests", dataset="others"))
    world.settle()
    return world


def test_a_dataset_touches_the_jobs_that_name_it() -> None:
    world = two_jobs()
    assert keys_after(world, lambda: world.samples(1)) == {HELMETS}
    assert keys_after(world, lambda: world.samples(1, "others")) == {VESTS}


def test_a_model_touches_the_jobs_that_name_it() -> None:
    world = two_jobs()
    key = Key("Model", "default", "deploy-model")
    change = keys_after(world, lambda: world.edit(key, lambda model: model["spec"].update(url="/x")))
    assert change == {HELMETS, VESTS}


def test_a_worker_touches_its_job_only() -> None:
    world = two_jobs()
    assert keys_after(world, lambda: world.report("vests-inference", phase="Running")) == {VESTS}


def test_a_worker_that_is_being_deleted_touches_its_node_as_well() -> None:
    world = two_jobs()
    change = keys_after(world, lambda: world.store.delete(Key("Worker", "default", "vests-inference")))
    assert change == {VESTS, "Node edge-node"}


def test_a_node_touches_the_jobs_there_when_it_matters() -> None:
    world = two_jobs()
    world.node("empty")
    key = Key("Node", "", "edge-node")
    changed = {"images": ["helmets:v1", "new:v1"]}
    assert keys_after(world, lambda: world.patch_status(key, changed)) == {HELMETS, VESTS, "Node edge-node"}
    assert keys_after(world, lambda: world.patch_status(key, {"addresses": ["198.51.100.7"]})) == {"Node edge-node"}
    assert keys_after(world, lambda: world.patch_status(Key("Node", "", "empty"), changed)) == {"Node empty"}


def test_a_node_touches_the_jobs_that_wait_for_one() -> None:
    world = World()
    world.models()
    world.dataset()
    world.create(job_manifest())
    assert keys_after(world, world.node) == {HELMETS, "Node edge-node"}
