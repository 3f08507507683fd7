"""Named credentials: which one is for which URL, what a file must say, and that no secret is ever told."""

from __future__ import annotations

import errno
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.common import remotes
from sedna.common.credentials import (
    Credential,
    assignment,
    credential_for,
    from_environment,
    is_name,
    read_credential,
)
from sedna.common.file_ops import FileOps
from sedna.common.remote_errors import CredentialNotFound, CredentialUnusable, DiskFull, RemoteError

GOOD = {"accessKeyId": "key", "secretAccessKey": "hunter2"}
names = st.text("ab/", max_size=6)


def write(folder: Path, name: str, content: object) -> Path:
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    return folder / name


@pytest.mark.parametrize("text", [json.dumps(GOOD), "accessKeyId: key\nsecretAccessKey: 'hunter2'\n"])
def test_a_file_is_json_or_yaml(tmp_path: Path, text: str) -> None:
    write(tmp_path, "minio", text)
    assert read_credential(tmp_path, "minio") == Credential(f"the credential {tmp_path}/minio", "key", "hunter2")


def test_w102_a_credential_shows_no_secret() -> None:
    credential = Credential("the credential x", "hunter1", "hunter2", "hunter3", "https://minio:9000", "eu")
    assert "hunter" not in repr(credential)
    assert "hunter" not in credential.without_secrets("who is hunter1 with hunter2 and hunter3?")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"accessKeyId": "key"}, "secretAccessKey is missing"),
        ({**GOOD, "secretAccessKey": ""}, "secretAccessKey is missing"),
        ({**GOOD, "secretAccesskey": "x"}, "'secretAccesskey' is not known"),
        ("accessKeyId: key\nsecretAccessKey: 12345\n", "secretAccessKey is not a text (put it in quotes)"),
        ({**GOOD, "endpoint": "minio:9000"}, "endpoint is not a URL"),
        ({**GOOD, "endpoint": "http://key:hunter2@minio"}, "endpoint is not a URL"),
        ("hunter2", "holds no mapping"),
        ("[hunter2", "neither YAML nor JSON at line"),
        ("accessKeyId: hunter2\naccessKeyId: hunter2\n", "neither YAML nor JSON at line"),
        ("", "holds no mapping"),
        ("a: " + "x" * 70_000, "larger than 64 KiB"),
    ],
)
def test_what_cannot_be_used_says_file_and_key_and_never_its_text(tmp_path: Path, content: object, said: str) -> None:
    path = write(tmp_path, "minio", content)
    with pytest.raises(CredentialUnusable) as raised:
        read_credential(tmp_path, "minio")
    assert said in str(raised.value)
    assert str(path) in str(raised.value)
    assert "hunter" not in str(raised.value)
    assert "12345" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CredentialNotFound, match=f"make the file {tmp_path}/minio"):
        read_credential(tmp_path, "minio")


@given(st.text(max_size=8))
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if is_name(name):
            assert (Path(folder) / name).resolve().parent == Path(folder).resolve()
        else:
            with pytest.raises(CredentialUnusable):
                read_credential(Path(folder), name)


@pytest.mark.parametrize("name", ["", "..", "a/b", "../etc/shadow", ".hidden", "a:b", "a b", "x" * 300])
def test_a_name_is_no_path(name: str) -> None:
    assert not is_name(name)


