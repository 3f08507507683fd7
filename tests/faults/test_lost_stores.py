"""The GlobalManager's database is gone, or damaged: nobody stops working, and the job begins again when it is told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.invariants import broken, gathered
from tests.faults.sites import JOB, Site

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path / "site")
    try:
        site.start()
        site.submit()
        site.round()
        yield site
    finally:
        site.close()


def database_of(site: Site) -> Path:
    return site.folder / "cloud" / "state" / "gm.db"


def test_a_fresh_store_stops_no_worker_and_a_job_that_is_submitted_again_goes_on(site: Site) -> None:
    before = sorted(site.workers())
    gm = site.daemons["gm"]
    gm.kill()
    for path in database_of(site).parent.glob("gm.db*"):
        path.unlink()
    gm.start()
    held = lambda: "does not know 1 workers" in site.daemons["edge"].log.read_text()  # noqa: E731
    site.until(held, "the edge says that the store is another one")
    site.until(lambda: site.items("Worker") == [], "the store has begun anew")
    assert sorted(site.workers()) == before
    # The edge starts again, and still holds on to its worker.
    site.daemons["edge"].kill()
    site.daemons["edge"].start()
    site.submit()
    site.settled()
    assert [each["metadata"]["name"] for each in site.items("Worker")].count(f"{JOB}-inference") == 1
    site.until(lambda: len(site.workers()) == 2, "there is one inference worker, with its supervisor")


def test_a_damaged_database_is_left_alone_and_a_backup_brings_everything_back(site: Site) -> None:
    before = sorted(site.workers())
    gm, database = site.daemons["gm"], database_of(site)
    config = str(site.setups["cloud"].gm_config)
    site.command("sedna-gm", "backup", "--config", config, str(database.with_name("backup.db")))
    gm.kill()
    with database.open("r+b") as file:
        file.write(os.urandom(8192))
    gm.start()
    gm.wait_for_refusal()
    assert "backup.db" in gm.log.read_text()
    site.command("sedna-gm", "restore", "--config", config, str(database.with_name("backup.db")))
    gm.start()
    site.round()
    assert sorted(site.workers()) == before
    assert [each["round"] for each in site.rounds()] == [1, 2]


@pytest.mark.parametrize("more", [False, True], ids=["of the same samples", "of more samples"])
def test_rounds_that_a_backup_does_not_know_are_made_again_and_what_serves_is_what_is_told(
    site: Site, more: bool
) -> None:
    """Their paths, names and numbers come once more; of more samples, with other models."""
    gm, database = site.daemons["gm"], database_of(site)
    config, backup = str(site.setups["cloud"].gm_config), database.with_name("backup.db")
    site.command("sedna-gm", "backup", "--config", config, str(backup))
    for _ in range(2):
        site.round()
    first = [each["models"]["new"]["sha256"] for each in site.rounds()]
    gm.kill()
    if more:
        site.feed()
    site.command("sedna-gm", "restore", "--config", config, str(backup))
    gm.start()
    site.settled()
    assert broken(gathered(site)) == []
    again = [each["models"]["new"]["sha256"] for each in site.rounds()]
    # What was waiting meanwhile goes into one round; the model of all of the same samples is the same.
    assert len(again) == 2
    assert again[0] == first[0]
    assert (again[1] == first[2]) is not more
