"""Both stores against a dictionary that knows the rules in a dozen lines, under random histories."""

from __future__ import annotations

import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from sedna_gm.errors import AlreadyExists, Conflict, NotFound
from sedna_gm.store.interface import ChangeType, Key, Store, key_of, revision_of
from sedna_gm.store.memory import MemoryStore
from sedna_gm.store.sql.store import SqlStore

NAMES = st.sampled_from(["a", "b", "c", "d"])
NAMESPACES = st.sampled_from(["", "n1", "n2"])
SPECS = st.fixed_dictionaries({"x": st.one_of(st.booleans(), st.integers(0, 2))})
FINALIZERS = st.sampled_from([[], ["f"], ["f", "g"]])


class StoreAgainstModel(RuleBasedStateMachine):
    store: Store
    pages = Bundle("pages")

    def __init__(self) -> None:
        super().__init__()
        self.store = self.make()
        self.known: dict[Key, dict[str, Any]] = {}
        self.mirror: dict[Key, dict[str, Any]] = {}
        self.watch = self.store.watch(since=0)
        self.revision = 0

    def make(self) -> Store:
        raise NotImplementedError

    def teardown(self) -> None:
        self.store.close()

    def wrote(self, key: Key, resource: dict[str, Any], gone: bool = False) -> None:
        self.revision += 1
        assert revision_of(resource) == self.revision
        if gone:
            del self.known[key]
        else:
            self.known[key] = resource

    @rule(name=NAMES, namespace=NAMESPACES, spec=SPECS, finalizers=FINALIZERS)
    def create(self, name: str, namespace: str, spec: Any, finalizers: Any) -> None:
        key = Key("K", namespace, name)
        metadata = {"name": name, "namespace": namespace, "finalizers": finalizers}
        try:
            made = self.store.create({"apiVersion": "v", "kind": "K", "metadata": metadata, "spec": spec})
        except AlreadyExists:
            assert key in self.known
        else:
            assert key not in self.known
            self.wrote(key, made)

    @rule(name=NAMES, namespace=NAMESPACES, spec=SPECS, finalizers=FINALIZERS, stale=st.sampled_from([None, 0, 1]))
    def update(self, name: str, namespace: str, spec: Any, finalizers: Any, stale: int | None) -> None:
        key = Key("K", namespace, name)
        old = self.known.get(key)
        metadata: dict[str, Any] = {"name": name, "namespace": namespace, "finalizers": finalizers}
        if stale is not None and old is not None:
            metadata["resourceVersion"] = str(revision_of(old) - stale)
        try:
            new = self.store.update({"apiVersion": "v", "kind": "K", "metadata": metadata, "spec": spec})
        except NotFound:
            assert old is None
            return
        except Conflict:
            assert stale == 1
            return
        assert old is not None
        identity = ("uid", "creationTimestamp", "deletionTimestamp")
        assert [new["metadata"].get(field) for field in identity] == [old["metadata"].get(field) for field in identity]
        spec_changed = repr(old["spec"]) != repr(spec)
        assert new["metadata"]["generation"] == old["metadata"]["generation"] + spec_changed
        if spec_changed or old["metadata"].get("finalizers") != finalizers:
            self.wrote(key, new, gone="deletionTimestamp" in new["metadata"] and not finalizers)
        else:
            assert new == old

    @rule(name=NAMES, namespace=NAMESPACES, status=st.one_of(st.none(), SPECS))
    def update_status(self, name: str, namespace: str, status: Any) -> None:
        key = Key("K", namespace, name)
        metadata = {"name": name, "namespace": namespace}
        wanted = {"apiVersion": "v", "kind": "K", "metadata": metadata, "spec": {"x": "ignored"}}
        if status is not None:
            wanted["status"] = status
        try:
            new = self.store.update_status(wanted)
        except NotFound:
            assert key not in self.known
            return
        old = self.known[key]
        assert new["spec"] == old["spec"]
        if repr(old.get("status")) != repr(status):
            self.wrote(key, new)
        else:
            assert new == old

    @rule(name=NAMES, namespace=NAMESPACES)
    def delete(self, name: str, namespace: str) -> None:
        key = Key("K", namespace, name)
        try:
            deletion = self.store.delete(key)
        except NotFound:
            assert key not in self.known
            return
        old = self.known[key]
        assert deletion.gone == (not old["metadata"].get("finalizers"))
        if deletion.gone or "deletionTimestamp" not in old["metadata"]:
            self.wrote(key, deletion.resource, deletion.gone)

    @rule(target=pages, limit=st.integers(1, 3))
    def begin_a_list(self, limit: int) -> Any:
        page = self.store.list("K", limit=limit)
        there = {key: item["metadata"]["uid"] for key, item in self.known.items()}
        return (page, [key_of(item) for item in page.items], there)

    @rule(target=pages, walk=consumes(pages), limit=st.integers(1, 3))
    def turn_the_page(self, walk: Any, limit: int) -> Any:
        page, seen, there = walk
        # Whoever left since the first page may be missed; whoever stayed may not, nor be seen twice.
        stayed = {key for key, uid in there.items() if key in self.known and self.known[key]["metadata"]["uid"] == uid}
        if page.continue_token is None:
            assert len(seen) == len(set(seen))
            assert stayed <= set(seen)
            return walk
        following = self.store.list("K", limit=limit, continue_token=page.continue_token)
        assert following.revision == page.revision
        return (following, seen + [key_of(item) for item in following.items], {key: there[key] for key in stayed})

    @rule()
    def look_at_the_watch(self) -> None:
        for change in self.watch.wait(0):
            if change.type is ChangeType.DELETED:
                del self.mirror[change.key]
            else:
                assert (change.key in self.mirror) == (change.type is ChangeType.MODIFIED)
                self.mirror[change.key] = change.resource
        assert self.mirror == self.known

    @invariant()
    def the_store_holds_what_the_model_holds(self) -> None:
        listed = {key_of(item): item for item in self.store.list("K").items}
        assert listed == self.known
        assert list(listed) == sorted(listed)
        assert self.store.revision() == self.revision


def moment() -> datetime:
    return datetime(2026, 11, 22, tzinfo=timezone.utc)


class MemoryAgainstModel(StoreAgainstModel):
    def make(self) -> Store:
        return MemoryStore(moment)


class SqlAgainstModel(StoreAgainstModel):
    def make(self) -> Store:
        self.folder = tempfile.TemporaryDirectory()
        return SqlStore(f"sqlite:///{Path(self.folder.name) / 'gm.db'}", moment)

    def teardown(self) -> None:
        super().teardown()
        self.folder.cleanup()


TestMemoryAgainstModel = MemoryAgainstModel.TestCase
TestMemoryAgainstModel.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestSqlAgainstModel = SqlAgainstModel.TestCase
TestSqlAgainstModel.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
