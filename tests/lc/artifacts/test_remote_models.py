"""Models on S3 come to the node that needs them: once, whole, resumed, and with a sentence when they do not."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sedna.api.workers import ModelReference
from sedna.common.credentials import Credential
from sedna.common.digests import digest
from sedna.common.object_stores import FileSystem, Opener, open_file_system
from sedna.common.remote_errors import Unreachable
from sedna_lc.artifacts.remote_models import RemoteModels
from sedna_lc.artifacts.remote_versions import RemoteVersions
from sedna_lc.errors import Hindered, Never
from sedna_lc.gm.pauses import growing
from tests.s3_servers import BUCKET, S3Server, s3_server

DEADLINE = 30.0
KEY = ("default", "w")
LARGE = os.urandom(1 << 16) * (20 << 4)


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as made:
        yield made


def soon() -> Iterator[float]:
    return growing(0.05, 0.1)


class Node:
    """An LC's part, and a worker that waits to be told."""

    def __init__(
        self,
        folder: Path,
        opener: Opener = open_file_system,
        pauses: Callable[[], Iterator[float]] = soon,
    ) -> None:
        self.folder = folder / "remote"
        self.credentials = folder / "credentials"
        self.wanted: set[str] = set()
        self.now = 0.0
        self.free = 10**9
        self._told = threading.Condition()
        self._count = 0
        versions = RemoteVersions(self.folder, lambda _: self.free)
        self.models = RemoteModels(
            versions, self.credentials, lambda: self.wanted, pauses, lambda: self.now + time.monotonic(), opener
        )
        self.models.subscribe(self._wake)
        self.models.start()

    def _wake(self, key: tuple[str, str]) -> None:
        with self._told:
            self._count += 1
            self._told.notify_all()

    def bring(self, url: str, content: str | None = None, credential: str | None = "good") -> Path:
        return self.models.bring(self.reference(url, content, credential), KEY)

    def reference(self, url: str, content: str | None, credential: str | None) -> ModelReference:
        self.wanted.add(url)
        return ModelReference(name="m", url=url, sha256=content, credential_name=credential)

    def until(self, good: Callable[[], object]) -> object:
        """Look again whenever it is told that something has changed."""
        end = time.monotonic() + DEADLINE
        with self._told:
            while True:
                seen = self._count
                result = good()
                if result:
                    return result
                if not self._told.wait_for(lambda seen=seen: self._count != seen, end - time.monotonic()):  # type: ignore[misc]
                    raise AssertionError("it did not come to that")

    def arrives(self, url: str, content: str | None = None, credential: str | None = "good") -> Path:
        def here() -> Path | None:
            try:
                return self.bring(url, content, credential)
            except Hindered:
                return None

        path = self.until(here)
        assert isinstance(path, Path)
        return path

    def hindered(self, url: str, reason: str, credential: str | None = "good", content: str | None = None) -> str:
        def said() -> str | None:
            try:
                self.bring(url, content, credential)
            except Hindered as problem:
                return problem.message if problem.reason == reason else None
            raise AssertionError("it has come")

        return str(self.until(said))


@pytest.fixture
def node(server: S3Server, tmp_path: Path) -> Iterator[Node]:
    made = Node(tmp_path)
    server.write_credentials(made.credentials)
    yield made
    made.models.close()


def upload(server: S3Server, name: str, **files: bytes) -> str:
    for relative, content in files.items():
        server.put(f"{name}/{relative.replace('__', '/')}", content)
    return f"s3://{BUCKET}/{name}"


def test_a_folder_comes_whole_under_its_own_name(server: S3Server, node: Node) -> None:
    url = upload(server, "folder/saved_model", graph=b"graph", variables__data=b"weights", empty=b"")
    path = node.arrives(url)
    assert path.name == "saved_model"
    assert sorted(one.relative_to(path).as_posix() for one in path.rglob("*") if one.is_file()) == [
        "empty",
        "graph",
        "variables/data",
    ]
    assert node.bring(url, digest(path)) == path


def test_a_file_keeps_its_ending(server: S3Server, node: Node) -> None:
    path = node.arrives(server.put("file/model.pb", b"weights"))
    assert path.name == "model.pb"
    assert path.read_bytes() == b"weights"
    assert path.stat().st_mode & 0o777 == 0o444


def test_the_first_answer_says_that_it_is_on_its_way(server: S3Server, node: Node) -> None:
    url = server.put("first/model.pb", b"weights")
    with pytest.raises(Hindered, match=url) as raised:
        node.bring(url)
    assert raised.value.reason == "FetchingModel"


def test_with_its_sha256_it_needs_no_store_once_it_is_here(server: S3Server, node: Node) -> None:
    url = server.put("known/model.pb", b"weights")
    content = hashlib.sha256(b"weights").hexdigest()
    path = node.arrives(url, content)
    shutil.rmtree(node.credentials)
    assert node.bring(url, content.upper()) == path


