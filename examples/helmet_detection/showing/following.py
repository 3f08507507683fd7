"""Follows the job through its API, labels hard examples as the rounds need them, and says what happens.

`demo.py` calls `follow` with a client; it returns the models that were deployed, by round. `go_on` follows for as long
as somebody looks. Where a person labels, all but the last few samples of a round are labelled for them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sedna.api.kinds import by_kind
from sedna.cli.client import GlobalManager, path_of
from sedna.cli.errors import CommandError, Unreachable

JOB = "helmet-detection-demo"
NAMESPACE = "default"
LOG_LINES = 20
# One more round than asked for may go by without a deployment: honest metrics can say no.
SPARE_ROUNDS = 1
LOOK_SECONDS = 0.5
# As long as an upgrade or a restart of the GlobalManager's host may take.
AWAY_SECONDS = 180.0
# It is started again by itself; what ends every time needs a person.
CAMERA_MAY_END = 1
# What is left to a person who labels: enough to see how it goes, done in a few minutes.
LEFT_TO_YOU = 10

Say = Callable[[str], None]


class JobFailedError(RuntimeError):
    """A stage failed; the message has the reason and the end of the worker's log."""


@dataclass
class Followed:
    """What was seen so far."""

    known: set[tuple[Any, ...]] = field(default_factory=set)
    deployed: dict[int, str] = field(default_factory=dict)
    refused: int = 0
    labelled_told: int = -1
    asked_for: int = 0
    """The round whose last samples a person was asked for."""
    serving: str = ""
    camera_ends: int = 0
    message: str = ""
    away_since: float | None = None


def submit(gm: GlobalManager, manifests: list[dict[str, Any]]) -> None:
    """POST each manifest to its kind, as `kubectl create` does."""
    for manifest in manifests:
        gm.ask("POST", path_of(by_kind(manifest["kind"]), NAMESPACE), body=manifest)


def follow(
    gm: GlobalManager,
    label: Callable[[int], int],
    *,
    rounds: int,
    per_round: int,
    limit_seconds: float,
    say: Say,
    look_seconds: float = LOOK_SECONDS,
    away_seconds: float = AWAY_SECONDS,
    yourself: int | None = None,
    seen: Followed | None = None,
) -> dict[int, str]:
    """Wait for `rounds` deployments; returns the deployed models' paths by round.

    label: labels up to so many hard examples and returns how many samples there are in all then
    yourself: from this round on, a person labels the last LEFT_TO_YOU samples; then there is no limit in time
    seen: what was seen before; it is brought up to date
    """
    seen, pause = seen or Followed(), threading.Event()
    deadline = time.monotonic() + (limit_seconds if yourself is None or yourself > rounds else float("inf"))
    while len(seen.deployed) < rounds:
        if time.monotonic() > deadline:
            raise JobFailedError(f"the job did not get there in {limit_seconds:.0f} s; it says: {seen.message}")
        if (status := _ask(gm, seen, say, away_seconds)) is not None:
            _tell_serving(gm, seen, status.get("serving") or {}, say)
            for step in _new_steps(seen, status):
                _tell(gm, step, say)
            _note_deployment(seen, status, say)
            if seen.refused > SPARE_ROUNDS:
                raise JobFailedError(f"{seen.refused} rounds were not good enough to be deployed: {seen.message}")
            # A round that was not good enough is made up for by one more, before the person's turn.
            begins = yourself + seen.refused if yourself is not None and yourself > rounds else yourself
            most = wanted(status, rounds + seen.refused, per_round, begins)
            _let_label(seen, most, label, per_round, say)
            _leave_the_rest(seen, status, most, begins, gm.server, say)
        pause.wait(look_seconds)
    return seen.deployed


def go_on(
    gm: GlobalManager,
    label: Callable[[int], int],
    seen: Followed,
    *,
    yourself: int,
    per_round: int,
    say: Say,
    look_seconds: float = LOOK_SECONDS,
) -> None:
    """Say what happens and leave the last samples of each round to a person, until somebody interrupts it.

    Whatever fails is said and seen on the dashboard; nothing ends by it.
    """
    pause = threading.Event()
    while True:
        if (status := _ask(gm, seen, say, float("inf"))) is not None:
            for step in _new_steps(seen, status):
                say(_sentence(step))
            most = wanted(status, 0, per_round, yourself)
            _let_label(seen, most, label, per_round, say)
            _leave_the_rest(seen, status, most, yourself, gm.server, say)
        pause.wait(look_seconds)


def _ask(gm: GlobalManager, seen: Followed, say: Say, away_seconds: float) -> Mapping[str, Any] | None:
    """The job's status; None while the GlobalManager is away, as it is for a moment when somebody upgrades it."""
    try:
        job = gm.ask("GET", path_of(by_kind("IncrementalLearningJob"), NAMESPACE, JOB))
    except Unreachable as problem:
        now = time.monotonic()
        if seen.away_since is None:
            seen.away_since = now
            say(f"waits    {first_line(problem)}")
        if now - seen.away_since >= away_seconds:
            raise
        return None
    seen.away_since = None
    status: Mapping[str, Any] = job.get("status") or {}
    seen.message = str(status.get("message") or seen.message)
    return status


