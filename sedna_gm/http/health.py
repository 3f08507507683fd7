"""Is it alive, is it ready: one word each, for systemd, load balancers and people."""

from __future__ import annotations

from flask import Blueprint, Response

from sedna_gm.errors import StoreUnavailable
from sedna_gm.http.parts import parts


def blueprint() -> Blueprint:
    """`/healthz` and `/livez` say that this process answers; `/readyz`, that it can reach its database too."""
    views = Blueprint("health", __name__)

    @views.get("/healthz")
    @views.get("/livez")
    def _alive() -> Response:
        return _word("ok")

    @views.get("/readyz")
    def _ready() -> Response:
        if parts().exchange.closed:
            raise StoreUnavailable("Stopping.")
        parts().store.revision()
        return _word("ok")

    return views


def _word(word: str) -> Response:
    return Response(f"{word}\n", mimetype="text/plain")
