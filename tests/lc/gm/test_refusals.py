"""A letter is given up only when nobody could ever bring it: it may be the only word of how a worker ended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.api.status import BOUND_ELSEWHERE
from sedna_lc.errors import GmConflict, GmNotFound, GmRefused, GmUnavailable
from sedna_lc.gm.refusals import Verdict, verdict

ELSEWHERE = GmUnavailable("bound", answered=True, code=403, causes=frozenset({BOUND_ELSEWHERE}))


@pytest.mark.parametrize(
    ("problem", "wanted", "stands", "expected"),
    [
        (ELSEWHERE, False, True, Verdict.ELSEWHERE),
        (ELSEWHERE, True, True, Verdict.AGAIN),
        (GmNotFound(404, "gone"), True, True, Verdict.GONE),
        (GmConflict(409, "a version"), True, True, Verdict.AGAIN),
        (GmConflict(409, "a uid"), True, False, Verdict.ANOTHER),
        (GmRefused(422, "no"), True, True, Verdict.WRONG),
        (GmRefused(400, "no"), False, True, Verdict.WRONG),
    ],
    ids=["elsewhere", "not-heard-yet", "gone", "version", "another", "wrong", "malformed"],
)
def test_what_could_never_count_is_given_up_and_nothing_else(
    problem: GmRefused | GmUnavailable, wanted: bool, stands: bool, expected: Verdict
) -> None:
    assert verdict(problem, wanted=wanted, stands=stands) is expected


@given(
    code=st.sampled_from([0, 401, 403, 408, 425, 429, 500, 502, 503, 504, 507, 302]),
    causes=st.frozensets(st.sampled_from(["Forbidden", "Other", ""])),
    answered=st.booleans(),
    wanted=st.booleans(),
)
def test_what_is_about_the_credential_or_the_line_is_never_final(
    code: int, causes: frozenset[str], answered: bool, wanted: bool
) -> None:
    problem = GmUnavailable("not now", answered=answered, code=code, causes=causes)
    assert verdict(problem, wanted=wanted, stands=True) is Verdict.AGAIN


@given(code=st.integers(400, 451), kind=st.sampled_from([GmRefused, GmNotFound, GmConflict]), stands=st.booleans())
def test_what_a_proxy_may_have_said_is_never_final(code: int, kind: type[GmRefused], stands: bool) -> None:
    assert verdict(kind(code, "not ours", ours=False), wanted=False, stands=stands) is Verdict.AGAIN
