"""The pages about access, certificates and backups, typed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.documented.locked_stories import STORIES, LockedSite
from tests.documented.stories import Story, tell

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LockedSite]:
    site = LockedSite(tmp_path_factory.mktemp("locked"))
    yield site
    site.close()


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_the_page_can_be_typed(site: LockedSite, story: Story) -> None:
    tell(story, site)
