"""`sedna pause` and `sedna resume`: the annotation that keeps a job from beginning anything new, which kubectl can
write, too."""

from __future__ import annotations

import click

from sedna.api.incremental_learning import PAUSE_ANNOTATION, says_paused
from sedna.cli.client import MERGE_PATCH, GlobalManager
from sedna.cli.connecting import connected
from sedna.cli.naming import kind_named
from sedna.cli.outcomes import Outcome, output_option
from sedna.cli.suggesting import jobs


@click.command("pause")
@click.argument("job", metavar="JOB", shell_complete=jobs)
@output_option
@connected
def pause(gm: GlobalManager, namespace: str, job: str, output: str) -> None:
    """Have a job begin nothing new.

    No round and no deployment begins, by itself or by hand, until somebody resumes it. What runs goes on to its end,
    what serves goes on serving, and samples are counted. Who has to stop what runs deletes the job, or stops its
    target on a host.
    """
    outcome = Outcome(gm, kind_named("job"), namespace, job, output)
    again = " already" if _annotate(outcome, "true") else ""
    outcome.end(f"paused{again}; `sedna resume {job}` has it go on")


@click.command("resume")
@click.argument("job", metavar="JOB", shell_complete=jobs)
@output_option
@connected
def resume(gm: GlobalManager, namespace: str, job: str, output: str) -> None:
    """Have a paused job go on."""
    outcome = Outcome(gm, kind_named("job"), namespace, job, output)
    outcome.end("resumed" if _annotate(outcome, None) else "was not paused")


def _annotate(outcome: Outcome, value: str | None) -> bool:
    """Set or remove the annotation; returns whether the job was paused before."""
    gm = outcome.gm
    was = says_paused(gm.ask("GET", outcome.path)["metadata"].get("annotations"))
    body = {"metadata": {"annotations": {PAUSE_ANNOTATION: value}}}
    gm.ask("PATCH", outcome.path, body=body, content_type=MERGE_PATCH)
    return was
