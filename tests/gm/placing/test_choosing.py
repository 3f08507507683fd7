"""Which node a worker gets, and what is said when none will do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.placing import choosing
from sedna_gm.placing.candidates import Candidate, NoNode, Placed, Request

IMAGE = "helmets:v1"


class Some(list[Candidate]):
    """A few nodes."""

    def named(self, name: str) -> Candidate | None:
        return next((each for each in self if each.name == name), None)

    def by_load(self) -> Iterator[Candidate]:
        return iter(sorted(self, key=lambda each: (each.load, each.name)))


def place(request: Request, nodes: Iterable[Candidate], prefer: str | None = None) -> Placed | NoNode:
    return choosing.place(request, Some(nodes), prefer)


def node(name: str, **values: object) -> Candidate:
    return Candidate(name, **{"ready": "True", "images": frozenset({IMAGE}), **values})  # type: ignore[arg-type]


def sentence(request: Request, *nodes: Candidate) -> str:
    answer = place(request, nodes)
    assert isinstance(answer, NoNode)
    return answer.sentence


def test_the_node_of_the_data_is_preferred_to_a_less_loaded_one() -> None:
    nodes = [node("idle"), node("data", load=5)]
    assert place(Request(IMAGE), nodes, prefer="data") == Placed("data")


def test_without_a_preference_the_least_loaded_wins_and_the_name_breaks_ties() -> None:
    assert place(Request(IMAGE), [node("b"), node("c", load=1), node("a", load=1)]) == Placed("b")
    assert place(Request(IMAGE), [node("b"), node("a")]) == Placed("a")


def test_a_named_node_is_taken_however_loaded() -> None:
    assert place(Request(IMAGE, node_name="busy"), [node("idle"), node("busy", load=99)]) == Placed("busy")


def test_a_named_node_that_does_not_exist_is_named() -> None:
    assert (
        sentence(Request(IMAGE, node_name="gone"), node("here"))
        == "Node gone, which the template names, is not registered."
    )


def test_before_any_node_has_registered_that_is_said() -> None:
    assert sentence(Request(IMAGE)) == "No node has registered yet."


@pytest.mark.parametrize(
    ("values", "request_", "told"),
    [
        ({"ready": "Unknown"}, Request(IMAGE), "node n has not been heard of lately"),
        ({"ready": "False", "ready_message": "disk full"}, Request(IMAGE), "node n is not Ready (disk full)"),
        ({"images": frozenset()}, Request(IMAGE), f"node n does not have the worker image {IMAGE}"),
        ({}, Request(IMAGE, selector={"gpu": "yes"}), "node n lacks the labels gpu=yes of the nodeSelector"),
        ({"unschedulable": True}, Request(IMAGE), "node n takes nothing new (spec.unschedulable)"),
    ],
    ids=["silent", "not ready", "image", "selector", "unschedulable"],
)
def test_the_rule_that_excludes_a_node_is_told(values: dict[str, object], request_: Request, told: str) -> None:
    assert sentence(request_, node("n", **values)) == f"No node can take the worker: {told}."


def test_every_excluded_node_is_told_with_its_own_rule() -> None:
    told = sentence(Request(IMAGE), node("b", images=frozenset()), node("a", ready="Unknown"))
    assert told == (
        "No node can take the worker: node a has not been heard of lately; "
        f"node b does not have the worker image {IMAGE}."
    )


def test_a_fleet_is_not_listed_node_by_node() -> None:
    told = sentence(Request(IMAGE), *(node(f"n{number:02}", ready="Unknown") for number in range(20)))
    assert told.count("has not been heard") == 5
    assert "15 more nodes" in told


def test_where_the_data_are_is_a_wish_that_any_other_node_may_stand_in_for() -> None:
    nodes = [node("busy", load=3), node("idle")]
    assert place(Request(IMAGE), nodes, prefer="gone") == Placed("idle")
    without = [node("data", images=frozenset()), *nodes]
    assert place(Request(IMAGE), without, prefer="data") == Placed("idle")
    assert place(Request(IMAGE, node_name="busy"), [node("data"), *nodes], prefer="data") == Placed("busy")


def test_an_image_without_a_tag_is_the_latest() -> None:
    assert place(Request("helmets"), [node("n", images=frozenset({"helmets:latest"}))]) == Placed("n")
    assert isinstance(
        place(Request("host:5000/helmets"), [node("n", images=frozenset({"host:5000/helmets:v1"}))]), NoNode
    )


labels = st.dictionaries(st.sampled_from("ab"), st.sampled_from("xy"))
images = st.frozensets(st.sampled_from(["i:1", "i:latest", "j:1"]))
candidates = st.builds(
    Candidate,
    name=st.sampled_from("klmno"),
    ready=st.sampled_from(["True", "False", "Unknown"]),
    labels=labels,
    images=images,
    unschedulable=st.booleans(),
    load=st.integers(0, 3),
)
requests = st.builds(
    Request,
    image=st.sampled_from(["i", "i:1", "j:1"]),
    node_name=st.none() | st.sampled_from("klmno"),
    selector=labels,
)


@given(requests, st.lists(candidates, unique_by=lambda each: each.name), st.none() | st.sampled_from("klmno"))
def test_no_rule_is_ever_broken_and_no_refusal_is_silent(
    request_: Request, nodes: list[Candidate], prefer: str | None
) -> None:
    answer = place(request_, nodes, prefer)
    if isinstance(answer, NoNode):
        assert answer.sentence.endswith(".")
        return
    chosen = next(each for each in nodes if each.name == answer.node)
    assert chosen.ready == "True"
    assert not chosen.unschedulable
    assert request_.node_name in (None, chosen.name)
    assert request_.selector.items() <= chosen.labels.items()
    assert (request_.image if ":" in request_.image else f"{request_.image}:latest") in chosen.images
    if chosen.name != prefer:
        # The preferred node was passed over for a reason.
        assert isinstance(place(request_, [each for each in nodes if each.name == prefer], prefer), NoNode)


@given(requests, st.lists(candidates, unique_by=lambda each: each.name), st.none() | st.sampled_from("klmno"))
def test_who_judges_few_nodes_chooses_as_who_judges_all(
    request_: Request, nodes: list[Candidate], prefer: str | None
) -> None:
    possible = [each for each in nodes if isinstance(place(request_, [each]), Placed)]
    best = min(possible, key=lambda each: (each.name != prefer, each.load, each.name), default=None)
    answer = place(request_, nodes, prefer)
    assert isinstance(answer, NoNode) if best is None else answer == Placed(best.name)
