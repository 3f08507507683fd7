"""SIGHUP: settings read again while the service runs. All of them are checked first, or none is taken over.

What can change without a start is named by the caller (`changeable`); a change of anything else is said, so that
nobody waits for it in vain.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Collection
from typing import Any, Generic, TypeVar

from sedna.daemons.configuring import key_of

logger = logging.getLogger(__name__)

S = TypeVar("S")


@dataclasses.dataclass(frozen=True)
class Reloaded(Generic[S]):
    """What counts from now on, and one sentence about it."""

    settings: S
    sentence: str
    refused: bool = False


def reread(settings: S, load: Callable[[], S], changeable: Collection[str], unusable: type[Exception]) -> Reloaded[S]:
    """Read the settings again and return those that count now.

    Args:
        settings: those that counted so far.
        load: reads and checks the whole file.
        changeable: names of the fields that may change while running; the others stay as they were.
        unusable: what `load` raises for a file that cannot be used; its text names file and keys.
    """
    try:
        read = load()
    except unusable as problem:
        return Reloaded(settings, f"The settings stay as they were: {problem}", refused=True)
    changed = _changed(settings, read)
    taken = [name for name in changed if name in changeable]
    waiting = [name for name in changed if name not in changeable]
    said = [f"{key_of(name)} is {getattr(read, name)} now" for name in taken] or ["nothing has changed that can"]
    if waiting:
        said.append(f"a change of {', '.join(map(key_of, waiting))} counts from the next start")
    now: Any = dataclasses.replace(settings, **{name: getattr(read, name) for name in taken})  # type: ignore[type-var]
    return Reloaded(now, f"The settings have been read again: {'; '.join(said)}.")


def tell(reloaded: Reloaded[S]) -> None:
    """Log what came of it."""
    logger.log(logging.ERROR if reloaded.refused else logging.INFO, "%s", reloaded.sentence)


def _changed(old: Any, new: Any) -> list[str]:
    names = [field.name for field in dataclasses.fields(old)]
    return [name for name in names if getattr(old, name) != getattr(new, name)]
