"""`GET /metrics`: everything that Prometheus reads, and the count of requests that it reads there.

`install` hangs the count around every view, the refused ones included; `sedna_gm.metrics` says what is told.
"""

from __future__ import annotations

import time

from flask import Blueprint, Flask, Response, g, request

from sedna_gm.http.parts import parts
from sedna_gm.metrics.exposing import CONTENT_TYPE, elapsed


def install(app: Flask) -> None:
    """Counts each request of an app. Before the guard is installed, so that refusals are counted."""
    app.before_request(_begin)
    app.after_request(_end)


def blueprint() -> Blueprint:
    """`/metrics`, in the text format of Prometheus."""
    views = Blueprint("metrics", __name__)
    views.add_url_rule("/metrics", view_func=_metrics)
    return views


def _metrics() -> Response:
    return Response(parts().exposition.text(), content_type=CONTENT_TYPE)


def _begin() -> None:
    g.began = time.perf_counter()


def _end(response: Response) -> Response:
    parts().exposition.answered(request.method, response.status_code, elapsed(g.began) if "began" in g else 0.0)
    return response
