"""Which versions of models a job still needs, by its status alone: those it works with, and those it can go back to.

Asked by `tidying` for Artifacts, by `making` for the folders that nodes keep, and by `versions`, which writes the list.
"""

from __future__ import annotations

from sedna.api.incremental_learning import IncrementalLearningJobStatus
from sedna.api.models import ModelVersion

IN_STATUS = ("last_trained_model", "candidate_model", "deployed_model")
IN_ROUND = ("base_model", "new_model", "compared_with", "next_base")


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


def rollback_target(status: IncrementalLearningJobStatus) -> ModelVersion | None:
    """The version that was asked for, as long as that wish is neither granted nor refused."""
    wish = status.rollback
    return wish.to if wish is not None and wish.state in ("Accepted", "Deploying") else None
