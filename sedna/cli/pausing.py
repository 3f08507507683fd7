"""`sedna pause` and `sedna resume`: the annotation that keeps a job from beginning anything new, which kubectl can
write, too."""

from __future__ import annotations

import click

from sedna.api.incremental_learning import PAUSE_ANNOTATION, says_paused
from sedna.cli.applying import title
from sedna.cli.client import MERGE_PATCH, GlobalManager, path_of
from sedna.cli.connecting import connected
from sedna.cli.naming import kind_named
from sedna.cli.suggesting import jobs


@click.command("pause")
@click.argument("job", metavar="JOB", shell_complete=jobs)
@connected
def pause(gm: GlobalManager, namespace: str, job: str) -> None:
    """Have a job begin nothing new.

    No round and no deployment begins, by itself or by hand, until somebody resumes it. What runs goes on to its end,
    what serves goes on serving, and samples are counted. Who has to stop what runs deletes the job, or stops its
    target on a host.
    """
    was = _annotate(gm, namespace, job, "true")
    again = " already" if was else ""
    click.echo(f"{title(kind_named('job'), job)}: paused{again}; `sedna resume {job}` has it go on")


@click.command("resume")
@click.argument("job", metavar="JOB", shell_complete=jobs)
@connected
def resume(gm: GlobalManager, namespace: str, job: str) -> None:
    """Have a paused job go on."""
    was = _annotate(gm, namespace, job, None)
    told = "resumed" if was else "was not paused"
    click.echo(f"{title(kind_named('job'), job)}: {told}")


def _annotate(gm: GlobalManager, namespace: str, job: str, value: str | None) -> bool:
    """Set or remove the annotation; returns whether the job was paused before."""
    path = path_of(kind_named("job"), namespace, job)
    was = says_paused(gm.ask("GET", path)["metadata"].get("annotations"))
    body = {"metadata": {"annotations": {PAUSE_ANNOTATION: value}}}
    gm.ask("PATCH", path, body=body, content_type=MERGE_PATCH)
    return was
