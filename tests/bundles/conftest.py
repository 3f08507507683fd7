from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from sedna.bundles.downloading import Pip
from sedna.bundles.making import make
from tests.bundles.projects import image, make_index, make_project, make_source, settings_for, write_lock

LOCKED = (
    "pip==24.1",
    "flask==24.1",
    "jeepney==24.1",
    "fsspec==24.1",
    "numpy==2.2 ; python_full_version < '3.11'",
    "numpy==2.4 ; python_full_version >= '3.11'",
    "exceptiongroup==1.3 ; python_full_version < '3.11' and sys_platform == 'linux'",
)


def furnish(folder: Path) -> None:
    """Write a project, the source of an image, a lock and an index."""
    make_project(folder / "project")
    make_source(folder / "worker")
    make_index(folder / "index")
    write_lock(folder / "hosts.lock", folder / "index", *LOCKED)


def ask_only(index: Path, patch: pytest.MonkeyPatch) -> None:
    """Let pip know one index and no other."""
    for name in list(os.environ):
        if name.startswith("PIP_"):
            patch.delenv(name)
    patch.setenv("PIP_CONFIG_FILE", os.devnull)
    patch.setenv("PIP_NO_INDEX", "1")
    patch.setenv("PIP_FIND_LINKS", str(index))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with all that a bundle is made from, and none made yet."""
    furnish(tmp_path)
    ask_only(tmp_path / "index", monkeypatch)
    return tmp_path


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a bundle of one image, made once; nobody may change it."""
    folder = tmp_path_factory.mktemp("original")
    furnish(folder)
    with pytest.MonkeyPatch.context() as patch:
        ask_only(folder / "index", patch)
        make(settings_for(folder, image(folder / "worker")), Pip(sys.executable))
    return folder


@pytest.fixture
def bundled(original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to work with."""
    folder = tmp_path / "bundled"
    shutil.copytree(original, folder)
    ask_only(folder / "index", monkeypatch)
    return folder
