"""What a scrape looks at, bounded: jobs, workers and nodes in the controllers' mirror, queues, watches, artifacts.

`sedna_gm.daemon.wiring` hands over where to look. The database is asked once for each job, for its last rounds:
a scrape every few seconds costs the serving loop some milliseconds for a thousand jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from sedna_gm.metrics import hosts, jobs
from sedna_gm.metrics.lasting import LastMetrics

Raw = Mapping[str, Any]

MOST = 2000
"""Jobs and workers that are told one by one; each has some ten series, and Prometheus must not drown in them."""


@dataclass(frozen=True)
class Sources:
    """Where to look."""

    resources: Callable[[str], Sequence[Raw]]
    """All resources of a kind."""
    waiting: Callable[[], int]
    """Keys that want attention now."""
    later: Callable[[], int]
    """Keys that have an appointment."""
    errors: Callable[[], int]
    """How often a controller failed."""
    last: LastMetrics
    watches: Callable[[], int]
    artifact_bytes: Callable[[], float]


def look(sources: Sources, most: int = MOST) -> Iterator[Metric]:
    """Everything as it is now."""
    all_jobs = sources.resources("IncrementalLearningJob")
    all_workers = sources.resources("Worker")
    yield from jobs.standing(all_jobs)
    sources.last.keep(all_jobs)
    yield from jobs.each(all_jobs[:most], sources.last.of)
    yield from hosts.workers(all_workers)
    serving = [worker for worker in all_workers if worker["spec"]["role"] == "inference"]
    yield from hosts.serving(serving[:most])
    yield from hosts.nodes(sources.resources("Node"))
    left = GaugeMetricFamily(
        "sedna_metrics_left_out", f"Resources beyond the first {most}, not told one by one.", labels=("kind",)
    )
    left.add_metric(("IncrementalLearningJob",), max(0, len(all_jobs) - most))
    left.add_metric(("Worker",), max(0, len(serving) - most))
    yield left
    depth = GaugeMetricFamily("sedna_queue_depth", "Keys that controllers shall look at, by when.", labels=("when",))
    depth.add_metric(("now",), sources.waiting())
    depth.add_metric(("later",), sources.later())
    yield depth
    yield CounterMetricFamily(
        "sedna_controller_errors", "How often a controller failed; it is tried again.", value=sources.errors()
    )
    yield GaugeMetricFamily("sedna_watches", "Watches open, the controllers' own included.", value=sources.watches())
    yield GaugeMetricFamily(
        "sedna_artifact_bytes", "What the artifact store holds; counted once a minute.", value=sources.artifact_bytes()
    )
