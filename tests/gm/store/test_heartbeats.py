from __future__ import annotations

from typing import Any

from sedna_gm.store.heartbeats import Beat, Heartbeats


def test_silence_counts_from_the_start_of_the_process(clock: Any) -> None:
    heartbeats = Heartbeats(clock)
    clock.forward(60)
    assert heartbeats.last("edge") is None
    assert (clock() - heartbeats.started).total_seconds() == 60


def test_a_listener_learns_how_long_a_node_was_silent(clock: Any) -> None:
    heartbeats = Heartbeats(clock)
    heard: list[Beat] = []
    unsubscribe = heartbeats.subscribe(heard.append)
    heartbeats.beat("edge")
    first = clock()
    clock.forward(50)
    heartbeats.beat("edge")
    unsubscribe()
    unsubscribe()
    heartbeats.beat("edge")
    assert heard == [Beat("edge", first, None), Beat("edge", clock(), first)]
    assert heartbeats.last("edge") == clock()
    heartbeats.forget("edge")
    assert heartbeats.last("edge") is None
