"""Which blobs may go: nothing that is needed, nothing that is fresh, and everything else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.artifacts.deciding import decide
from sedna_gm.artifacts.interface import Blob

KEEP = 3600.0
NOW = 1_000_000.0

blobs = st.lists(
    st.builds(
        Blob,
        sha256=st.sampled_from("abcdefgh"),
        size=st.integers(0, 100),
        touched=st.floats(NOW - 3 * KEEP, NOW + KEEP),
        part=st.booleans(),
    ),
    max_size=12,
)


def old(sha256: str, age: float = 2 * KEEP, *, part: bool = False) -> Blob:
    return Blob(sha256, 1, NOW - age, part)


def test_what_nobody_names_goes_after_its_time_and_not_before() -> None:
    decision = decide([old("a"), old("b", KEEP - 60), old("c", 10)], frozenset(), NOW, KEEP)
    assert decision.remove == (old("a"),)
    assert decision.again == 60.0


def test_what_an_artifact_names_stays_however_old_it_is() -> None:
    decision = decide([old("a", 10**6)], frozenset({"a"}), NOW, KEEP)
    assert (decision.remove, decision.again) == ((), None)


def test_a_part_of_a_needed_blob_stays_however_long_its_line_is_cut() -> None:
    part, other = old("a", part=True), old("b", part=True)
    assert decide([part, other], frozenset({"a"}), NOW, KEEP).remove == (other,)


def test_a_clock_that_was_set_back_removes_nothing_early() -> None:
    decision = decide([old("a", -10_000)], frozenset(), NOW, KEEP)
    assert (decision.remove, decision.again) == ((), KEEP)


@given(blobs, st.sets(st.sampled_from("abcdefgh")))
def test_every_blob_is_needed_or_fresh_or_removed(found: list[Blob], needed: set[str]) -> None:
    decision = decide(found, needed, NOW, KEEP)
    removed = list(decision.remove)
    waiting = []
    for blob in found:
        if blob in removed:
            assert blob.sha256 not in needed
            assert NOW - blob.touched >= KEEP
        elif blob.sha256 not in needed:
            assert NOW - blob.touched < KEEP
            waiting.append(blob)
    assert (decision.again is None) == (not waiting)
    if waiting:
        # Looking again then finds at least one more to remove.
        assert decision.again is not None
        later = decide(found, needed, NOW + decision.again + 0.001, KEEP)
        assert len(later.remove) > len(removed) or any(blob.touched > NOW for blob in waiting)
