"""What is bound to which node, kept at hand: a node asks for blobs by the thousand, and each time it must be known
whether a worker of it needs that one.

Nothing runs by itself here: each question first takes in what has changed since the last one.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from sedna.api.trees import Tree
from sedna_gm.artifacts.disks import DiskBlobs
from sedna_gm.asides import Aside
from sedna_gm.errors import Gone
from sedna_gm.store.interface import ChangeType, Key, Store, Watch

# As `sedna_gm.artifacts.sweeping` reads them: a tree names files, of which there may be a hundred thousand.
_LARGEST_TREE = 64 * 1024 * 1024
# Trees are kept read until they name so many blobs together, some ten megabytes.
_MOST_NAMED = 100_000
_FINAL = ("Ready", "Failed")

_Entry = tuple[str, frozenset[str]]


class _Followed:
    """Something about each resource of a kind, by key: the node that it is bound to, and some words."""

    def __init__(self, store: Store, kind: str, read: Callable[[Mapping[str, Any]], frozenset[str]]) -> None:
        self._store = store
        self._kind = kind
        self._read = read
        self._watch: Watch | None = None
        self._entries: dict[Key, _Entry] = {}
        self._by_node: dict[str, dict[Key, frozenset[str]]] = {}

    def of(self, node: str) -> frozenset[str]:
        """The words of everything bound to a node, as of now."""
        try:
            self._catch_up()
        except Gone:
            self.close()
            self._catch_up()
        return frozenset().union(*self._by_node.get(node, {}).values())

    def close(self) -> None:
        if self._watch is not None:
            self._watch.close()
        self._watch, self._entries, self._by_node = None, {}, {}

    def _catch_up(self) -> None:
        if self._watch is None:
            page = self._store.list(self._kind)
            self._watch = self._store.watch(self._kind, since=page.revision)
            for resource in page.items:
                metadata = resource["metadata"]
                self._put(Key(self._kind, metadata["namespace"], metadata["name"]), resource)
        while changes := self._watch.wait(0):
            for change in changes:
                self._put(change.key, None if change.type is ChangeType.DELETED else change.resource)

    def _put(self, key: Key, resource: Mapping[str, Any] | None) -> None:
        before = self._entries.pop(key, None)
        if before is not None:
            held = self._by_node[before[0]]
            del held[key]
            if not held:
                del self._by_node[before[0]]
        words = frozenset[str]() if resource is None else self._read(resource)
        if resource is not None and words:
            node = str(resource["spec"].get("nodeName", ""))
            self._entries[key] = (node, words)
            self._by_node.setdefault(node, {})[key] = words


class Bindings:
    """Answers for the artifact store's door. Safe to use from many threads."""

    def __init__(self, store: Store, blobs: DiskBlobs, aside: Aside) -> None:
        self._blobs = blobs
        self._aside = aside
        self._lock = threading.Lock()
        self._trees = _Followed(store, "Worker", _trees_of)
        self._sending = _Followed(store, "Artifact", _sending)
        # Trees never change, and reading one of thousands of files costs something.
        self._named: OrderedDict[str, frozenset[str]] = OrderedDict()

    def sends(self, node: str) -> bool:
        """Whether an Artifact of the node is on its way into this store."""
        with self._lock:
            return bool(self._sending.of(node))

    def fetches(self, node: str) -> bool:
        """Whether any worker of the node refers to an Artifact."""
        with self._lock:
            return bool(self._trees.of(node))

    def reads(self, node: str, sha256: str) -> bool:
        """Whether a worker of the node refers to an Artifact whose tree is this blob, or names it."""
        with self._lock:
            trees = self._trees.of(node)
        return sha256 in trees or any(sha256 in self._named_by(tree) for tree in sorted(trees))

    def _named_by(self, tree: str) -> frozenset[str]:
        with self._lock:
            found = self._named.get(tree)
            if found is not None:
                self._named.move_to_end(tree)
                return found
        try:
            data = self._blobs.read(tree, _LARGEST_TREE)
            named = None if data is None else self._aside(lambda: frozenset(Tree.parse(data).blobs), len(data))
        except ValueError:
            # It says that it is a tree and is none: it names nothing, and whoever wants to unpack it hears why.
            named = None
        if named is None:
            return frozenset()
        with self._lock:
            self._named[tree] = named
            while len(self._named) > 1 and sum(map(len, self._named.values())) > _MOST_NAMED:
                self._named.popitem(last=False)
        return named

    def close(self) -> None:
        """Lets go of the store."""
        with self._lock:
            self._trees.close()
            self._sending.close()


def _trees_of(worker: Mapping[str, Any]) -> frozenset[str]:
    spec = worker["spec"]
    references = [model.get("artifact") for model in spec.get("models") or ()] + [spec.get("samplesArtifact")]
    return frozenset(str(one["tree"]) for one in references if one and not one.get("store"))


def _sending(artifact: Mapping[str, Any]) -> frozenset[str]:
    ended = (artifact.get("status") or {}).get("phase") in _FINAL
    return frozenset() if ended or artifact["spec"].get("store") else frozenset({"sending"})
