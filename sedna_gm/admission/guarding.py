"""What may not change any more, per kind. Pure; `admitting` asks here after the types have agreed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sedna.api.status import Cause

# A worker is one run on one node for one job. Another run is another worker.
_IMMUTABLE: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "Worker": (("spec", "nodeName"), ("spec", "role"), ("spec", "job")),
    # What was sent under a name stays what that name stands for.
    "Artifact": (("spec",),),
}


def forbidden_changes(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[Cause, ...]:
    """Every change from `stored` to `wanted` that is not allowed."""
    causes = [
        Cause(".".join(path), "FieldValueInvalid", "cannot be changed: delete the resource and make another one")
        for path in _IMMUTABLE.get(stored["kind"], ())
        if _at(stored, path) != _at(wanted, path)
    ]
    before, after = (set(resource["metadata"].get("finalizers") or ()) for resource in (stored, wanted))
    if "deletionTimestamp" in stored["metadata"] and (added := sorted(after - before)):
        causes.append(
            Cause(
                "metadata.finalizers",
                "FieldValueForbidden",
                f"the resource is being deleted: {', '.join(added)} cannot be added any more",
            )
        )
    return tuple(causes)


def _at(resource: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        resource = resource.get(step) if isinstance(resource, Mapping) else None
    return resource
