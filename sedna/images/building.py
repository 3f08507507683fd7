"""Builds a worker image from a folder of user code: `sedna image build`.

Reads the source (`sedna.images.sources`), gets its environment and its library (`sedna.images.environments`,
`sedna.images.libraries`), and publishes the image in one rename, so that a LocalController never sees half of one.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import yaml

from sedna.api.times import format_time
from sedna.common.publishing import sync_folder
from sedna.images.compiling import compile_folder
from sedna.images.environments import environment_folder, environment_for, is_complete, wanted_for
from sedna.images.libraries import library_folder, library_for
from sedna.images.locking import building
from sedna.images.permissions import make_folders, make_readable
from sedna.images.records import APP, RECORD, ImageProblem, ImageRecord, find
from sedna.images.references import ImageReference
from sedna.images.requirements import Wanted
from sedna.images.sources import Source, read_source


@dataclass(frozen=True)
class Built:
    """What a build came to."""

    record: ImageRecord
    folder: Path
    changed: bool
    """False: the image that stands there already is the same."""
    warnings: tuple[str, ...] = ()
    environment_missing: bool = False
    """Whether an environment had to be made; after a dry run: would have to, from wheels or an index."""


def build(
    source_dir: Path,
    reference: ImageReference,
    images_dir: Path,
    *,
    now: datetime,
    python: str | None = None,
    wheels: Path | None = None,
    dry_run: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Built:
    """Install the code in a folder as an image; an image that would not change is left alone.

    `python` names an interpreter to share instead of an environment of the image's own; `wheels`, a folder that an
    environment is made from without asking any package index. `dry_run` only tells. Raises ImageProblem.
    """
    source = read_source(source_dir)
    shared = python or source.python
    wanted = None if shared else wanted_for(source.requirements)
    record = _record(source, reference, images_dir, wanted, shared)
    record = replace(record, built_at=format_time(now))
    folder = reference.folder(images_dir)
    missing = wanted is not None and not is_complete(environment_folder(images_dir, wanted))
    ready = wanted is None or (library_folder(images_dir).is_dir() and not missing)
    changed = not (ready and _same(_standing(images_dir, reference), record))
    warnings = _without_library(record.python) if shared else ()
    if changed and not dry_run:
        # Until the image names them, nobody can see that its environment and its library are needed.
        with building(images_dir):
            if wanted:
                made = environment_for(images_dir, wanted, say, wheels)
                # Named as it is now: in a checkout the library may have changed while pip worked.
                record = replace(record, library=str(library_for(images_dir, made)))
            say(f"Copying {len(source.files)} files to {folder}")
            warnings += _publish(source, record, folder)
    return Built(record, folder, changed=changed, warnings=warnings, environment_missing=missing)


def _record(
    source: Source, reference: ImageReference, images_dir: Path, wanted: Wanted | None, shared: str | None
) -> ImageRecord:
    """Return what the image will say about itself; known before anything of it is made."""
    own = str(environment_folder(images_dir, wanted) / "bin" / "python") if wanted else ""
    return ImageRecord(
        reference=reference,
        python=_interpreter(shared) if shared else own,
        command=source.command,
        env=source.env,
        library=str(library_folder(images_dir)) if wanted else "",
        requirements_hash=wanted.digest if wanted else "",
        app_digest=source.digest(),
    )


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


def _publish(source: Source, record: ImageRecord, folder: Path) -> tuple[str, ...]:
    make_folders(folder.parent)
    making = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for relative in source.files:
            target = making / APP / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            # With its mode, unlike a model's files: a command may be a script of the app.
            shutil.copy2(source.folder / relative, target)
        text = yaml.safe_dump(record.document(), sort_keys=False, allow_unicode=True)
        (making / RECORD).write_text(text, encoding="utf-8")
        warnings = compile_folder(making / APP, record.python, known_as=folder / APP)
        make_readable(making)
        _replace(folder, making)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return warnings


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
