"""Whether the workers' user may use a path: the kernel's rules, read from owners and modes."""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sedna_lc.users import READ, WRITE, WorkerUser, find_user, hindrance, hindrance_of

OWNER = WorkerUser("owner", os.getuid() or 1234, os.getgid(), frozenset({os.getgid()}))


def test_a_user_of_this_host_is_found_with_its_groups() -> None:
    root = find_user("root")
    assert root.owner == (0, 0)
    assert 0 in root.groups


def test_a_user_that_is_not_there_is_said() -> None:
    with pytest.raises(KeyError):
        find_user("nobody-of-this-name")


def test_what_is_not_there_is_no_matter_of_rights(tmp_path: Path) -> None:
    assert hindrance(tmp_path / "missing", OWNER) is None


def test_root_may_everything(tmp_path: Path) -> None:
    (tmp_path / "f").touch(0o000)
    assert hindrance(tmp_path / "f", WorkerUser("root", 0, 0, frozenset({0}))) is None


@pytest.fixture
def path() -> Iterator[Path]:
    """In /tmp itself, as the folders of a test are closed to others."""
    path = Path(f"/tmp/sedna-test-users-{os.getpid()}")
    path.touch()
    yield path
    path.unlink()


def kernel_allows(path: Path, need: int) -> bool:
    # The shell, since an interpreter in somebody's home folder is out of that user's reach.
    how = {READ: "<", WRITE: ">>", READ | WRITE: "<>"}[need]
    tried = subprocess.run(
        ["/bin/sh", "-c", f'exec 3{how}"$1"', "sh", str(path)],
        user=4001, group=4001, extra_groups=[4002], capture_output=True, check=False, cwd="/",
    )  # fmt: skip
    return tried.returncode == 0


MEMBER = WorkerUser("u", 4001, 4001, frozenset({4001, 4002}))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
@pytest.mark.parametrize("mode", [0o000, 0o400, 0o040, 0o004, 0o200, 0o600, 0o060, 0o006, 0o077, 0o740, 0o707])
@pytest.mark.parametrize("owner", [(4001, 4001), (4009, 4001), (4009, 4009)], ids=["its own", "its group's", "others'"])
@pytest.mark.parametrize("need", [READ, WRITE, READ | WRITE])
def test_it_says_what_the_kernel_does(path: Path, mode: int, owner: tuple[int, int], need: int) -> None:
    path.chmod(mode)
    os.chown(path, *owner)
    assert (hindrance(path, MEMBER, need) is None) == kernel_allows(path, need)


def access_list(*entries: tuple[int, int, int]) -> bytes:
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


NOBODY = 0xFFFFFFFF
OWNER_MAY, GROUP_MAY_NOT, OTHERS_MAY_NOT = (1, 6, NOBODY), (4, 0, NOBODY), (32, 0, NOBODY)
LISTS = {
    "its name is on it": [OWNER_MAY, (2, 4, 4001), GROUP_MAY_NOT, (16, 7, NOBODY), OTHERS_MAY_NOT],
    "its name is masked": [OWNER_MAY, (2, 4, 4001), GROUP_MAY_NOT, (16, 2, NOBODY), OTHERS_MAY_NOT],
    "its name is shut out": [OWNER_MAY, (2, 0, 4001), (4, 4, NOBODY), (16, 7, NOBODY), (32, 4, NOBODY)],
    "another is on it": [OWNER_MAY, (2, 4, 4009), GROUP_MAY_NOT, (16, 7, NOBODY), OTHERS_MAY_NOT],
    "its group is on it": [OWNER_MAY, GROUP_MAY_NOT, (8, 4, 4002), (16, 7, NOBODY), OTHERS_MAY_NOT],
    "its group is shut out": [OWNER_MAY, GROUP_MAY_NOT, (8, 0, 4002), (16, 7, NOBODY), (32, 4, NOBODY)],
    "groups do not add up": [OWNER_MAY, GROUP_MAY_NOT, (8, 4, 4001), (8, 2, 4002), (16, 7, NOBODY), OTHERS_MAY_NOT],
    "others may": [OWNER_MAY, (2, 0, 4009), (4, 0, NOBODY), (16, 7, NOBODY), (32, 4, NOBODY)],
}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("group", [0, 4002])
def test_an_access_control_list_is_understood_as_the_kernel_does(path: Path, name: str, group: int) -> None:
    path.chmod(0o640)
    os.chown(path, 0, group)
    try:
        os.setxattr(path, "system.posix_acl_access", access_list(*LISTS[name]))
    except OSError as problem:
        pytest.skip(f"{path} knows no access control lists: {problem}")
    for need in (READ, READ | WRITE):
        assert (hindrance(path, MEMBER, need) is None) == kernel_allows(path, need)
    with path.open("rb") as file:
        assert (hindrance_of(file.fileno(), MEMBER) is None) == kernel_allows(path, READ)


def test_a_link_counts_by_where_it_leads(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(0o700)
    (closed / "f").touch(0o644)
    (tmp_path / "link").symlink_to(closed / "f")
    stranger = WorkerUser("stranger", 54321, 54321, frozenset({54321}))
    sentence = hindrance(tmp_path / "link", stranger)
    assert sentence is not None
    assert "may not enter" in sentence
    assert sentence.endswith("let stranger enter it, for instance by its group")


def test_an_open_file_is_judged_by_where_it_lies_whatever_link_led_there(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(0o700)
    (closed / "f").write_text("secret")
    (closed / "f").chmod(0o644)
    (tmp_path / "link").symlink_to(closed / "f")
    with (tmp_path / "link").open("rb") as file:
        (tmp_path / "link").unlink()
        (tmp_path / "link").symlink_to("/etc/hostname")
        sentence = hindrance_of(file.fileno(), WorkerUser("stranger", 54321, 54321, frozenset({54321})))
    assert sentence is not None
    assert "may not enter" in sentence


def test_what_lies_nowhere_is_not_handed_on(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").touch()
    with (tmp_path / "d" / "f").open("rb") as file:
        (tmp_path / "d" / "f").unlink()
        (tmp_path / "d").rmdir()
        with pytest.raises(OSError, match="No such file"):
            hindrance_of(file.fileno(), WorkerUser("me", os.getuid(), os.getgid(), frozenset()))
