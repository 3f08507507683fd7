"""Commands on this machine, as machines, bases and networks run them: either they work, or the error holds what they
said.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence


class CommandFailed(AssertionError):
    """A command ended with another status than 0, or did not end; the message holds both of its outputs.

    A failed assertion, because the test that meets it has found something.
    """


def run(
    argv: Sequence[str],
    *,
    stdin: str | None = None,
    timeout: float = 120,
    check: bool = True,
    where: str = "this machine",
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Args:
        argv: the command and its arguments; no shell reads them.
        stdin: what it finds on its standard input.
        timeout: seconds after which it is killed, and the call fails.
        check: whether another exit status than 0 raises CommandFailed.
        where: the machine's name for the error.
    """
    try:
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, errors="replace", timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired as late:
        said = "".join(
            part.decode(errors="replace") if isinstance(part, bytes) else part or ""
            for part in (late.stdout, late.stderr)
        )
        raise CommandFailed(
            f"On {where}, `{' '.join(argv)}` did not end within {timeout:g} s. It said:\n{said}"
        ) from None
    if check and done.returncode != 0:
        raise CommandFailed(f"On {where}, `{' '.join(argv)}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done
