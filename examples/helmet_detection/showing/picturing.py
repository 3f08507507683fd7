"""Draws the same frames as the first and the last model see them, side by side: a PNG for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from helmets.boxes import overlaps
from helmets.drawing import COLOURS, draw
from scenes.labelling import CLASSES

MATCH = 0.5


def hits(found: Sequence[Sequence[float]], truth: Sequence[Sequence[float]]) -> int:
    """How many true boxes have a finding of their class on them."""
    count = 0
    for left, top, right, bottom, kind in truth:
        same = np.array([box[:4] for box in found if box[5] == kind], np.float32).reshape(-1, 4)
        count += bool((overlaps(same, np.array([[left, top, right, bottom]], np.float32)) >= MATCH).any())
    return count


def picture(frames: Sequence[dict[str, Any]], models: Sequence[str], path: Path) -> None:
    """Write the comparison: one row per frame, one column per model."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.lines import Line2D

    figure, axes = plt.subplots(
        len(frames), len(models), figsize=(6.6 * len(models), 3.95 * len(frames) + 1.0), squeeze=False, dpi=100
    )
    for row, frame in zip(axes, frames, strict=True):
        seen = cv2.imread(frame["path"])
        for axis, model in zip(row, models, strict=True):
            found = frame["found"][model]
            drawn = draw(seen, found, CLASSES, named=False)
            axis.imshow(cv2.cvtColor(drawn, cv2.COLOR_BGR2RGB))
            right = hits(found, frame["truth"])
            title = f"{model}, domain {frame['domain']}: finds {right} of {len(frame['truth'])}"
            wrong = max(0, len(found) - right)
            axis.set_title(title + (f", {wrong} wrong" if wrong else ", none wrong"), fontsize=13)
            axis.set_axis_off()
    lines = [
        Line2D([], [], color=[channel / 255 for channel in reversed(COLOURS[index])], lw=4, label=name)
        for index, name in enumerate(CLASSES)
    ]
    figure.legend(handles=lines, loc="lower center", ncols=len(CLASSES), fontsize=13, frameon=False)
    figure.suptitle("Frames that no model was trained on", fontsize=16)
    figure.tight_layout(rect=(0, 0.035, 1, 0.985))
    figure.savefig(path)
    plt.close(figure)
