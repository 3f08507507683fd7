"""What the GM wants of this node, for ever: nested routines, each with one concern.

`run` never ends before it is stopped and waits between failures; `_list_then_watch` begins anew when the GM no longer
remembers where we were; `_one_connection` reads a single stream. After days without a GM there is one stream, which
begins with all that there is (or where we were), and so one reconciliation.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from typing import Protocol

from sedna_lc.errors import Again, GmRefused, WatchTooOld
from sedna_lc.gm.checking import is_usable
from sedna_lc.gm.clients import Event, GmClient, Listed
from sedna_lc.gm.pauses import Pauses
from sedna_lc.gm.stores import KnownStore
from sedna_lc.state.letters import API
from sedna_lc.state.stores import Wire

logger = logging.getLogger(__name__)

# A refusal (a wrong node name, a version that does not fit) is no outage: it is asked again, but rarely.
_SECONDS_AFTER_REFUSAL = 30.0


class Listener(Protocol):
    """Who is told, in order, from one thread."""

    def listed(self, resources: Iterable[Wire]) -> None:
        """These are all there are."""

    def changed(self, resource: Wire) -> None:
        """One is new or has changed."""

    def gone(self, resource: Wire) -> None:
        """One is gone, or no longer this node's."""


class NodeWatch:
    """Follows the resources of one kind whose `spec.nodeName` is this node."""

    def __init__(
        self,
        client: GmClient,
        plural: str,
        node: str,
        listener: Listener,
        pauses: Pauses,
        known: KnownStore | None = None,
    ) -> None:
        self._client = client
        self._known = known
        self._store = ""
        self._path = f"{API}/{plural}"
        self._parameters = {"fieldSelector": f"spec.nodeName={node}"}
        self._listener = listener
        self._pauses = pauses
        self._series = pauses()
        self._version = ""

    def run(self, stop: threading.Event) -> None:
        """Follow until stopped, whatever happens to the GM."""
        while not stop.is_set():
            returns = self._client.returns
            try:
                self._list_then_watch(stop)
            except WatchTooOld as problem:
                logger.info("The watch of %s begins anew: %s", self._path, problem)
                self._version = ""
                # Whoever always falls behind, or meets somebody who says so to each, must not ask in a tight loop.
                stop.wait(next(self._series))
            except Again as problem:
                logger.debug("The watch of %s waits: %s", self._path, problem)
                self._client.rest(problem.after_seconds or next(self._series), returns)
            except GmRefused as problem:
                logger.error("The GM refuses the watch of %s: %s", self._path, problem.message)  # noqa: TRY400
                stop.wait(_SECONDS_AFTER_REFUSAL)
            except Exception:
                # A bug in a listener, or in the GM's answers, must not leave the node deaf for ever.
                logger.exception("The watch of %s failed; it begins anew.", self._path)
                self._version = ""
                stop.wait(next(self._series))

    def _list_then_watch(self, stop: threading.Event) -> None:
        if not self._version:
            self._one_connection(self._client.list_and_watch(self._path, self._parameters), stop)
        while not stop.is_set():
            self._one_connection(self._client.watch(self._path, self._parameters, self._version, self._store), stop)

    def _one_connection(self, stream: Iterator[Listed | Event], stop: threading.Event) -> None:
        heard = False
        for event in stream:
            if stop.is_set():
                return
            if isinstance(event, Listed):
                self._take(event)
                continue
            if event.type in ("ADDED", "MODIFIED", "DELETED") and not is_usable(event.resource):
                logger.debug("%s is left alone.", event.type)
            elif event.type == "DELETED":
                self._listener.gone(event.resource)
            elif event.type in ("ADDED", "MODIFIED"):
                for old in self._known.replaced_by(event.resource) if self._known is not None else ():
                    self._listener.gone(old)
                self._listener.changed(event.resource)
            # Only now: a listener that failed sees the event again.
            self._version = event.resource["metadata"]["resourceVersion"]
            heard = True
            self._series = self._pauses()
        if not heard:
            # A GM that ends every stream at once is not asked in a tight loop.
            stop.wait(next(self._series))

    def _take(self, listed: Listed) -> None:
        items: list[Wire] = [one for one in listed.items if is_usable(one)]
        if self._known is not None:
            items = self._known.believed(listed.store, items)
        self._listener.listed(items)
        self._version, self._store = listed.version, listed.store
