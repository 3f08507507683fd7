"""The metrics over the rounds: a table for the terminal and a chart as PNG, from what `showing.measuring` measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

Scores = Mapping[str, Mapping[str, Mapping[str, Any]]]
METRICS = (("precision", "#0072b2", "o"), ("recall", "#d55e00", "s"), ("mAP", "#009e73", "D"))
DOMAINS = {"A": "A: day, as the base model knows it", "B": "B: dusk and rain, what the camera sees now"}


def table(scores: Scores) -> Iterator[str]:
    """Lines of the table: a row per model, precision, recall and mAP for each domain."""
    names = [name for name, _, _ in METRICS]
    wide = max(len(model) for model in scores) + 2
    yield f"{'':{wide}}" + "".join(f"  {f'domain {domain}, held out':<27}" for domain in DOMAINS)
    yield f"{'model':{wide}}" + "".join(
        "  " + "".join(f"{name:<9}" for name in ("precision ", *names[1:])) for _ in DOMAINS
    )
    for model, by_domain in scores.items():
        cells = ""
        for domain in DOMAINS:
            cells += "  " + "".join(
                f"{by_domain[domain][name]:<{10 if name == 'precision' else 9}.3f}" for name in names
            )
        yield f"{model:{wide}}{cells}"


def chart(scores: Scores, path: Path) -> None:
    """Write the chart."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(DOMAINS), figsize=(10.5, 4.4), sharey=True, dpi=110)
    models = list(scores)
    for axis, (domain, title) in zip(axes, DOMAINS.items(), strict=True):
        for name, colour, marker in METRICS:
            values = [scores[model][domain][name] for model in models]
            axis.plot(models, values, color=colour, marker=marker, lw=2, ms=7, label=name)
        last = {name: scores[models[-1]][domain][name] for name, _, _ in METRICS}
        for (name, colour, _), height in zip(METRICS, apart([last[name] for name, _, _ in METRICS]), strict=True):
            axis.annotate(
                f"{last[name]:.2f}", (len(models) - 1, height), (8, -4), textcoords="offset points", color=colour
            )
        axis.set_title(title, fontsize=12)
        axis.set_ylim(0, 1)
        axis.margins(x=0.12)
        axis.grid(axis="y", alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("on held-out frames (0 to 1)")
    axes[0].legend(loc="lower left", frameon=False)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def apart(values: Sequence[float], gap: float = 0.05) -> list[float]:
    """Heights for labels of these values: in their order, near them, and far enough from each other to be read."""
    order = sorted(range(len(values)), key=lambda index: values[index])
    heights = list(values)
    for lower, upper in pairwise(order):
        heights[upper] = max(heights[upper], heights[lower] + gap)
    # Pushed up as a whole, they are moved back down by half of the push.
    push = (heights[order[-1]] - values[order[-1]]) / 2 if order else 0.0
    return [height - push for height in heights]
