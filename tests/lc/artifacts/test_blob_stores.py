"""What holds for every store of blobs, and what only the GlobalManager's own one must do."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sedna_gm.artifacts.disks import DiskBlobs
from sedna_gm.http.apps import create_app
from sedna_gm.http.parts import Parts
from sedna_gm.settings import ArtifactSettings, HttpSettings
from sedna_gm.store.heartbeats import Heartbeats
from sedna_gm.store.memory import MemoryStore as GmStore
from sedna_lc.artifacts.blobs import Blob, BlobNotFound, BlobStore, WrongDigest
from sedna_lc.artifacts.fsspec_blobs import CREDENTIAL, open_blobs
from sedna_lc.artifacts.gm_blobs import GmBlobs
from sedna_lc.errors import Again
from sedna_lc.gm.clients import GmClient
from tests.gm.http.doors import StandingClock
from tests.lc.fakes.blobs import MemoryBlobs
from tests.s3_servers import BUCKET, S3Server, s3_server

CONTENT = b"0123456789" * 10


def put(path: Path, content: bytes) -> Blob:
    path.write_bytes(content)
    return Blob(hashlib.sha256(content).hexdigest(), len(content))


def silent(_: int) -> None:
    pass


class Cut(Exception):
    pass


def cut_at(most: int) -> object:
    def told(now: int) -> None:
        if now >= most:
            raise Cut

    return told


class BlobStoreContract:
    """A subclass says how to make a store."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> BlobStore:
        raise NotImplementedError

    @pytest.mark.parametrize("content", [b"", b"x", CONTENT], ids=["empty", "one byte", "several pieces"])
    def test_what_is_sent_comes_back(self, store: BlobStore, tmp_path: Path, content: bytes) -> None:
        blob = put(tmp_path / "source", content)
        assert store.missing([blob]) == {blob.sha256: 0}
        store.send(blob, tmp_path / "source", 0, silent)
        assert store.missing([blob]) == {}
        store.fetch(blob, tmp_path / "part", 0, silent)
        assert (tmp_path / "part").read_bytes() == content

    def test_a_copy_that_is_right_stays(self, store: BlobStore, tmp_path: Path) -> None:
        blob = put(tmp_path / "source", CONTENT)
        store.send(blob, tmp_path / "source", 0, silent)
        assert store.verify(blob)
        assert store.missing([blob]) == {}

    def test_only_what_is_missing_is_asked_for(self, store: BlobStore, tmp_path: Path) -> None:
        there, missing = put(tmp_path / "a", b"a"), put(tmp_path / "b", b"b")
        store.send(there, tmp_path / "a", 0, silent)
        assert store.missing([there, missing]) == {missing.sha256: 0}
        assert store.missing([]) == {}

    def test_a_send_that_was_cut_goes_on_from_where_the_store_says(self, store: BlobStore, tmp_path: Path) -> None:
        blob = put(tmp_path / "source", CONTENT)
        with pytest.raises(Cut):
            store.send(blob, tmp_path / "source", 0, cut_at(50))  # type: ignore[arg-type]
        offset = store.missing([blob])[blob.sha256]
        assert 0 <= offset < len(CONTENT)
        store.send(blob, tmp_path / "source", offset, silent)
        assert store.missing([blob]) == {}

    def test_a_fetch_that_was_cut_goes_on_where_it_was(self, store: BlobStore, tmp_path: Path) -> None:
        blob = put(tmp_path / "source", CONTENT)
        store.send(blob, tmp_path / "source", 0, silent)
        part = tmp_path / "part"
        part.write_bytes(CONTENT[:33])
        store.fetch(blob, part, 33, silent)
        assert part.read_bytes() == CONTENT

    def test_a_fetch_of_what_is_here_already_brings_nothing(self, store: BlobStore, tmp_path: Path) -> None:
        blob = put(tmp_path / "source", CONTENT)
        store.send(blob, tmp_path / "source", 0, silent)
        store.fetch(blob, tmp_path / "source", len(CONTENT), silent)
        assert (tmp_path / "source").read_bytes() == CONTENT

    def test_bytes_that_are_not_what_they_are_called_are_thrown_away(self, store: BlobStore, tmp_path: Path) -> None:
        blob = put(tmp_path / "source", CONTENT)
        (tmp_path / "source").write_bytes(CONTENT[:-1] + b"X")
        with pytest.raises(WrongDigest):
            store.send(blob, tmp_path / "source", 0, silent)
        assert store.missing([blob]) == {blob.sha256: 0}

    def test_a_file_that_has_become_shorter_is_noticed(self, store: BlobStore, tmp_path: Path) -> None:
        blob = put(tmp_path / "source", CONTENT)
        (tmp_path / "source").write_bytes(CONTENT[:-1])
        with pytest.raises(WrongDigest):
            store.send(blob, tmp_path / "source", 0, silent)

    def test_a_file_that_has_gone_is_noticed(self, store: BlobStore, tmp_path: Path) -> None:
        with pytest.raises(WrongDigest):
            store.send(Blob("0" * 64, 5), tmp_path / "nothing", 0, silent)

    def test_a_store_that_has_more_than_the_blob_is_long_fills_no_disk(self, store: BlobStore, tmp_path: Path) -> None:
        blob = put(tmp_path / "source", CONTENT)
        store.send(blob, tmp_path / "source", 0, silent)
        with pytest.raises(WrongDigest, match="longer than 20 bytes"):
            store.fetch(Blob(blob.sha256, 20), tmp_path / "part", 0, silent)
        assert not (tmp_path / "part").exists() or (tmp_path / "part").stat().st_size <= 20

    def test_a_blob_that_is_not_there_is_said_to_be_missing(self, store: BlobStore, tmp_path: Path) -> None:
        with pytest.raises(BlobNotFound):
            store.fetch(Blob("0" * 64, 5), tmp_path / "part", 0, silent)

    def test_the_moving_is_told_up_to_the_end(self, store: BlobStore, tmp_path: Path) -> None:
        blob = put(tmp_path / "source", CONTENT)
        sent: list[int] = []
        fetched: list[int] = []
        store.send(blob, tmp_path / "source", 0, sent.append)
        store.fetch(blob, tmp_path / "part", 0, fetched.append)
        for told in (sent, fetched):
            assert told == sorted(told)
            assert told[-1] == len(CONTENT)


