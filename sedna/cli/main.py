"""The `sedna` command: puts the subcommands together and turns every failure into an exit code.

Exit codes: 0 done · 1 the server refused, or a file here cannot be used · 2 the command line is wrong ·
3 the GlobalManager cannot be reached.
"""

from __future__ import annotations

import sys
from importlib import metadata

import click

from sedna.cli import colours
from sedna.cli.applying import apply
from sedna.cli.completion import completion
from sedna.cli.connecting import connectable
from sedna.cli.deleting import delete
from sedna.cli.describing import describe
from sedna.cli.getting import get
from sedna.cli.images import image
from sedna.cli.labelling import label
from sedna.cli.logs import logs
from sedna.cli.pausing import pause, resume
from sedna.cli.rollback import rollback
from sedna.cli.top import top
from sedna.cli.triggering import trigger
from sedna.cli.up.command import up
from sedna.cli.why import why


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(metadata.version("sedna-metal"), prog_name="sedna")
@connectable
@click.pass_context
def sedna(context: click.Context) -> None:
    """Sedna on bare metal: models on edge hosts keep learning from what they see.

    \b
    sedna up                 a GlobalManager and a LocalController on this machine
    sedna apply -f job.yaml  submit manifests
    sedna get ilj -w         follow the jobs

    Exit codes: 0 done, 1 refused or failed, 2 wrong command line, 3 GlobalManager not reached.
    """
    context.color = colours.wanted()


for _command in (
    up,
    apply,
    get,
    describe,
    why,
    top,
    pause,
    resume,
    trigger,
    rollback,
    label,
    delete,
    logs,
    image,
    completion,
):
    sedna.add_command(_command)


def main() -> None:
    """Run the command line; the entry point of the distribution."""
    try:
        sedna.main(prog_name="sedna")
    except BrokenPipeError:
        # `sedna get … | head` closes our output early. Python would complain about it once more on exit.
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
