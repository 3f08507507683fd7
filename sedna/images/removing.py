"""Takes images away, and what images shared once none is left: `sedna image remove`, `sedna image prune`.

What somebody still needs stays (`sedna.images.using`). An environment loses its mark first and its files then, so that
an interrupted removal is seen by the next build.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from sedna.common.publishing import sync_folder
from sedna.images.environments import COMPLETE, alone
from sedna.images.locking import removing
from sedna.images.records import RECORD, ImageProblem, records
from sedna.images.references import ENVIRONMENTS, LIBRARIES, ImageReference
from sedna.images.using import used_by_workers, worker_texts

Texts = Callable[[], Iterable[str]]


def remove(images_dir: Path, reference: ImageReference, *, texts: Texts = worker_texts, dry_run: bool = False) -> bool:
    """Remove an image; False when it was not there. What it shared with others is left for `prune`.

    Raises ImageProblem when a worker runs from it.
    """
    folder = reference.folder(images_dir)
    with _alone(images_dir, dry_run=dry_run):
        if not (folder / RECORD).is_file():
            return False
        if used_by_workers(folder, texts()):
            raise ImageProblem(f"{reference} is used by a worker on this host; delete or change its job first")
        if not dry_run:
            # Out of sight in one rename; a LocalController never meets half an image.
            leaving = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent))
            folder.rename(leaving)
            shutil.rmtree(leaving)
            _drop_empty(folder.parent, images_dir)
        return True


def prune(images_dir: Path, *, texts: Texts = worker_texts, dry_run: bool = False) -> list[Path]:
    """Remove the environments and libraries that no image and no worker uses; returns their folders.

    Raises ImageProblem when an image cannot be read: what it uses is not known then.
    """
    with _alone(images_dir, dry_run=dry_run):
        kept = {Path(used) for record in records(images_dir) for used in (record.library, record.python) if used}
        said = list(texts())
        removed = []
        for folder in sorted(_shared(images_dir)):
            if any(path.is_relative_to(folder) for path in kept) or used_by_workers(folder, said):
                continue
            removed.append(folder)
            if not dry_run:
                _remove_shared(folder)
        return removed


def _alone(images_dir: Path, *, dry_run: bool) -> AbstractContextManager[None]:
    """Nothing is looked at, and removed, while somebody builds; who only looks need not be able to write there."""
    return nullcontext() if dry_run or not images_dir.is_dir() else removing(images_dir)


def _shared(images_dir: Path) -> Iterator[Path]:
    for shelf in (ENVIRONMENTS, LIBRARIES):
        below = (images_dir / shelf).absolute()
        if below.is_dir():
            # Hidden: being built now, or left by a build that was cut off; the latter is small.
            yield from (path for path in below.iterdir() if path.is_dir() and not path.name.startswith("."))


def _remove_shared(folder: Path) -> None:
    if folder.parent.name == LIBRARIES:
        shutil.rmtree(folder)
        return
    # The lock's file stays: whoever waits for it must not hold another one than who comes next.
    with alone(folder):
        (folder / COMPLETE).unlink(missing_ok=True)
        sync_folder(folder)
        shutil.rmtree(folder)


def _drop_empty(folder: Path, images_dir: Path) -> None:
    """Remove the folders of a name that holds no tag any more."""
    while folder != images_dir and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
