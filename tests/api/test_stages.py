"""The allowed moves of a job: the whole table, walked pair by pair."""

from __future__ import annotations

from itertools import product

import pytest

from sedna.api.stages import MOVES, START, Phase, Position, Stage, may_move

POSITIONS = [Position(stage, phase) for stage, phase in product(Stage, Phase)]
ORDER = list(Phase)[:5]
EVALUATED_AGAIN = (Position(Stage.EVAL, Phase.COMPLETED), Position(Stage.EVAL, Phase.WAITING))


@pytest.mark.parametrize("stage", Stage)
def test_a_stage_goes_forward_one_phase_at_a_time(stage: Stage) -> None:
    for before, after in product(ORDER, ORDER):
        allowed = may_move(Position(stage, before), Position(stage, after))
        forward = ORDER.index(after) == ORDER.index(before) + 1
        not_deployed = (stage, before, after) == (Stage.DEPLOY, Phase.WAITING, Phase.COMPLETED)
        evaluated_again = (Position(stage, before), Position(stage, after)) == EVALUATED_AGAIN
        assert allowed == (forward or not_deployed or evaluated_again), (before, after)


def test_a_completed_stage_leads_to_the_next_one_only() -> None:
    following = {Stage.TRAIN: Stage.EVAL, Stage.EVAL: Stage.DEPLOY, Stage.DEPLOY: Stage.TRAIN}
    for stage, after in following.items():
        targets = {target for source, target in MOVES if source == Position(stage, Phase.COMPLETED)}
        # Old knowledge is evaluated by the same stage, after the round's own samples.
        again = {EVALUATED_AGAIN[1]} if stage is Stage.EVAL else set()
        assert targets == {Position(after, Phase.WAITING), *again}


def test_every_failure_leads_back_to_waiting_for_training() -> None:
    for stage in Stage:
        targets = {target for source, target in MOVES if source == Position(stage, Phase.FAILED)}
        assert targets == {START}


def test_waiting_for_samples_cannot_fail() -> None:
    assert not may_move(START, Position(Stage.TRAIN, Phase.FAILED))


def test_every_position_is_reached_from_the_start_and_leads_back_to_it() -> None:
    def reachable(start: Position, moves: set[tuple[Position, Position]]) -> set[Position]:
        seen, queue = {start}, [start]
        while queue:
            here = queue.pop()
            for source, target in moves:
                if source == here and target not in seen:
                    seen.add(target)
                    queue.append(target)
        return seen

    moves = set(MOVES)
    assert reachable(START, moves) == set(POSITIONS)
    assert reachable(START, {(after, before) for before, after in moves}) == set(POSITIONS)


def test_nothing_goes_backwards_within_a_round() -> None:
    rank = {position: index for index, position in enumerate(POSITIONS)}
    for before, after in MOVES:
        restarts = after == START and before.phase in (Phase.COMPLETED, Phase.FAILED)
        assert rank[after] > rank[before] or restarts or (before, after) == EVALUATED_AGAIN, (before, after)
