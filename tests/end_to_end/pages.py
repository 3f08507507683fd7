"""The example of the how-to pages, taken out of the pages: what they show is what runs here."""

from __future__ import annotations

import re
from pathlib import Path

from sedna.api import yaml12
from tests.house.project import ROOT

PAGE = ROOT / "docs" / "howto" / "estimator.md"
FIRST = "/tmp/first"


def write_code(folder: Path) -> Path:
    """Write the page's scripts into a folder and return it."""
    folder.mkdir(parents=True)
    blocks = re.findall(r'^```python title="([a-z]+\.py)"\n(.*?)^```', PAGE.read_text(), re.M | re.S)
    for name, text in blocks:
        (folder / name).write_text(text)
    assert {name for name, _ in blocks} == {"interface.py", "train.py", "eval.py", "inference.py"}
    return folder


def manifests(folder: Path) -> str:
    """Return the page's manifests with their paths moved into a folder."""
    texts: list[str] = re.findall(r"^```yaml\n(apiVersion.*?)^```", PAGE.read_text(), re.M | re.S)
    (text,) = texts
    return text.replace(FIRST, str(folder))


def documents(folder: Path) -> list[dict[str, object]]:
    """Return the page's manifests, parsed."""
    return yaml12.load_documents(manifests(folder))


def samples(start: int, count: int) -> str:
    """Return lines of the dataset: even tens are 0, odd tens are 1."""
    return "".join(f"{value},{value // 10 % 2}\n" for value in range(start, start + count))
