"""What a training left behind: the hash and the size of each model that it reported and that is really there."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from sedna.common.digests import digest, files_below
from sedna_lc.models.findings import Found
from sedna_lc.places import local_path
from sedna_lc.users import WorkerUser, hindrance, hindrance_of

logger = logging.getLogger(__name__)


def find_models(urls: Iterable[str], user: WorkerUser | None = None) -> dict[str, Found]:
    """Look at each url; those that are no readable file or folder here are left out, with a line in the log.

    Args:
        urls: what was reported.
        user: who reported it. What that user may not read is not its model, by whatever link it leads there: this
            program reads everything, and what it takes for a model it hands on.
    """
    found = {}
    for url in urls:
        path = local_path(url)
        if path is None:
            continue
        try:
            if user is not None:
                require_readable(Path(path), user)
            found[url] = Found(digest(path), _size(Path(path)))
        except (OSError, ValueError) as problem:
            logger.warning("The model %s was reported, but cannot be read: %s", url, problem)
    return found


def require_readable(path: Path, user: WorkerUser) -> None:
    """Raise PermissionError, which names user and path, unless the user may read a file, or all of a folder.

    Each file is judged when it is open, by where its links have really led. Raises OSError and ValueError where nothing
    can be told.
    """
    files = [path] if path.is_file() else [path, *(file for _, file in files_below(path))]
    for file in files:
        if (sentence := hindrance(file, user)) is not None:
            raise PermissionError(sentence)
        # Without O_NONBLOCK a named pipe that has just taken its place would hold this thread for ever.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            sentence = hindrance_of(descriptor, user)
        finally:
            os.close(descriptor)
        if sentence is not None:
            raise PermissionError(sentence)


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for _, file in files_below(path))
