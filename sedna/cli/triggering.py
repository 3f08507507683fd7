"""`sedna trigger`: has a job begin a stage now, by the annotation that kubectl can write, too."""

from __future__ import annotations

import time
from typing import Any

import click

from sedna.api.incremental_learning import TRIGGER_ANNOTATION, says_paused
from sedna.cli.client import MERGE_PATCH, GlobalManager
from sedna.cli.connecting import connected, wait
from sedna.cli.errors import CommandError
from sedna.cli.naming import kind_named
from sedna.cli.outcomes import Outcome, output_option
from sedna.cli.suggesting import jobs

LOOK_SECONDS = 0.5

Document = dict[str, Any]


@click.command("trigger")
@click.argument("job", metavar="JOB", shell_complete=jobs)
@click.argument("stage", type=click.Choice(["train", "eval", "deploy"]), default="train")
@click.option("--wait/--no-wait", "waits", default=False, show_default=True, help="Wait until that round has ended.")
@click.option("--timeout", type=click.FloatRange(min=0), default=3600.0, show_default=True, help="Seconds to wait.")
@output_option
@connected
def trigger(gm: GlobalManager, namespace: str, job: str, stage: str, waits: bool, timeout: float, output: str) -> None:
    """Begin a stage of a job now.

    \b
    train   a round with the new samples that there are, whatever trigger and window say
    eval    evaluate the last trained model once more
    deploy  deploy the last trained model, whatever its metrics are
    """
    outcome = Outcome(gm, kind_named("job"), namespace, job, output)
    before = gm.ask("GET", outcome.path)
    gm.ask("PATCH", outcome.path, body=_wish(stage), content_type=MERGE_PATCH)
    told = f"{stage} is asked for"
    if says_paused(before["metadata"].get("annotations")):
        told += f"; the job is paused, so it waits until somebody says `sedna resume {job}`"
    if not waits:
        outcome.end(told)
        return
    outcome.say(told)
    record = _await(gm, outcome.path, before, timeout)
    ended = f"round {record['round']} ended: {record['decision']}. {record.get('message') or ''}".strip()
    if record["decision"] == "Failed":
        raise CommandError(f"job {job}: {ended}")
    outcome.end(ended)


def _wish(stage: str) -> Document:
    return {"metadata": {"annotations": {TRIGGER_ANNOTATION: stage}}}


def _await(gm: GlobalManager, path: str, before: Document, timeout: float) -> Document:
    """Look until the round that the wish has begun, or has come to, has left its record; tell each new sentence."""
    deadline = time.monotonic() + timeout
    said = ""
    number: int | None = None
    while True:
        now = gm.ask("GET", path)
        status = now.get("status") or {}
        sentence = str(status.get("message") or "")
        if sentence and sentence != said:
            click.echo(f"  {sentence}", err=True)
            said = sentence
        obeyed = TRIGGER_ANNOTATION not in (now["metadata"].get("annotations") or {})
        if number is None and obeyed:
            number = _obeyed_in(before, status)
        record = _record(gm, path, number) if number is not None else None
        if record is not None:
            return record
        if time.monotonic() > deadline:
            raise CommandError(
                f"job {before['metadata']['name']} has not ended that round after {timeout:g} s. It is still at it:"
                f" {sentence or 'it says nothing of itself yet.'}"
            )
        wait(LOOK_SECONDS)


def _obeyed_in(before: Document, status: Document) -> int:
    """The round that carries the wish out."""
    was = before.get("status") or {}
    number = int(status.get("round") or 0)
    if was.get("current") is None and number <= int(was.get("round") or 0):
        raise CommandError(
            f"job {before['metadata']['name']} began nothing: somebody took the annotation {TRIGGER_ANNOTATION} away."
        )
    return number


def _record(gm: GlobalManager, path: str, number: int) -> Document | None:
    found = gm.ask("GET", f"{path}/rounds", params={"continue": str(number - 1), "limit": "1"}).get("items") or []
    return next((record for record in found if record["round"] == number), None)
