"""Puts the door together. `sedna_gm.daemon` gives it to gunicorn; tests call it directly."""

from __future__ import annotations

from http import HTTPStatus
from importlib import metadata

from flask import Flask, Response

from sedna_gm.http import (
    answers,
    artifacts,
    dashboard,
    discovery,
    guarding,
    hard_examples,
    health,
    joining,
    logs,
    manifests,
    metrics,
    namespaces,
    nodes,
    pods,
    resources,
    rounds,
    usage,
    why,
)
from sedna_gm.http.parts import Parts


def create_app(parts: Parts) -> Flask:
    """The whole API over the given parts."""
    app = Flask("sedna_gm", static_folder=None)
    # `/datasets/` is not `/datasets`: a client that is redirected loses its body.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    parts.install(app.extensions)
    answers.install_error_handlers(app)
    metrics.install(app)
    guarding.install(app)
    app.register_blueprint(discovery.blueprint(metadata.version("sedna-metal")))
    app.register_blueprint(metrics.blueprint())
    rooms = (
        dashboard,
        health,
        joining,
        resources,
        rounds,
        why,
        hard_examples,
        nodes,
        logs,
        usage,
        artifacts,
        manifests,
        namespaces,
        pods,
    )
    for room in rooms:
        app.register_blueprint(room.blueprint())

    @app.after_request
    def _say_which_store(response: Response) -> Response:
        # A node that hears another name than before does not take what is missing there for deleted.
        if response.status_code < HTTPStatus.BAD_REQUEST:
            response.headers["Sedna-Store"] = parts.store.identity
        return response

    return app
