"""The history of a job: one record for each finished round, the lineage of its models."""

from __future__ import annotations

from flask import Blueprint, Response, request

from sedna.api.kinds import by_kind
from sedna_gm.errors import BadRequest
from sedna_gm.http import parameters
from sedna_gm.http.addresses import key_at
from sedna_gm.http.answers import answer
from sedna_gm.http.parts import parts

_JOB = by_kind("IncrementalLearningJob")


def blueprint() -> Blueprint:
    """`…/incrementallearningjobs/{name}/rounds`: oldest first, by `limit` and `continue`, or only the `newest` N."""
    views = Blueprint("rounds", __name__)
    views.add_url_rule(
        f"/apis/{_JOB.api_version}/namespaces/<namespace>/{_JOB.plural}/<name>/rounds", view_func=_rounds
    )
    return views


def _rounds(namespace: str, name: str) -> Response:
    store = parts().store
    key = key_at(_JOB, namespace, name)
    # A job of the same name that was deleted before has a history of its own.
    uid = store.get(key)["metadata"]["uid"]
    after = parameters.number({"continue": request.args.get("continue", "")}, "continue")
    limit = parameters.number(request.args, "limit")
    if limit == 0:
        raise BadRequest("limit=0 would give nothing: leave it out to get every round.")
    newest = parameters.number(request.args, "newest")
    if newest is None:
        page = store.rounds(key, uid, after=-1 if after is None else after, limit=limit)
    elif after is not None or limit is not None or newest == 0:
        raise BadRequest("newest=N gives the last N rounds at once, and goes with neither limit nor continue.")
    else:
        page = store.rounds(key, uid, newest=newest)
    metadata = {} if page.continue_after is None else {"continue": str(page.continue_after)}
    return answer(
        {"kind": "RoundList", "apiVersion": _JOB.api_version, "metadata": metadata, "items": list(page.items)}
    )
