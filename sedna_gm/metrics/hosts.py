"""Workers and nodes as families of samples: what runs where, and what inference workers tell of themselves. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

Raw = Mapping[str, Any]

_ONE = ("namespace", "job", "worker")
# Not `quantile`: that label is a summary's, and a node tells no sum of all times.
_PERCENTILES = {"p50": "50", "p95": "95", "p99": "99"}


def workers(found: Iterable[Raw]) -> Iterator[Metric]:
    """How many workers there are of each role and phase."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for worker in found:
        phase = (worker.get("status") or {}).get("phase") or "Pending"
        counts[worker["metadata"].get("namespace") or "", worker["spec"]["role"], phase] += 1
    family = GaugeMetricFamily("sedna_workers", "Workers by role and phase.", labels=("namespace", "role", "phase"))
    for labels, count in sorted(counts.items()):
        family.add_metric(labels, count)
    yield family


def serving(found: Iterable[Raw]) -> Iterator[Metric]:
    """What each inference worker counts: its restarts, and its own words about its predictions."""
    restarts = CounterMetricFamily("sedna_worker_restarts", "How often its node has started it again.", labels=_ONE)
    count = CounterMetricFamily("sedna_worker_inferences", "Predictions since the worker began.", labels=_ONE)
    hard = CounterMetricFamily("sedna_worker_hard_examples", "Those of them that were hard.", labels=_ONE)
    ratio = GaugeMetricFamily("sedna_worker_hard_ratio", "Share of hard examples among predictions.", labels=_ONE)
    pace = GaugeMetricFamily("sedna_worker_inferences_per_second", "Predictions a second, lately.", labels=_ONE)
    latency = GaugeMetricFamily(
        "sedna_worker_latency_seconds", "How long a prediction takes.", labels=(*_ONE, "percentile")
    )
    for worker in found:
        if worker["spec"]["role"] != "inference":
            continue
        metadata, status = worker["metadata"], worker.get("status") or {}
        labels = metadata.get("namespace") or "", worker["spec"]["job"]["name"], metadata["name"]
        restarts.add_metric(labels, status.get("restarts") or 0)
        told = status.get("inference") or {}
        for family, key in ((count, "count"), (hard, "hard"), (ratio, "hardShare"), (pace, "perSecond")):
            if told.get(key) is not None:
                family.add_metric(labels, told[key])
        for key, percentile in _PERCENTILES.items():
            if (seconds := (told.get("latencySeconds") or {}).get(key)) is not None:
                latency.add_metric((*labels, percentile), seconds)
    yield from (restarts, count, hard, ratio, pace, latency)


def nodes(found: Iterable[Raw]) -> Iterator[Metric]:
    """How many nodes are Ready, and of each whether it is."""
    states = {node["metadata"]["name"]: is_ready(node) for node in found}
    total = GaugeMetricFamily("sedna_nodes", "Nodes by whether they are Ready.", labels=("ready",))
    for ready in (True, False):
        total.add_metric((str(ready).lower(),), sum(1 for state in states.values() if state is ready))
    single = GaugeMetricFamily("sedna_node_ready", "1: the node is Ready.", labels=("node",))
    for name, ready in sorted(states.items()):
        single.add_metric((name,), int(ready))
    yield from (total, single)


def is_ready(node: Raw) -> bool:
    """Whether the node controller calls it Ready."""
    conditions = (node.get("status") or {}).get("conditions") or []
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
