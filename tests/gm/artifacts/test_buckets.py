"""A bucket is swept by whoever knows all GlobalManagers that use it; over fsspec's own memory, and a real S3 server."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fsspec
import httpx
import pytest
from click.testing import CliRunner

from sedna.api.trees import Tree, TreeFile
from sedna.cli.proving import Proof
from sedna_gm.artifacts.buckets import BucketBlobs
from sedna_gm.daemon.collecting import CollectingFailed, collect
from sedna_gm.daemon.main import main
from tests.s3_servers import BUCKET, S3Server, s3_server

DAY = 86400.0
SERVERS = ("http://one:9000", "http://two:9000/")


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def later() -> datetime:
    return datetime.now(timezone.utc) + timedelta(seconds=DAY + 60)


class Managers(httpx.MockTransport):
    """GlobalManagers, by their hosts: the Artifacts of each, or None for one that is down."""

    def __init__(self, **artifacts: Any) -> None:
        self.artifacts = artifacts
        super().__init__(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/apis/sedna.io/v1alpha1/artifacts"
        found = self.artifacts[request.url.host]
        return httpx.Response(503) if found is None else httpx.Response(200, json={"items": found})


def artifact(store: str, tree: str, phase: str = "Ready") -> dict[str, Any]:
    metadata = {"name": "a", "namespace": "factory"}
    return {"metadata": metadata, "spec": {"store": store}, "status": {"phase": phase, "tree": tree}}


@pytest.fixture
def url() -> Iterator[str]:
    url = f"memory://store-{uuid.uuid4().hex}/prefix"
    yield url
    system = fsspec.filesystem("memory")
    if system.exists(url.removeprefix("memory://")):
        system.rm(url.removeprefix("memory://"), recursive=True)


def keep(url: str, *contents: bytes) -> str:
    """Puts contents and their tree there; returns the tree's sha256."""
    tree = Tree("folder", tuple(TreeFile(f"f{n}", len(data), sha(data)) for n, data in enumerate(contents)))
    system = fsspec.filesystem("memory")
    for data in (*contents, tree.dump()):
        system.pipe_file(f"{url.removeprefix('memory://')}/blobs/{sha(data)[:2]}/{sha(data)}", data)
    return tree.digest


def left(url: str) -> set[str]:
    return {blob.sha256 for blob in BucketBlobs(url, fsspec.filesystem("memory")).list()}


def sweep(url: str, managers: Managers, clock: Any = later, *, force: bool = True) -> Any:
    return collect(url, SERVERS, Path("/nonexistent"), DAY, clock, managers, force=force)


def test_what_an_artifact_of_any_manager_names_stays(url: str) -> None:
    one, two, other = keep(url, b"a", b"b"), keep(url, b"b", b"c"), keep(url, b"d")
    managers = Managers(one=[artifact(url, one)], two=[artifact(f"{url}/", two), artifact("s3://else/where", other)])
    swept = sweep(url, managers, force=False)
    assert left(url) == {one, two, sha(b"a"), sha(b"b"), sha(b"c")}
    assert (swept.blobs, swept.size > 1) == (2, True)
    assert sweep(url, managers).blobs == 0


@pytest.mark.parametrize("called", ["s3a://{}/prefix", "memory://{}//prefix", "s3://{}/prefix//", "S3A://{}///prefix/"])
def test_a_store_that_is_called_otherwise_is_the_same_one_and_loses_nothing(url: str, called: str) -> None:
    tree = keep(url, b"a")
    bucket = url.removeprefix("memory://").removesuffix("/prefix")
    sweep(url, Managers(one=[artifact(called.format(bucket), tree)], two=[]), force=False)
    assert left(url) == {tree, sha(b"a")}


def test_a_store_in_which_no_artifact_lies_is_not_emptied_by_a_slip(url: str) -> None:
    tree = keep(url, b"a")
    managers = Managers(one=[artifact(url.replace("prefix", "perfix"), tree)], two=[artifact("", "f" * 64)])
    with pytest.raises(CollectingFailed, match=r"lie in other stores \(memory://.*/perfix, their Glob.*say --force"):
        sweep(url, managers, force=False)
    with pytest.raises(CollectingFailed, match=r"there are no Artifacts at all.*say --force"):
        sweep(url, Managers(one=[], two=[]), force=False)
    assert left(url) == {tree, sha(b"a")}
    sweep(url, managers)
    assert left(url) == set()


def test_what_is_young_stays(url: str) -> None:
    keep(url, b"a")
    before = left(url)
    sweep(url, Managers(one=[], two=[]), lambda: datetime.now(timezone.utc))
    assert left(url) == before


