"""What object stores say, in the LocalController's words: nearly all of it a person can mend, and it is waited for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sedna.common.remote_errors import DiskFull, RemoteError, SchemeUnsupported, Unreachable
from sedna_lc.errors import Again, Hindered, Never


def as_ours(problem: RemoteError) -> Again | Never:
    """Return the error to raise: Hindered for a line or a disk, Never for a URL that nothing opens, else Again."""
    text = str(problem)
    # A URL stays as it was written.
    sentence = f"{text}." if "://" in text.partition(" ")[0] else f"{text[:1].upper()}{text[1:]}."
    if isinstance(problem, (Unreachable, DiskFull)):
        return Hindered(problem.reason, sentence)
    if isinstance(problem, SchemeUnsupported):
        return Never(problem.reason, sentence)
    return Again(problem.reason, sentence)


@contextlib.contextmanager
def our_words() -> Iterator[None]:
    """Turn a RemoteError that leaves the block into one of ours."""
    try:
        yield
    except RemoteError as problem:
        raise as_ours(problem) from problem
