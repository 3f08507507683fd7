"""What a client may say about a deletion: in a DeleteOptions body, in query parameters, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request

from sedna_gm.errors import BadRequest
from sedna_gm.http import bodies, parameters
from sedna_gm.http.media import JSON
from sedna_gm.http.parts import parts

_POLICIES = ("Background", "Foreground", "Orphan")


@dataclass(frozen=True)
class Options:
    """A deletion's conditions."""

    uid: str | None
    resource_version: str | None
    dry_run: bool
    warnings: tuple[str, ...]


def read_options() -> Options:
    """The options of the current request. Raises BadRequest."""
    data = bodies.read(request, parts().settings.max_body_bytes)
    # Some clients send DeleteOptions without saying what it is.
    body = bodies.decode(data, request.mimetype or JSON) if data.strip() else {}
    if not isinstance(body, Mapping):
        raise BadRequest("The body of a deletion is not a DeleteOptions.")
    preconditions = {} if body.get("preconditions") is None else body["preconditions"]
    if not isinstance(preconditions, Mapping):
        raise BadRequest("preconditions is not a mapping.")
    return Options(
        uid=_text(preconditions, "uid"),
        resource_version=_text(preconditions, "resourceVersion"),
        dry_run=_dry_run(body) or parameters.dry_run(request.args),
        warnings=_warnings(body),
    )


def _text(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise BadRequest(f"preconditions.{name} is not a text.")
    return value or None


def _dry_run(body: Mapping[str, Any]) -> bool:
    value = [] if body.get("dryRun") is None else body["dryRun"]
    if value not in ([], ["All"]):
        raise BadRequest('dryRun: only ["All"] is known.')
    return bool(value)


def _warnings(body: Mapping[str, Any]) -> tuple[str, ...]:
    policy = body.get("propagationPolicy") or request.args.get("propagationPolicy") or "Background"
    if policy not in _POLICIES:
        raise BadRequest(f"propagationPolicy {str(policy)[:40]!r} is not one of {', '.join(_POLICIES)}.")
    if policy == "Orphan":
        return ("propagationPolicy Orphan is taken as Background: a worker without its job would run for nobody",)
    return ()
