"""What `base.Runner` promises, asked of every runner."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from sedna.api.rounds import ROUND_ID_VARIABLE
from sedna_lc.runners.base import Activity, Reason, UnitSpec, UnitState
from sedna_lc.runners.errors import NoSuchUnit, UnitBusy
from tests.lc.runners.worlds import Bell, World

NAME = "sedna-worker-default-demo-train-1"


def running(state: UnitState) -> bool:
    return state.activity is Activity.RUNNING


def ended(state: UnitState) -> bool:
    return state.activity.ended


class TestRunner:
    def test_a_started_unit_is_seen_running(self, world: World, bell: Bell) -> None:
        spec = world.spec(NAME)
        before = datetime.now(timezone.utc)
        world.runner.start(spec)
        state = bell.wait_for(NAME, running)
        assert state.pid
        assert state.fingerprint == spec.fingerprint
        assert state.restarts == 0
        assert state.started_at is not None
        assert abs((state.started_at - before).total_seconds()) < 60

    def test_a_unit_that_ends_well_has_exited(self, world: World, bell: Bell) -> None:
        world.runner.start(world.spec(NAME))
        bell.wait_for(NAME, running)
        world.finish(NAME, 0)
        state = bell.wait_for(NAME, ended)
        assert (state.activity, state.exit_code, state.signal) == (Activity.EXITED, 0, None)
        assert state.reason == ""
        assert state.pid is None
        assert state.finished_at is not None

    def test_a_unit_that_ends_badly_has_failed_with_its_exit_code(self, world: World, bell: Bell) -> None:
        world.runner.start(world.spec(NAME))
        bell.wait_for(NAME, running)
        world.finish(NAME, 3)
        state = bell.wait_for(NAME, ended)
        assert (state.activity, state.exit_code, state.signal) == (Activity.FAILED, 3, None)
        assert state.reason == Reason.EXIT_CODE

    def test_a_look_at_one_unit_says_what_a_look_at_all_says_of_it(self, world: World, bell: Bell) -> None:
        assert world.runner.look(NAME) is None
        world.runner.start(world.spec(NAME))
        bell.wait_for(NAME, running)
        assert world.runner.look(NAME) == world.runner.observe()[NAME]
        world.reopen()
        later = Bell(world.runner)
        assert world.runner.look(NAME) == world.runner.observe()[NAME]
        world.finish(NAME, 3)
        assert later.wait_for(NAME, ended) == world.runner.look(NAME)
        world.runner.forget(NAME)
        assert world.runner.look(NAME) is None

    def test_a_killed_unit_has_failed_with_its_signal(self, world: World, bell: Bell) -> None:
        world.runner.start(world.spec(NAME))
        bell.wait_for(NAME, running)
        world.crash(NAME)
        state = bell.wait_for(NAME, ended)
        assert (state.activity, state.exit_code, state.signal) == (Activity.FAILED, None, 9)
        assert state.reason == Reason.SIGNAL

    def test_starting_again_what_runs_changes_nothing(self, world: World, bell: Bell) -> None:
        world.runner.start(world.spec(NAME))
        first = bell.wait_for(NAME, running)
        world.runner.start(world.spec(NAME))
        assert world.runner.observe()[NAME] == first

    def test_starting_again_what_has_ended_changes_nothing(self, world: World, bell: Bell) -> None:
        world.runner.start(world.spec(NAME))
        bell.wait_for(NAME, running)
        world.finish(NAME, 3)
        first = bell.wait_for(NAME, ended)
        world.runner.start(world.spec(NAME))
        assert world.runner.observe()[NAME] == first

    def test_other_contents_wait_for_the_end_of_the_unit(self, world: World, bell: Bell) -> None:
        other = world.spec(NAME, environment={"round": "2"})
        world.runner.start(world.spec(NAME))
        bell.wait_for(NAME, running)
        with pytest.raises(UnitBusy):
            world.runner.start(other)
        world.finish(NAME, 0)
        bell.wait_for(NAME, ended)
        world.runner.start(other)
        assert bell.wait_for(NAME, running).fingerprint == other.fingerprint

    def test_a_stopped_unit_says_that_it_was_stopped(self, world: World, bell: Bell) -> None:
        world.runner.start(world.spec(NAME))
        bell.wait_for(NAME, running)
        world.runner.stop(NAME)
        assert bell.wait_for(NAME, ended).reason == Reason.STOPPED

    def test_a_stopped_unit_is_not_restarted(self, world: World, bell: Bell) -> None:
        world.runner.start(world.spec(NAME, restart="Always"))
        bell.wait_for(NAME, running)
        world.runner.stop(NAME)
        state = bell.wait_for(NAME, ended)
        assert (state.reason, state.restarts) == (Reason.STOPPED, 0)

    def test_stopping_what_is_not_there_or_has_ended_is_fine(self, world: World, bell: Bell) -> None:
        world.runner.stop("sedna-worker-default-nobody")
        world.runner.start(world.spec(NAME))
        bell.wait_for(NAME, running)
        world.finish(NAME, 0)
        first = bell.wait_for(NAME, ended)
        world.runner.stop(NAME)
        assert world.runner.observe()[NAME] == first

    def test_a_forgotten_unit_is_gone_and_may_run_again(self, world: World, bell: Bell) -> None:
        world.runner.start(world.spec(NAME))
        bell.wait_for(NAME, running)
        with pytest.raises(UnitBusy):
            world.runner.forget(NAME)
        world.finish(NAME, 3)
        bell.wait_for(NAME, ended)
        world.runner.forget(NAME)
        world.runner.forget(NAME)
        assert NAME not in world.runner.observe()
        world.runner.start(world.spec(NAME))
        assert bell.wait_for(NAME, running).exit_code is None

    @pytest.mark.parametrize(
        ("policy", "exit_code", "again"),
        [
            ("Never", 3, False),
            ("OnFailure", 3, True),
            ("OnFailure", 0, False),
            ("Always", 3, True),
            ("Always", 0, True),
        ],
    )
    def test_the_restart_policy_holds(self, world: World, bell: Bell, policy: str, exit_code: int, again: bool) -> None:
        world.runner.start(world.spec(NAME, restart=policy))
        bell.wait_for(NAME, running)
        world.finish(NAME, exit_code)
        if again:
            assert bell.wait_for(NAME, lambda state: running(state) and state.restarts == 1)
        else:
            assert bell.wait_for(NAME, ended).restarts == 0

    def test_the_next_controller_finds_what_runs_and_what_has_ended(self, world: World, bell: Bell) -> None:
        other = NAME + "-other"
        world.runner.start(world.spec(NAME))
        world.runner.start(world.spec(other))
        before = bell.wait_for(NAME, running)
        bell.wait_for(other, running)
        world.finish(other, 4)
        bell.wait_for(other, ended)
        world.reopen()
        seen = world.runner.observe()
        assert seen[NAME] == before
        assert (seen[other].activity, seen[other].exit_code) == (Activity.FAILED, 4)
        later = Bell(world.runner)
        world.finish(NAME, 5)
        assert later.wait_for(NAME, ended).exit_code == 5

    def test_two_units_do_not_disturb_each_other(self, world: World, bell: Bell) -> None:
        other = NAME + "-other"
        world.runner.start(world.spec(NAME))
        world.runner.start(world.spec(other))
        bell.wait_for(NAME, running)
        before = bell.wait_for(other, running)
        world.finish(NAME, 0)
        bell.wait_for(NAME, ended)
        assert world.runner.observe()[other] == before

    def test_a_log_of_nobody_is_refused_at_once(self, world: World) -> None:
        with pytest.raises(NoSuchUnit):
            world.runner.read_log("sedna-worker-default-nobody", None, False, threading.Event())

    def test_a_followed_log_ends_with_the_unit(self, world: World, bell: Bell) -> None:
        world.runner.start(world.spec(NAME))
        bell.wait_for(NAME, running)
        world.say(NAME, "one")
        world.say(NAME, "two")
        pieces = world.runner.read_log(NAME, None, True, threading.Event())
        seen = b""
        while b"two\n" not in seen:
            seen += next(pieces)
        world.say(NAME, "three")
        world.finish(NAME, 0)
        seen += b"".join(pieces)
        assert b"one\ntwo\nthree\n" in seen
        tail = world.runner.read_log(NAME, 2, False, threading.Event())
        assert b"".join(tail) == b"two\nthree\n"

    def test_the_last_lines_are_followed_by_what_comes(self, world: World, bell: Bell) -> None:
        world.runner.start(world.spec(NAME))
        bell.wait_for(NAME, running)
        first = world.runner.read_log(NAME, None, True, threading.Event())
        seen = b""
        for line in ("one", 'two "and" \\ a half', "trüb"):
            world.say(NAME, line)
        while "trüb\n".encode() not in seen:
            seen += next(first)
        pieces = world.runner.read_log(NAME, 2, True, threading.Event())
        seen = next(pieces)
        world.say(NAME, "four")
        world.finish(NAME, 0)
        seen += b"".join(pieces)
        assert seen == 'two "and" \\ a half\ntrüb\nfour\n'.encode()
        assert b"".join(world.runner.read_log(NAME, 0, False, threading.Event())) == b""

    def test_what_a_forgotten_unit_wrote_stays_readable(self, world: World, bell: Bell) -> None:
        spec = world.spec(NAME, environment={ROUND_ID_VARIABLE: "aaaaaaaaaaaa"})
        world.runner.start(spec)
        bell.wait_for(NAME, running)
        world.say(NAME, "last words")
        world.finish(NAME, 3)
        bell.wait_for(NAME, ended)
        world.runner.forget(NAME)
        for _ in range(2):
            if spec.persistent:
                with pytest.raises(NoSuchUnit):
                    world.runner.read_log(NAME, None, False, threading.Event())
            else:
                whole = world.runner.read_log(NAME, None, True, threading.Event())
                assert b"".join(whole).endswith(b"last words\n")
                tail = world.runner.read_log(NAME, 1, False, threading.Event(), "aaaaaaaaaaaa")
                assert b"".join(tail) == b"last words\n"
            assert NAME not in world.runner.observe()
            world.reopen()

    def test_a_log_of_another_round_is_not_taken_for_the_one_that_is_meant(self, world: World, bell: Bell) -> None:
        for round_id in ("aaaaaaaaaaaa", "bbbbbbbbbbbb"):
            world.runner.start(world.spec(NAME, environment={ROUND_ID_VARIABLE: round_id}))
            bell.wait_for(NAME, running)
            for meant in {"aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc"} - {round_id, "aaaaaaaaaaaa"}:
                with pytest.raises(NoSuchUnit):
                    world.runner.read_log(NAME, None, False, threading.Event(), meant)
            world.say(NAME, f"this is {round_id}")
            world.finish(NAME, 0)
            bell.wait_for(NAME, ended)
            log = b"".join(world.runner.read_log(NAME, None, False, threading.Event(), round_id))
            assert f"this is {round_id}".encode() in log
            world.runner.forget(NAME)

    def test_following_a_log_stops_when_told(self, world: World, bell: Bell) -> None:
        world.runner.start(world.spec(NAME))
        bell.wait_for(NAME, running)
        world.say(NAME, "one")
        stop = threading.Event()
        pieces = world.runner.read_log(NAME, None, True, stop)
        assert next(pieces)
        stop.set()
        assert list(pieces) is not None

    def test_a_closed_runner_leaves_its_units_alone(self, world: World, bell: Bell) -> None:
        world.runner.start(world.spec(NAME))
        before = bell.wait_for(NAME, running)
        world.runner.close()
        world.runner.close()
        world.reopen()
        assert world.runner.observe()[NAME] == before


def test_a_unit_without_secrets_is_the_unit_that_earlier_releases_started() -> None:
    spec = UnitSpec("w", "d", ("/bin/true",), "/", {"A": "1"})
    # Written down by a release that knew no credentials; another value would end running workers in an upgrade.
    assert spec.fingerprint == "d9a2a6235a16c5b7e639cd8539c185974d584eefcf2f1f554370fb3160ea547d"
    assert replace(spec, credentials={"minio": "/etc/sedna/credentials/minio"}).fingerprint != spec.fingerprint