def test_another_content_than_was_asked_for_is_not_given(server: S3Server, node: Node) -> None:
    url = server.put("other/model.pb", b"weights")
    message = node.hindered(url, "ContentDiffers", content="0" * 64)
    assert hashlib.sha256(b"weights").hexdigest() in message
    # Mended by whoever put it there.
    content = hashlib.sha256(b"right").hexdigest()
    server.put("other/model.pb", b"right")
    assert node.arrives(url, content).read_bytes() == b"right"


def test_what_was_replaced_in_the_store_is_fetched_anew_and_the_old_one_stays_whole(
    server: S3Server, node: Node
) -> None:
    url = server.put("replaced/model.pb", b"old")
    old = node.arrives(url)
    server.put("replaced/model.pb", b"new")
    node.now += 3600
    new = node.arrives(url)
    assert (old.read_bytes(), new.read_bytes()) == (b"old", b"new")


class Cutting:
    """A file system whose line is cut after some pieces."""

    def __init__(self, inner: FileSystem, pieces: int) -> None:
        self.inner = inner
        self.pieces = pieces
        self.asked: list[int] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def cat_file(self, path: str, *, start: int, end: int) -> bytes:
        if len(self.asked) >= self.pieces:
            raise ConnectionError("cut")
        self.asked.append(start)
        return self.inner.cat_file(path, start=start, end=end)


def test_w04_w56_a_cut_loses_no_piece_even_over_a_restart(server: S3Server, tmp_path: Path) -> None:
    url = server.put("cut/model.pb", LARGE)
    lines: list[Cutting] = []

    def opener(url: str, credential: Credential | None) -> FileSystem:
        # The first line carries one piece, the second all that is left.
        lines.append(Cutting(open_file_system(url, credential), 1 if not lines else 100))
        return lines[-1]  # type: ignore[return-value]

    first = Node(tmp_path, lambda url, credential: Cutting(open_file_system(url, credential), 0))  # type: ignore[arg-type, return-value]
    server.write_credentials(first.credentials)
    assert "cut" in first.hindered(url, "StoreUnreachable")
    first.models.close()
    second = Node(tmp_path, opener)
    try:
        assert second.arrives(url).read_bytes() == LARGE
    finally:
        second.models.close()
    asked = [start for line in lines for start in line.asked]
    assert asked == sorted(set(asked))
    assert len(asked) >= 3


def test_a_disk_without_room_is_left_as_it_is_and_said(server: S3Server, node: Node) -> None:
    url = server.put("full/model.pb", b"weights" * 100)
    node.free = 500
    assert "700 B are needed" in node.hindered(url, "DiskFull")
    assert not [one for one in node.folder.rglob("*") if one.is_file()]
    node.free = 10**9
    assert node.arrives(url).stat().st_size == 700


def test_a_model_that_changes_while_it_comes_is_never_a_mixture(server: S3Server, tmp_path: Path) -> None:
    url = upload(server, "changing/model", a=b"a1", b=b"b1")
    changed = threading.Event()

    class Changing(Cutting):
        def cat_file(self, path: str, *, start: int, end: int) -> bytes:
            content = super().cat_file(path, start=start, end=end)
            if not changed.is_set():
                changed.set()
                upload(server, "changing/model", a=b"a2", b=b"b2")
            return content

    node = Node(tmp_path, lambda url, credential: Changing(open_file_system(url, credential), 100))  # type: ignore[arg-type, return-value]
    server.write_credentials(node.credentials)
    try:
        path = node.arrives(url)
        assert ((path / "a").read_bytes(), (path / "b").read_bytes()) == (b"a2", b"b2")
    finally:
        node.models.close()


def test_a_worker_that_asks_whenever_it_is_woken_does_not_make_a_dead_store_be_asked_without_pause(
    tmp_path: Path,
) -> None:
    """Each failure wakes the worker, and the worker asks again."""
    asked: list[str] = []
    paused = threading.Event()

    def opener(url: str, credential: Credential | None) -> FileSystem:
        asked.append(url)
        raise Unreachable("the store does not answer")

    def pauses() -> Iterator[float]:
        yield from (0.0, 0.0, 0.0)
        paused.set()
        yield 3600.0

    node = Node(tmp_path, opener, pauses)
    dead, marker = "http://dead/model", "http://marker/model"

    def ask(url: str = dead) -> None:
        with pytest.raises(Hindered):
            node.bring(url, credential=None)

    node.models.subscribe(lambda _: ask())
    try:
        ask()
        assert paused.wait(DEADLINE)
        for _ in range(20):
            ask()
        # What is added later has its turn later: when this one was asked, the other would have been, too.
        node.models.subscribe(node._wake)
        ask(marker)
        node.until(lambda: marker in asked)
    finally:
        node.models.close()
    assert asked.count(dead) == 4, "one for each pause"


