"""What the database cannot do, in the store's own words: one error for all who ask, and whether the file is damaged."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from sedna_gm.errors import StoreUnavailable
from sedna_gm.store.sql import damage

logger = logging.getLogger(__name__)


def damage_behind(error: StoreUnavailable) -> str:
    """What an operator is told when a damaged file is behind an outage; "" when anything else is."""
    return damage.words_for(error.__cause__.orig if isinstance(error.__cause__, DBAPIError) else error.__cause__)


@contextmanager
def outages_named() -> Iterator[None]:
    """Inside, what the database cannot do is StoreUnavailable.

    A full disk or a foreign lock is nobody's bug; the operator reads the cause in the log.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        words = error.orig if isinstance(error, DBAPIError) else error
        logger.error("The database failed: %s", words)  # noqa: TRY400 - the driver's words say it all
        raise StoreUnavailable from error
