"""Writes down, beside each version of a model that the status remembers, where other nodes fetch it.

The status remembers one version in several places (new, deployed, last trained); once it was carried, all say so.
"""

from __future__ import annotations

from typing import Any

from sedna.api.models import ModelVersion
from sedna.api.trees import ArtifactReference
from sedna_gm.controllers.incremental_learning.carrying import Cargo, Carried
from sedna_gm.controllers.incremental_learning.retaining import IN_ROUND, IN_STATUS
from sedna_gm.controllers.incremental_learning.steps import Status, update


def remembered(status: Status, cargo: Cargo, carried: Carried) -> Status:
    """The status that knows how the models of a cargo came to where they are used."""
    for (_, version), told in zip(cargo.models, carried.models, strict=True):
        if told.artifact is not None:
            status = _with_artifact(status, version, told.artifact)
    return status


def _with_artifact(status: Status, version: ModelVersion, artifact: ArtifactReference) -> Status:
    def changes(holder: Any, names: tuple[str, ...]) -> dict[str, ModelVersion]:
        held = ((name, getattr(holder, name)) for name in names)
        return {name: _told(each, artifact) for name, each in held if each is not None and _same(each, version)}

    if status.current is not None:
        current = status.current.model_copy(update=changes(status.current, IN_ROUND))
        status = update(status, current=current)
    listed = [
        each.model_copy(update={"artifact": artifact}) if _same(each, version) else each for each in status.versions
    ]
    return update(status, **changes(status, IN_STATUS), versions=listed)


def _told(version: ModelVersion, artifact: ArtifactReference) -> ModelVersion:
    return version.model_copy(update={"artifact": artifact})


def _same(one: ModelVersion, other: ModelVersion) -> bool:
    return (one.url, one.sha256, one.node_name, one.round) == (other.url, other.sha256, other.node_name, other.round)