class TestCredentials:
    def test_a_missing_one_is_waited_for_and_its_file_is_named(self, server: S3Server, node: Node) -> None:
        url = server.put("missing/model.pb", b"weights")
        message = node.hindered(url, "CredentialNotFound", "minio")
        assert f"make the file {node.credentials}/minio" in message.replace("Make", "make")
        (node.credentials / "minio").write_text((node.credentials / "good").read_text())
        assert node.arrives(url, credential="minio").read_bytes() == b"weights"

    @pytest.mark.parametrize("name", ["wrong-secret", "unknown-key", "powerless"])
    def test_a_wrong_one_is_named_by_its_file_and_never_told(
        self, server: S3Server, node: Node, caplog: pytest.LogCaptureFixture, name: str
    ) -> None:
        caplog.set_level("DEBUG", "sedna_lc")
        url = server.put("denied/model.pb", b"weights")
        message = node.hindered(url, "AccessDenied", name)
        assert str(node.credentials / name) in message
        for secret in (server.good["secretAccessKey"], server.powerless["secretAccessKey"], "hunter2"):
            assert secret not in message + caplog.text

    def test_another_one_in_the_manifest_is_used_at_once(self, server: S3Server, node: Node) -> None:
        url = server.put("mended/model.pb", b"weights")
        node.hindered(url, "AccessDenied", "powerless")
        assert node.arrives(url, credential="good").exists()

    def test_a_name_that_leads_out_of_the_folder_opens_nothing(self, server: S3Server, node: Node) -> None:
        (node.credentials.parent / "secret").write_text((node.credentials / "good").read_text())
        url = server.put("out/model.pb", b"weights")
        assert "is no name of a file" in node.hindered(url, "CredentialUnusable", "../secret")

    def test_without_any_the_ways_out_are_named(
        self, server: S3Server, node: Node, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for variable in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("S3_ENDPOINT_URL", server.endpoint)
        assert "credentialName" in node.hindered(f"s3://{BUCKET}/x", "CredentialNotFound", None)


class TestRefusals:
    def test_what_is_not_there_is_waited_for(self, server: S3Server, node: Node) -> None:
        message = node.hindered(f"s3://{BUCKET}/later/model.pb", "NotFound")
        assert f"s3://{BUCKET}/later/model.pb" in message
        server.put("later/model.pb", b"weights")
        assert node.arrives(f"s3://{BUCKET}/later/model.pb").exists()

    def test_a_url_that_nothing_opens_is_refused_for_good(self, node: Node) -> None:
        def refused() -> str | None:
            try:
                node.bring("gs://bucket/model")
            except Hindered:
                return None
            except Never as problem:
                return problem.reason
            raise AssertionError("it has come")

        assert node.until(refused) == "SchemeUnsupported"

    def test_without_a_line_the_version_that_is_here_is_taken(self, server: S3Server, node: Node) -> None:
        url = server.put("offline/model.pb", b"weights")
        path = node.arrives(url)
        node.now += 3600
        assert node.arrives(url, credential="elsewhere") == path

    def test_without_a_line_another_content_than_was_asked_for_is_no_help(self, server: S3Server, node: Node) -> None:
        url = server.put("offline2/model.pb", b"weights")
        node.arrives(url)
        assert "127.0.0.1:9" in node.hindered(url, "StoreUnreachable", "elsewhere", "0" * 64)

    @pytest.mark.parametrize("name", ["../evil", "a/../../evil", "a//b"])
    def test_an_object_that_leads_out_of_its_folder_is_refused(
        self, server: S3Server, node: Node, tmp_path: Path, name: str
    ) -> None:
        folder = f"evil-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
        server.put(f"{folder}/{name}", b"evil")
        node.hindered(f"s3://{BUCKET}/{folder}", "StoreRefused")
        assert not list(tmp_path.rglob("evil"))


def test_what_nobody_wants_is_thrown_away(server: S3Server, node: Node) -> None:
    first, second = (node.arrives(server.put(f"tidy/{name}", b"weights")) for name in ("one", "two"))
    RemoteVersions(node.folder).prune({f"s3://{BUCKET}/tidy/two"})
    assert not first.exists()
    assert second.exists()


def test_an_interrupted_publishing_is_done_again(server: S3Server, node: Node) -> None:
    url = server.put("interrupted/model.pb", b"weights")
    path = node.arrives(url)
    path.parent.with_suffix(".json").unlink()
    path.chmod(0o644)
    path.write_bytes(b"wei")
    node.now += 3600
    assert node.arrives(url).read_bytes() == b"weights"
