"""`sedna rollback`: has an earlier version of a model served again, by the annotation that kubectl can write, too.

The job that deploys to the Model carries it out; the Model's status tells how far it is. Who asked is written beside
the wish, for the record of the round that it becomes.
"""

from __future__ import annotations

import getpass
import time
from typing import Any

import click

from sedna.api.models import PREVIOUS, ROLLBACK_ANNOTATION, ROLLBACK_BY_ANNOTATION
from sedna.cli.client import MERGE_PATCH, GlobalManager, path_of
from sedna.cli.connecting import connected, wait
from sedna.cli.errors import CommandError
from sedna.cli.naming import kind_named
from sedna.cli.outcomes import Outcome, output_option
from sedna.cli.suggesting import models

# Between two looks at the Model while waiting: a deployment takes seconds, and nobody minds half of one more.
LOOK_SECONDS = 0.5

Document = dict[str, Any]


@click.command("rollback")
@click.argument("model", metavar="MODEL", shell_complete=models)
@click.option(
    "--to",
    "round_",
    type=click.IntRange(min=0),
    metavar="N",
    help="The round whose version is meant; 0 is the manifest's own file. Default: what was deployed before.",
)
@click.option("--wait/--no-wait", "waits", default=False, show_default=True, help="Wait until it serves.")
@click.option("--timeout", type=click.FloatRange(min=0), default=600.0, show_default=True, help="Seconds to wait.")
@output_option
@connected
def rollback(
    gm: GlobalManager, namespace: str, model: str, round_: int | None, waits: bool, timeout: float, output: str
) -> None:
    """Serve an earlier version of a model again.

    `sedna get model -o wide` shows which versions there are. A round that is under way is interrupted, and its samples
    are new again; the next training goes on from the last trained model.
    """
    outcome = Outcome(gm, kind_named("Model"), namespace, model, output)
    path = outcome.path
    found = gm.ask("GET", path)
    _check_job(gm, namespace, model)
    _check_version(model, found, round_)
    wanted = PREVIOUS if round_ is None else str(round_)
    # null removes what an earlier wish may have left.
    annotations = {ROLLBACK_ANNOTATION: wanted, ROLLBACK_BY_ANNOTATION: _user()}
    asked = gm.ask("PATCH", path, body={"metadata": {"annotations": annotations}}, content_type=MERGE_PATCH)
    if not waits:
        outcome.end(f"{_target(round_)} is asked for")
        return
    done = _await(gm, path, model, _wish(found), timeout, asked)
    outcome.end(str(done.get("message") or done["state"]))


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # Nobody of that number is known on this host, as in some containers.
        return None


def _target(round_: int | None) -> str:
    return "what was deployed before" if round_ is None else f"the version of round {round_}"


def _check_job(gm: GlobalManager, namespace: str, model: str) -> None:
    jobs = gm.ask("GET", path_of(kind_named("job"), namespace)).get("items") or []
    if not any(job["spec"]["deploySpec"]["model"]["name"] == model for job in jobs):
        raise CommandError(f"no job in namespace {namespace} deploys to model {model}, so nothing serves it.")


def _check_version(model: str, found: Document, round_: int | None) -> None:
    """Say at once what would only be told in an event later."""
    versions = (found.get("status") or {}).get("versions") or []
    if not versions:
        raise CommandError(f"model {model} has no versions yet: no round of its job has ended.")
    rounds = [each.get("round") or 0 for each in versions]
    if round_ is not None and round_ not in rounds:
        there = ", ".join(f"{number} ({each['state']})" for number, each in zip(rounds, versions, strict=True))
        raise CommandError(
            f"model {model} has no version of round {round_}; there are those of rounds {there}."
            " `spec.retain` of the Model says how many are kept."
        )


def _wish(model: Document) -> Document:
    return (model.get("status") or {}).get("rollback") or {}


def _await(gm: GlobalManager, path: str, model: str, before: Document, timeout: float, asked: Document) -> Document:
    """Look until the wish has come to its end."""
    deadline = time.monotonic() + timeout
    now = asked
    while True:
        wish = _wish(now)
        pending = ROLLBACK_ANNOTATION in (now["metadata"].get("annotations") or {})
        if not pending and wish and wish != before:
            if wish["state"] == "Deployed":
                return wish
            if wish["state"] in ("Failed", "Refused"):
                raise CommandError(f"model {model}: {wish.get('message') or wish['state']}")
        if time.monotonic() > deadline:
            told = wish.get("message") if wish != before else ""
            raise CommandError(
                f"model {model} is not rolled back after {timeout:g} s. {told or 'Its job has not read the wish yet.'}"
                " It is still wanted; `sedna describe` of the model tells how far it is."
            )
        wait(LOOK_SECONDS)
        now = gm.ask("GET", path)
