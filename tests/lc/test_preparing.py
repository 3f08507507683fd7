from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sedna.api.validating import parse
from sedna.api.workers import Worker
from sedna_lc.folders import make_file, make_folder
from sedna_lc.places import Places
from sedna_lc.preparing import Problem, check_samples, prepare, refused
from sedna_lc.reconcile.delivering import at_home
from sedna_lc.users import WorkerUser
from tests.lc.workers import make_worker, model


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "state", tmp_path / "images")


def with_volume(folder: Path, path: Path, kind: str, role: str = "train", **mount: Any) -> Worker:
    volume = {"name": "v", "hostPath": {"path": str(path), "type": kind}}
    worker = in_folder(folder, role, pod={"volumes": [volume]})
    if not mount:
        return worker
    content = worker.model_dump(by_alias=True, mode="json")
    content["spec"]["template"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v", **mount}]
    return parse(Worker, content)


def in_folder(folder: Path, role: str = "train", **spec: Any) -> Worker:
    out = folder / "output"
    return make_worker(role, outputDir=f"{out}/{role}/1", jobOutputDir=str(out), **spec)


def reasons(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.reason for problem in problems]


@pytest.mark.parametrize("kind", ["DirectoryOrCreate", "DirectoryorCreate", "directoryorcreate", ""])
def test_w59_a_folder_of_the_host_is_made_when_the_manifest_says_so(tmp_path: Path, places: Places, kind: str) -> None:
    wanted = tmp_path / "deep/er/video"
    assert prepare(with_volume(tmp_path, wanted, kind), places) == ()
    assert wanted.is_dir()


@pytest.mark.parametrize("kind", ["Directory", "File", "Socket", "CharDevice", "BlockDevice", "FileOrCreate"])
def test_a_volume_that_must_exist_is_waited_for(tmp_path: Path, places: Places, kind: str) -> None:
    wanted = tmp_path / "not/there"
    problems = prepare(with_volume(tmp_path, wanted, kind), places)
    assert reasons(problems) == ["VolumeNotFound"]
    assert str(wanted) in problems[0].message
    assert not wanted.exists()


@pytest.mark.parametrize("kind", ["Directory", "DirectoryOrCreate", "Socket", "BlockDevice"])
def test_a_file_is_not_taken_for_something_else(tmp_path: Path, places: Places, kind: str) -> None:
    wanted = tmp_path / "file"
    wanted.touch()
    assert reasons(prepare(with_volume(tmp_path, wanted, kind), places)) == ["VolumeUnusable"]


def test_files_and_sockets_that_are_there_are_fine(tmp_path: Path, places: Places) -> None:
    (tmp_path / "file").touch()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(os.fspath(tmp_path / "socket"))
        assert prepare(with_volume(tmp_path, tmp_path / "socket", "Socket"), places) == ()
    assert prepare(with_volume(tmp_path, tmp_path / "file", "File"), places) == ()
    assert prepare(with_volume(tmp_path, Path("/dev/null"), "CharDevice"), places) == ()


def test_a_file_may_be_made_in_a_folder_that_is_there(tmp_path: Path, places: Places) -> None:
    assert prepare(with_volume(tmp_path, tmp_path / "made", "FileOrCreate"), places) == ()
    assert (tmp_path / "made").is_file()


def test_a_folder_that_cannot_be_made_says_why(tmp_path: Path, places: Places) -> None:
    (tmp_path / "file").touch()
    problems = prepare(with_volume(tmp_path, tmp_path / "file/below", "DirectoryOrCreate"), places)
    assert reasons(problems) == ["VolumeUnusable"]
    assert "Not a directory" in problems[0].message


def test_output_and_spool_are_made_before_the_worker_looks_for_them(tmp_path: Path, places: Places) -> None:
    worker = in_folder(tmp_path)
    assert prepare(worker, places) == ()
    assert (tmp_path / "output/train/1").is_dir()
    assert places.spool_folder(worker).is_dir()
    assert prepare(worker, places) == ()


def test_the_folder_of_the_hot_update_is_made(tmp_path: Path, places: Places) -> None:
    worker = in_folder(tmp_path, "inference", hotUpdate={"enabled": True})
    assert prepare(worker, places) == ()
    assert places.hot_update_file(worker).parent.is_dir()


def test_an_output_folder_that_is_a_file_is_a_problem_of_its_own(tmp_path: Path, places: Places) -> None:
    (tmp_path / "output").touch()
    assert "FolderUnusable" in reasons(prepare(in_folder(tmp_path), places))


def test_a_missing_model_is_waited_for_and_named(tmp_path: Path, places: Places) -> None:
    missing = tmp_path / "models/base"
    worker = in_folder(tmp_path, models=[model("initial-model", str(missing))])
    problems = prepare(worker, places)
    assert reasons(problems) == ["ModelNotFound"]
    assert "initial-model" in problems[0].message
    assert str(missing) in problems[0].message
    missing.mkdir(parents=True)
    assert prepare(worker, places) == ()


def test_a_checkpoint_is_found_by_what_its_files_have_in_common(tmp_path: Path, places: Places) -> None:
    (tmp_path / "model.ckpt.index").touch()
    assert prepare(in_folder(tmp_path, models=[model("m", str(tmp_path / "model.ckpt"))]), places) == ()


def test_a_remote_model_is_not_looked_for_here(tmp_path: Path, places: Places) -> None:
    assert prepare(in_folder(tmp_path, models=[model("m", "s3://bucket/m.pb")]), places) == ()


def test_all_problems_are_told_at_once(tmp_path: Path, places: Places) -> None:
    volumes = [{"name": n, "hostPath": {"path": f"{tmp_path}/{n}", "type": "Directory"}} for n in ("a", "b")]
    worker = in_folder(tmp_path, pod={"volumes": volumes}, models=[model("m", f"{tmp_path}/m")])
    assert reasons(prepare(worker, places)) == ["ModelNotFound", "VolumeNotFound", "VolumeNotFound"]


def me() -> WorkerUser:
    return WorkerUser("me", os.getuid(), os.getgid(), frozenset({os.getgid()}))


#: Nobody that this host knows: what is not open to everybody is closed to it.
STRANGER = WorkerUser("stranger", 54321, 54321, frozenset({54321}))


@pytest.fixture
def open_way(tmp_path: Path) -> Iterator[None]:
    """pytest keeps its folders to itself; a stranger has to get as far as the test's own."""
    closed = [folder for folder in tmp_path.parents if folder.stat().st_mode & 0o001 == 0]
    before = {folder: folder.stat().st_mode for folder in closed}
    for folder in closed:
        folder.chmod(before[folder] | 0o001)
    tmp_path.chmod(0o755)
    yield
    for folder, mode in before.items():
        folder.chmod(mode)


def test_what_is_made_belongs_to_the_worker(tmp_path: Path, places: Places) -> None:
    assert prepare(with_volume(tmp_path, tmp_path / "v", "DirectoryOrCreate"), places, me()) == ()
    assert ((tmp_path / "v").stat().st_uid, (tmp_path / "v").stat().st_gid) == (os.getuid(), os.getgid())


@pytest.mark.usefixtures("open_way")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_the_worker_writes_where_it_must_and_nowhere_else(tmp_path: Path, places: Places) -> None:
    worker = in_folder(tmp_path)
    (tmp_path / "output" / "train" / "1").mkdir(parents=True)
    assert prepare(worker, places, STRANGER) == ()
    for own in (tmp_path / "output" / "train" / "1", places.spool_folder(worker)):
        assert own.stat().st_uid == STRANGER.uid
    # Made before by somebody else, and only looked at.
    assert (tmp_path / "output").stat().st_uid == 0


@pytest.mark.usefixtures("open_way")
class TestAWorkerThatMayNotRead:
    def test_a_model(self, tmp_path: Path, places: Places) -> None:
        path = tmp_path / "m.pb"
        path.touch(0o600)
        problems = prepare(in_folder(tmp_path, models=[model("m", str(path))]), places, STRANGER)
        assert "ModelUnreadable" in reasons(problems)
        assert f"user stranger, as which workers run here, may not read {path}" in problems[0].message
        path.chmod(0o644)
        problems = prepare(in_folder(tmp_path, models=[model("m", str(path))]), places, STRANGER)
        assert "ModelUnreadable" not in reasons(problems)

    def test_a_volume_in_a_folder_that_is_closed(self, tmp_path: Path, places: Places) -> None:
        closed = tmp_path / "closed"
        (closed / "video").mkdir(parents=True)
        closed.chmod(0o700)
        problems = prepare(with_volume(tmp_path, closed / "video", "Directory"), places, STRANGER)
        assert "VolumeUnreadable" in reasons(problems)
        assert f"may not enter {closed} (" in problems[0].message
        assert "mode 0700" in problems[0].message

    def test_a_camera(self, tmp_path: Path, places: Places) -> None:
        # Every host has this device, and only its owner writes to it.
        problems = prepare(with_volume(tmp_path, Path("/dev/kmsg"), "CharDevice"), places, STRANGER)
        assert "VolumeUnreadable" in reasons(problems)
        assert "may not write to /dev/kmsg" in problems[0].message or "may not use /dev/kmsg" in problems[0].message

    def test_the_folder_of_its_dataset(self, tmp_path: Path, places: Places) -> None:
        data = tmp_path / "data"
        data.mkdir(0o700)
        dataset = {"name": "d", "url": str(data / "list.txt"), "format": "txt"}
        problems = prepare(in_folder(tmp_path, dataset=dataset), places, STRANGER)
        assert "DatasetUnreadable" in reasons(problems)
        data.chmod(0o711)
        assert "DatasetUnreadable" not in reasons(prepare(in_folder(tmp_path, dataset=dataset), places, STRANGER))

    @pytest.mark.parametrize("line", ["images/1.jpg 3,4,5,6,0", "images/1.jpg,1", "{folder}/images/1.jpg"])
    def test_the_files_of_its_samples(self, tmp_path: Path, line: str) -> None:
        (tmp_path / "images").mkdir(0o755)
        (tmp_path / "images" / "1.jpg").touch(0o600)
        samples = tmp_path / "data.txt"
        samples.write_text(f"header,label\n{line.format(folder=tmp_path)}\n")
        problem = check_samples(samples, str(tmp_path / "list.txt"), STRANGER)
        assert problem is not None
        assert problem.reason == "SamplesUnreadable"
        assert f"may not read {tmp_path}/images/1.jpg" in problem.message
        assert check_samples(samples, str(tmp_path / "list.txt"), None) is None

    @pytest.mark.parametrize("content", ["", "\n\n", "no file at all\n1,2,3\n", "\0\n", "x" * 9000])
    def test_samples_that_are_no_files_are_let_through(self, tmp_path: Path, content: str) -> None:
        samples = tmp_path / "data.txt"
        samples.write_text(content)
        assert check_samples(samples, str(tmp_path / "list.txt"), STRANGER) is None


class TestAManifestDoesNotMakeItsWriterRoot:
    @pytest.mark.parametrize("kind", ["", "DirectoryOrCreate", "FileOrCreate"])
    @pytest.mark.parametrize(
        "path",
        [
            "/etc/systemd/system/sedna-lc.service.d",
            "/etc/sedna/credentials/more",
            "/usr/lib/systemd/system/x.service.d",
            "/lib/x",
            "/opt/sedna/releases/next",
            "/run/systemd/system/x",
            "/run/x",
            "/dev/shm/x",
            "/root/x",
            "/var/spool/cron/x",
            "/var/lib/systemd/x",
            "/proc/self/root/etc/x",
        ],
    )
    def test_by_a_volume_that_would_be_made(self, tmp_path: Path, places: Places, path: str, kind: str) -> None:
        worker = with_volume(tmp_path, Path(path), kind)
        for problems in (refused(worker, places, STRANGER), prepare(worker, places, STRANGER)):
            assert "PathNotAllowed" in reasons(problems)
            told = next(problem.message for problem in problems if problem.reason == "PathNotAllowed")
            assert path in told
            assert "makes nothing there for workers" in told
        assert not Path(path).exists()

    @pytest.mark.parametrize("folder", ["state", "images", "keys", "state/outputs/default/other"])
    def test_in_the_controllers_own_folders(self, tmp_path: Path, folder: str) -> None:
        places = Places(tmp_path / "state", tmp_path / "images", tmp_path / "keys")
        worker = with_volume(tmp_path, tmp_path / folder / "new", "DirectoryOrCreate")
        assert reasons(refused(worker, places, STRANGER)) == ["PathNotAllowed"]
        worker = make_worker("train", jobOutputDir=str(tmp_path / folder), outputDir=str(tmp_path / folder / "train/1"))
        assert reasons(refused(worker, places, STRANGER)) == ["PathNotAllowed"]

    @pytest.mark.parametrize("out", ["/etc/x", "/etc", "/", "/var", "/usr/local/output", "/boot/x"])
    def test_by_an_output_folder(self, places: Places, out: str) -> None:
        worker = make_worker("train", jobOutputDir=out, outputDir=f"{out}/train/1")
        problems = refused(worker, places, STRANGER)
        assert reasons(problems) == ["PathNotAllowed"]
        assert "outputDir" in problems[0].message
        assert "PathNotAllowed" in reasons(prepare(worker, places, STRANGER))

    def test_by_a_link_in_an_output_folder(self, tmp_path: Path, places: Places) -> None:
        (tmp_path / "output").mkdir()
        (tmp_path / "output" / "train").symlink_to("/etc/systemd/system")
        problems = prepare(in_folder(tmp_path), places, STRANGER)
        assert "PathNotAllowed" in reasons(problems)
        assert not Path("/etc/systemd/system/1").exists()

    def test_by_a_link_in_place_of_its_samples(self, tmp_path: Path, places: Places) -> None:
        (tmp_path / "output" / "data" / "train").mkdir(parents=True)
        (tmp_path / "output" / "data" / "train" / "1").symlink_to("/etc/systemd/system")
        assert reasons(refused(in_folder(tmp_path), places, STRANGER)) == ["PathNotAllowed"]

    def test_by_a_link_in_place_of_its_spool(self, tmp_path: Path, places: Places) -> None:
        worker = in_folder(tmp_path)
        victim = tmp_path / "victim"
        victim.mkdir()
        places.spool_folder(worker).parent.mkdir(parents=True)
        places.spool_folder(worker).symlink_to(victim)
        assert "FolderUnusable" in reasons(prepare(worker, places, STRANGER))
        assert victim.stat().st_uid == os.getuid()

    @pytest.mark.parametrize("path", ["/etc", "/etc/systemd/system", "/usr", "/", "/var/lib/systemd", "/bin"])
    def test_by_writing_to_what_is_there(self, tmp_path: Path, places: Places, path: str) -> None:
        for kind in ("", "Directory", "DirectoryOrCreate"):
            problems = refused(with_volume(tmp_path, Path(path), kind, readOnly=False), places, STRANGER)
            assert reasons(problems) == ["PathNotAllowed"]
            assert "readOnly" in problems[0].message
            assert refused(with_volume(tmp_path, Path(path), kind, readOnly=True), places, STRANGER) == ()

    def test_and_may_still_use_a_camera_and_its_own_folders(self, tmp_path: Path, places: Places) -> None:
        camera = with_volume(tmp_path, Path("/dev/null"), "CharDevice", readOnly=False)
        assert refused(camera, places, STRANGER) == ()
        video = with_volume(tmp_path, tmp_path / "video", "DirectoryOrCreate", readOnly=False)
        assert refused(video, places, STRANGER) == ()

    def test_and_a_job_on_s3_has_its_place_in_the_state_folder(self, places: Places) -> None:
        worker = at_home(make_worker("train", jobOutputDir="s3://b/o", outputDir="s3://b/o/train/1"), places)
        assert refused(worker, places, STRANGER) == ()

    def test_and_where_workers_run_as_this_program_nothing_is_new(self, places: Places) -> None:
        assert refused(make_worker("train", jobOutputDir="/root/o", outputDir="/root/o/train/1"), places) == ()


def test_a_link_that_comes_between_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").mkdir()
    (tmp_path / "way").symlink_to("victim")
    with pytest.raises(NotADirectoryError, match="way/new"):
        make_folder(tmp_path / "way" / "new", None)
    with pytest.raises(NotADirectoryError, match="way/new"):
        make_file(tmp_path / "way" / "new", None)
    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "way", (os.getuid(), os.getgid()), hand_over=True)
    assert not any((tmp_path / "victim").iterdir())
