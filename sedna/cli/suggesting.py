"""What TAB offers: kinds as people write them, and the names that the GlobalManager has.

click asks these while somebody types: a server that is slow or away means no offer, never a message or a wait.
"""

from __future__ import annotations

from contextlib import closing

import click

from sedna.api.kinds import KINDS
from sedna.cli.client import path_of
from sedna.cli.connecting import connection, meant
from sedna.cli.errors import CommandError
from sedna.cli.naming import kind_named

# Longer than that, and the person believes that the shell hangs.
ANSWER_SECONDS = 1.0


def types_and_names(context: click.Context, argument: click.Parameter, begun: str) -> list[str]:
    """Offer for `TYPE NAME…` and for `TYPE/NAME…`: first kinds, then names of that kind."""
    if "/" in begun:
        return _slashed(context, begun)
    before = context.params.get(str(argument.name)) or ()
    if not before or "/" in before[0]:
        return [word for kind in KINDS for word in (*kind.short_names, kind.plural) if word.startswith(begun)]
    return _names(context, before[0], begun)


def jobs_and_workers(context: click.Context, _argument: click.Parameter, begun: str) -> list[str]:
    """Offer for `JOB`, `WORKER` or `TYPE/NAME`."""
    if "/" in begun:
        return _slashed(context, begun)
    return _names(context, "job", begun) + _names(context, "worker", begun)


def jobs(context: click.Context, _argument: click.Parameter, begun: str) -> list[str]:
    """Offer the names of jobs."""
    return _names(context, "job", begun)


def models(context: click.Context, _argument: click.Parameter, begun: str) -> list[str]:
    """Offer the names of models."""
    return _names(context, "model", begun)


def _slashed(context: click.Context, begun: str) -> list[str]:
    kind, _, name = begun.partition("/")
    return [f"{kind}/{found}" for found in _names(context, kind, name)]


def _names(context: click.Context, word: str, begun: str) -> list[str]:
    try:
        with closing(connection(context, ANSWER_SECONDS)) as gm:
            answer = gm.ask("GET", path_of(kind_named(word), meant(context, "namespace")))
    except (CommandError, click.UsageError):
        return []
    names = (str(item["metadata"]["name"]) for item in answer.get("items") or [])
    return [name for name in names if name.startswith(begun)]
