"""What can go wrong for the person at the keyboard, and with which exit code.

    click.ClickException
    ├── click.UsageError    2  the command line itself is wrong
    └── CommandError        1  the server said no, or a file here cannot be used
        ├── Refused         1  the GlobalManager answered with a Status: reason, message, causes
        └── Unreachable     3  nobody answered at the server's address

Each message says what happened, where, and what to do; no traceback reaches the terminal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click


class CommandError(click.ClickException):
    """The command could not do what it was asked; the message says why and names the way out."""

    exit_code = 1


class Unreachable(CommandError):
    """Nobody answers at the server's address: start one with `sedna up`, or name another with --server."""

    exit_code = 3


class Refused(CommandError):
    """The GlobalManager answered with a Kubernetes Status instead of what was asked for."""

    def __init__(self, status: Mapping[str, Any], code: int, advice: str = "") -> None:
        self.code = int(status.get("code") or code)
        self.reason = str(status.get("reason") or "")
        self.causes = tuple((status.get("details") or {}).get("causes") or ())
        message = str(status.get("message") or f"the server answered {code} without saying why")
        said = _laid_out(message, self.causes) if len(self.causes) > 1 else message
        super().__init__(f"{said}\n{advice}" if advice else said)


def _laid_out(message: str, causes: Sequence[Mapping[str, Any]]) -> str:
    """Return a headline and a line for each cause; the server's own sentence strings them all together."""
    lines = [f"  {cause.get('field') or '(root)'}: {cause.get('message', '')}" for cause in causes]
    headline, _, _ = message.partition(f": {lines[0].strip()}")
    return "\n".join([f"{headline.rstrip('.:')}:", *lines])
