"""Whatever an archive holds, it is unpacked below its folder or refused, and nothing crashes."""

from __future__ import annotations

import io
import os
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sedna.common.archives import UnsafeArchiveError, pack, safe_path, unpack
from sedna.images.archives import opened
from sedna.images.records import ImageProblem

PIECES = ["..", ".", "/", "//", "a", "b", "\\", "ä", "\n", " ", "C:", "x" * 255, "x" * 256, "~"]
names = st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join) | st.text(min_size=1, max_size=20)
slow = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def tar_of(members: list[tuple[str, bytes]], mode: str = "w") -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode, format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def zip_of(members: list[tuple[str, bytes]]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        # Python warns of a name that is there twice.
        for name, content in dict(members).items():
            info = zipfile.ZipInfo("x")
            info.filename = name
            archive.writestr(info, content)
    return data.getvalue()


def opened_as_image(folder: Path, data: bytes) -> None:
    """The same for the archive of a worker image, which goes to a folder that nobody knows beforehand."""
    (folder / "image.tar").write_bytes(data)
    try:
        with opened(folder / "image.tar") as place:
            kinds = {stat.S_IFMT(path.lstat().st_mode) for path in place.rglob("*")}
            assert kinds <= {stat.S_IFREG, stat.S_IFDIR}
    except ImageProblem as problem:
        assert str(folder) in str(problem)
    assert [path.name for path in folder.iterdir()] == ["image.tar"]


def unpacked(folder: Path, data: bytes) -> bool:
    """Try it in a folder of its own; whatever happens, nothing may appear beside that folder."""
    # Deep below, so that what climbs out is still seen.
    place = folder / "1" / "2" / "3" / "into"
    place.parent.mkdir(parents=True, exist_ok=True)
    (folder / "archive").write_bytes(data)
    try:
        unpack(folder / "archive", place)
    except (ValueError, OSError):
        result = False
    else:
        result = True
    found = {path for path in folder.rglob("*") if not path.is_relative_to(place)}
    assert found == {folder / "archive", *(p for p in place.parents if p.is_relative_to(folder) and p != folder)}
    assert all(stat.S_IFMT(path.lstat().st_mode) in (stat.S_IFREG, stat.S_IFDIR) for path in place.rglob("*"))
    return result


@slow
@given(st.lists(st.tuples(names, st.binary(max_size=5)), max_size=4), st.sampled_from([tar_of, zip_of]))
def test_w108_no_name_leads_out(tmp_path_factory: pytest.TempPathFactory, members, make) -> None:  # type: ignore[no-untyped-def]
    try:
        data = make(members)
    except (ValueError, UnicodeError, OverflowError):
        return
    unpacked(tmp_path_factory.mktemp("archive"), data)
    opened_as_image(tmp_path_factory.mktemp("image"), data)


GOOD = [tar_of([("a/b", b"1" * 600), ("c", b"22")], mode) for mode in ("w", "w:gz", "w:bz2", "w:xz")]
GOOD.append(zip_of([("a/b", b"1" * 600), ("c", b"22")]))


@slow
@given(st.sampled_from(GOOD), st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=6), st.data())
def test_a_damaged_archive_is_an_error_with_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, good: bytes, changes: list[tuple[int, int]], data: st.DataObject
) -> None:
    bad = bytearray(good)
    for place, value in changes:
        bad[place % len(bad)] = value
    end = data.draw(st.integers(0, len(bad)) | st.just(len(bad)))
    unpacked(tmp_path_factory.mktemp("archive"), bytes(bad[:end]))
    opened_as_image(tmp_path_factory.mktemp("image"), bytes(bad[:end]))


@slow
@given(st.binary(max_size=600))
def test_any_bytes_are_an_archive_or_an_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    unpacked(tmp_path_factory.mktemp("archive"), data)


@pytest.mark.parametrize("good", GOOD)
def test_a_good_one_is_unpacked(tmp_path: Path, good: bytes) -> None:
    (tmp_path / "archive").write_bytes(good)
    unpack(tmp_path / "archive", tmp_path / "into")
    assert (tmp_path / "into" / "a" / "b").read_bytes() == b"1" * 600
    assert (tmp_path / "into" / "c").read_bytes() == b"22"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("/etc/cron.d/x", "leads out"),
        ("a/../../x", "leads out"),
        ("a\0b", "NUL"),
        ("x" * 256, "longer name"),
        ("/".join(["x" * 200] * 25), "longer name"),
        ("/".join(["x"] * 101), "100 folders deep"),
        ("\ud800", "no file can have"),
    ],
)
def test_a_name_that_no_file_may_have_is_said(name: str, told: str) -> None:
    with pytest.raises(UnsafeArchiveError, match=told) as raised:
        safe_path(name)
    assert len(str(raised.value)) < 600


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"Z"]
)
def test_w108_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("thing")
    info.type, info.linkname = kind, "/etc/passwd"
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        archive.addfile(tarfile.TarInfo("before"))
        archive.addfile(info)
    with pytest.raises(UnsafeArchiveError, match="neither a file nor a folder"):
        unpack(tmp_path / "a.tar", tmp_path / "into")
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize("mode", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFSOCK])
def test_w108_links_and_devices_in_a_zip_are_refused(tmp_path: Path, mode: int) -> None:
    info = zipfile.ZipInfo("thing")
    info.external_attr = (mode | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(UnsafeArchiveError, match="neither a file nor a folder"):
        unpack(tmp_path / "a.zip", tmp_path / "into")
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize("order", [1, -1])
def test_what_is_both_a_file_and_a_folder_is_refused_before_anything_is_written(tmp_path: Path, order: int) -> None:
    (tmp_path / "a.tar").write_bytes(tar_of([("a", b"1"), ("a/b", b"2")][::order]))
    with pytest.raises(UnsafeArchiveError, match="as a file and as a folder"):
        unpack(tmp_path / "a.tar", tmp_path / "into")
    assert not (tmp_path / "into").exists()


def test_a_bomb_is_refused_before_it_fills_the_disk(tmp_path: Path) -> None:
    info = tarfile.TarInfo("zeros")
    # A sparse file of an exabyte, in a kilobyte.
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(1 << 60)}
    content = b"0\n".ljust(512, b"\0")
    info.size = len(content)
    with tarfile.open(tmp_path / "a.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(content))
    with pytest.raises(OSError, match="are to be unpacked"):
        unpack(tmp_path / "a.tar", tmp_path / "into")
    assert list((tmp_path / "into").iterdir()) == []


def test_a_file_that_has_another_name_elsewhere_keeps_its_content_there(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "into").mkdir()
    os.link(tmp_path / "kept", tmp_path / "into" / "c")
    (tmp_path / "a.tar").write_bytes(GOOD[0])
    unpack(tmp_path / "a.tar", tmp_path / "into")
    assert ((tmp_path / "kept").read_text(), (tmp_path / "into" / "c").read_text()) == ("kept", "22")


def test_what_is_packed_is_unpacked_again(tmp_path: Path) -> None:
    (tmp_path / "model" / "variables").mkdir(parents=True)
    (tmp_path / "model" / "variables" / "1").write_text("x")
    pack(tmp_path / "model", tmp_path / "m.tar.gz")
    unpack(tmp_path / "m.tar.gz", tmp_path / "into")
    assert (tmp_path / "into" / "variables" / "1").read_text() == "x"
