"""Ten thousand watches, one for each node: who asks for a node sees just what a watch of everything sees of it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.store.interface import Change, ChangeType, Key
from sedna_gm.store.selecting import selector
from sedna_gm.store.watchlog import LogWatch, WatchLog, as_seen

NODES = ("", "one", "two")
moves = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(NODES), st.booleans()), max_size=30)


def resource(name: str, node: str, revision: int) -> dict[str, Any]:
    spec = {"nodeName": node} if node else {}
    return {"metadata": {"name": name, "resourceVersion": str(revision)}, "spec": spec}


def changes(steps: list[tuple[str, str, bool]]) -> list[Change]:
    """Workers that come, go from node to node, and are deleted."""
    present: dict[str, dict[str, Any]] = {}
    found = []
    for revision, (name, node, is_deleted) in enumerate(steps, start=1):
        previous = present.get(name)
        if is_deleted and previous is None:
            continue
        now = {**previous, "metadata": {**previous["metadata"]}} if is_deleted and previous else None
        now = now or resource(name, node, revision)
        kind = ChangeType.DELETED if is_deleted else ChangeType.MODIFIED if previous else ChangeType.ADDED
        found.append(Change(kind, revision, Key("Worker", "default", name), now, previous))
        present.pop(name, None)
        if not is_deleted:
            present[name] = now
    return found


@given(moves)
def test_a_watch_of_one_node_sees_what_concerns_it_and_is_called_for_nothing_else(
    steps: list[tuple[str, str, bool]],
) -> None:
    log = WatchLog(0, 1000)
    matches = {node: selector("", f"spec.nodeName={node}") for node in NODES}
    calls = dict.fromkeys(NODES, 0)
    watches = {}
    for node in NODES:
        watches[node] = log_watch = _watch(log, matches[node])

        def called(node: str = node) -> None:
            calls[node] += 1

        log_watch.subscribe(called)
    for change in changes(steps):
        expected = {node: as_seen(change, matches[node]) for node in NODES}
        before = dict(calls)
        log.publish(change)
        for node in NODES:
            seen = expected[node]
            assert list(watches[node].read()) == ([] if seen is None else [seen])
            assert calls[node] - before[node] == (seen is not None)
            assert watches[node].revision == change.revision
    for watch in watches.values():
        watch.close()
    assert log.watches == 0


def _watch(log: WatchLog, matches: Any) -> LogWatch:
    return LogWatch(log, log.head, "Worker", None, matches)


def test_a_watch_that_nothing_concerns_never_falls_behind() -> None:
    log = WatchLog(0, 2)
    watch = _watch(log, selector("", "spec.nodeName=one"))
    for change in changes([("a", "two", False)] * 10):
        log.publish(change)
    assert (list(watch.read()), watch.revision) == ([], 10)
