"""Whether the workers' user may use a path: the kernel's rules, read from owners and modes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from sedna_lc.users import READ, WRITE, WorkerUser, find_user, hindrance

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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
@pytest.mark.parametrize("mode", [0o000, 0o400, 0o040, 0o004, 0o200, 0o600, 0o060, 0o006, 0o077, 0o740, 0o707])
@pytest.mark.parametrize("owner", [(4001, 4001), (4009, 4001), (4009, 4009)], ids=["its own", "its group's", "others'"])
@pytest.mark.parametrize("need", [READ, WRITE, READ | WRITE])
def test_it_says_what_the_kernel_does(mode: int, owner: tuple[int, int], need: int) -> None:
    """In /tmp itself, as the folders of a test are closed to others."""
    user = WorkerUser("u", 4001, 4001, frozenset({4001, 4002}))
    path = Path(f"/tmp/sedna-test-users-{os.getpid()}")
    path.touch()
    try:
        path.chmod(mode)
        os.chown(path, *owner)
        # The shell, since an interpreter in somebody's home folder is out of that user's reach.
        how = {READ: "<", WRITE: ">>", READ | WRITE: "<>"}[need]
        tried = subprocess.run(
            ["/bin/sh", "-c", f'exec 3{how}"$1"', "sh", str(path)],
            user=4001, group=4001, extra_groups=[4002], capture_output=True, check=False, cwd="/",
        )  # fmt: skip
        assert (hindrance(path, user, need) is None) == (tried.returncode == 0), tried.stderr
    finally:
        path.unlink()


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