class TestChoosing:
    def choose(self, folder: Path, url: str, assigned: dict[str, str], **more: str) -> str | None:
        environment = {"CREDENTIALS_DIRECTORY": str(folder), "SEDNA_CREDENTIALS": assignment(assigned.items()), **more}
        found = credential_for(url, environment)
        return found.source.rpartition("/")[2] if found is not None else None

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for name in ("one", "two", "three"):
            write(tmp_path, name, GOOD)
        return tmp_path

    def test_the_nearest_url_above_wins(self, folder: Path) -> None:
        assigned = {"s3://b": "one", "s3://b/models": "two", "s3://b/models/m1": "three"}
        assert self.choose(folder, "s3://b/models/m1/g", assigned) == "three"
        assert self.choose(folder, "s3://b/models/m10", assigned) == "two"
        assert self.choose(folder, "s3://b/models", assigned) == "two"
        assert self.choose(folder, "s3://b/other", assigned) == "one"

    def test_a_bucket_with_one_credential_is_opened_with_it(self, folder: Path) -> None:
        assigned = {"s3://b/models/m1": "one", "s3://c/x": "two"}
        assert self.choose(folder, "s3://b/results", assigned) == "one"
        assert self.choose(folder, "s3://bb/results", assigned) is None

    def test_of_two_for_one_bucket_none_is_guessed(self, folder: Path) -> None:
        assert self.choose(folder, "s3://b/x", {"s3://b/y": "one", "s3://b/z": "two"}) is None

    def test_the_only_one_there_is_taken(self, tmp_path: Path) -> None:
        write(tmp_path, "one", GOOD)
        assert self.choose(tmp_path, "s3://b/x", {}) == "one"

    def test_the_workers_own_token_opens_no_store(self, tmp_path: Path) -> None:
        (tmp_path / "worker-token").write_text("a" * 64)
        environment = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
        assert credential_for("s3://a/x", environment) is None
        write(tmp_path, "minio", GOOD)
        found = credential_for("s3://a/x", environment)
        assert found is not None
        assert found.source.endswith("/minio")

    def test_the_environment_comes_last(self, folder: Path) -> None:
        more = {"ACCESS_KEY_ID": "k", "SECRET_ACCESS_KEY": "s"}
        assert self.choose(folder, "s3://b/x", {"s3://b": "one"}, **more) == "one"
        assert self.choose(folder, "s3://c/x", {"s3://b": "one"}, **more) == "ACCESS_KEY_ID and SECRET_ACCESS_KEY"

    def test_one_that_is_missing_is_not_replaced_by_another(self, folder: Path) -> None:
        with pytest.raises(CredentialNotFound, match="four"):
            self.choose(folder, "s3://b/x", {"s3://b": "four"}, ACCESS_KEY_ID="k", SECRET_ACCESS_KEY="s")

    @given(st.dictionaries(names.map("s3://b/{}".format), st.sampled_from(["one", "two", "three"])), names)
    def test_whatever_is_assigned_the_choice_is_one_of_it_or_none(self, assigned: dict[str, str], key: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name in ("one", "two", "three"):
                write(Path(folder), name, GOOD)
            assert self.choose(Path(folder), f"s3://b/{key}", assigned) in {None, *assigned.values()}

    @pytest.mark.parametrize("text", ["[", "[]", '{"a": 1}'])
    def test_a_damaged_assignment_is_said(self, folder: Path, text: str) -> None:
        with pytest.raises(CredentialUnusable, match="SEDNA_CREDENTIALS"):
            credential_for("s3://b/x", {"CREDENTIALS_DIRECTORY": str(folder), "SEDNA_CREDENTIALS": text})


def test_half_a_key_is_said() -> None:
    assert from_environment({}) is None
    with pytest.raises(CredentialUnusable, match="SECRET_ACCESS_KEY is not set"):
        from_environment({"ACCESS_KEY_ID": "k"})
    with pytest.raises(CredentialUnusable, match=r"^ACCESS_KEY_ID is not set"):
        from_environment({"SECRET_ACCESS_KEY": "s"})


class FullDisk:
    """A store whose objects find no room here."""

    def info(self, path: str) -> dict[str, object]:
        return {"type": "file", "size": 5}

    def get_file(self, rpath: str, lpath: str) -> None:
        Path(lpath).write_bytes(b"x")
        # As write(2) says it: without the name of a file.
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_says_where_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    with pytest.raises(DiskFull, match=f"no space is left in {tmp_path}/tmp/") as raised:
        remotes.fetch_objects("s3://b/m", tmp_path / "model", lambda url, credential: FullDisk())  # type: ignore[arg-type, return-value]
    assert isinstance(raised.value, OSError)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (tmp_path / "model").exists()


def test_every_refusal_is_also_what_python_calls_it() -> None:
    for kind in RemoteError.__subclasses__():
        assert kind.__doc__
        assert kind.reason == kind.__name__ or kind.reason in ("NotFound", "StoreUnreachable")
        assert issubclass(kind, (OSError, RuntimeError, ValueError, ImportError))


def test_what_is_not_s3_needs_no_credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "nowhere"))
    (tmp_path / "model").write_text("x")
    assert FileOps.download(f"file://{tmp_path}/model") == str(tmp_path / "model")
