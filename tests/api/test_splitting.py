"""The split falls the same way every time, and its shares are those that were asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sedna.api.splitting import in_train_part

uids = st.uuids().map(str)
indexes = st.integers(0, 10**9)


@given(uids, indexes, st.floats(0.01, 0.98))
def test_a_sample_that_trains_at_one_share_trains_at_every_larger_one(uid: str, index: int, share: float) -> None:
    if in_train_part(uid, index, share):
        assert in_train_part(uid, index, share + 0.01)


@given(uids, indexes)
def test_nobody_trains_at_share_zero_and_all_do_at_share_one(uid: str, index: int) -> None:
    assert not in_train_part(uid, index, 0.0)
    assert in_train_part(uid, index, 1.0)


def test_the_same_job_always_cuts_alike() -> None:
    drawn = "".join("t" if in_train_part("uid-1", index, 0.8) else "e" for index in range(40))
    assert drawn == "tttttettttttttttettettetteetttttttettttt"


def test_the_share_is_kept_and_the_order_of_the_file_says_nothing() -> None:
    parts = [in_train_part("uid-1", index, 0.8) for index in range(10_000)]
    for third in (parts[:3333], parts[3333:6666], parts[6666:]):
        assert 0.77 < sum(third) / len(third) < 0.83


def test_two_jobs_cut_differently() -> None:
    first = [in_train_part("uid-1", index, 0.5) for index in range(64)]
    assert first != [in_train_part("uid-2", index, 0.5) for index in range(64)]
