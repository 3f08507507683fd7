"""One look at one place with blobs: what is there, what Artifacts name, and off with the rest.

The place is looked at before the Artifacts are, so that what was sent and named in between is known to be needed; what
is named after that was touched by its sender, and stays. Where it cannot be told what is needed, nothing goes.
An Artifact names its tree from the moment it begins to be sent; what a Failed one has sent is of no use any more.
`sedna_gm.artifacts.collecting` does this again and again for the GlobalManager's own store; for a bucket, which others
may share, an operator does it with `sedna-gm collect`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sedna.api.trees import Tree
from sedna.common.object_stores import key_of
from sedna_gm.artifacts.deciding import decide
from sedna_gm.artifacts.interface import Blobs
from sedna_gm.asides import Aside, at_once
from sedna_gm.store.interface import Clock

# The document of a hundred thousand files has about 15 MB. What is larger than this is no tree.
_LARGEST_TREE = 64 * 1024 * 1024
# So many at a time, since senders wait while some are removed.
_BATCH = 200
# Deciding about one blob takes as long as reading so many bytes of a body.
_COSTS = 100
_FINAL = ("Ready", "Failed")

Artifacts = Callable[[], Iterable[Mapping[str, Any]]]
"""Gives all Artifacts as they are now."""


class Unclear(Exception):
    """It cannot be told what is needed; the text says why."""


class Unnamed(Unclear):
    """No Artifact lies in the store at all."""


@dataclass(frozen=True)
class Swept:
    """What was removed, and in how many seconds there may be more."""

    blobs: int
    size: int
    again: float | None


class Sweep:
    """One place, to be swept as often as one likes."""

    def __init__(
        self,
        store: str,
        blobs: Blobs,
        artifacts: Artifacts,
        keep_seconds: float,
        *,
        senders_touch: bool = True,
        must_be_named: bool = False,
        aside: Aside = at_once,
    ) -> None:
        """A sweep of `blobs`, where the Artifacts lie whose `spec.store` is `store`.

        Args:
            keep_seconds: how long a blob that no Artifact names is kept after somebody has touched it.
            senders_touch: whether a sender that finds a blob there touches it, as it does in the GlobalManager's own
                store. Where not, nothing is removed while anything is being sent.
            must_be_named: whether nothing is removed either where no Artifact lies at all. Then the store may be
                called wrongly, or Artifacts may be asked for at the wrong place.
            aside: does what takes a second where there are very many blobs.
        """
        self._store = store
        self._key = _key(store)
        self._blobs = blobs
        self._artifacts = artifacts
        self._keep_seconds = keep_seconds
        self._senders_touch = senders_touch
        self._must_be_named = must_be_named
        self._aside = aside
        # Trees never change, and reading one of thousands of files costs something.
        self._known: dict[str, frozenset[str]] = {}

    def sweep(self, clock: Clock) -> Swept:
        """Removes what is of no use. Raises Unclear, and whatever the place or the Artifacts' source raises."""
        present = list(self._blobs.list())
        needed, now = self._needed(), clock().timestamp()
        decision = self._aside(lambda: decide(present, needed, now, self._keep_seconds), len(present) * _COSTS)
        removed = size = 0
        for begin in range(0, len(decision.remove), _BATCH):
            # Removing many takes a while, in which something may have been named that was of no use before.
            needed = self._needed()
            batch = [blob for blob in decision.remove[begin : begin + _BATCH] if blob.sha256 not in needed]
            size += self._blobs.delete(batch)
            removed += len(batch)
        return Swept(removed, size, decision.again)

    def _needed(self) -> frozenset[str]:
        """Every blob that an Artifact of this store names."""
        trees: set[str] = set()
        others: set[str] = set()
        is_named = False
        for artifact in self._artifacts():
            status, store = artifact.get("status", {}), artifact["spec"].get("store", "")
            if _key(store) != self._key:
                others.add(store)
                continue
            is_named = True
            if not self._senders_touch and status.get("phase") not in _FINAL:
                name = f"{artifact['metadata'].get('namespace', 'default')}/{artifact['metadata']['name']}"
                raise Unclear(f"the Artifact {name} is being sent, and may count on what is there; try again later")
            if status.get("phase") != "Failed" and (tree := status.get("tree")):
                trees.add(tree)
        if self._must_be_named and not is_named:
            raise Unnamed(_unnamed(self._store, others))
        known = {tree: self._known.get(tree) or self._named(tree) for tree in trees}
        self._known = {tree: named for tree, named in known.items() if named}
        return frozenset(trees).union(*self._known.values())

    def _named(self, sha256: str) -> frozenset[str] | None:
        """What a tree names; None when it is not there (yet), so that nobody can fetch what it names."""
        try:
            data = self._blobs.read(sha256, _LARGEST_TREE)
            return None if data is None else self._aside(lambda: frozenset(Tree.parse(data).blobs), len(data))
        except ValueError as error:
            raise Unclear(f"{sha256} is named as a tree by an Artifact and is none: {error}") from None


def _key(store: str) -> str:
    """What tells one store from another: s3a://b/p/ is s3://b//p. Two that are taken for one lose nothing by it."""
    return "/".join(part for part in key_of(store).split("/") if part)


def _unnamed(store: str, others: Collection[str]) -> str:
    told = ", ".join(sorted(other or "their GlobalManager's own" for other in others))
    named = f"those there are lie in other stores ({told})" if others else "there are no Artifacts at all"
    return f"no Artifact of any of the servers lies in {store}: {named}, so all that is old there would be removed"
