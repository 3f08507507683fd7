"""What can go wrong while a bundle is made."""

from __future__ import annotations


class BundleProblem(Exception):
    """A bundle cannot be made, or one cannot be read; the message says what is wrong and what to do."""
