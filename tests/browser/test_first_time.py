"""What a person does who has never seen it and has read nothing: from the address that the demo's last line gives to a
better model, one button after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Look
from tests.browser.sites import THRESHOLD, Site, draw
from tests.browser.steps import begin_labelling, save

pytestmark = pytest.mark.timeout(240)
LABELS = 10


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A job that waits for ten samples and has none, and some more hard examples than that."""
    site = Site(tmp_path_factory.mktemp("site"), epochs=4, epoch_seconds=0.5)
    try:
        site.start()
        site.submit()
        site.find_hard(draw(LABELS + 4))
        yield site
    finally:
        site.close()


def test_ten_labels_begin_a_round_that_is_watched_and_ends_with_a_better_model(site: Site, look: Look) -> None:
    assert THRESHOLD == LABELS - 1, "more than nine samples begin a round"
    page = look(str(site.setup.server))
    expect(page.get_by_role("region", name="Needs a person")).to_contain_text("10 more labelled samples are needed")
    begin_labelling(page)
    meter = page.get_by_role("progressbar", name="Samples towards the next round")
    for number in range(LABELS):
        expect(meter).to_have_attribute("aria-valuenow", str(number))
        save(page)
    # By chance the split of ten leaves a side without any; the job says so, and one more label helps.
    while not site.begins(1):
        save(page)
    expect(page.get_by_text("Round 1 has begun with what was labelled.")).to_be_visible()
    page.get_by_role("link", name="Watch it").click()
    page.get_by_role("link", name="Training live").click()
    expect(page.get_by_role("main")).to_contain_text("4 of 4 epochs")
    page.get_by_role("link", name="State").click()
    expect(page.get_by_role("button", name=re.compile("Round 1 Deployed"))).to_be_visible()
    record = site.round_done(1)
    labelled = site.list_file.read_text().splitlines()
    assert len(labelled) == len({line.split()[0] for line in labelled}) == record["samples"]["end"] >= LABELS
    assert record["metrics"]["new"]["precision"] > record["metrics"]["comparedWith"]["precision"]
