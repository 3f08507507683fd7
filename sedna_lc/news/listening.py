"""Hears, before the reconciler does, what the GM knows of workers: a curve goes on where it was before a restart."""

from __future__ import annotations

from collections.abc import Iterable

from sedna.api.workers import FINAL_PHASES
from sedna_lc.gm.watching import Listener
from sedna_lc.news.telling import NewsTeller
from sedna_lc.state.stores import Wire, key_of


class NewsListener:
    """Tells a NewsTeller of workers that come and go, and another listener of everything."""

    def __init__(self, teller: NewsTeller, other: Listener) -> None:
        self._teller = teller
        self._other = other

    def listed(self, resources: Iterable[Wire]) -> None:
        """These are all there are."""
        workers = list(resources)
        self._teller.keep_only(key_of(one) for one in workers)
        for one in workers:
            self._teller.seen(one)
        self._other.listed(workers)

    def changed(self, resource: Wire) -> None:
        """One is new or has changed."""
        if (resource.get("status") or {}).get("phase") in FINAL_PHASES:
            self._teller.hurry(key_of(resource), str(resource["metadata"].get("uid")))
        self._other.changed(resource)

    def gone(self, resource: Wire) -> None:
        """One is gone."""
        self._teller.forget(key_of(resource), str(resource["metadata"].get("uid")))
        self._other.gone(resource)