def _new_steps(seen: Followed, status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    steps = []
    for step in status.get("conditions") or []:
        key = (step.get("round"), step.get("stage"), step.get("type"), step.get("lastTransitionTime"))
        if key not in seen.known:
            seen.known.add(key)
            steps.append(step)
    return steps


def _tell(gm: GlobalManager, step: Mapping[str, Any], say: Say) -> None:
    say(_sentence(step))
    stage, phase, number = step.get("stage"), step.get("type"), step.get("round")
    why = first_line(step.get("message") or step.get("reason"))
    if phase == "Failed":
        worker = f"{JOB}-inference" if stage == "Deploy" else f"{JOB}-{str(stage).lower()}-{number}"
        raise JobFailedError(f"in round {number}, stage {stage}: {why}\n{log_tail(gm, worker)}")


def _sentence(step: Mapping[str, Any]) -> str:
    why = first_line(step.get("message") or step.get("reason"))
    return f"round {step.get('round')}  {step.get('stage'):<6} {step.get('type'):<9} {why}".rstrip()


def _tell_serving(gm: GlobalManager, seen: Followed, serving: Mapping[str, Any], say: Say) -> None:
    phase, why = str(serving.get("phase") or ""), first_line(serving.get("message"))
    if not phase or phase == seen.serving:
        return
    # A hot update does not end the worker, so in this job the camera is started once.
    seen.camera_ends += seen.serving == "Running"
    seen.serving = phase
    say(f"camera   {phase:<16} {why}".rstrip())
    if seen.camera_ends > CAMERA_MAY_END:
        worker = f"{JOB}-inference"
        raise JobFailedError(f"the inference worker has ended {seen.camera_ends} times: {why}\n{log_tail(gm, worker)}")


def first_line(text: object) -> str:
    """A message without the traceback below it; the log has that."""
    lines = str(text or "").strip().splitlines()
    return lines[0] if lines else ""


def log_tail(gm: GlobalManager, worker: str) -> str:
    """The end of a worker's log, or why there is none."""
    path = path_of(by_kind("Worker"), NAMESPACE, worker, "log")
    try:
        text = b"".join(gm.read(path, params={"tailLines": str(LOG_LINES)})).decode(errors="replace")
    except CommandError as problem:
        return f"(no log of {worker}: {problem})"
    return f"The log of {worker} ends with:\n{text}"


def _note_deployment(seen: Followed, status: Mapping[str, Any], say: Say) -> None:
    model = status.get("deployedModel") or {}
    number = int(model.get("round") or 0)
    finished = {
        int(step.get("round") or 0)
        for step in status.get("conditions") or []
        if step.get("stage") == "Deploy" and step.get("type") == "Completed"
    }
    if number and number in finished and number not in seen.deployed:
        seen.deployed[number] = str(model["url"])
        say(f"camera   runs the model of round {number}: {model['url']}")
    seen.refused = len(finished - set(seen.deployed))


def wanted(status: Mapping[str, Any], rounds: int, per_round: int, yourself: int | None) -> int:
    """How many samples there should be now: for the round that waits and, while one is under way, for the next one.

    Never beyond the last of `rounds`; from round `yourself` on LEFT_TO_YOU less than the next one begins with.
    """
    coming = int(status.get("round") or 0) + 1
    if yourself is not None and coming >= yourself:
        # What a round has used is known at its end: until then nothing is labelled for the next.
        used = int((status.get("samples") or {}).get("used") or 0)
        return used + max(0, per_round - LEFT_TO_YOU)
    return min(rounds, coming) * per_round


def _let_label(seen: Followed, most: int, label: Callable[[int], int], per_round: int, say: Say) -> None:
    have = label(0)
    if have < most:
        # A person labels a few at a time: the camera has moved on between two of them, so they differ.
        have = label(min(2, most - have))
    if have // (per_round // 4) != seen.labelled_told // (per_round // 4):
        say(f"labels   {have} hard examples are labelled now")
    seen.labelled_told = have


def _leave_the_rest(
    seen: Followed, status: Mapping[str, Any], most: int, yourself: int | None, server: str, say: Say
) -> None:
    """Ask the person once for each round, as soon as the stand-in has done its part of it."""
    coming = int(status.get("round") or 0) + 1
    if yourself is None or coming < yourself or seen.asked_for == coming or seen.labelled_told < most:
        return
    if (status.get("stage"), status.get("phase")) != ("Train", "Waiting"):
        return
    seen.asked_for = coming
    say(f"labels   {LEFT_TO_YOU} more begin round {coming}; they are yours: label hard examples at {server}/")
