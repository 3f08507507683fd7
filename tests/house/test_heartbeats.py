"""Both services count on one another's defaults between two beats of a node."""

from __future__ import annotations

from dataclasses import fields

from sedna_gm.settings import HttpSettings
from sedna_lc.gm.clients import KEPT_SECONDS
from sedna_lc.settings import Settings


def test_a_heartbeat_finds_the_connection_of_the_one_before_and_none_that_is_about_to_be_closed() -> None:
    between = next(field.default for field in fields(Settings) if field.name == "heartbeat_seconds")
    closed = next(field.default for field in fields(HttpSettings) if field.name == "header_seconds")
    assert isinstance(between, float)
    assert isinstance(closed, int)
    assert between < KEPT_SECONDS < closed
