"""All nodes as decisions meet them: each by its name, and the least loaded first.

A decision asks for one or two nodes, beside ten or ten thousand of them. So none is copied or even parsed for it: the
mirror keeps a `Roll` up to date and hands out `Fleet`s, which never change. The roll copies what somebody may still be
reading, once, before its next change.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

from sedna.api.meta import Condition
from sedna.api.nodes import Node
from sedna_gm.controllers.entries import Entry
from sedna_gm.placing.candidates import Candidate


class Fleet(Mapping[str, Node]):
    """The nodes at one revision of the store, by name. One that cannot be read is left out."""

    def __init__(
        self,
        entries: Mapping[str, Entry] | None = None,
        loads: Mapping[str, int] | None = None,
        order: Sequence[tuple[int, str]] = (),
        unreadable: Callable[[str], None] = lambda _: None,
    ) -> None:
        """entries: by name. loads: of each node that has any. order: load and name of each, the least loaded first.
        unreadable: is told which node is left out."""
        self._entries = entries or {}
        self._loads = loads or {}
        self._order = order
        self._unreadable = unreadable

    def __getitem__(self, name: str) -> Node:
        try:
            return cast(Node, self._entries[name].typed)
        except ValueError as error:
            self._unreadable(name)
            raise KeyError(name) from error

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._entries if name in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def named(self, name: str) -> Candidate | None:
        """A node as placing sees it."""
        node = self.get(name)
        return None if node is None else _candidate(node, self._loads.get(name, 0))

    def by_load(self) -> Iterator[Candidate]:
        """All of them, the least loaded first; their names break ties."""
        found = (self.named(name) for _, name in self._order)
        return (candidate for candidate in found if candidate is not None)


class Roll:
    """The nodes as they are now, and how many workers that have not ended are bound to each. Not safe for threads."""

    def __init__(self, unreadable: Callable[[str], None] = lambda _: None) -> None:
        self._unreadable = unreadable
        self._entries: dict[str, Entry] = {}
        self._loads: Counter[str] = Counter()
        self._order: list[tuple[int, str]] = []
        self._fleet: Fleet | None = None

    def fleet(self) -> Fleet:
        """The nodes as they are now; later changes are not seen in it."""
        if self._fleet is None:
            self._fleet = Fleet(self._entries, self._loads, self._order, self._unreadable)
        return self._fleet

    def put(self, name: str, entry: Entry | None) -> None:
        """A node comes, changes or (None) goes."""
        self._let_go()
        place = (self._loads[name], name)
        if entry is None:
            if self._entries.pop(name, None) is not None:
                del self._order[bisect_left(self._order, place)]
            return
        if name not in self._entries:
            insort(self._order, place)
        self._entries[name] = entry

    def bind(self, name: str, change: int) -> None:
        """So many more workers are bound to a node, whether it is there or not."""
        self._let_go()
        before = self._loads[name]
        self._loads[name] += change
        if not self._loads[name]:
            del self._loads[name]
        if name in self._entries:
            del self._order[bisect_left(self._order, (before, name))]
            insort(self._order, (before + change, name))

    def _let_go(self) -> None:
        """What was handed out stays as it is."""
        if self._fleet is not None:
            self._entries, self._loads, self._order = self._entries.copy(), self._loads.copy(), self._order.copy()
            self._fleet = None


def readiness(node: Node) -> Condition | None:
    """The Ready condition of a node, if it has one."""
    return next((each for each in node.status.conditions if each.type == "Ready"), None)


def _candidate(node: Node, load: int) -> Candidate:
    ready = readiness(node)
    return Candidate(
        node.metadata.name,
        ready=ready.status if ready else "Unknown",
        ready_message=(ready.message or "").rstrip(".") if ready else "",
        labels=node.metadata.labels or {},
        images=frozenset(node.status.images),
        unschedulable=node.spec.unschedulable,
        load=load,
    )
