"""Importing the library costs an edge host nothing that it does not use; each in a bare interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

ML = {"tensorflow", "keras", "torch", "sklearn", "pandas", "cv2", "matplotlib", "scipy"}
SERVICES = {"sedna_gm", "sedna_lc", "flask", "gevent", "sqlalchemy", "jeepney", "waitress"}
COMMAND = {"click", "rich"}


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("sedna", ML | SERVICES | COMMAND | {"numpy", "pydantic", "httpx", "yaml", "watchdog"}),
        ("sedna.api.kinds", ML | SERVICES | COMMAND | {"numpy", "httpx", "watchdog"}),
        ("sedna.common.config", ML | SERVICES | COMMAND | {"pydantic"}),
        ("sedna.datasources", ML | SERVICES | COMMAND),
        ("sedna.core.incremental_learning", ML | SERVICES | COMMAND),
        ("sedna.algorithms.hard_example_mining", ML | SERVICES | COMMAND),
        ("sedna.backend", ML | SERVICES | COMMAND),
        ("sedna.service.client", ML | SERVICES | COMMAND),
        ("sedna.cli.main", ML | SERVICES | {"numpy"}),
    ],
)
def test_an_import_is_light(module: str, unwanted: set[str]) -> None:
    code = f"import {module}, sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd="/")
    assert not unwanted & set(loaded.stdout.split())
