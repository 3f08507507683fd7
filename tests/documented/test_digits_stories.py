"""The pages about a job that runs, typed: the digits example from `sedna up` to its edited trigger."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.documented.digits_stories import STORIES
from tests.documented.sites import OpenSite
from tests.documented.stories import Story, tell

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenSite]:
    site = OpenSite(tmp_path_factory.mktemp("digits"))
    yield site
    site.close()


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_the_page_can_be_typed(site: OpenSite, story: Story) -> None:
    tell(story, site)
