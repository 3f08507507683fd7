"""One file instead of many: the same bytes for the same content, and nothing that leaves its folder."""

from __future__ import annotations

import io
import os
import random
import tarfile
from pathlib import Path

import pytest

from sedna.images.archives import opened, pack
from sedna.images.records import ImageProblem


def files(folder: Path) -> dict[str, Path]:
    (folder / "parts").mkdir(parents=True)
    (folder / "train.py").write_text("pass\n")
    (folder / "parts" / "run.sh").write_text("#!/bin/sh\n")
    (folder / "parts" / "run.sh").chmod(0o700)
    return {"train.py": folder / "train.py", "parts/run.sh": folder / "parts" / "run.sh"}


@pytest.mark.parametrize("compressed", [True, False])
def test_what_was_packed_comes_out(tmp_path: Path, compressed: bool) -> None:
    pack(tmp_path / "a.tar", files(tmp_path / "source"), compressed=compressed)
    with opened(tmp_path / "a.tar") as folder:
        found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert found == {"train.py", "parts/run.sh"}
        assert os.access(folder / "parts/run.sh", os.X_OK)
        assert not (folder / "train.py").stat().st_mode & 0o111
    assert not folder.exists()


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    first, second = files(tmp_path / "one"), files(tmp_path / "two")
    os.utime(second["train.py"], (1, 1))
    second["train.py"].chmod(0o600)
    pack(tmp_path / "a.tar.gz", first, compressed=True)
    pack(tmp_path / "b.tar.gz", dict(reversed(second.items())), compressed=True)
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


def test_a_folder_is_handed_out_as_it_is(tmp_path: Path) -> None:
    with opened(tmp_path) as folder:
        assert folder == tmp_path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../evil.py", tarfile.REGTYPE),
        ("/etc/evil", tarfile.REGTYPE),
        ("link", tarfile.SYMTYPE),
        ("dev", tarfile.CHRTYPE),
    ],
)
def test_a_member_that_is_no_plain_file_below_is_refused(tmp_path: Path, name: str, kind: bytes) -> None:
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member, io.BytesIO())
    with pytest.raises(ImageProblem, match="no plain file"), opened(tmp_path / "evil.tar"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.tar"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "cut to its head"])
@pytest.mark.parametrize("compressed", [True, False])
def test_a_copy_that_was_cut_off_or_damaged_is_told_in_a_sentence(
    tmp_path: Path, damage: str, compressed: bool
) -> None:
    source = files(tmp_path / "source")
    source["train.py"].write_bytes(random.Random(5).randbytes(200_000))
    pack(tmp_path / "app.tar", source, compressed=compressed)
    data = bytearray((tmp_path / "app.tar").read_bytes())
    if damage == "flipped":
        data[300 if not compressed else 100_000] ^= 0xFF
    (tmp_path / "app.tar").write_bytes(data[: {"cut": 90_000, "cut to its head": 5}.get(damage, len(data))])
    with pytest.raises(ImageProblem, match=r"app\.tar (is|cannot be)"), opened(tmp_path / "app.tar"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["app.tar", "source"]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(ImageProblem, match=r"absent\.tar\.gz cannot be unpacked.*No such file"),
        opened(tmp_path / "absent.tar.gz"),
    ):
        pass


def test_something_else_is_told(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with (
        pytest.raises(ImageProblem, match=r"notes\.txt is neither a folder nor a tar archive"),
        opened(tmp_path / "notes.txt"),
    ):
        pass
