"""The stages of an incremental-learning job and the moves that are allowed between them, as data.

The GlobalManager alone moves a job; LocalControllers report facts about workers and datasets, never a stage.
"""

from __future__ import annotations

import itertools
from enum import Enum
from typing import NamedTuple


class Stage(str, Enum):
    """What a round is busy with."""

    TRAIN = "Train"
    EVAL = "Eval"
    DEPLOY = "Deploy"


class Phase(str, Enum):
    """How far the stage is."""

    WAITING = "Waiting"
    READY = "Ready"
    STARTING = "Starting"
    RUNNING = "Running"
    COMPLETED = "Completed"
    FAILED = "Failed"


class Position(NamedTuple):
    """Where a job stands."""

    stage: Stage
    phase: Phase


START = Position(Stage.TRAIN, Phase.WAITING)

_FORWARD = (Phase.WAITING, Phase.READY, Phase.STARTING, Phase.RUNNING, Phase.COMPLETED)
_NEXT = {Stage.TRAIN: Stage.EVAL, Stage.EVAL: Stage.DEPLOY, Stage.DEPLOY: Stage.TRAIN}

_WITHIN_A_STAGE = {
    (Position(stage, before), Position(stage, after))
    for stage in Stage
    for before, after in itertools.pairwise(_FORWARD)
}
_FAILING = {
    (Position(stage, phase), Position(stage, Phase.FAILED))
    for stage in Stage
    for phase in _FORWARD[:-1]
    # A job that waits for samples waits as long as it takes; only a round that has begun can fail.
    if (stage, phase) != START
}
_BETWEEN_STAGES = {
    (Position(stage, Phase.COMPLETED), Position(following, Phase.WAITING)) for stage, following in _NEXT.items()
}
_AFTER_A_FAILURE = {(Position(stage, Phase.FAILED), START) for stage in Stage}
# The new model is not better: the stage ends with nothing to do.
_NOT_DEPLOYED = {(Position(Stage.DEPLOY, Phase.WAITING), Position(Stage.DEPLOY, Phase.COMPLETED))}
# `sedna.io/trigger: eval|deploy` on a job that waits for samples: look at the last trained model once more.
_BY_HAND = {
    (START, Position(Stage.EVAL, Phase.WAITING)),
    (START, Position(Stage.DEPLOY, Phase.WAITING)),
}
# `evalSpec.regressionDataset`: when the round's own samples are evaluated, the same stage does it once more with those.
_EVALUATED_AGAIN = {(Position(Stage.EVAL, Phase.COMPLETED), Position(Stage.EVAL, Phase.WAITING))}

MOVES: frozenset[tuple[Position, Position]] = frozenset(
    _WITHIN_A_STAGE | _FAILING | _BETWEEN_STAGES | _AFTER_A_FAILURE | _NOT_DEPLOYED | _BY_HAND | _EVALUATED_AGAIN
)


def may_move(before: Position, after: Position) -> bool:
    """Tell whether a job may go from one position straight to another."""
    return (before, after) in MOVES
