"""The options that every command which talks to a GlobalManager has, and the parts a test may replace."""

from __future__ import annotations

import functools
import os
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
from sedna.cli.proving import DEFAULT_SERVER, Access, access

_SAID_BEFORE = f"{__name__}."
_ACCESS = f"{__name__}:access"


# Options of every command that are not its own.
_SHARED = frozenset({"server", "namespace", "token_file", "ca"})


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
    """Give a command --server, --namespace, --token-file and --ca; it receives `gm` and `namespace`."""

    @click.option(
        "--server",
        envvar="SEDNA_SERVER",
        show_envvar=True,
        help=f"Address of the GlobalManager. Default: that of KUBECONFIG, else {DEFAULT_SERVER}.",
    )
    @click.option(
        "--token-file",
        type=click.Path(dir_okay=False),
        envvar="SEDNA_TOKEN_FILE",
        show_envvar=True,
        help="File with the token that says who you are. Default: that of KUBECONFIG.",
    )
    @click.option(
        "--ca",
        type=click.Path(dir_okay=False),
        envvar="SEDNA_CA",
        show_envvar=True,
        help="Certificates of whom you believe about the server. Default: those of KUBECONFIG, else of this host.",
    )
    @click.option(
        "-n",
        "--namespace",
        envvar="SEDNA_NAMESPACE",
        default="default",
        show_default=True,
        help="Namespace to look in; the context of KUBECONFIG may name another default.",
    )
    @click.pass_context
    @functools.wraps(command)
    def with_connection(context: click.Context, /, **options: Any) -> Any:
        namespace = meant(context, "namespace")
        options = {name: value for name, value in options.items() if name not in _SHARED}
        with closing(connection(context)) as gm:
            return command(gm=gm, namespace=namespace, **options)

    return with_connection


def connectable(group: Callable[..., Any]) -> Callable[..., Any]:
    """Give the group of all commands the same options: `sedna --server URL get ilj`."""

    def remember(context: click.Context, option: click.Parameter, value: str | None) -> None:
        if value is not None:
            context.meta[_SAID_BEFORE + str(option.name)] = value

    for names, text in (
        (("-n", "--namespace"), "Namespace."),
        (("--ca",), "Certificates of whom you believe."),
        (("--token-file",), "File with your token."),
        (("--server",), "Address of the GlobalManager."),
    ):
        group = click.option(*names, expose_value=False, callback=remember, help=text)(group)
    return group


def meant(context: click.Context, option: str) -> str:
    """Return an option's value: said after the command, said before it, in the environment, or the default."""
    value = _said(context, option)
    is_default = context.get_parameter_source(option) is ParameterSource.DEFAULT
    if option == "namespace" and is_default and _SAID_BEFORE + option not in context.meta:
        return _access(context).namespace
    return str(value)


def connection(context: click.Context, answer_seconds: float = ANSWER_SECONDS) -> GlobalManager:
    """Return the GlobalManager that a command line means; the caller closes it."""
    parts = context.find_object(Parts) or Parts()
    found = _access(context)
    return GlobalManager(
        found.server, transport=parts.transport, warn=warn, answer_seconds=answer_seconds, proof=found.proof
    )


def _said(context: click.Context, option: str) -> Any:
    value = context.params.get(option)
    if context.get_parameter_source(option) is not ParameterSource.COMMANDLINE:
        value = context.meta.get(_SAID_BEFORE + option, value)
    return value


def _access(context: click.Context) -> Access:
    """Read once for a command line: a kubeconfig may change in between."""
    found = context.meta.get(_ACCESS)
    if not isinstance(found, Access):
        said = {name: _said(context, name) for name in ("server", "token_file", "ca")}
        found = context.meta[_ACCESS] = access(said["server"], said["token_file"], said["ca"], os.environ)
    return found


@contextmanager
def until_interrupted() -> Iterator[None]:
    """Let Ctrl-C end what otherwise goes on for ever, without a complaint."""
    try:
        yield
    except KeyboardInterrupt:
        click.get_current_context().exit(0)


def current_time() -> datetime:
    """Return the time as this command was told it."""
    return current_parts().now()


def wait(seconds: float) -> None:
    """Wait as this command was told to."""
    current_parts().wait(seconds)


def current_parts() -> Parts:
    """Return what this command was given from outside; to hand to threads, which know of no command line."""
    return click.get_current_context().find_object(Parts) or Parts()
