"""From a `looking.View` to the text that Prometheus reads. Pure; imported at the first scrape only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sedna_lc.metrics.looking import View

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
"""The text format that every Prometheus reads."""


def text(view: View) -> bytes:
    """Return the page."""
    registry = CollectorRegistry()
    registry.register(_Found(list(families(view))))
    return generate_latest(registry)


class _Found(Collector):
    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterable[Metric]:
        return self._found


def families(view: View) -> Iterator[Metric]:
    """Everything that is told."""
    yield GaugeMetricFamily(
        "sedna_lc_gm_connected",
        "1: the GlobalManager answered when it was last asked.",
        value=int(bool(view.connected)),
    )
    if view.heard_at is not None:
        yield GaugeMetricFamily(
            "sedna_lc_gm_last_answer_timestamp_seconds", "When the GlobalManager last answered.", value=view.heard_at
        )
    yield GaugeMetricFamily(
        "sedna_lc_outbox_letters", "Facts that the GlobalManager has not taken yet.", value=view.letters
    )
    yield GaugeMetricFamily(
        "sedna_lc_outbox_oldest_seconds",
        "For how long the oldest of them waits; after a start, since then.",
        value=view.oldest_seconds,
    )
    samples = GaugeMetricFamily(
        "sedna_lc_dataset_samples", "Samples ever seen in a dataset.", labels=("namespace", "dataset")
    )
    for key, count in sorted(view.samples.items()):
        samples.add_metric(key, count)
    yield samples
    yield from _workers(view)
    yield GaugeMetricFamily(
        "sedna_lc_artifact_bytes",
        "Fetched models and samples on disk; counted once a minute.",
        value=view.artifact_bytes,
    )
    yield GaugeMetricFamily("sedna_lc_state_free_bytes", "Bytes free where the state folder is.", value=view.free_bytes)
    reports = CounterMetricFamily("sedna_lc_reports", "Reports of workers by what became of them.", labels=("outcome",))
    for outcome, count in sorted(view.reports.items()):
        reports.add_metric((outcome,), count)
    yield reports
    lines = CounterMetricFamily("sedna_lc_log_lines", "Lines of the log from WARNING on.", labels=("level",))
    for level, count in sorted(view.lines.items()):
        lines.add_metric((level.lower(),), count)
    yield lines


def _workers(view: View) -> Iterator[Metric]:
    counts = Counter((one.role, one.phase) for one in view.workers)
    total = GaugeMetricFamily("sedna_lc_workers", "Workers of this node by role and phase.", labels=("role", "phase"))
    for labels, count in sorted(counts.items()):
        total.add_metric(labels, count)
    restarts = CounterMetricFamily(
        "sedna_lc_unit_restarts", "How often a worker's unit was started again.", labels=("namespace", "worker")
    )
    for one in sorted(view.workers, key=lambda one: one.key):
        restarts.add_metric(one.key, one.restarts)
    yield from (total, restarts)
