"""How good findings are: precision and recall at a score, and the mean average precision. Plain numpy, no framework.

`interface.Estimator.evaluate` and the demo's final table both use `score`, so a deploy decision and the table cannot
mean different things.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from helmets.boxes import Floats, overlaps

# The usual bar of detection benchmarks (PASCAL VOC): a finding counts when it shares half of the union with the truth.
MATCH = 0.5


@dataclass(frozen=True)
class Scores:
    """Lists have one entry per class; precision and recall are those at the score threshold asked for."""

    precision: float
    recall: float
    mean_average_precision: float
    precision_per_class: list[float]
    recall_per_class: list[float]
    average_precision: list[float]

    def as_metrics(self) -> dict[str, float | list[float]]:
        """What a worker reports. The names are those that a deploy trigger can use."""
        return {
            "precision": self.precision,
            "recall": self.recall,
            "mAP": self.mean_average_precision,
            "precision_per_class": self.precision_per_class,
            "recall_per_class": self.recall_per_class,
            "AP_per_class": self.average_precision,
        }


def score(found: Sequence[Floats], truth: Sequence[Floats], classes: int, threshold: float) -> Scores:
    """Compare findings with truth, picture by picture.

    found: per picture (n, 6): x1, y1, x2, y2, score, class; with low scores too, for the average precision
    truth: per picture (m, 5): x1, y1, x2, y2, class
    threshold: findings below it do not count for precision and recall
    """
    average, precisions, recalls = [], [], []
    hits_all = named_all = there_all = 0
    for kind in range(classes):
        scores, right, there = _matched(found, truth, kind)
        kept = scores >= threshold
        hits, named = int(right[kept].sum()), int(kept.sum())
        precisions.append(hits / named if named else 0.0)
        recalls.append(hits / there if there else 0.0)
        average.append(average_precision(right, there) if there else float("nan"))
        hits_all, named_all, there_all = hits_all + hits, named_all + named, there_all + there
    known = [value for value in average if not np.isnan(value)]
    return Scores(
        precision=hits_all / named_all if named_all else 0.0,
        recall=hits_all / there_all if there_all else 0.0,
        mean_average_precision=float(np.mean(known)) if known else 0.0,
        precision_per_class=precisions,
        recall_per_class=recalls,
        # A class without a single true box has no average precision; JSON has no NaN.
        average_precision=[0.0 if np.isnan(value) else value for value in average],
    )


def _matched(found: Sequence[Floats], truth: Sequence[Floats], kind: int) -> tuple[Floats, Floats, int]:
    """Scores of all findings of a class, best first, whether each is right, and how many true boxes there are.

    Each true box takes one finding, the best-scored first; a second finding on the same box is wrong.
    """
    scores: list[float] = []
    right: list[float] = []
    there = 0
    for findings, real in zip(found, truth, strict=True):
        mine = findings[findings[:, 5] == kind]
        mine = mine[np.argsort(-mine[:, 4], kind="stable")]
        wanted = real[real[:, 4] == kind][:, :4]
        there += len(wanted)
        table, taken = overlaps(mine[:, :4], wanted), np.zeros(len(wanted), bool)
        for row, value in zip(table, mine[:, 4], strict=True):
            free = np.where(taken, -1.0, row)
            best = int(np.argmax(free)) if len(free) else -1
            hit = best >= 0 and free[best] >= MATCH
            if hit:
                taken[best] = True
            scores.append(float(value))
            right.append(float(hit))
    order = np.argsort(-np.array(scores, np.float32), kind="stable")
    return np.array(scores, np.float32)[order], np.array(right, np.float32)[order], there


def average_precision(right: Floats, there: int) -> float:
    """Area under the precision-recall curve, precision made falling (all-point interpolation).

    right: 1 or 0 for each finding, best score first; there: number of true boxes, at least one
    """
    if len(right) == 0:
        return 0.0
    hits = np.cumsum(right)
    recall = hits / there
    precision = hits / np.arange(1, len(right) + 1)
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(np.concatenate([[0.0], recall]))
    return float(np.sum(steps * falling))
