"""The control machine's part of the installation, typed in a clone of this project."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.documented.control_stories import STORIES
from tests.documented.sites import Desk
from tests.documented.stories import Story, tell


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(tmp_path_factory.mktemp("control"))
    (desk.folder / "stick").mkdir()
    desk.words["/media/stick"] = str(desk.folder / "stick")
    desk.terminal.go_to(desk.folder)
    yield desk
    desk.close()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="ansible-core wants Python 3.11 on the control machine")
@pytest.mark.parametrize("story", STORIES, ids=str)
def test_the_page_can_be_typed(desk: Desk, story: Story) -> None:
    tell(story, desk)
