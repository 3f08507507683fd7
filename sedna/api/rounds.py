"""One name for each round, the same wherever it is said: in the GlobalManager, on nodes, in workers and their logs.

It is made from what all of them know, so that nobody has to be told it first.
"""

from __future__ import annotations

import hashlib

ROUND_ID_LABEL = "sedna.io/round-id"
"""What Workers, Artifacts and Events of a round carry it as."""
ROUND_ID_VARIABLE = "SEDNA_ROUND_ID"
"""Where a worker finds it."""

# Of a job's rounds, no two in a million share 48 bits.
_DIGITS = 12


def round_id(job_uid: str, number: int) -> str:
    """Return the id of a job's round, 12 hexadecimal digits; empty for round 0, which is what was there before."""
    if number < 1 or not job_uid:
        return ""
    return hashlib.sha256(f"{job_uid}\0{number}".encode()).hexdigest()[:_DIGITS]
