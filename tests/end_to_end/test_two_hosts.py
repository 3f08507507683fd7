"""Cloud and edge without a shared disk: samples go up, models come down, whatever happens to the line between them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sedna.common.digests import digest
from tests.end_to_end.links import DOWN, UP
from tests.end_to_end.machines import end_processes_below
from tests.end_to_end.sites import DATA_BYTES, Site

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_two_rounds_with_training_on_the_cloud_and_data_on_the_edge(site: Site) -> None:
    site.submit()
    site.feed(0, 24)
    site.round_done(1)
    first = site.is_served(1)
    site.feed(24, 24)
    site.round_done(2)
    second = site.is_served(2)
    assert first["sha256"] != second["sha256"]
    served = json.loads(site.served.read_text())
    assert served["sha256"] == second["sha256"]
    heads = Path(served["url"]).read_bytes().split()
    trained = {int(head[1:]) for head in heads if head.startswith(b"p")}
    assert {number < 24 for number in trained} == {True, False}, "pictures of both rounds, by way of the base model"


@pytest.mark.parametrize("end", ["goes on", "is killed"])
def test_a_line_that_breaks_while_samples_go_up_costs_no_byte_twice(site: Site, end: str) -> None:
    site.submit()
    site.link.cut_after(200_000, UP)
    site.feed(0, 24)
    assert site.link.broke.wait(60), "the line broke in the middle"
    if end == "is killed":
        site.edge.kill("lc")
    site.feed(24, 6)
    assert not _half_blobs(site.cloud.folder / "state" / "artifacts")
    site.link.mend()
    if end == "is killed":
        site.edge.start_lc()
    site.round_done(1)
    assert site.is_served(1)["round"] == 1
    pictures = 30 * DATA_BYTES
    # What is said besides (heartbeats, statuses, watches) takes a little, and one picture was cut in the middle.
    assert site.link.carried[UP] < pictures * 1.2


@pytest.mark.parametrize("end", ["goes on", "is killed"])
def test_a_line_that_breaks_while_a_model_comes_down_leaves_the_old_one_serving(site: Site, end: str) -> None:
    size = 1_000_000
    cache = site.edge.folder / "state" / "lc" / "artifacts"
    site.submit(model_bytes=size)
    site.link.cut_after(size // 2, DOWN)
    site.feed(0, 24)
    assert site.link.broke.wait(60), "the line broke in the middle"
    site.edge.until_seen(
        lambda: sum(part.stat().st_size for part in (cache / "parts").iterdir()) > size * 0.4, "what came is kept"
    )
    if end == "is killed":
        site.edge.kill("lc")
    before = json.loads(site.served.read_text())
    site.edge.until_file(
        site.served, lambda text: json.loads(text)["time"] > before["time"] + 1, "the worker goes on meanwhile"
    )
    assert json.loads(site.served.read_text())["pid"] == before["pid"]
    assert json.loads(site.served.read_text())["sha256"] == before["sha256"], "the old model"
    assert not _half_blobs(cache)
    site.link.mend()
    if end == "is killed":
        site.edge.start_lc()
    new = site.is_served(1)
    served = json.loads(site.edge.until_file(site.served, lambda text: new["sha256"] in text, "the new one serves"))
    assert served["pid"] == before["pid"], "without a stop"
    assert site.link.carried[DOWN] < size * 1.5, "it went on where it was"
    site.edge.until_seen(lambda: not any((cache / "blobs").iterdir()), "a served model lies in its slot only")


def test_an_edge_that_boots_without_a_line_serves_its_last_good_model(site: Site) -> None:
    site.submit()
    site.feed(0, 24)
    record = site.round_done(1)
    good = site.is_served(1)
    before = json.loads(site.served.read_text())
    site.link.cut()
    # The power fails: everything of this host ends at once. The model's own file lies on the other host.
    site.edge.kill("lc")
    end_processes_below(site.edge.folder)
    trained = Path(good["url"])
    trained.rename(trained.with_name("elsewhere.txt"))
    site.served.unlink()
    site.edge.begin_lc()
    text = site.edge.until_file(site.served, lambda text: good["sha256"] in text, "it serves what it served")
    assert json.loads(text)["pid"] != before["pid"]
    assert record["round"] == 1


def _half_blobs(store: Path) -> list[Path]:
    """Files with a blob's final name that are not what it says."""
    files = [path for path in store.rglob("*") if path.is_file() and "parts" not in path.parts]
    named = [path for path in files if len(path.name) == 64]
    return [path for path in named if digest(path) != path.name]
