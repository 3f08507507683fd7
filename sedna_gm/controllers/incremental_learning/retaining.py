"""Which versions of models a job still needs, by its status: those it works with, and those it can go back to.

What a job has made may have been named since by others, as the model that another job begins with: the folders of
such rounds are no longer the job's alone, and stay.

Asked by `tidying` for Artifacts, by `making` for the folders that nodes keep, and by `versions`, which writes the list.
"""

from __future__ import annotations

from collections.abc import Iterable

from sedna.api.incremental_learning import IncrementalLearningJobStatus
from sedna.api.models import ModelVersion

IN_STATUS = ("last_trained_model", "candidate_model", "deployed_model")
IN_ROUND = ("base_model", "new_model", "compared_with", "next_base")

_STAGES = ("train", "eval", "eval-regression")
_LONG_NUMBER = 10


def in_use(status: IncrementalLearningJobStatus) -> tuple[ModelVersion, ...]:
    """Every version that some stage works with, or is about to."""
    found: list[ModelVersion | None] = [getattr(status, name) for name in IN_STATUS]
    if status.current is not None:
        found += [getattr(status.current, name) for name in IN_ROUND]
    found.append(rollback_target(status))
    return tuple(version for version in found if version is not None)


def needed(status: IncrementalLearningJobStatus) -> tuple[ModelVersion, ...]:
    """Those, and every version that a rollback may yet ask for."""
    return (*in_use(status), *status.versions)


def needed_rounds(status: IncrementalLearningJobStatus) -> list[int]:
    """The rounds that made those versions. What users named is round 0 and lies where they put it."""
    return sorted({version.round for version in needed(status) if version.round})


def retained_rounds(status: IncrementalLearningJobStatus, output_dir: str, urls: Iterable[str]) -> list[int] | None:
    """The rounds whose folders in `output_dir` stay, by what the job needs and what Models name (`urls`).

    None, which lets everything stay, when a Model names a folder that holds those of rounds.
    """
    own = _parts(output_dir)
    found = set(needed_rounds(status))
    for path in map(_parts, urls):
        if own is None or path is None:
            continue
        common = min(len(own), len(path))
        if path[:common] != own[:common]:
            continue
        below = path[len(own) :]
        if below[:1] == ("data",):
            below = below[1:]
        if not below or below in [(stage,) for stage in _STAGES]:
            return None
        if below[0] in _STAGES and below[1].isdecimal() and len(below[1]) < _LONG_NUMBER:
            found.add(int(below[1]))
    return sorted(found)


def _parts(url: str) -> tuple[str, ...] | None:
    """The names of a node's path, from the root on; None for what is none."""
    path = url[len("file://") :] if url.startswith("file:///") else url
    if not path.startswith("/"):
        return None
    parts: list[str] = []
    for name in path.split("/"):
        if name == "..":
            del parts[-1:]
        elif name not in ("", "."):
            parts.append(name)
    return tuple(parts)


def rollback_target(status: IncrementalLearningJobStatus) -> ModelVersion | None:
    """The version that was asked for, as long as that wish is neither granted nor refused."""
    wish = status.rollback
    return wish.to if wish is not None and wish.state in ("Accepted", "Deploying") else None
