"""Certificates in a folder: made once, renewed in time, swapped whole, and believed by a real TLS client."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import stat
import sys
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.certificates import checking, keeping, making
from sedna_gm.certificates.keeping import CertificatesUnusable
from sedna_gm.certificates.making import Pair

NOW = datetime.now(timezone.utc)
NAMES = ("gm.example", "gm_1", "127.0.0.1", "::1")


def content(folder: Path) -> Pair:
    return Pair((folder / "gm.crt").read_bytes(), (folder / "gm.key").read_bytes())


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    first = keeping.create(tmp_path, NAMES, None, NOW)
    assert [change.partition(" ")[0] for change in first.changes] == ["ca.crt", "gm.crt"]
    before = content(tmp_path)
    assert keeping.create(tmp_path, NAMES, None, NOW) == keeping.Outcome((), ())
    assert keeping.renew(tmp_path, (), None, NOW) == keeping.Outcome((), ())
    assert content(tmp_path) == before


def test_keys_are_for_their_owner_only_and_certificates_for_everybody(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    before = os.umask(0o077)
    try:
        keeping.create(folder, NAMES, None, NOW)
    finally:
        os.umask(before)
    modes = {
        name: oct(stat.S_IMODE((folder / name).stat().st_mode)) for name in ("ca.key", "gm.key", "ca.crt", "gm.crt")
    }
    assert modes == {"ca.key": "0o600", "gm.key": "0o600", "ca.crt": "0o644", "gm.crt": "0o644"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another group")
def test_a_group_that_was_named_once_reads_renewed_keys_too(tmp_path: Path) -> None:
    keeping.create(tmp_path, NAMES, None, NOW)
    assert keeping.create(tmp_path, NAMES, "daemon", NOW).changes == ("gm.key can be read by group daemon now",)
    assert keeping.create(tmp_path, NAMES, "daemon", NOW).changes == ()
    keeping.renew(tmp_path, (), None, NOW + timedelta(days=300))
    found = (tmp_path / "gm.key").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o640, 1)
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600


def test_a_certificate_is_renewed_when_a_third_of_its_life_is_left_and_keeps_its_names(tmp_path: Path) -> None:
    keeping.create(tmp_path, NAMES, None, NOW)
    assert keeping.renew(tmp_path, (), None, NOW + timedelta(days=240)).changes == ()
    (change,) = keeping.renew(tmp_path, (), None, NOW + timedelta(days=250)).changes
    assert "less than a third of its life was left" in change
    assert checking.names_in(content(tmp_path).certificate) == ["gm.example", "gm_1", "127.0.0.1", "::1"]
    assert checking.end_of(content(tmp_path).certificate) > NOW + timedelta(days=600)


def test_an_edge_whose_clock_is_far_behind_does_not_lose_the_server_at_a_renewal(tmp_path: Path) -> None:
    keeping.create(tmp_path, NAMES, None, NOW)
    for days in (250, 500, 750):
        (_,) = keeping.renew(tmp_path, (), None, NOW + timedelta(days=days)).changes
        # The edge has come up without a battery, and its clock stands where it was installed.
        assert list(checking.faults(content(tmp_path), NAMES, NOW)) == []
    # However early it begins, it is renewed once a year.
    assert keeping.renew(tmp_path, (), None, NOW + timedelta(days=750 + 240)).changes == ()


def test_a_certificate_that_ends_with_its_authority_is_not_made_anew_again_and_again(tmp_path: Path) -> None:
    keeping.create(tmp_path, NAMES, None, NOW)
    late = NOW + making.AUTHORITY_LIFE - timedelta(days=100)
    assert keeping.renew(tmp_path, (), None, late).changes
    assert keeping.renew(tmp_path, (), None, late + timedelta(days=1)).changes == ()


@pytest.mark.parametrize(
    ("names", "why"),
    [(("other.example",), "does not name other.example"), (NAMES[:2], "the names have changed")],
    ids=["another", "fewer"],
)
def test_other_names_make_another_certificate(tmp_path: Path, names: tuple[str, ...], why: str) -> None:
    keeping.create(tmp_path, NAMES, None, NOW)
    (change,) = keeping.renew(tmp_path, names, None, NOW).changes
    assert why in change
    assert checking.names_in(content(tmp_path).certificate) == list(names)


def test_names_in_another_order_or_case_are_the_same_names(tmp_path: Path) -> None:
    keeping.create(tmp_path, NAMES, None, NOW)
    assert keeping.renew(tmp_path, (*reversed(NAMES), "GM.Example"), None, NOW).changes == ()


def test_a_key_that_does_not_fit_is_replaced(tmp_path: Path) -> None:
    keeping.create(tmp_path, NAMES, None, NOW)
    (tmp_path / "current" / "gm.key").write_bytes(making.make_key())
    (change,) = keeping.renew(tmp_path, (), None, NOW).changes
    assert "the key does not fit" in change
    assert checking.unusable(content(tmp_path)) == ""


def test_a_certificate_of_another_authority_is_replaced(tmp_path: Path) -> None:
    keeping.create(tmp_path, NAMES, None, NOW)
    for name in ("ca.crt", "ca.key"):
        (tmp_path / name).unlink()
    changes = keeping.create(tmp_path, NAMES, None, NOW).changes
    assert len(changes) == 2
    assert "not from the authority in ca.crt" in changes[1]


def test_an_authority_in_its_last_year_is_warned_of_and_what_it_signs_ends_with_it(tmp_path: Path) -> None:
    keeping.create(tmp_path, NAMES, None, NOW)
    late = NOW + timedelta(days=19.5 * 365)
    outcome = keeping.renew(tmp_path, (), None, late)
    assert "ends on" in outcome.warnings[0]
    assert checking.end_of(content(tmp_path).certificate) == checking.end_of((tmp_path / "ca.crt").read_bytes())
    with pytest.raises(CertificatesUnusable, match="is over"):
        keeping.renew(tmp_path, (), None, NOW + timedelta(days=21 * 365))


def test_the_authoritys_key_may_be_kept_elsewhere_until_a_renewal_is_due(tmp_path: Path) -> None:
    keeping.create(tmp_path, NAMES, None, NOW)
    (tmp_path / "ca.key").unlink()
    assert keeping.renew(tmp_path, (), None, NOW).changes == ()
    with pytest.raises(CertificatesUnusable, match="which signs, is not there"):
        keeping.renew(tmp_path, (), None, NOW + timedelta(days=300))
    (tmp_path / "ca.key").write_bytes(making.make_key())
    with pytest.raises(CertificatesUnusable, match=r"does not fit .*ca\.crt"):
        keeping.renew(tmp_path, (), None, NOW + timedelta(days=300))


def test_a_crash_after_any_step_leaves_a_pair_that_fits_and_the_next_run_goes_on(tmp_path: Path) -> None:
    """The folder as it is after each change of a name in it, as a power cut would leave it."""
    states: list[Path] = []
    folder = tmp_path / "tls"

    class Recorder:
        def __init__(self) -> None:
            self.last: list[tuple[str, str]] = []

        def look(self) -> None:
            now = sorted((str(one), str(one.readlink()) if one.is_symlink() else "") for one in folder.rglob("*"))
            if now != self.last:
                self.last = now
                copy = tmp_path / f"state{len(states)}"
                shutil.copytree(folder, copy, symlinks=True)
                states.append(copy)

    def act(when: datetime) -> None:
        recorder = Recorder()

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            if folder.is_dir():
                recorder.look()
            return trace if frame.f_code.co_filename.endswith(("keeping.py", "publishing.py")) else None

        sys.settrace(trace)
        try:
            keeping.create(folder, NAMES, None, when)
        finally:
            sys.settrace(None)

    act(NOW)
    act(NOW + timedelta(days=300))
    assert len(states) > 12
    for state in states:
        whole = (state / "gm.crt").exists() and (state / "gm.key").exists()
        if whole:
            assert checking.unusable(content(state)) == ""
        keeping.create(state, NAMES, None, NOW)
        assert checking.unusable(content(state)) == ""
        assert keeping.create(state, NAMES, None, NOW).changes == ()
        assert not list(state.glob(".sedna-*"))


def test_an_operators_files_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "gm.crt").write_text("mine")
    with pytest.raises(CertificatesUnusable, match=r"gm\.crt was not made here"):
        keeping.create(tmp_path, NAMES, None, NOW)
    assert (tmp_path / "gm.crt").read_text() == "mine"


@pytest.mark.parametrize("name", ["", "a b", "-a", "a/b", "a" * 300, "a\nb", "*.example"])
def test_what_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(CertificatesUnusable, match="neither a host name nor an IP address"):
        keeping.create(tmp_path, [name], None, NOW)


def test_without_a_name_there_is_no_certificate(tmp_path: Path) -> None:
    with pytest.raises(CertificatesUnusable, match="at least one name"):
        keeping.create(tmp_path, (), None, NOW)


def test_renewal_needs_an_authority(tmp_path: Path) -> None:
    with pytest.raises(CertificatesUnusable, match="certificates create"):
        keeping.renew(tmp_path, NAMES, None, NOW)


def test_an_unknown_group_is_named(tmp_path: Path) -> None:
    with pytest.raises(CertificatesUnusable, match="no group nobodys-group"):
        keeping.create(tmp_path, NAMES, "nobodys-group", NOW)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_get_a_sentence(certificate: bytes, key: bytes) -> None:
    assert checking.unusable(Pair(certificate, key))


@pytest.mark.parametrize("name", ["gm.example", "127.0.0.1"])
def test_a_strict_client_believes_it_by_name_and_by_address(tmp_path: Path, name: str) -> None:
    keeping.create(tmp_path, NAMES, None, NOW)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "gm.crt", tmp_path / "gm.key")
    client = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    here, there = socket.socketpair()

    def answer() -> None:
        with server.wrap_socket(there, server_side=True) as connection:
            connection.sendall(b"hello")

    thread = threading.Thread(target=answer)
    thread.start()
    with client.wrap_socket(here, server_hostname=name) as connection:
        assert connection.recv(5) == b"hello"
    thread.join(10)


def test_an_operators_certificate_is_told_what_is_wrong_with_it(tmp_path: Path) -> None:
    keeping.create(tmp_path, ["gm.example"], None, NOW)
    pair = content(tmp_path)
    assert list(checking.faults(pair, ["gm.example"], NOW)) == []
    told = list(checking.faults(pair, ["gm.example", "10.0.0.1"], NOW + timedelta(days=366)))
    assert [sentence.partition(" since")[0] for sentence in told] == [
        "the certificate is over",
        "the certificate does not name 10.0.0.1",
    ]
    assert list(checking.faults(Pair(pair.certificate, making.make_key()), [], NOW)) == [
        "the key does not fit the certificate"
    ]
