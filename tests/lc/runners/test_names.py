from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_lc.runners.names import escape, job_target, unescape, worker_unit

labels = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)


@given(st.text())
def test_what_is_escaped_can_be_read_back(text: str) -> None:
    assert unescape(escape(text)) == text


@given(st.text())
def test_an_escaped_name_holds_only_what_systemd_allows(text: str) -> None:
    escaped = escape(text)
    assert all(char.isascii() and (char.isalnum() or char in ":-_.\\") for char in escaped)
    assert not escaped.startswith(".")


@pytest.mark.skipif(shutil.which("systemd-escape") is None, reason="needs the package systemd")
@pytest.mark.parametrize("text", ["demo", "a-b", "a/b", ".hidden", "a.b", "ä b", "x@y", "back\\slash", "a:b_c"])
def test_systemd_itself_escapes_the_same_way(text: str) -> None:
    answer = subprocess.run(["systemd-escape", "--", text], check=True, capture_output=True, text=True)
    assert escape(text) == answer.stdout.rstrip("\n")


def test_names_are_as_an_operator_would_type_them() -> None:
    assert worker_unit("default", "helmet-demo-train-1") == "sedna-worker-default-helmet-demo-train-1"
    assert job_target("default", "helmet-demo") == "sedna-job-default-helmet-demo.target"


@given(labels, labels, labels, labels)
def test_w58_two_workers_never_share_a_unit(ns1: str, name1: str, ns2: str, name2: str) -> None:
    if (ns1, name1) != (ns2, name2):
        assert worker_unit(ns1, name1) != worker_unit(ns2, name2)


def test_w58_dashes_do_not_move_between_namespace_and_name() -> None:
    assert worker_unit("a-b", "c") != worker_unit("a", "b-c")


@given(st.text("abc-.", min_size=1, max_size=253))
def test_a_long_name_still_fits_systemd_and_a_folder(name: str) -> None:
    assert len(worker_unit("n" * 63, name) + ".service") <= 255


def test_long_names_that_begin_alike_stay_apart() -> None:
    assert worker_unit("default", "a" * 250 + "1") != worker_unit("default", "a" * 250 + "2")
