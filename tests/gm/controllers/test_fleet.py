"""A fleet is the nodes at one moment, whatever happens to them afterwards, and the least loaded comes first."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.controllers.entries import Entry
from sedna_gm.controllers.fleet import Fleet, Roll

NAMES = "klmn"
Seen = list[tuple[int, str, bool]]
histories = st.lists(
    st.tuples(st.sampled_from(["come", "change", "go", "bind", "end", "look"]), st.sampled_from(NAMES)), max_size=60
)


def entry(name: str, unschedulable: bool = False) -> Entry:
    spec = {"unschedulable": unschedulable}
    return Entry({"apiVersion": "sedna.io/v1alpha1", "kind": "Node", "metadata": {"name": name}, "spec": spec})


def seen(fleet: Fleet) -> Seen:
    return [(each.load, each.name, each.unschedulable) for each in fleet.by_load()]


def expected(nodes: dict[str, bool], loads: Counter[str]) -> Seen:
    return sorted((loads[name], name, unschedulable) for name, unschedulable in nodes.items())


@given(histories)
def test_what_was_handed_out_stays_as_it_was_and_what_is_handed_out_is_as_it_is(history: list[tuple[str, str]]) -> None:
    roll, nodes, loads = Roll(), dict[str, bool](), Counter[str]()
    kept: list[tuple[Fleet, Seen]] = []
    for act, name in history:
        if act in ("come", "change"):
            nodes[name] = act == "change"
            roll.put(name, entry(name, nodes[name]))
        elif act == "go":
            nodes.pop(name, None)
            roll.put(name, None)
        elif act == "bind" or (act == "end" and loads[name]):
            loads[name] += 1 if act == "bind" else -1
            roll.bind(name, 1 if act == "bind" else -1)
        else:
            kept.append((roll.fleet(), expected(nodes, loads)))
    kept.append((roll.fleet(), expected(nodes, loads)))
    for fleet, then in kept:
        assert seen(fleet) == then
        assert {name: fleet[name].spec.unschedulable for name in fleet} == {name: held for _, name, held in then}
        assert all((fleet.named(name) is not None) == (name in fleet) for name in NAMES)


def test_nothing_is_copied_while_nothing_changes() -> None:
    roll = Roll()
    roll.put("k", entry("k"))
    assert roll.fleet() is roll.fleet()
