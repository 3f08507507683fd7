"""What the pages tell an operator to type, typed on hosts: from the inventory's ping to the timer of certificates.

One test, since the pages are one story: each section goes on with what the one before has left. What else they show of
hosts is in `tests.documented.elsewhere`, with the tests here that do it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.documented.stories import type_one
from tests.hosts.clouds import Cloud
from tests.hosts.documented import STORIES, Hosts
from tests.hosts.labs import Lab


@pytest.mark.kubectl
@pytest.mark.timeout(1200)
def test_what_the_pages_show_of_hosts_can_be_typed_on_them(lab: Lab, cloud: Cloud, tmp_path: Path) -> None:
    hosts = Hosts(lab, cloud, tmp_path)
    try:
        for story in STORIES:
            for command in story.commands:
                type_one(story, command, hosts)
    finally:
        hosts.close()
