"""The artifact store on S3, against a real S3 server: whole or not there, resumed, verified, with its own key."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sedna_lc.artifacts.blobs import Blob, BlobNotFound, BlobStore, WrongDigest
from sedna_lc.artifacts.fsspec_blobs import FsspecBlobs, open_blobs, store_credential
from sedna_lc.errors import Again, Hindered, Never
from tests.s3_servers import BUCKET, S3Server, s3_server

# More than one part of an upload, and more than one piece of a download.
LARGE = os.urandom(1 << 16) * (20 << 4)


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as made:
        yield made


@pytest.fixture
def credentials(server: S3Server, tmp_path: Path) -> Path:
    folder = tmp_path / "credentials"
    server.write_credentials(folder)
    (folder / "good").rename(folder / "artifacts")
    return folder


@pytest.fixture
def store(credentials: Path, request: pytest.FixtureRequest) -> FsspecBlobs:
    return open_blobs(f"s3://{BUCKET}/{request.node.name}/", credentials)


def blob(path: Path, content: bytes) -> Blob:
    path.write_bytes(content)
    return Blob(hashlib.sha256(content).hexdigest(), len(content))


def silent(_: int) -> None:
    pass


def test_it_is_a_store(store: FsspecBlobs) -> None:
    promised: BlobStore = store
    assert promised.missing([]) == {}


@pytest.mark.parametrize("content", [b"", b"weights", LARGE], ids=["empty", "small", "large"])
def test_a_blob_goes_there_once_and_comes_back(
    server: S3Server, store: FsspecBlobs, tmp_path: Path, content: bytes
) -> None:
    one = blob(tmp_path / "one", content)
    other = Blob("f" * 64, 7)
    assert store.missing([one, other]) == {one.sha256: 0, other.sha256: 0}
    told: list[int] = []
    store.send(one, tmp_path / "one", 0, told.append)
    assert told[-1:] == ([len(content)] if content else [])
    assert store.missing([one, other]) == {other.sha256: 0}
    arrived: list[int] = []
    store.fetch(one, tmp_path / "part", 0, arrived.append)
    assert (tmp_path / "part").read_bytes() == content
    assert arrived == sorted(arrived)


def test_a_blob_lies_under_its_sha256(server: S3Server, store: FsspecBlobs, tmp_path: Path) -> None:
    one = blob(tmp_path / "one", b"weights")
    store.send(one, tmp_path / "one", 0, silent)
    folder = "test_a_blob_lies_under_its_sha256"
    assert server.keys(folder) == [f"{folder}/blobs/{one.sha256[:2]}/{one.sha256}"]


class Cut(Exception):
    """The line, or this program, at the worst moment."""


def cut_at(limit: int):  # type: ignore[no-untyped-def]
    def told(done: int) -> None:
        if done >= limit:
            raise Cut

    return told


def test_a_send_that_is_cut_leaves_no_half_blob(server: S3Server, store: FsspecBlobs, tmp_path: Path) -> None:
    one = blob(tmp_path / "one", LARGE)
    with pytest.raises(Cut):
        store.send(one, tmp_path / "one", 0, cut_at(18 << 20))
    assert store.missing([one]) == {one.sha256: 0}
    assert server.unfinished() == []
    store.send(one, tmp_path / "one", 0, silent)
    assert store.missing([one]) == {}


def test_a_fetch_that_is_cut_goes_on_where_it_was(store: FsspecBlobs, tmp_path: Path) -> None:
    one = blob(tmp_path / "one", LARGE)
    store.send(one, tmp_path / "one", 0, silent)
    part = tmp_path / "part"
    with pytest.raises(Cut):
        store.fetch(one, part, 0, cut_at(1))
    arrived = part.stat().st_size
    assert 0 < arrived < len(LARGE)
    told: list[int] = []
    store.fetch(one, part, arrived, told.append)
    assert told[0] > arrived
    assert part.read_bytes() == LARGE


@pytest.mark.parametrize("content", [b"changed", b"weight", b"weights and more"], ids=["other", "shorter", "longer"])
def test_a_file_that_has_changed_gets_no_name(
    server: S3Server, store: FsspecBlobs, tmp_path: Path, content: bytes
) -> None:
    one = blob(tmp_path / "one", b"weights")
    (tmp_path / "one").write_bytes(content)
    with pytest.raises(WrongDigest):
        store.send(one, tmp_path / "one", 0, silent)
    assert store.missing([one]) == {one.sha256: 0}
    assert server.unfinished() == []


def test_a_file_that_is_gone_or_a_pipe_now_is_not_waited_for(store: FsspecBlobs, tmp_path: Path) -> None:
    one = Blob("0" * 64, 7)
    os.mkfifo(tmp_path / "pipe")
    for name in ("gone", "pipe"):
        with pytest.raises(WrongDigest, match=name):
            store.send(one, tmp_path / name, 0, silent)


def test_a_blob_of_another_size_is_sent_again(server: S3Server, store: FsspecBlobs, tmp_path: Path) -> None:
    one = blob(tmp_path / "one", b"weights")
    folder = "test_a_blob_of_another_size_is_sent_again"
    server.put(f"{folder}/blobs/{one.sha256[:2]}/{one.sha256}", b"w")
    assert store.missing([one]) == {one.sha256: 0}
    store.send(one, tmp_path / "one", 0, silent)
    assert store.missing([one]) == {}


def test_what_is_asked_for_counts_as_new_and_is_the_same(
    server: S3Server, store: FsspecBlobs, credentials: Path, tmp_path: Path
) -> None:
    one = blob(tmp_path / "one", b"weights")
    store.send(one, tmp_path / "one", 0, silent)
    key = server.keys("test_what_is_asked_for_counts")[0]
    assert store.missing([one]) == {}
    assert server.s3.head_object(Bucket=BUCKET, Key=key)["Metadata"] == {}
    url = f"s3://{BUCKET}/{key.partition('/')[0]}"
    eager = FsspecBlobs(url, lambda: store_credential(url, credentials), renew_seconds=-3600)
    assert eager.missing([one]) == {}
    assert "renewed" in server.s3.head_object(Bucket=BUCKET, Key=key)["Metadata"]
    assert server.content(key) == b"weights"


def test_what_is_not_there_is_said(store: FsspecBlobs, tmp_path: Path) -> None:
    with pytest.raises(BlobNotFound):
        store.fetch(Blob("0" * 64, 5), tmp_path / "part", 0, silent)
    assert not (tmp_path / "part").exists()


class TestRefusals:
    def test_without_a_credential_the_file_to_make_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(Again, match=f"make the file {tmp_path}/artifacts") as raised:
            open_blobs(f"s3://{BUCKET}/x", tmp_path).missing([Blob("0" * 64, 1)])
        assert raised.value.reason == "CredentialNotFound"

    def test_the_services_own_environment_comes_second(
        self, server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("S3_ENDPOINT_URL", server.endpoint)
        monkeypatch.setenv("ACCESS_KEY_ID", server.good["accessKeyId"])
        monkeypatch.setenv("SECRET_ACCESS_KEY", server.good["secretAccessKey"])
        assert open_blobs(f"s3://{BUCKET}/x", tmp_path).missing([Blob("0" * 64, 1)]) == {"0" * 64: 0}

    @pytest.mark.parametrize("name", ["wrong-secret", "unknown-key", "powerless"])
    def test_a_wrong_key_is_waited_for_and_never_told(self, credentials: Path, server: S3Server, name: str) -> None:
        (credentials / name).replace(credentials / "artifacts")
        with pytest.raises(Again) as raised:
            open_blobs(f"s3://{BUCKET}/x", credentials).missing([Blob("0" * 64, 1)])
        assert raised.value.reason == "AccessDenied"
        assert str(credentials / "artifacts") in raised.value.message
        for secret in (server.good["secretAccessKey"], server.powerless["secretAccessKey"], "hunter2"):
            assert secret not in raised.value.message

    def test_a_credential_that_was_mended_is_used_at_once(self, credentials: Path, server: S3Server) -> None:
        good = (credentials / "artifacts").read_text()
        (credentials / "artifacts").write_text((credentials / "wrong-secret").read_text())
        store = open_blobs(f"s3://{BUCKET}/x", credentials)
        with pytest.raises(Again):
            store.missing([Blob("0" * 64, 1)])
        (credentials / "artifacts").write_text(good)
        assert store.missing([Blob("0" * 64, 1)])

    def test_a_store_that_does_not_answer_hinders(self, credentials: Path) -> None:
        (credentials / "elsewhere").replace(credentials / "artifacts")
        with pytest.raises(Hindered) as raised:
            open_blobs(f"s3://{BUCKET}/x", credentials).missing([Blob("0" * 64, 1)])
        assert raised.value.reason == "StoreUnreachable"

    def test_a_bucket_that_is_not_there_is_named(self, credentials: Path, tmp_path: Path) -> None:
        one = blob(tmp_path / "one", b"weights")
        with pytest.raises(Again, match="no bucket 'no-such-bucket'"):
            open_blobs("s3://no-such-bucket/x", credentials).send(one, tmp_path / "one", 0, silent)

    def test_what_no_package_opens_is_refused_for_good(self, tmp_path: Path) -> None:
        with pytest.raises(Never, match="gs://"):
            open_blobs("gs://bucket/x", tmp_path).missing([Blob("0" * 64, 1)])


def test_a_host_that_uses_no_s3_loads_none_of_it() -> None:
    code = (
        "import sys, sedna_lc.daemon.wiring, sedna_lc.artifacts.fsspec_blobs, sedna.common.file_ops\n"
        "print(sorted({'fsspec', 's3fs', 'botocore', 'aiobotocore', 'aiohttp'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.strip() == "[]"