@pytest.mark.parametrize("phase", ["Pending", "Sending"])
def test_nothing_goes_while_anything_is_being_sent_there(url: str, phase: str) -> None:
    """Its sender may have found an old blob there, and does not send it again."""
    keep(url, b"a")
    before = left(url)
    managers = Managers(one=[artifact("", "f" * 64, phase)], two=[artifact(url, "f" * 64, phase)])
    with pytest.raises(CollectingFailed, match=r"factory/a is being sent"):
        sweep(url, managers)
    assert left(url) == before
    managers.artifacts["two"] = []
    sweep(url, managers)
    assert left(url) == set()


def test_one_manager_that_does_not_answer_keeps_everything(url: str) -> None:
    keep(url, b"a")
    before = left(url)
    with pytest.raises(CollectingFailed, match=r"http://two:9000/ answered 503"):
        sweep(url, Managers(one=[], two=None))
    assert left(url) == before


def test_what_is_no_blob_is_none_of_ours(url: str) -> None:
    keep(url, b"a")
    system = fsspec.filesystem("memory")
    top = url.removeprefix("memory://")
    others = [f"{top}/readme.txt", f"{top}/blobs/readme.txt", f"{top}/blobs/zz/{'a' * 64}"]
    for name in others:
        system.pipe_file(name, b"somebody else's")
    sweep(url, Managers(one=[], two=[]))
    assert left(url) == set()
    assert all(system.exists(name) for name in others)


def test_what_was_written_anew_between_looking_and_removing_stays(url: str) -> None:
    keep(url, b"a")
    blobs = BucketBlobs(url, fsspec.filesystem("memory"))
    listed = list(blobs.list())
    tree = keep(url, b"a")
    assert blobs.delete(listed) == 0
    assert left(url) == {tree, sha(b"a")}
    assert blobs.read("0" * 64, 10) is None
    with pytest.raises(ValueError, match="more than the 3"):
        blobs.read(tree, 3)


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


def test_a_real_s3_bucket_is_swept(s3: S3Server, tmp_path: Path) -> None:
    s3.write_credentials(tmp_path)
    (tmp_path / "good").rename(tmp_path / "artifacts")
    content = b"nobody names this"
    s3.put(f"p/blobs/{sha(content)[:2]}/{sha(content)}", content)
    s3.put("p/readme", b"somebody else's")
    store = f"s3://{BUCKET}/p"
    swept = collect(store, SERVERS, tmp_path, DAY, later, Managers(one=[], two=[]), force=True)
    assert (swept.blobs, swept.size) == (1, len(content))
    assert s3.keys("p/") == ["p/readme"]


@pytest.mark.parametrize(
    ("credential", "said"),
    [
        ("powerless", "denies access"),
        ("wrong-secret", "secret key is wrong"),
        ("elsewhere", "cannot be reached"),
        (None, "there is no credential"),
    ],
)
def test_a_bucket_that_cannot_be_swept_is_explained_in_a_sentence(
    s3: S3Server, tmp_path: Path, credential: str | None, said: str
) -> None:
    s3.write_credentials(tmp_path)
    if credential is not None:
        (tmp_path / credential).rename(tmp_path / "artifacts")
    arguments = ["collect", f"s3://{BUCKET}/p", "--server", "http://127.0.0.1:1", "--credentials-dir", str(tmp_path)]
    failed = CliRunner().invoke(main, arguments)
    assert failed.exit_code == 1
    assert said in failed.output
    assert "hunter2" not in failed.output
    assert "Traceback" not in failed.output


def test_a_manager_that_is_not_there_is_named(url: str) -> None:
    keep(url, b"a")
    failed = CliRunner().invoke(main, ["collect", url, "--server", "http://127.0.0.1:1"])
    assert failed.exit_code == 1
    assert "http://127.0.0.1:1" in failed.output


def test_each_manager_is_shown_the_token_that_is_for_it(url: str) -> None:
    shown: dict[str, str] = {}

    class Asking(Managers):
        def _answer(self, request: httpx.Request) -> httpx.Response:
            shown[request.url.host] = request.headers.get("Authorization", "")
            return super()._answer(request)

    proofs = {server: Proof(token=f"token-of-{httpx.URL(server).host}") for server in SERVERS}
    keep(url, b"a")
    collect(url, SERVERS, Path("/nonexistent"), DAY, later, Asking(one=[], two=[]), proofs=proofs, force=True)
    assert shown == {"one": "Bearer token-of-one", "two": "Bearer token-of-two"}


def test_a_manager_that_lets_nobody_in_keeps_everything(url: str) -> None:
    tree = keep(url, b"a")
    refusing = httpx.MockTransport(lambda _: httpx.Response(401))
    with pytest.raises(CollectingFailed, match="say who you are by --token-file"):
        collect(url, SERVERS, Path("/nonexistent"), DAY, later, refusing, force=True)
    assert left(url) == {tree, sha(b"a")}
