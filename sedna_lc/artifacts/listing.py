"""The list of samples that a worker reads, from a tree that came from another node.

The lines are those that the worker would read beside the data, with one difference: every path is absolute, and
leads into the tree. Written by `sedna_lc.artifacts.samples` on the other node; `sedna_lc.datasets.materialising` is
the same for samples of this one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sedna.api.trees import FILES_FOLDER, SAMPLES_FILE, check_path
from sedna_lc.datasets.materialising import write_whole
from sedna_lc.errors import Again, Never


def list_samples(tree: Path, target: Path) -> int:
    """Write the list of a tree's samples to `target`, whole or not at all; return how many they are.

    Raises Again when it cannot be written, Never when the tree's list cannot be understood.
    """

    def fill(out: BinaryIO) -> int:
        count = 0
        with (tree / SAMPLES_FILE).open("rb") as lines:
            for number, line in enumerate(lines):
                text, is_sample = _read(line, tree, number)
                out.write(text.encode() + b"\n")
                count += is_sample
        return count

    try:
        return write_whole(target, fill)
    except OSError as problem:
        raise Again("SamplesNotWritable", f"The list of samples cannot be written: {problem}.") from problem
    except (ValueError, TypeError, RecursionError) as problem:
        raise Never("SamplesUnreadable", f"The samples from the other node cannot be read: {problem}.") from problem


def _read(line: bytes, tree: Path, number: int) -> tuple[str, bool]:
    content = json.loads(line)
    if number == 0 and isinstance(content, dict) and "header" in content:
        text, is_sample = str(content["header"]), False
    elif isinstance(content, list) and all(isinstance(part, str) for part in content):
        text, is_sample = "".join(_joined(content, tree)), True
    else:
        raise ValueError(f"line {number + 1} is neither a header nor a sample")
    if "\n" in text:
        raise ValueError(f"line {number + 1} holds more than one line")
    return text, is_sample


def _joined(parts: list[str], tree: Path) -> Iterator[str]:
    for place, part in enumerate(parts):
        if place % 2:
            # Written on another host: a path that leads out of the tree would name a file of this one.
            check_path(part)
            if not part.startswith(FILES_FOLDER):
                raise ValueError(f"the path {part[:80]!r} is not below {FILES_FOLDER}")
            yield str(tree / part)
        else:
            yield part
