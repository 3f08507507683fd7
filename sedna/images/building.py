"""Builds a worker image from a folder of user code: `sedna image build`.

Reads the source (`sedna.images.sources`), gets its environment (`sedna.images.environments`), and publishes the
image in one rename, so that a LocalController never sees half of one.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import yaml

from sedna.api.times import format_time
from sedna.common.publishing import sync_folder
from sedna.images.environments import environment_for
from sedna.images.records import APP, RECORD, ImageProblem, ImageRecord, find
from sedna.images.references import ImageReference
from sedna.images.sources import Source, read_source


@dataclass(frozen=True)
class Built:
    """What a build came to."""

    record: ImageRecord
    folder: Path
    changed: bool
    """False: the image that stands there already is the same."""
    warnings: tuple[str, ...] = ()


def build(
    source_dir: Path,
    reference: ImageReference,
    images_dir: Path,
    *,
    now: datetime,
    python: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Built:
    """Install the code in a folder as an image; an image that would not change is left alone.

    `python` names an interpreter to share instead of an environment of the image's own. Raises ImageProblem.
    """
    source = read_source(source_dir)
    warnings: tuple[str, ...] = ()
    shared = python or source.python
    if shared:
        interpreter = _interpreter(shared)
        warnings = _without_library(interpreter)
    else:
        interpreter = str(environment_for(images_dir, source.requirements, say))
    record = ImageRecord(
        reference=reference,
        python=interpreter,
        command=source.command,
        env=source.env,
        requirements_hash=hashlib.sha256(source.requirements.encode()).hexdigest(),
        app_digest=source.digest(),
        built_at=format_time(now),
    )
    folder = reference.folder(images_dir)
    if _same(_standing(images_dir, reference), record):
        return Built(record, folder, changed=False, warnings=warnings)
    say(f"Copying {len(source.files)} files to {folder}")
    _publish(source, record, folder)
    return Built(record, folder, changed=True, warnings=warnings)


def _interpreter(named: str) -> str:
    # Resolved as a name but not through links: a virtual environment's python is a link, and its place matters.
    found = shutil.which(named)
    if not found:
        raise ImageProblem(f"{named} is not an interpreter that can be run")
    return str(Path(found).absolute())


def _without_library(interpreter: str) -> tuple[str, ...]:
    tried = subprocess.run(
        [interpreter, "-c", "import sedna.common"], capture_output=True, text=True, cwd="/", check=False
    )
    if tried.returncode == 0:
        return ()
    reason = (tried.stderr.strip().splitlines() or ["it ended without a word"])[-1]
    return (f"{interpreter} cannot import the sedna library ({reason}); workers that use it will fail",)


def _standing(images_dir: Path, reference: ImageReference) -> ImageRecord | None:
    try:
        return find(images_dir, str(reference))
    except ImageProblem:
        return None


def _same(standing: ImageRecord | None, record: ImageRecord) -> bool:
    if standing is None:
        return False
    mine, theirs = record.document(), standing.document()
    del mine["builtAt"], theirs["builtAt"]
    return mine == theirs


def _publish(source: Source, record: ImageRecord, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        # mkdtemp makes it private; workers may run as another user.
        building.chmod(0o755)
        for relative in source.files:
            target = building / APP / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            # With its mode, unlike a model's files: a command may be a script of the app.
            shutil.copy2(source.folder / relative, target)
        text = yaml.safe_dump(record.document(), sort_keys=False, allow_unicode=True)
        (building / RECORD).write_text(text, encoding="utf-8")
        _replace(folder, building)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _replace(folder: Path, building: Path) -> None:
    """Put the new folder where the old one stands: rename cannot replace a folder that holds something."""
    if not folder.exists():
        building.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
    folder.rename(old)
    try:
        building.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    # Workers that run from the old code keep their open files; what they import later comes from the new.
    shutil.rmtree(old, ignore_errors=True)
