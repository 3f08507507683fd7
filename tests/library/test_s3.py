"""`s3://` in user code, against a real S3 server: what works, and what is said to whom when it does not."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from sedna.backend.base import BackendBase
from sedna.common.digests import digest
from sedna.common.file_ops import FileOps
from sedna.common.remote_errors import (
    AccessDenied,
    CredentialNotFound,
    CredentialUnusable,
    NothingThere,
    RemoteError,
    SchemeUnsupported,
    Unreachable,
)
from tests.s3_servers import BUCKET, S3Server, s3_server


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as made:
        yield made


@pytest.fixture
def credentials(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that systemd, or the process runner, makes for a worker."""
    folder = tmp_path / "credentials"
    server.write_credentials(folder)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    use(monkeypatch, "good")
    return folder


def use(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("SEDNA_CREDENTIALS", json.dumps({f"s3://{BUCKET}": name}))


def folder_of(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "g").write_text("graph")
    (folder / "sub" / "f").write_bytes(os.urandom(70_000))
    return folder


@pytest.mark.usefixtures("credentials")
class TestFiles:
    def test_a_folder_goes_there_and_comes_back(self, server: S3Server, tmp_path: Path) -> None:
        folder = folder_of(tmp_path)
        url = f"s3://{BUCKET}/round/1"
        assert FileOps.upload(str(folder), url, clean=False) == url
        assert server.keys("round/1") == ["round/1/g", "round/1/sub/f"]
        FileOps.download(url, str(tmp_path / "again"))
        assert digest(tmp_path / "again") == digest(folder)

    def test_a_folder_does_not_take_its_namesakes(self, server: S3Server, tmp_path: Path) -> None:
        for name in ("m1", "m10", "m1_old"):
            server.put(f"namesakes/{name}/g", name.encode())
        FileOps.download(f"s3://{BUCKET}/namesakes/m1", str(tmp_path / "m1"))
        assert [path.name for path in (tmp_path / "m1").rglob("*")] == ["g"]

    def test_objects_are_dumped_and_loaded(self, server: S3Server) -> None:
        pytest.importorskip("joblib")
        url = FileOps.dump({"weights": [1, 2]}, f"s3://{BUCKET}/dumped")
        assert FileOps.load(url) == {"weights": [1, 2]}

    def test_what_was_replaced_a_moment_ago_is_not_remembered(self, server: S3Server, tmp_path: Path) -> None:
        url = server.put("changing/a", b"old")
        FileOps.download(f"s3://{BUCKET}/changing", str(tmp_path / "one"))
        server.put("changing/a", b"new")
        server.put("changing/b", b"more")
        FileOps.download(f"s3://{BUCKET}/changing", str(tmp_path / "two"))
        assert (tmp_path / "two" / "a").read_bytes() == b"new"
        assert (tmp_path / "two" / "b").exists()
        assert Path(FileOps.download(url, str(tmp_path / "a"))).read_bytes() == b"new"

    def test_a_large_object_comes_whole(self, server: S3Server, tmp_path: Path) -> None:
        # Above the size at which the client sends and takes parts at the same time.
        content = os.urandom(1 << 20) * 60
        (tmp_path / "large").write_bytes(content)
        FileOps.upload(str(tmp_path / "large"), f"s3://{BUCKET}/large", clean=False)
        FileOps.download(f"s3://{BUCKET}/large", str(tmp_path / "again"))
        assert digest(tmp_path / "again") == digest(tmp_path / "large")
        assert server.unfinished() == []

    def test_an_estimator_is_saved_and_loaded(self, server: S3Server) -> None:
        pytest.importorskip("joblib")
        first = BackendBase(Counter, model_save_path=f"s3://{BUCKET}/estimator", model_name="counter.pkl")
        first.make().count = 7
        saved = first.save()
        assert saved == f"s3://{BUCKET}/estimator/counter.pkl"
        second = BackendBase(Counter)
        second.load(saved)
        assert second.estimator.count == 7


class Counter:
    """An estimator that is pickled as it is."""

    count = 0

    def load(self, path: str) -> None:
        self.count = FileOps.load(path)

    def save(self, path: str) -> None:
        FileOps.dump(self.count, path)


def refusal(url: str, tmp_path: Path) -> RemoteError:
    target = tmp_path / "target"
    with pytest.raises(RemoteError) as raised:
        FileOps.download(url, str(target))
    assert not target.exists()
    # One sentence and one frame of mind: no error of a library behind it.
    assert "The above exception" not in "".join(traceback.format_exception(raised.value))
    assert "During handling" not in "".join(traceback.format_exception(raised.value))
    return raised.value


class TestRefusals:
    def test_without_any_key(self, server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("S3_ENDPOINT_URL", server.endpoint)
        problem = refusal(f"s3://{BUCKET}/model", tmp_path)
        assert isinstance(problem, CredentialNotFound)
        assert "credentialName" in str(problem)
        assert "ACCESS_KEY_ID" in str(problem)

    @pytest.mark.parametrize("name", ["wrong-secret", "unknown-key", "powerless"])
    def test_a_key_that_does_not_open_is_named_by_its_file_and_never_told(
        self, server: S3Server, credentials: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        url = server.put("secret/model", b"x")
        use(monkeypatch, name)
        (tmp_path / "file").write_text("x")
        with pytest.raises(PermissionError) as raised:
            FileOps.upload(str(tmp_path / "file"), f"s3://{BUCKET}/target", clean=True)
        for problem in (refusal(url, tmp_path), raised.value):
            assert isinstance(problem, AccessDenied)
            assert str(credentials / name) in str(problem)
            for secret in json.loads((credentials / name).read_text()).values():
                assert secret == server.endpoint or secret not in repr(problem)
        assert (tmp_path / "file").exists()

    @pytest.mark.usefixtures("credentials")
    def test_no_such_object_and_no_such_bucket(self, server: S3Server, tmp_path: Path) -> None:
        problem = refusal(f"s3://{BUCKET}/nothing/here", tmp_path)
        assert isinstance(problem, NothingThere)
        assert f"s3://{BUCKET}/nothing/here" in str(problem)
        assert isinstance(problem, RuntimeError)

    def test_no_such_bucket_is_told_from_no_such_object(
        self, server: S3Server, credentials: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SEDNA_CREDENTIALS", json.dumps({"s3://no-such-bucket": "good"}))
        assert "there is no bucket 'no-such-bucket'" in str(refusal("s3://no-such-bucket/model", tmp_path))

    def test_a_store_that_does_not_answer(
        self, credentials: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use(monkeypatch, "elsewhere")
        problem = refusal(f"s3://{BUCKET}/model", tmp_path)
        assert isinstance(problem, Unreachable)
        assert "http://127.0.0.1:9" in str(problem)

    @pytest.mark.usefixtures("credentials")
    @pytest.mark.parametrize("url", ["s3://", "s3:///key", "s3://B_!/key"])
    def test_what_is_no_url_of_an_object(self, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SEDNA_CREDENTIALS", json.dumps({url: "good"}))
        assert isinstance(refusal(url, tmp_path), SchemeUnsupported)

    def test_w103_a_damaged_credential_names_file_and_place_and_not_its_text(
        self, credentials: Path, tmp_path: Path
    ) -> None:
        (credentials / "good").write_text("accessKeyId: hunter3\nsecretAccessKey: [hunter4\n")
        problem = refusal(f"s3://{BUCKET}/model", tmp_path)
        assert isinstance(problem, CredentialUnusable)
        assert str(credentials / "good") in str(problem)
        assert "line 3" in str(problem)
        assert "hunter" not in str(problem)

    def test_nothing_that_is_logged_holds_a_secret(
        self, server: S3Server, credentials: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG, "sedna")
        FileOps.download(server.put("logged", b"x"), str(tmp_path / "x"))
        refusal(f"s3://{BUCKET}/nothing", tmp_path)
        assert server.good["secretAccessKey"] not in caplog.text


class TestTheOriginalsVariables:
    def test_they_are_enough(self, server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("S3_ENDPOINT_URL", server.endpoint)
        monkeypatch.setenv("ACCESS_KEY_ID", server.good["accessKeyId"])
        monkeypatch.setenv("SECRET_ACCESS_KEY", server.good["secretAccessKey"])
        FileOps.download(server.put("plain", b"x"), str(tmp_path / "x"))
        assert (tmp_path / "x").read_bytes() == b"x"

    def test_a_named_credential_comes_first(
        self, server: S3Server, credentials: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ACCESS_KEY_ID", "AKIAWRONG")
        monkeypatch.setenv("SECRET_ACCESS_KEY", "wrong")
        FileOps.download(server.put("plain", b"x"), str(tmp_path / "x"))

    def test_w61_two_stores_with_two_keys_in_one_worker(
        self, server: S3Server, credentials: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(
            "SEDNA_CREDENTIALS", json.dumps({f"s3://{BUCKET}/mine": "good", f"s3://{BUCKET}/theirs": "powerless"})
        )
        FileOps.download(server.put("mine/a", b"x"), str(tmp_path / "x"))
        assert isinstance(refusal(server.put("theirs/a", b"x"), tmp_path), AccessDenied)


def test_a_script_that_cannot_read_its_data_ends_with_a_sentence_and_no_traceback(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "from sedna.core.incremental_learning import IncrementalLearning\n"
        "from sedna.common.file_ops import FileOps\n"
        f"FileOps.download('s3://{BUCKET}/data', {str(tmp_path / 'data')!r})\n"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "WORKER_NAME": "w",
        "LC_SERVER": "http://127.0.0.1:9",
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        "SEDNA_CREDENTIALS": json.dumps({f"s3://{BUCKET}": "minio"}),
        "SEDNA_SPOOL_DIR": str(tmp_path),
    }
    ended = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 1
    assert f"make the file {tmp_path}/minio" in ended.stderr
    assert "train.py:3" in ended.stderr
    assert "Traceback" not in ended.stderr
