"""The network's grid, for everything that must agree with it without importing a framework."""

from __future__ import annotations

# One answer per cell of so many pixels: a head of eight pixels still has two cells to itself.
STRIDE = 4
# The deepest level halves the picture four times: its sides must be multiples of this.
GRID = 16
# Distances leave the network in units of so many pixels, so that typical values are about one.
REACH = 16.0
