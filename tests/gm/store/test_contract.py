"""What `interface` promises, on every store there is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sedna_gm.errors import AlreadyExists, BadRequest, Conflict, Gone, NotFound
from sedna_gm.store.interface import ChangeType, Key, Resource, Store, Watch, key_of, revision_of
from sedna_gm.store.memory import MemoryStore
from sedna_gm.store.sql.store import SqlStore
from sedna_gm.store.writing import RowStore


def dataset(name: str = "d", namespace: str = "default", **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, **more.pop("metadata", {})}
    spec = {"url": "/data/d.txt", "format": "txt", "nodeName": "edge"}
    return {"apiVersion": "sedna.io/v1alpha1", "kind": "Dataset", "metadata": metadata, "spec": spec, **more}


def changed(resource: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {**resource, "spec": {**resource["spec"], **spec}}


def drain(watch: Watch) -> list[tuple[str, str]]:
    return [(change.type.value, change.key.name) for change in watch.wait(0)]


def refuse(_: Resource) -> Resource:
    raise BadRequest


def url_is(url: str) -> Any:
    return lambda resource: resource["spec"]["url"] == url


class StoreContract:
    """Inherit, and give a store with a log of `LOG` changes."""

    LOG = 8

    # -- creating ----------------------------------------------------------------------------------------

    def test_a_new_resource_gets_its_identity(self, store: Store) -> None:
        made = store.create(dataset())
        assert made["metadata"]["creationTimestamp"] == "2026-11-22T14:00:00Z"
        assert made["metadata"]["generation"] == 1
        assert len(made["metadata"]["uid"]) == 36
        assert revision_of(made) == store.revision() == 1
        assert store.get(Key("Dataset", "default", "d")) == made

    def test_identity_is_not_the_clients_to_choose(self, store: Store) -> None:
        mine = {"uid": "mine", "generation": 7, "creationTimestamp": "1999", "resourceVersion": "99"}
        made = store.create(dataset(metadata=mine))["metadata"]
        assert not set(mine.values()) & set(made.values())

    def test_a_second_of_the_same_name_is_refused_and_costs_no_version(self, store: Store) -> None:
        store.create(dataset())
        with pytest.raises(AlreadyExists):
            store.create(dataset())
        assert store.revision() == 1

    def test_kinds_and_namespaces_do_not_collide(self, store: Store) -> None:
        store.create(dataset())
        store.create(dataset(namespace="other"))
        store.create({**dataset(), "kind": "Model"})
        assert [key_of(item).namespace for item in store.list("Dataset").items] == ["default", "other"]

    def test_w72_what_was_given_and_what_was_got_are_the_callers_own(self, store: Store) -> None:
        given = dataset()
        store.create(given)
        given["spec"]["url"] = "spoilt"
        got = store.get(key_of(given))
        got["spec"]["url"] = "spoilt"
        store.list("Dataset").items[0]["spec"]["url"] = "spoilt"
        assert store.get(key_of(given))["spec"]["url"] == "/data/d.txt"

    def test_any_json_text_comes_back_as_it_was(self, store: Store) -> None:
        odd = {"text": "\ud800 \x00 ü 漢 \U0001f600", "numbers": [0, -1, 1.5, 1e300, 2**70], "none": None}
        made = store.create({**dataset(), "spec": odd})
        assert store.get(key_of(made))["spec"] == odd

    # -- updating ----------------------------------------------------------------------------------------

    def test_generation_grows_only_with_the_wish(self, store: Store) -> None:
        made = store.create(dataset())
        labelled = store.update({**made, "metadata": {**made["metadata"], "labels": {"a": "b"}}})
        assert (labelled["metadata"]["generation"], revision_of(labelled)) == (1, 2)
        moved = store.update(changed(labelled, nodeName="other"))
        assert (moved["metadata"]["generation"], revision_of(moved)) == (2, 3)
        counted = store.update_status({**moved, "status": {"numberOfSamples": 3}})
        assert (counted["metadata"]["generation"], revision_of(counted)) == (2, 4)

    def test_w76_a_write_that_changes_nothing_takes_no_version_and_wakes_nobody(self, store: Store) -> None:
        made = store.create({**dataset(), "status": {"numberOfSamples": 1}})
        with store.watch() as watch:
            assert store.update(made) == made
            assert store.update_status(made) == made
            assert drain(watch) == []
        assert store.revision() == 1

    def test_true_is_not_one(self, store: Store) -> None:
        made = store.create({**dataset(), "spec": {"hot": 1}})
        assert store.update({**made, "spec": {"hot": True}})["spec"]["hot"] is True

    def test_a_stale_version_conflicts(self, store: Store) -> None:
        made = store.create(dataset())
        store.update(changed(made, nodeName="n2"))
        for write in (store.update, store.update_status):
            with pytest.raises(Conflict, match="has been modified"):
                write({**changed(made, nodeName="n3"), "status": {"x": 1}})
        assert store.get(key_of(made))["spec"]["nodeName"] == "n2"

    @pytest.mark.parametrize("version", [None, "", "0"])
    def test_no_version_overwrites(self, store: Store, version: str | None) -> None:
        made = store.create(dataset())
        store.update(changed(made, nodeName="n2"))
        blind = dataset(metadata={} if version is None else {"resourceVersion": version})
        assert store.update(changed(blind, nodeName="n3"))["spec"]["nodeName"] == "n3"

    def test_another_incarnations_uid_conflicts(self, store: Store) -> None:
        made = store.create(dataset())
        store.delete(key_of(made))
        again = store.create(dataset())
        with pytest.raises(Conflict, match="uid"):
            store.update({**dataset(), "metadata": {**dataset()["metadata"], "uid": made["metadata"]["uid"]}})
        assert store.get(key_of(again)) == again

    def test_w01_spec_and_status_keep_out_of_each_others_way(self, store: Store) -> None:
        made = store.create(dataset())
        counted = store.update_status({**changed(made, url="/ignored"), "status": {"numberOfSamples": 3}})
        assert (counted["spec"]["url"], counted["status"]) == ("/data/d.txt", {"numberOfSamples": 3})
        moved = store.update({**changed(counted, url="/new"), "status": {"numberOfSamples": 99}})
        assert (moved["spec"]["url"], moved["status"]) == ("/new", {"numberOfSamples": 3})
        without = {key: value for key, value in moved.items() if key != "status"}
        assert store.update(without)["status"] == {"numberOfSamples": 3}
        assert "status" not in store.update_status(without)

    def test_a_status_write_cannot_touch_metadata(self, store: Store) -> None:
        made = store.create(dataset())
        sly = {**made, "metadata": {**made["metadata"], "labels": {"a": "b"}, "finalizers": ["x"]}, "status": {}}
        assert "labels" not in store.update_status(sly)["metadata"]

    def test_a_step_sees_the_present_version_and_what_it_raises_is_raised(self, store: Store) -> None:
        made = store.create(dataset(status={"n": 1}))
        key, seen = key_of(made), []

        def step(stored: Resource) -> Resource:
            seen.append(stored)
            return changed(stored, url="/stepped")

        assert store.change(key, step)["spec"]["url"] == "/stepped"
        told = store.change(key, lambda stored: {**changed(stored, url="/other"), "status": {"n": 2}}, status=True)
        assert (told["spec"]["url"], told["status"], seen) == ("/stepped", {"n": 2}, [made])
        with pytest.raises(Conflict):
            store.change(key, lambda _: made)
        with pytest.raises(BadRequest):
            store.change(key, refuse)
        with pytest.raises(NotFound):
            store.change(Key("Dataset", "default", "x"), step)
        store.change(key, lambda stored: changed(stored, url="/rehearsed"), dry_run=True)
        assert (store.get(key), store.revision()) == (told, 3)

    def test_what_is_not_there_cannot_be_changed(self, store: Store) -> None:
        for act in (store.update, store.update_status):
            with pytest.raises(NotFound, match='Dataset "d" not found'):
                act(dataset())
        for ask in (store.get, store.delete):
            with pytest.raises(NotFound):
                ask(Key("Dataset", "default", "d"))

    def test_a_rehearsal_leaves_no_trace(self, store: Store) -> None:
        store.create(dataset("new"), dry_run=True)
        made = store.create(dataset(metadata={"finalizers": ["f"]}))
        with store.watch() as watch:
            assert store.update(changed(made, url="/x"), dry_run=True)["spec"]["url"] == "/x"
            store.update_status({**made, "status": {"x": 1}}, dry_run=True)
            assert not store.delete(key_of(made), dry_run=True).gone
            with pytest.raises(AlreadyExists):
                store.create(dataset(), dry_run=True)
            assert drain(watch) == []
        assert list(store.list("Dataset").items) == [made]
        assert store.revision() == 1

    # -- deleting ----------------------------------------------------------------------------------------

    def test_without_finalizers_it_is_gone_at_once(self, store: Store) -> None:
        made = store.create(dataset())
        with store.watch() as watch:
            assert store.delete(key_of(made)).gone
            (change,) = watch.wait(0)
        assert (change.type, change.revision, revision_of(change.resource)) == (ChangeType.DELETED, 2, 2)
        with pytest.raises(NotFound):
            store.get(key_of(made))

    def test_finalizers_hold_it_until_the_last_one_goes(self, store: Store, clock: Any) -> None:
        made = store.create(dataset(metadata={"finalizers": ["a", "b"]}))
        clock.forward(60)
        first = store.delete(key_of(made))
        assert (first.gone, first.resource["metadata"]["deletionTimestamp"]) == (False, "2026-11-22T14:01:00Z")
        clock.forward(60)
        assert store.delete(key_of(made)) == first
        one = {**first.resource, "metadata": {**first.resource["metadata"], "finalizers": ["b"]}}
        one["metadata"].pop("deletionTimestamp")
        left = store.update(one)
        assert left["metadata"]["deletionTimestamp"] == "2026-11-22T14:01:00Z"
        with store.watch() as watch:
            store.update({**left, "metadata": {**left["metadata"], "finalizers": []}})
            assert drain(watch) == [("DELETED", "d")]
        assert store.list("Dataset").items == []

    def test_preconditions_guard_a_deletion(self, store: Store) -> None:
        made = store.create(dataset())
        key = key_of(made)
        with pytest.raises(Conflict):
            store.delete(key, uid="another")
        with pytest.raises(Conflict):
            store.delete(key, resource_version="999")
        assert store.delete(key, uid=made["metadata"]["uid"], resource_version="1").gone

    # -- listing -----------------------------------------------------------------------------------------

    def test_lists_are_ordered_and_say_where_to_watch_on(self, store: Store) -> None:
        for namespace, name in [("b", "x"), ("a", "z"), ("a", "y")]:
            store.create(dataset(name, namespace))
        page = store.list("Dataset")
        assert [str(key_of(item)) for item in page.items] == ["Dataset a/y", "Dataset a/z", "Dataset b/x"]
        assert (page.revision, page.continue_token) == (3, None)
        assert len(store.list("Dataset", "a").items) == 2
        assert store.list("Model").items == []

    def test_pages_share_one_revision_so_that_a_watch_misses_nothing(self, store: Store) -> None:
        for name in "acegi":
            store.create(dataset(name))
        first = store.list("Dataset", limit=2)
        store.delete(Key("Dataset", "default", "a"))
        store.create(dataset("b"))
        store.create(dataset("h"))
        second = store.list("Dataset", limit=2, continue_token=first.continue_token)
        third = store.list("Dataset", limit=9, continue_token=second.continue_token)
        names = [[key_of(item).name for item in page.items] for page in (first, second, third)]
        assert names == [["a", "c"], ["e", "g"], ["h", "i"]]
        assert {page.revision for page in (first, second, third)} == {5}
        with store.watch("Dataset", since=third.revision) as watch:
            assert drain(watch) == [("DELETED", "a"), ("ADDED", "b"), ("ADDED", "h")]

    def test_the_last_page_says_that_it_is_the_last(self, store: Store) -> None:
        for name in "abcd":
            store.create(dataset(name))
        page = store.list("Dataset", limit=2, continue_token=store.list("Dataset", limit=2).continue_token)
        assert (len(page.items), page.continue_token) == (2, None)

    def test_a_page_is_full_even_where_few_match(self, store: Store) -> None:
        for number in range(6):
            store.create(changed(dataset(f"d{number}"), url=f"/{number % 2}"))
        page = store.list("Dataset", matches=url_is("/1"), limit=2)
        assert [key_of(item).name for item in page.items] == ["d1", "d3"]

    def test_a_list_older_than_the_log_is_gone(self, store: Store) -> None:
        for name in "abc":
            store.create(dataset(name))
        token = store.list("Dataset", limit=1).continue_token
        for number in range(2 * self.LOG):
            store.create({**dataset(f"m{number}"), "kind": "Model"})
        with pytest.raises(Gone):
            store.list("Dataset", continue_token=token)

    @pytest.mark.parametrize("token", ["x", "AAAA", "W10", "bnVsbA", "\ud800", "WyJEYXRhc2V0Il0"])
    def test_a_token_of_somebody_else_is_a_bad_request(self, store: Store, token: str) -> None:
        with pytest.raises(BadRequest):
            store.list("Dataset", continue_token=token)

    def test_a_token_goes_with_its_own_list(self, store: Store) -> None:
        store.create(dataset("a"))
        store.create(dataset("b"))
        token = store.list("Dataset", limit=1).continue_token
        with pytest.raises(BadRequest, match="another list"):
            store.list("Model", continue_token=token)

    # -- watching ----------------------------------------------------------------------------------------

    def test_a_watch_tells_everything_since_a_revision_once_and_in_order(self, store: Store) -> None:
        made = store.create(dataset("a"))
        store.create(dataset("b"))
        store.update(changed(made, url="/new"))
        store.delete(key_of(made))
        with store.watch("Dataset", since=1) as watch:
            assert drain(watch) == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "a")]
            assert drain(watch) == []
            assert watch.revision == 4

    def test_a_watch_sees_its_own_kind_and_namespace(self, store: Store) -> None:
        with store.watch("Dataset", "a") as watch, store.watch() as everything:
            store.create(dataset("x", "a"))
            store.create(dataset("x", "b"))
            store.create({**dataset("x", "a"), "kind": "Model"})
            assert drain(watch) == [("ADDED", "x")]
            assert watch.revision == 3
            assert len(drain(everything)) == 3

    def test_w80_to_a_selective_watcher_what_stops_matching_is_deleted(self, store: Store) -> None:
        with store.watch("Dataset", matches=url_is("/mine")) as watch:
            made = store.create(changed(dataset(), url="/other"))
            mine = store.update(changed(made, url="/mine"))
            still = store.update(changed(mine, nodeName="n2"))
            lost = store.update(changed(still, url="/other"))
            store.delete(key_of(lost))
            assert drain(watch) == [("ADDED", "d"), ("MODIFIED", "d"), ("DELETED", "d")]

    def test_a_waiting_watcher_is_woken_by_a_change(self, store: Store) -> None:
        heard: list[tuple[str, str]] = []
        with store.watch("Dataset") as watch:
            listener = threading.Thread(
                target=lambda: heard.extend((change.type.value, change.key.name) for change in watch.wait(30))
            )
            listener.start()
            store.create({**dataset("m"), "kind": "Model"})
            store.create(dataset())
            listener.join(30)
        assert heard == [("ADDED", "d")]

    @pytest.mark.parametrize("whole_store", [False, True], ids=["watch", "store"])
    def test_closing_ends_a_wait(self, store: Store, whole_store: bool) -> None:
        watch = store.watch()
        listener = threading.Thread(target=watch.wait)
        listener.start()
        (store if whole_store else watch).close()
        listener.join(30)
        assert not listener.is_alive()
        assert watch.closed
        assert watch.wait() == ()

    def test_a_watch_that_was_too_slow_is_told_so(self, store: Store) -> None:
        with store.watch(since=0) as watch:
            for number in range(2 * self.LOG):
                store.create(dataset(f"d{number}"))
            with pytest.raises(Gone, match="too old resource version"):
                watch.wait(0)
        with pytest.raises(Gone):
            store.watch(since=0)

    def test_w77_the_log_of_changes_stays_bounded(self, store: Store) -> None:
        assert isinstance(store, RowStore)
        for number in range(5 * self.LOG):
            store.create(dataset(f"d{number}"))
        assert len(store._log._changes) < 2 * self.LOG

    def test_w73_what_is_announced_can_be_read_at_once(self, store: Store) -> None:
        missing: list[Key] = []
        with store.watch() as watch:

            def read() -> None:
                seen = 0
                while seen < 2 * self.LOG - 1 and (changes := watch.wait(30)):
                    seen += len(changes)
                    missing.extend(c.key for c in changes if revision_of(store.get(c.key)) < c.revision)

            reader = threading.Thread(target=read)
            reader.start()
            for number in range(2 * self.LOG - 1):
                store.create(dataset(f"d{number}"))
            reader.join(60)
        assert missing == []

    def test_a_revision_from_the_future_is_gone_too(self, store: Store) -> None:
        with pytest.raises(Gone):
            store.watch(since=1)

    # -- history -----------------------------------------------------------------------------------------

    def test_a_round_is_recorded_once(self, store: Store) -> None:
        job = Key("IncrementalLearningJob", "default", "j")
        assert store.append_round(job, "u", {"round": 1, "result": "first"})
        assert not store.append_round(job, "u", {"round": 1, "result": "again"})
        assert store.rounds(job, "u").items == [{"round": 1, "result": "first"}]
        assert store.revision() == 0

    def test_rounds_come_oldest_first_in_pages(self, store: Store) -> None:
        job = Key("IncrementalLearningJob", "default", "j")
        for number in (3, 1, 5, 2, 4):
            store.append_round(job, "u", {"round": number})
        store.append_round(job, "earlier job of that name", {"round": 9})
        page = store.rounds(job, "u", limit=3)
        assert ([record["round"] for record in page.items], page.continue_after) == ([1, 2, 3], 3)
        page = store.rounds(job, "u", after=3, limit=3)
        assert ([record["round"] for record in page.items], page.continue_after) == ([4, 5], None)
        assert [record["round"] for record in store.rounds(job, "u", newest=2).items] == [4, 5]

    # -- many at once ------------------------------------------------------------------------------------

    def test_steps_at_once_lose_no_change_and_never_conflict(self, store: Store) -> None:
        key = key_of(store.create({**dataset(), "spec": {"count": 0}}))

        def count() -> None:
            for _ in range(10):
                store.change(key, lambda stored: changed(stored, count=stored["spec"]["count"] + 1))

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert (store.get(key)["spec"]["count"], store.revision()) == (40, 41)

    def test_w70_writers_at_once_lose_no_update_and_skip_no_revision(self, store: Store) -> None:
        store.create({**dataset(), "spec": {"count": 0}})
        key = Key("Dataset", "default", "d")

        def count() -> None:
            done = 0
            while done < 10:
                seen = store.get(key)
                try:
                    store.update(changed(seen, count=seen["spec"]["count"] + 1))
                except Conflict:
                    continue
                done += 1

        threads = [threading.Thread(target=count) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert store.get(key)["spec"]["count"] == 40
        assert store.revision() == 41


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self, clock: Any) -> Iterator[Store]:
        store = MemoryStore(clock, log_capacity=self.LOG)
        yield store
        store.close()


class TestSqlStore(StoreContract):
    @pytest.fixture
    def store(self, clock: Any, tmp_path: Path) -> Iterator[Store]:
        store = SqlStore(f"sqlite:///{tmp_path / 'gm.db'}", clock, log_capacity=self.LOG)
        yield store
        store.close()
