"""What an upgrade says of the workers that do not run any more: ended well, disturbed, or nobody knows."""

from __future__ import annotations

import sys

import pytest

from tests.house.test_preflight import evaluate

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="ansible-core 2.19 wants Python 3.11")


def said_of(*units: str) -> list[str]:
    """What is said, given the paragraphs of `systemctl show`."""
    shown = {"stdout": "\n\n".join(units)}
    return list(evaluate("__sedna_lc_workers_disturbed", "sedna_lc", __sedna_lc_workers_ended=shown))


def paragraph(name: str, loaded: str, pid: int, result: str) -> str:
    return f"MainPID={pid}\nResult={result}\nId=sedna-worker-{name}.service\nLoadState={loaded}"


def test_a_worker_that_ended_well_was_not_disturbed() -> None:
    assert said_of(paragraph("a", "loaded", 0, "success")) == []


@pytest.mark.parametrize(("pid", "result"), [(0, "signal"), (77, "success")], ids=["killed", "begun anew"])
def test_a_worker_that_was_killed_or_begun_anew_was_disturbed(pid: int, result: str) -> None:
    (said,) = said_of(paragraph("a", "loaded", 0, "success"), paragraph("b", "loaded", pid, result))
    assert said.startswith("This worker was disturbed: ")
    assert "Id=sedna-worker-b.service" in said


def test_a_worker_that_systemd_has_forgotten_did_not_end_well() -> None:
    """For systemd, what it does not know has ended with success."""
    (said,) = said_of(paragraph("a", "not-found", 0, "success"))
    assert said.startswith("This worker is gone, and systemd does not know how")
    assert "Id=sedna-worker-a.service" in said


def test_no_worker_has_ended_where_none_was_asked_about() -> None:
    assert evaluate("__sedna_lc_workers_disturbed", "sedna_lc", __sedna_lc_workers_ended={"skipped": True}) == []


def test_every_worker_is_compared_and_not_the_first_alone() -> None:
    def show(*pids: int) -> dict[str, str]:
        return {"stdout": "\n\n".join(f"MainPID={pid}\nId=sedna-worker-{n}.service" for n, pid in enumerate(pids))}

    lists = {"__sedna_lc_workers_before": show(10, 11, 12), "__sedna_lc_workers_after": show(10, 99)}
    assert len(evaluate("__sedna_lc_workers_as_before", "sedna_lc", **lists)) == 1
    gone = evaluate("__sedna_lc_workers_gone", "sedna_lc", **lists)
    assert sorted(gone) == ["sedna-worker-1.service", "sedna-worker-2.service"]
