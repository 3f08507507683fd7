"""FileOps: whole copies, clear errors, nothing left behind; remote files over a real HTTP server and a fake store."""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.common import remotes
from sedna.common.archives import UnsafeArchiveError, pack, unpack
from sedna.common.digests import digest
from sedna.common.file_ops import FileOps


@pytest.fixture
def temporaries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An own folder for temporary files, which must be empty at the end."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def model(folder: Path) -> Path:
    (folder / "sub").mkdir(parents=True)
    (folder / "g").write_text("graph")
    (folder / "sub" / "f").write_text("weights")
    return folder


class Store:
    """An object store with fsspec's interface over a folder; keys are paths without their scheme."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def info(self, path: str) -> dict[str, object]:
        if (self.folder / path).is_file():
            return {"type": "file", "size": (self.folder / path).stat().st_size}
        if self.find(f"{path}/", detail=True):
            return {"type": "directory", "size": 0}
        raise FileNotFoundError(path)

    def find(self, path: str, *, detail: bool) -> dict[str, dict[str, object]]:
        # By text, as an object store lists: a prefix is no folder.
        keys = [one.relative_to(self.folder).as_posix() for one in self.folder.rglob("*") if one.is_file()]
        return {key: self.info(key) for key in sorted(keys) if key.startswith(path)}

    def get_file(self, rpath: str, lpath: str) -> None:
        shutil.copyfile(self.folder / rpath, lpath)

    def put_file(self, lpath: str, rpath: str) -> None:
        target = self.folder / rpath
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(lpath, target)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_w48_a_missing_local_path_is_an_error(tmp_path: Path, temporaries: Path) -> None:
    for source in (str(tmp_path / "missing"), f"file://{tmp_path}/missing"):
        for target in (None, str(tmp_path / "target")):
            with pytest.raises(FileNotFoundError, match="missing"):
                FileOps.download(source, target)
    with pytest.raises(FileNotFoundError):
        FileOps.upload(str(tmp_path / "missing"), str(tmp_path / "target"))
    assert not (tmp_path / "target").exists()


def test_w48_a_file_url_is_a_path(tmp_path: Path, temporaries: Path) -> None:
    path = tmp_path / "a file"
    path.write_text("content")
    assert FileOps.download(f"file://{tmp_path}/a%20file") == str(path)
    copied = FileOps.download(f"file://localhost{path}", str(tmp_path / "copy"))
    assert Path(copied).read_text() == "content"


def test_w49_google_storage_is_refused_and_the_source_stays(tmp_path: Path, temporaries: Path) -> None:
    path = tmp_path / "model"
    path.write_text("precious")
    for act in (FileOps.upload, FileOps.gcs_upload):
        with pytest.raises(ValueError, match="Google Cloud Storage is not supported"):
            act(str(path), "gs://bucket/model")
    for act in (FileOps.download, FileOps.gcs_download):
        with pytest.raises(ValueError, match="not supported"):
            act("gs://bucket/model", str(tmp_path / "copy"))
    assert path.read_text() == "precious"


def test_w49n_an_upload_deletes_its_source_and_only_after_a_whole_copy(tmp_path: Path, temporaries: Path) -> None:
    source, target = tmp_path / "model", tmp_path / "out" / "model"
    source.write_text("x")
    assert FileOps.upload(str(source), str(target)) == str(target)
    assert target.read_text() == "x"
    assert not source.exists()
    # Onto itself: deleting the source would delete the copy.
    FileOps.upload(str(target), str(target))
    FileOps.upload(str(target), str(target.parent))
    assert target.read_text() == "x"
    with pytest.raises(ValueError, match="nothing can be uploaded over http"):
        FileOps.upload(str(target), "http://example.com/x")
    assert target.exists()


def test_w49b_a_folder_is_uploaded_below_its_target(tmp_path: Path, store: Store) -> None:
    remotes.send_objects(model(tmp_path / "model"), "s3://bkt/jobs/7/", lambda url, credential: store)
    assert list(store.find("", detail=True)) == ["bkt/jobs/7/g", "bkt/jobs/7/sub/f"]
    remotes.send_objects(tmp_path / "model" / "g", "s3://bkt/one", lambda url, credential: store)
    remotes.send_objects(tmp_path / "model" / "g", "s3://bkt/two/", lambda url, credential: store)
    assert {"bkt/one", "bkt/two/g"} <= set(store.find("", detail=True))


def test_w49c_a_download_takes_the_folder_and_not_its_namesakes(
    tmp_path: Path, store: Store, temporaries: Path
) -> None:
    for name in ("m1", "m10", "m1_old"):
        model(store.folder / "bkt" / "models" / name)
    for url in ("s3://bkt/models/m1", "s3://bkt/models/m1/"):
        target = tmp_path / "target"
        (target / "kept").parent.mkdir(exist_ok=True)
        (target / "kept").write_text("")
        remotes.fetch_objects(url, target, lambda url, credential: store)
        assert sorted(path.relative_to(target).as_posix() for path in target.rglob("*")) == [
            "g", "kept", "sub", "sub/f",
        ]  # fmt: skip
    remotes.fetch_objects("s3://bkt/models/m1/g", tmp_path / "file", lambda url, credential: store)
    assert (tmp_path / "file").read_text() == "graph"
    with pytest.raises(RuntimeError, match="nothing has the name s3://bkt/models/m2"):
        remotes.fetch_objects("s3://bkt/models/m2", tmp_path / "none", lambda url, credential: store)
    assert not (tmp_path / "none").exists()


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'sedna-metal\[s3\]'"):
        FileOps.download("s3://bucket/model", str(tmp_path / "model"))


@pytest.fixture
def web(tmp_path: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    served = tmp_path / "served"
    served.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_comes_over_http_whole_or_not_at_all(web: str, tmp_path: Path, temporaries: Path) -> None:
    (tmp_path / "served" / "model.bin").write_bytes(b"x" * 100_000)
    target = tmp_path / "new" / "model.bin"
    assert FileOps.download(f"{web}/model.bin", str(target)) == str(target)
    assert target.stat().st_size == 100_000
    with pytest.raises(FileNotFoundError, match="404"):
        FileOps.download(f"{web}/missing", str(target))
    with pytest.raises(OSError, match="cannot be downloaded"):
        FileOps.download("http://127.0.0.1:9/model", str(target))
    assert target.stat().st_size == 100_000


def test_an_archive_is_unpacked_beside_it(web: str, tmp_path: Path, temporaries: Path) -> None:
    pack(model(tmp_path / "model"), tmp_path / "served" / "model.tar.gz")
    target = tmp_path / "new" / "model.tar.gz"
    FileOps.download(f"{web}/model.tar.gz", str(target), unzip=True)
    target.unlink()
    assert digest(target.parent) == digest(tmp_path / "model")


def test_an_upload_as_archive_keeps_relative_names(tmp_path: Path, temporaries: Path) -> None:
    FileOps.upload(str(model(tmp_path / "model")), str(tmp_path / "model.tar.gz"), tar=True)
    assert not (tmp_path / "model").exists()
    unpack(tmp_path / "model.tar.gz", tmp_path / "again")
    assert (tmp_path / "again" / "sub" / "f").read_text() == "weights"


def tar_with(path: Path, member: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        good = tarfile.TarInfo("good")
        archive.addfile(good, io.BytesIO(b""))
        archive.addfile(member, io.BytesIO(b""))
    return path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../evil", tarfile.REGTYPE), ("/evil", tarfile.REGTYPE), ("a/../../evil", tarfile.REGTYPE),
        ("link", tarfile.SYMTYPE), ("link", tarfile.LNKTYPE), ("pipe", tarfile.FIFOTYPE),
    ],
)  # fmt: skip
def test_w108_an_archive_that_leads_out_is_refused_before_anything_is_written(
    tmp_path: Path, name: str, kind: bytes
) -> None:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = "/etc/passwd"
    archive = tar_with(tmp_path / "evil.tar.gz", member)
    with pytest.raises(UnsafeArchiveError):
        unpack(archive, tmp_path / "into")
    assert not (tmp_path / "into").exists()
    assert not (tmp_path / "evil").exists()


def test_w108_a_link_that_was_there_before_does_not_lead_out(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("out/evil", "x")
    (tmp_path / "into").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "into" / "out").symlink_to(tmp_path / "outside")
    with pytest.raises(UnsafeArchiveError, match="leads out"):
        unpack(tmp_path / "archive.zip", tmp_path / "into")
    assert list((tmp_path / "outside").iterdir()) == []


def test_what_is_no_archive_is_said(tmp_path: Path) -> None:
    (tmp_path / "model.tar.gz").write_text("not an archive")
    with pytest.raises(ValueError, match="cannot be unpacked"):
        unpack(tmp_path / "model.tar.gz", tmp_path / "into")


def test_w49d_loading_leaves_no_file_behind(tmp_path: Path, temporaries: Path) -> None:
    pytest.importorskip("joblib")
    path = FileOps.dump({"a": 1}, str(tmp_path / "deep" / "object"))
    for _ in range(5):
        assert FileOps.load(path) == {"a": 1}
    with pytest.raises(FileNotFoundError):
        FileOps.load(str(tmp_path / "missing"))


def test_pickles_go_round(tmp_path: Path) -> None:
    path = str(tmp_path / "new" / "pickle")
    FileOps.dump_pickle([1, 2], path)
    assert FileOps.load_pickle(path) == [1, 2]
    assert FileOps.load_pickle(str(tmp_path / "missing")) is None
    assert FileOps.pickle_string_to_obj(FileOps.obj_to_pickle_string({"a": (1,)})) == {"a": (1,)}


def test_folders_are_made_cleaned_and_copied(tmp_path: Path) -> None:
    one = str(tmp_path / "one")
    FileOps.make_dir(one, "two")
    FileOps.make_base_dir(one, "three", "file")
    assert (tmp_path / "one" / "two").is_dir()
    assert not (tmp_path / "one" / "three" / "file").exists()
    assert FileOps.clean_folder([one], clean=False) == [one]
    assert (tmp_path / "one" / "two").is_dir()
    assert FileOps.clean_folder(one) == one
    assert list((tmp_path / "one").iterdir()) == []
    with pytest.raises(ValueError, match="root folder"):
        FileOps.clean_folder("/")
    model(tmp_path / "model")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "g").write_text("old and longer")
    FileOps.copy_folder(str(tmp_path / "model"), str(tmp_path / "copy"))
    assert digest(tmp_path / "copy") == digest(tmp_path / "model")
    FileOps.copy_file(str(tmp_path / "model" / "g"), f"{tmp_path}/into/")
    assert (tmp_path / "into" / "g").exists()
    FileOps.delete(str(tmp_path / "copy"))
    FileOps.delete(str(tmp_path / "copy"))
    assert not (tmp_path / "copy").exists()


def test_what_is_local_and_what_is_remote(tmp_path: Path) -> None:
    assert FileOps.is_remote("s3://b/k")
    assert FileOps.is_remote("https://h/p")
    assert not FileOps.is_remote("/plain/path")
    assert not FileOps.is_remote("file:///x")
    assert FileOps.is_local("file:///x")
    assert FileOps.is_local(str(tmp_path))
    assert not FileOps.is_local(str(tmp_path / "missing"))
    assert FileOps.get_file_hash(str(tmp_path / "missing")) == ""
    (tmp_path / "file").write_text("abc")
    assert FileOps.get_file_hash(str(tmp_path / "file")) == "900150983cd24fb0d6963f7d28e17f72"


@pytest.mark.parametrize(
    ("parts", "joined"),
    [
        (("/a", "b", "c"), "/a/b/c"), (("/a/", "/b/"), "/a/b"), (("a", "b"), "a/b"), (("/", "a"), "/a"),
        (("s3://bucket", "/key"), "s3://bucket/key"), (("http://h/p/", "x"), "http://h/p/x"), (("/a",), "/a"),
        (("/a", ""), "/a"), (("", "a"), "a"), (("./", "model"), "./model"),
    ],
)  # fmt: skip
def test_paths_are_joined(parts: tuple[str, ...], joined: str) -> None:
    assert FileOps.join_path(*parts) == joined


@given(st.lists(st.text("ab", min_size=1), min_size=1), st.lists(st.text("ab", min_size=1), min_size=1))
def test_a_prefix_is_a_folder_not_a_text(prefix: list[str], rest: list[str]) -> None:
    folder, below = "/" + "/".join(prefix), "/" + "/".join(rest)
    assert FileOps.remove_path_prefix(folder + below, folder) == below
    assert FileOps.remove_path_prefix(folder + below, folder + "/") == below
    assert FileOps.remove_path_prefix(folder + "x" + below, folder) == folder + "x" + below
    assert FileOps.remove_path_prefix(below, "") == below
