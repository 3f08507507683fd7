"""What one event costs beside much of what there was before: samples, rounds, jobs, nodes. Flat is what is wanted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks import growing_events
from benchmarks.rows import Aim, Curve, Row, Size, slope


def measure(size: Size) -> Iterator[Row]:
    """One curve each."""
    events = size.pick(200, 5)
    decades = (1, 10, 100, 1000)
    samples = [size.pick(1000, 10) * one for one in decades]
    yield _row(
        "samples",
        "one more line is seen and counted",
        samples,
        [growing_events.appending(one, events) for one in samples],
    )
    rounds = [size.pick(3, 1) * one for one in (decades if not size.small else (1, 3))]
    yield _row("rounds", "a whole round, from its samples to its deployment", rounds, growing_events.rounding(rounds))
    jobs = decades if not size.small else (1, 5)
    yield _row(
        "jobs",
        "a dataset's count changes, its job is decided about",
        jobs,
        [growing_events.counting(n, events) for n in jobs],
    )
    nodes = [10 * one for one in decades] if not size.small else [2, 20]
    yield _row(
        "nodes",
        "a heartbeat, and the change of another node's status",
        nodes,
        [growing_events.beating(n, events) for n in nodes],
    )
    yield _row(
        "nodes, placing",
        "a training is begun, its node chosen",
        nodes,
        [growing_events.placing(n, size.pick(20, 2)) for n in nodes],
    )


def _row(of: str, event: str, sizes: Sequence[int], seconds: Sequence[float]) -> Row:
    points = tuple((float(size), 1e6 * cost) for size, cost in zip(sizes, seconds, strict=True))
    curve = Curve(f"{of}: {event}", of.partition(",")[0], "µs", points)
    return Row(
        f"growth with {of}: log-log slope", slope(points), "", f"{event}; {sizes[0]:,} to {sizes[-1]:,}",
        Aim(0.05), "grows with the file" if of == "samples" else "–",
        {"microseconds": [round(cost, 1) for _, cost in points]}, curve,
    )  # fmt: skip
