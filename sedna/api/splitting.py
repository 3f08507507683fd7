"""Which new samples train a model and which judge it: a choice that always falls the same way.

The GlobalManager writes down only ranges; the LocalController that holds the samples cuts them by this rule.
A repeated attempt, a restart or another host therefore cuts exactly alike.
"""

from __future__ import annotations

from hashlib import blake2b

_SPAN = 1 << 64


def in_train_part(seed: str, index: int, probability: float) -> bool:
    """Tell whether a sample trains (or else evaluates).

    `seed` is the job's uid, `index` the sample's place in the dataset's history, `probability` the share that
    trains. Each sample is drawn by itself, so the file's order says nothing about the part it lands in.
    """
    digest = blake2b(f"{seed}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < probability * _SPAN
