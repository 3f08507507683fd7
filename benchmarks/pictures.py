"""What grows with what, drawn: one picture beside each file of `results`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks.rows import Curve, slope


def draw(file: Path, curves: Iterable[Curve]) -> None:
    """Draw the curves, both axes logarithmic: flat is what is wanted. Without curves there is no picture."""
    curves = list(curves)
    if not curves:
        return
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4 * len(curves), 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, curve in zip(figure.subplots(1, len(curves), squeeze=False)[0], curves, strict=True):
        sizes, costs = zip(*curve.points, strict=True)
        axes.loglog(sizes, costs, marker="o")
        # Ten times up and down at least: noise on a flat line is not to look like a mountain.
        middle = sorted(costs)[len(costs) // 2]
        axes.set_ylim(min(middle / 10, *costs), max(middle * 10, *costs))
        axes.set_title(f"{curve.name}\nslope {slope(curve.points):+.3f}", fontsize=9)
        axes.set_xlabel(curve.of)
        axes.set_ylabel(curve.unit)
        axes.grid(visible=True, which="both", alpha=0.2)
    figure.savefig(file, dpi=110)
