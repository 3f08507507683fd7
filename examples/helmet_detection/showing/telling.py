"""What the demo says: one sentence per step, with the time since the start."""

from __future__ import annotations

import time

import click


class Story:
    """Numbers the steps and keeps the time."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._number = 0

    def step(self, sentence: str) -> None:
        """Begin a step."""
        self._number += 1
        click.secho(f"\n[{self.clock()}] {self._number}. {sentence}", bold=True)

    def say(self, sentence: str) -> None:
        """Say what happens within a step."""
        click.echo(f"  [{self.clock()}] {sentence}")

    def clock(self) -> str:
        """Minutes and seconds since the start."""
        seconds = int(time.monotonic() - self._start)
        return f"{seconds // 60}:{seconds % 60:02d}"
