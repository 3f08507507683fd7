"""Which hard examples a person should look at first: by what each may teach, or by how little they resemble. Pure.

`value` of one example, 0 to 1, from the scores of its boxes:

    no box, or none with a score    1.0    the model saw nothing that it could tell in a picture that it found hard
    else                            the mean of the entropies of its scores, in bits: H(s) = -s log2 s - (1-s) log2(1-s)

A score of 0.5 counts 1, scores of 0 and 1 count 0. A mean, not a sum: a crowd of clear things is not worth a label.

`diverse` takes the most valuable example first, then again and again the one farthest from all that were taken
(greedy, farthest first; a half of the measure is the example's own value, so that dull outliers do not come first).
Features are cheap: count, mean size, middle and spread of the boxes, their classes, and the time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from sedna_lc.labelling.values import Example, SeenBox

# So many of the most valuable are told apart; a pass costs their number times what was asked for.
MOST_DIVERSE = 1000
_CLASSES = 8


def value(boxes: Sequence[SeenBox]) -> float:
    """Return how much a picture with such boxes may teach."""
    scores = [box.score for box in boxes if box.score is not None]
    return sum(map(entropy, scores)) / len(scores) if scores else 1.0


def entropy(score: float) -> float:
    """Return the entropy of a yes-or-no answer of such probability, in bits."""
    return sum(-part * math.log2(part) for part in (score, 1 - score) if part > 0)


def by_value(examples: Sequence[Example]) -> list[Example]:
    """Return the most valuable first; of equals the newest."""
    return sorted(examples, key=lambda one: (-one.value, -one.found.modified_ns, one.found.name))


def diverse(examples: Sequence[Example], most: int) -> list[Example]:
    """Return up to `most` of MOST_DIVERSE examples, each as far as can be from those before it."""
    left = by_value(examples)[:MOST_DIVERSE]
    if not left:
        return []
    times = [one.found.modified_ns for one in left]
    first, span = min(times), max(max(times) - min(times), 1)
    features = [_features(one, (one.found.modified_ns - first) / span) for one in left]
    taken = [0]
    distances = [math.inf] * len(left)
    while len(taken) < min(most, len(left)):
        last = features[taken[-1]]
        distances[taken[-1]] = -1.0
        for index, feature in enumerate(features):
            if distances[index] >= 0:
                distances[index] = min(distances[index], math.dist(feature, last))
        weighed = (-1.0 if far < 0 else far * (0.5 + left[index].value / 2) for index, far in enumerate(distances))
        # `max` takes the first of equals, which is the more valuable one; of examples without any difference, too.
        taken.append(max(enumerate(weighed), key=lambda one: one[1])[0])
    return [left[index] for index in taken]


def _features(example: Example, moment: float) -> tuple[float, ...]:
    boxes = example.boxes
    if not boxes:
        return (0.0, 0.0, 0.5, 0.5, 0.0, *([0.0] * _CLASSES), moment)
    width = example.width or max(1.0, *(one.box[2] for one in boxes))
    height = example.height or max(1.0, *(one.box[3] for one in boxes))
    middles = [((x0 + x1) / 2 / width, (y0 + y1) / 2 / height) for x0, y0, x1, y1 in (one.box for one in boxes)]
    sizes = [math.sqrt((x1 - x0) / width * ((y1 - y0) / height)) for x0, y0, x1, y1 in (one.box for one in boxes)]
    shares = [0.0] * _CLASSES
    for one in boxes:
        if one.class_ is not None:
            shares[one.class_ % _CLASSES] += 1 / len(boxes)
    x, y = (sum(values) / len(boxes) for values in zip(*middles, strict=True))
    spread = sum(math.dist(one, (x, y)) for one in middles) / len(boxes)
    bounded = (min(number, 10.0) for number in (sum(sizes) / len(boxes), x, y, spread))
    return (min(math.log2(1 + len(boxes)) / 4, 2.0), *bounded, *shares, moment)
