"""A deep copy of a prediction, fast where it is what most detectors answer: a list of boxes of plain numbers.

`sedna.core.incremental_learning` hands `post_process` a copy at every inference, so that what it changes is not the
answer. `copy.deepcopy` looks at each number of each box by itself, which costs more than many a rule that mines.
"""

from __future__ import annotations

import copy
from itertools import chain
from typing import Any

# What nobody can change, so that both lists may hold the same.
_UNCHANGING = {bool, float, int, str, type(None)}


def deep_copy(result: Any) -> Any:
    """Return what `copy.deepcopy` does, but for a list that holds one box twice: here these are two."""
    if type(result) is list:
        inside = set(map(type, result))
        if inside <= _UNCHANGING:
            return result[:]
        if inside == {list} and _UNCHANGING.issuperset(map(type, chain.from_iterable(result))):
            return list(map(list, result))
    return copy.deepcopy(result)
