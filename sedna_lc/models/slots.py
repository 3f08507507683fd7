"""Where an inference worker's models lie: one folder per version, beside each other, checked by their hash.

    <state dir>/models/<namespace>/<job>/<first 12 of the sha256>/<name of the file or folder>

A user may delete or overwrite what a job trained; the version that serves stays as it is. The last good one is kept
beside it, so that there is always a way back.
"""

from __future__ import annotations

import errno
import logging
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from sedna.api.workers import ModelReference
from sedna.common.digests import digest
from sedna.common.faults import reached
from sedna.common.publishing import ContentChangedError, copy_atomically, remove_leftovers
from sedna_lc.errors import Again, Hindered, Never
from sedna_lc.models.trained import require_readable
from sedna_lc.places import local_path
from sedna_lc.state.records import Placed
from sedna_lc.users import WorkerUser

logger = logging.getLogger(__name__)

_SHORT = 12
_IS_SHA256 = re.compile(r"[0-9a-fA-F]{64}\Z")


class ModelSlot:
    """The versions of one job's served model. For one thread at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def versions(self, sha256: str) -> list[Path]:
        """Return what lies in the place of a version; usually one file or folder, or nothing. Nothing is verified."""
        return sorted((self._folder / _version(sha256)).glob("[!.]*")) if _IS_SHA256.match(sha256) else []

    def holds(self, placed: Placed) -> bool:
        """Tell whether a version lies here as it was placed."""
        try:
            return digest(placed.path) == placed.sha256
        except (OSError, ValueError):
            return False

    def find(self, model: ModelReference) -> Placed | None:
        """Return a model whose version lies here already, whole; then nothing need be fetched or copied."""
        for path in self.versions(model.sha256) if model.sha256 else []:
            placed = Placed(model.url, str(model.sha256).lower(), model.round, str(path), model.format)
            if self.holds(placed):
                return placed
        return None

    def place(self, model: ModelReference, fetched: Path | None = None, user: WorkerUser | None = None) -> Placed:
        """Copy a model into its version's folder, unless it lies there already, and check its content.

        It is read from its url, or from where it was fetched to. With a user, only what that user may read is taken
        from a url: this program reads everything, and a slot's files are open to all workers.

        Raises:
            Hindered: there is no room for it (NoSpace).
            Again: it is not there (ModelNotFound) or cannot be read or copied now (ModelUnreadable).
            Never: what is there is not what was asked for (ModelChanged), or no path of this node.
        """
        path = str(fetched) if fetched is not None else local_path(model.url)
        if path is None:
            raise Never("ModelNotLocal", f"Model {model.name} is not a path on this node: {model.url}.")
        source = Path(path)
        try:
            return self._place(model, source, user if fetched is None else None)
        except FileNotFoundError as problem:
            raise Again("ModelNotFound", f"Model {model.name} is not there: nothing at {path}.") from problem
        except ContentChangedError as problem:
            raise Never("ModelChanged", f"Model {model.name} is not what it should be: {problem}.") from problem
        except (OSError, ValueError) as problem:
            if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT):
                message = f"There is no room for model {model.name} in {self._folder}: {problem.strerror}."
                raise Hindered("NoSpace", message) from problem
            raise Again("ModelUnreadable", f"Model {model.name} cannot be copied: {problem}.") from problem

    def _place(self, model: ModelReference, source: Path, user: WorkerUser | None) -> Placed:
        # The hash of what is to be served decides the place; a version that lies there already may be all that is
        # left of a model whose file its owner has deleted.
        if model.sha256 is None:
            _check_readable(model, source, user)
        sha256 = (model.sha256 or digest(source)).lower()
        if not _IS_SHA256.match(sha256):
            raise Never("ModelChanged", f"Model {model.name} is to have the sha256 {sha256[:80]!r}, which is none.")
        target = self._folder / _version(sha256) / source.name
        if not (target.exists() and digest(target) == sha256):
            _check_readable(model, source, user)
            target.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(target.parent)
            copy_atomically(source, target, sha256=sha256)
            reached("lc.model.place.after")
            logger.info("Model %s of %s lies ready at %s.", model.name, source, target)
        return Placed(model.url, sha256, model.round, str(target), model.format)

    def prune(self, keep: Iterable[Placed | None]) -> None:
        """Throw away every version but these."""
        kept = {Path(one.path).parent.name for one in keep if one is not None}
        for folder in self._folder.glob("*"):
            if folder.name not in kept:
                reached("lc.model.prune.before")
                shutil.rmtree(folder, ignore_errors=True)

    def remove(self) -> None:
        """Throw away all versions: the worker is gone."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _version(sha256: str) -> str:
    return sha256.lower()[:_SHORT]


def _check_readable(model: ModelReference, source: Path, user: WorkerUser | None) -> None:
    # What is not there is FileNotFoundError for its reader, and a matter of rights for nobody.
    if user is None or not source.exists():
        return
    try:
        require_readable(source, user)
    except PermissionError as problem:
        raise Again("ModelUnreadable", f"Model {model.name} cannot be read by its worker: {problem}.") from problem
