"""Folders that are gone when their work is done, whatever happened in it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder below TMPDIR; removed with all it holds at the end of the `with` block."""
    with tempfile.TemporaryDirectory(prefix="sedna-") as name:
        yield Path(name)
