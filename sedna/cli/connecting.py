"""The options that every command which talks to a GlobalManager has, and the parts a test may replace."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import click
import httpx
from click.core import ParameterSource

from sedna.cli.client import ANSWER_SECONDS, GlobalManager

_SAID_BEFORE = f"{__name__}."
DEFAULT_SERVER = "http://127.0.0.1:9000"


def _now() -> datetime:
    return datetime.now(timezone.utc)


@dataclass(frozen=True)
class Parts:
    """What a command takes from outside: given as click's `obj` by tests, made here otherwise."""

    transport: httpx.BaseTransport | None = None
    now: Callable[[], datetime] = field(default=_now)
    # Ctrl-C ends the wait of a command that has nothing else to stop.
    wait: Callable[[float], None] = field(default=time.sleep)


def warn(text: str) -> None:
    """Print a warning where it does not mix with what a script reads."""
    click.echo(f"Warning: {text}", err=True)


def connected(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --server and --namespace; it receives `gm` and `namespace`."""

    @click.option(
        "--server",
        envvar="SEDNA_SERVER",
        default=DEFAULT_SERVER,
        show_default=True,
        show_envvar=True,
        help="Address of the GlobalManager.",
    )
    @click.option(
        "-n",
        "--namespace",
        envvar="SEDNA_NAMESPACE",
        default="default",
        show_default=True,
        help="Namespace to look in.",
    )
    @click.pass_context
    @functools.wraps(command)
    def with_connection(context: click.Context, /, **options: Any) -> Any:
        namespace = meant(context, "namespace")
        options = {name: value for name, value in options.items() if name not in ("server", "namespace")}
        with closing(connection(context)) as gm:
            return command(gm=gm, namespace=namespace, **options)

    return with_connection


def connectable(group: Callable[..., Any]) -> Callable[..., Any]:
    """Give the group of all commands the same two options: `sedna --server URL get ilj`."""

    def remember(context: click.Context, option: click.Parameter, value: str | None) -> None:
        if value is not None:
            context.meta[_SAID_BEFORE + str(option.name)] = value

    for names, text in ((("-n", "--namespace"), "Namespace."), (("--server",), "Address of the GlobalManager.")):
        group = click.option(*names, expose_value=False, callback=remember, help=text)(group)
    return group


def meant(context: click.Context, option: str) -> str:
    """Return an option's value: said after the command, said before it, in the environment, or the default."""
    value = context.params[option]
    if context.get_parameter_source(option) is not ParameterSource.COMMANDLINE:
        value = context.meta.get(_SAID_BEFORE + option, value)
    return str(value)


def connection(context: click.Context, answer_seconds: float = ANSWER_SECONDS) -> GlobalManager:
    """Return the GlobalManager that a command line means; the caller closes it."""
    parts = context.find_object(Parts) or Parts()
    return GlobalManager(meant(context, "server"), transport=parts.transport, warn=warn, answer_seconds=answer_seconds)


@contextmanager
def until_interrupted() -> Iterator[None]:
    """Let Ctrl-C end what otherwise goes on for ever, without a complaint."""
    try:
        yield
    except KeyboardInterrupt:
        click.get_current_context().exit(0)


def current_time() -> datetime:
    """Return the time as this command was told it."""
    return _parts().now()


def wait(seconds: float) -> None:
    """Wait as this command was told to."""
    _parts().wait(seconds)


def _parts() -> Parts:
    return click.get_current_context().find_object(Parts) or Parts()