class TestInMemory(BlobStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> BlobStore:
        return MemoryBlobs()


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as made:
        yield made


class TestOnS3(BlobStoreContract):
    @pytest.fixture
    def store(self, server: S3Server, tmp_path: Path) -> BlobStore:
        server.write_credentials(tmp_path / "credentials")
        (tmp_path / "credentials" / "good").rename(tmp_path / "credentials" / CREDENTIAL)
        return open_blobs(f"s3://{BUCKET}/{tmp_path.name}", tmp_path / "credentials")


class Door:
    """The true GlobalManager's door over a disk, without a server; counts what goes through."""

    def __init__(self, folder: Path, **settings: int) -> None:
        clock = StandingClock()
        artifacts = ArtifactSettings(folder=str(folder), **settings)
        self.store = GmStore(clock)
        self.parts = Parts(self.store, Heartbeats(clock), clock, DiskBlobs(artifacts, clock), HttpSettings())
        self.requests: list[httpx.Request] = []
        wsgi = httpx.WSGITransport(create_app(self.parts))

        def answer(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            return wsgi.handle_request(request)

        self.client = GmClient("http://localhost", httpx.MockTransport(answer))

    def close(self) -> None:
        self.client.close()
        self.parts.exchange.close()
        self.store.close()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path / "gm")
    yield made
    made.close()


class TestAtTheGlobalManager(BlobStoreContract):
    @pytest.fixture
    def store(self, door: Door) -> BlobStore:
        # Pieces far smaller than a real one, so that a test's blob has several.
        return GmBlobs(door.client, piece=16)

    def test_a_copy_that_the_disk_has_spoilt_is_dropped_and_taken_anew(self, door: Door, tmp_path: Path) -> None:
        blob = put(tmp_path / "source", CONTENT)
        store = GmBlobs(door.client)
        store.send(blob, tmp_path / "source", 0, silent)
        (copy,) = (tmp_path / "gm").rglob(blob.sha256)
        copy.chmod(0o600)
        copy.write_bytes(CONTENT[::-1])
        assert not store.verify(blob)
        assert not store.verify(blob), "it is gone"
        assert store.missing([blob]) == {blob.sha256: 0}
        store.send(blob, tmp_path / "source", 0, silent)
        assert store.verify(blob)

    def test_a_gm_that_has_no_room_says_so(self, tmp_path: Path) -> None:
        door = Door(tmp_path / "gm", max_bytes=10)
        blob = put(tmp_path / "source", CONTENT)
        with pytest.raises(Again) as problem:
            GmBlobs(door.client).missing([blob])
        assert problem.value.reason == "StoreFull"
        assert "artifacts.maxBytes" in problem.value.message
        with pytest.raises(Again) as problem:
            GmBlobs(door.client).send(blob, tmp_path / "source", 0, silent)
        assert problem.value.reason == "StoreFull"
        door.close()

    def test_two_senders_of_one_blob_help_each_other(self, door: Door, tmp_path: Path) -> None:
        blob = put(tmp_path / "source", CONTENT)
        other = GmBlobs(door.client, piece=16)

        def meanwhile(now: int) -> None:
            if now == 16:
                other.send(blob, tmp_path / "source", other.missing([blob])[blob.sha256], silent)

        GmBlobs(door.client, piece=16).send(blob, tmp_path / "source", 0, meanwhile)
        assert other.missing([blob]) == {}

    def test_a_wrong_idea_of_where_to_go_on_is_put_right(self, door: Door, tmp_path: Path) -> None:
        blob = put(tmp_path / "source", CONTENT)
        store = GmBlobs(door.client, piece=16)
        store.send(blob, tmp_path / "source", 64, silent)
        assert store.missing([blob]) == {}

    def test_many_blobs_are_asked_for_in_questions_of_a_bearable_size(self, door: Door) -> None:
        blobs = [Blob(hashlib.sha256(str(number).encode()).hexdigest(), 1) for number in range(5000)]
        assert len(GmBlobs(door.client).missing(blobs)) == 5000
        assert [len(request.content) < 300_000 for request in door.requests] == [True] * 3


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=300), cuts=st.lists(st.integers(0, 300), max_size=6))
def test_whatever_is_cut_the_right_bytes_arrive(tmp_path: Path, content: bytes, cuts: list[int]) -> None:
    """Both ways through the true store: each cut is after so many bytes, then it goes on."""
    folder = tmp_path / hashlib.sha256(content + str(cuts).encode()).hexdigest()
    folder.mkdir(exist_ok=True)
    door = Door(folder / "gm")
    store = GmBlobs(door.client, piece=32)
    blob = put(folder / "source", content)
    for cut in cuts:
        gaps = store.missing([blob])
        if gaps:
            try:
                store.send(blob, folder / "source", gaps[blob.sha256], cut_at(cut))  # type: ignore[arg-type]
            except Cut:
                continue
    if gaps := store.missing([blob]):
        store.send(blob, folder / "source", gaps[blob.sha256], silent)
    part = folder / "part"
    part.unlink(missing_ok=True)
    for cut in [*cuts, 10**9]:
        begin = part.stat().st_size if part.exists() else 0
        try:
            store.fetch(blob, part, begin, cut_at(cut))  # type: ignore[arg-type]
        except Cut:
            continue
        break
    assert part.read_bytes() == content
    door.close()
