"""How a command that changes one resource tells what came of it: sentences, or the resource for a program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from sedna.api.kinds import Kind
from sedna.cli.applying import title
from sedna.cli.client import GlobalManager, path_of
from sedna.cli.getting import rendered

Command = TypeVar("Command", bound="Callable[..., Any] | click.Command")


def output_in(told: str) -> Callable[[Command], Command]:
    """The option `-o` of a command whose results are `told` in sentences, as a document, or by name."""
    choice = click.Choice(["text", "json", "yaml", "name"])
    return click.option("-o", "--output", type=choice, default="text", show_default=True, help=told)


output_option = output_in("How to tell what came of it: sentences, the resource as it is then, or its name.")


@dataclass(frozen=True)
class Outcome:
    """Tells of one resource; where a program reads, sentences go beside."""

    gm: GlobalManager
    kind: Kind
    namespace: str
    name: str
    output: str

    @property
    def path(self) -> str:
        """Where the resource is."""
        return path_of(self.kind, self.namespace, self.name)

    def say(self, sentence: str) -> None:
        """What has happened so far."""
        click.echo(f"{title(self.kind, self.name)}: {sentence}", err=self.output != "text")

    def end(self, sentence: str) -> None:
        """What came of it in the end, and the resource, where that is asked for."""
        self.say(sentence)
        if self.output != "text":
            found: dict[str, Any] = self.gm.ask("GET", self.path)
            click.echo(rendered(found, self.output))
