"""Requests that come again byte for byte on the same line: the heartbeats of nodes, a thousand a second.

The view that has answered one may leave behind what is to be done when it comes again. The server that offers to
remember (`environ[REPEATS]`) then does just that and sends the same answer: no parsing, no routing, no guard. So what
is left behind asks again what may have changed since, and the server lets one in thirty go the whole way all the same.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import request

from sedna_gm.http import guarding
from sedna_gm.http.parts import parts

REPEATS = "sedna.repeats"
"""In the environ: a function that takes an Again."""
Again = Callable[[], bool]
"""Does what was asked for once more; False where the answer may be another one now, and nothing was done."""


def offer(again: Again) -> None:
    """Has the current request, when it comes again, answered by `again` as long as its caller is who they were."""
    remember: Callable[[Again], None] | None = request.environ.get(REPEATS)
    if remember is None:
        return
    identity, authenticator, exposition = guarding.caller(), parts().authenticator, parts().exposition
    method = request.method

    def known_again() -> bool:
        if not authenticator.still_good(identity) or not again():
            return False
        exposition.answered(method, 200, 0.0)
        return True

    remember(known_again)
