"""The GlobalManager's own registry: what has happened is counted here, and what is, is looked at when Prometheus asks.

The door counts its requests (`answered`), the controllers tell each finished round (`finished`), and `sedna_gm.daemon`
adds what looks at the rest (`tell`). A registry of our own: nothing is in it that we did not put there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sedna_gm.metrics.jobs import stage_seconds

_LOG = logging.getLogger(__name__)

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""The text format that every Prometheus reads."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# From what a lookup takes to what a waiting stream's first byte may take.
_REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# From a demo's training, a few seconds, to one that takes a day.
_STAGE_SECONDS = (1, 5, 15, 60, 300, 900, 1800, 3600, 4 * 3600, 12 * 3600, 24 * 3600)

Tellers = Callable[[], Iterable[Metric]]


class Exposition:
    """Everything that `/metrics` shows. Safe to use from many threads."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "sedna_http_requests", "Requests answered.", ("method", "code"), registry=self._registry
        )
        self._seconds = Histogram(
            "sedna_http_request_duration_seconds",
            "From a request's head to the head of its answer; a watch goes on after that.",
            ("method",),
            buckets=_REQUEST_SECONDS,
            registry=self._registry,
        )
        self._rounds = Counter(
            "sedna_rounds", "Rounds finished since this process began.", ("decision",), registry=self._registry
        )
        self._stages = Histogram(
            "sedna_stage_duration_seconds",
            "How long stages took, of the rounds finished since this process began.",
            ("stage", "outcome"),
            buckets=_STAGE_SECONDS,
            registry=self._registry,
        )

    def answered(self, method: str, code: int, seconds: float) -> None:
        """A request has its answer."""
        # Any word may stand where the method does, and each would be a series for ever.
        known = method if method in _METHODS else "other"
        self._requests.labels(known, str(code)).inc()
        self._seconds.labels(known).observe(seconds)

    def finished(self, record: Mapping[str, Any]) -> None:
        """A round has left its record."""
        self._rounds.labels(str(record.get("decision") or "")).inc()
        for stage, outcome, seconds in stage_seconds(record):
            self._stages.labels(stage, outcome).observe(seconds)

    def tell(self, room: str, tellers: Tellers) -> None:
        """Has `tellers` asked at each scrape. One that fails leaves the others, and `sedna_metrics_failed` names it."""
        self._registry.register(_Told(room, tellers))

    def text(self) -> bytes:
        """What Prometheus reads, as of now."""
        return generate_latest(self._registry)


class _Told(Collector):
    """A look at something that is there now."""

    def __init__(self, room: str, tellers: Tellers) -> None:
        self._room = room
        self._tellers = tellers

    def describe(self) -> Iterable[Metric]:
        # Without it the registry would look at everything once more to learn the names.
        return ()

    def collect(self) -> Iterator[Metric]:
        failed = GaugeMetricFamily(
            f"sedna_metrics_{self._room}_failed", f"1: what is told of {self._room} could not be read; see the log."
        )
        try:
            found = list(self._tellers())
        except Exception:  # noqa: BLE001 - who watches must see that it is blind there, and the rest all the same
            _LOG.exception("The metrics of %s cannot be told.", self._room)
            found = []
            failed.add_metric((), 1)
        else:
            failed.add_metric((), 0)
        yield from (*found, failed)


def elapsed(since: float) -> float:
    """Seconds since a moment of `time.perf_counter`."""
    return time.perf_counter() - since
