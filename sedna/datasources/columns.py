"""A column of a long list on its way to one array: as small as it is in the file, until numpy has it.

A million paths as Python's texts take more memory than the array that is made of them, and both are there at once.
Packed by the block they take as much as the file, and each block goes as soon as it lies in the array.
"""

from __future__ import annotations

from typing import Any

_BREAK = "\n"


class TextColumn:
    """Texts that have no line break in them, and are not empty."""

    def __init__(self) -> None:
        self._packed: list[str] = []
        self._count = 0
        self._longest = 0

    def add(self, texts: list[str]) -> None:
        """Append a block of texts."""
        if texts:
            self._packed.append(_BREAK.join(texts))
            self._count += len(texts)
            self._longest = max(self._longest, *map(len, texts))

    def array(self) -> Any:
        """All texts as one numpy array, in their order; the column is empty then."""
        import numpy as np

        filled = np.empty(self._count, f"U{self._longest}") if self._count else np.array([])
        start = 0
        # From the end, so that what is in the array can go.
        self._packed.reverse()
        while self._packed:
            block = self._packed.pop().split(_BREAK)
            filled[start : start + len(block)] = block
            start += len(block)
        self._count = self._longest = 0
        return filled
