"""`sedna completion`: prints the script that makes a shell complete `sedna` commands; click writes it."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a shell's completion script.

    For bash: source <(sedna completion bash)
    """
    found = get_completion_class(shell)
    assert found is not None, shell  # noqa: S101  (click has all three; the choice above admits no other)
    click.echo(found(context.find_root().command, {}, "sedna", "_SEDNA_COMPLETE").source())
