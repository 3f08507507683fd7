"""Which refusals of a letter are final: it could not count any more, whoever brings it and however often. Pure.

`sending` asks here for every letter that was not taken. What is about the credential, the line or the hour (401, 403,
408, 429, 5xx, and all that somebody between here and the GM may have said) is never final: a letter may be the only
word of how a worker ended.
"""

from __future__ import annotations

from enum import Enum

from sedna.api.status import BOUND_ELSEWHERE
from sedna_lc.errors import GmConflict, GmNotFound, GmRefused, GmUnavailable


class Verdict(Enum):
    """What becomes of a letter that was refused."""

    AGAIN = "again"
    GONE = "gone"
    """The GM does not know the resource any more."""
    ANOTHER = "another"
    """The name has come to mean another resource."""
    ELSEWHERE = "elsewhere"
    """The resource is another node's, and not wanted here."""
    WRONG = "wrong"
    """The GM does not take what the letter says: one of the two programs has a fault, or is too old."""


def verdict(problem: GmRefused | GmUnavailable, *, wanted: bool, stands: bool) -> Verdict:
    """Return what becomes of a letter.

    `wanted`: whether this node is still to work on the resource, as far as it has heard; then the GM may yet give it
    back, and the letter waits for the next word. `stands`: whether the GM has a resource of that uid under that name.
    """
    if isinstance(problem, GmUnavailable):
        return Verdict.ELSEWHERE if BOUND_ELSEWHERE in problem.causes and not wanted else Verdict.AGAIN
    if not problem.ours:
        return Verdict.AGAIN
    if isinstance(problem, GmNotFound):
        return Verdict.GONE
    if isinstance(problem, GmConflict):
        return Verdict.AGAIN if stands else Verdict.ANOTHER
    return Verdict.WRONG
