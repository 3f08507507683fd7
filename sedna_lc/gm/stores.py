"""Whose word it is that something is gone: a GM that lost its store knows nothing of what this node still runs.

Every list says which store it is from. One from another store than before is believed in what it has, not in what it
lacks: workers that have not ended, and datasets, stay as they were wanted until then. They go when that store wants
others of their names, or the job that they were for has been made again, or a person says so. `watching` asks here
before it hands anything on.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sedna.api.workers import FINAL_PHASES
from sedna.common.publishing import write_atomically
from sedna_lc.state.stores import Wire, key_of

logger = logging.getLogger(__name__)

# No store's id. What is remembered of it is whatever was wanted before, so that the next list is another store's.
_UNKNOWN = "unknown"


@dataclass(frozen=True)
class _Kept:
    store: str = ""
    before: str = ""
    """The store that wanted what is held."""
    held: tuple[str, ...] = ()
    """The uids of what is wanted though the present store does not know it."""


class KnownStore:
    """The GM's store, as this node last met it, for resources of one kind.

    `wanted` tells what of the kind is wanted here now; `file` remembers over restarts.
    """

    def __init__(self, file: Path, plural: str, wanted: Callable[[], Iterable[Wire]]) -> None:
        self._file = file
        self._plural = plural
        self._wanted = wanted
        self._kept = _read(file)

    @property
    def id(self) -> str:
        """The store as last met; empty before the first meeting."""
        return self._kept.store

    @property
    def held(self) -> int:
        """How many are kept that the present store does not know."""
        return len(self._kept.held)

    def believed(self, store: str, listed: Sequence[Wire]) -> list[Wire]:
        """Return a list with what is still wanted although another store does not know it.

        Raises OSError when that cannot be written down; then nothing may be taken from the list.
        """
        if not store:
            return list(listed)
        kept = self._kept
        if store == kept.before:
            # The old one is back, from a backup: its word counts in everything.
            kept = _Kept(store)
        elif store != kept.store:
            uids = tuple(_uid(one) for one in self._wanted() if not _has_ended(one)) if kept.store else ()
            kept = _Kept(store, kept.before or kept.store if uids else "", uids)
        names = {key_of(one) for one in listed}
        listed_uids = {_uid(one) for one in listed}
        held = [
            one
            for one in (self._wanted() if kept.held else ())
            if _uid(one) in kept.held and _uid(one) not in listed_uids and key_of(one) not in names
        ]
        held = [one for one in held if not any(_replaces(new, one) for new in listed)]
        self._keep(_Kept(kept.store, kept.before if held else "", tuple(_uid(one) for one in held)))
        return [*listed, *held]

    def replaced_by(self, resource: Wire) -> list[Wire]:
        """Return what has been held until now, and goes because this is wanted: its job has been made again."""
        if not self._kept.held:
            return []
        held = [one for one in self._wanted() if _uid(one) in self._kept.held]
        return [one for one in held if _replaces(resource, one)]

    def _keep(self, kept: _Kept) -> None:
        if kept == self._kept:
            return
        # Before the list is handed on: after a crash in between, the next list must be read the same way.
        write_atomically(self._file, json.dumps(asdict(kept)).encode())
        if kept.held and kept.store != self._kept.store:
            logger.warning(
                "The GlobalManager has another store than before, which does not know %s %s of this node: they stay as "
                "they are. Submit their manifests again, or put its backup back; to let them go instead, remove %s and "
                "start this LocalController again.",
                len(kept.held),
                self._plural,
                self._file,
            )
        self._kept = kept


def _replaces(new: Wire, old: Wire) -> bool:
    """Whether both are for a job of one name, and not for the same job. What is for no job replaces nothing."""
    (name, uid), (old_name, old_uid) = _job(new), _job(old)
    return name is not None and (name, key_of(new)[0]) == (old_name, key_of(old)[0]) and uid != old_uid


def _job(resource: Wire) -> tuple[str | None, str | None]:
    job = (resource.get("spec") or {}).get("job") or {}
    return job.get("name"), job.get("uid")


def _has_ended(resource: Wire) -> bool:
    return (resource.get("status") or {}).get("phase") in FINAL_PHASES


def _uid(resource: Wire) -> str:
    return str(resource["metadata"].get("uid"))


def _read(file: Path) -> _Kept:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return _Kept(str(content["store"]) or _UNKNOWN, str(content["before"]), tuple(map(str, content["held"])))
    except FileNotFoundError:
        return _Kept()
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as problem:
        # Its disk is failing, and the GM's may have been restored by the same accident: who cannot tell whether this
        # is the store of before keeps everything.
        logger.warning(
            "%s cannot be read: %s. It is not known which store wanted what runs here; nothing is taken for deleted "
            "because the next list lacks it.",
            file,
            problem,
        )
        return _Kept(_UNKNOWN)
