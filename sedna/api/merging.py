"""What to send so that a stored resource becomes what its manifest says: kubectl's three-way merge, pure.

Three documents meet: what was applied last, what is wanted now, what the server has. A field that was applied
before and is wanted no more is removed; a field that only the server has (a default, a status) is left alone.
What was applied is kept in kubectl's own annotation, so that kubectl, `sedna apply` and a PATCH of `/manifests`
can take turns.
"""

from __future__ import annotations

import copy
import json
from typing import Any

Document = dict[str, Any]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def annotated(manifest: Document) -> Document:
    """Return the manifest with itself in the annotation that the next apply compares with."""
    wanted = copy.deepcopy(manifest)
    annotations = wanted["metadata"].get("annotations") or {}
    if not isinstance(annotations, dict):
        # No manifest at all; whoever checks it says so.
        return wanted
    annotations.pop(LAST_APPLIED, None)
    text = json.dumps(wanted, separators=(",", ":"), sort_keys=True) + "\n"
    wanted["metadata"]["annotations"] = {**annotations, LAST_APPLIED: text}
    return wanted


def patch_for(manifest: Document, live: Document) -> Document:
    """Return the merge patch by which the live resource becomes what the manifest says, or {} where it is that."""
    patch = merge_patch(_last_applied(live), annotated(manifest), live)
    return patch if _says_anything(patch) else {}


def _last_applied(live: Document) -> Document:
    text = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        applied = json.loads(text) if text else {}
    except ValueError:
        applied = {}
    return applied if isinstance(applied, dict) else {}


def _says_anything(patch: Document) -> bool:
    """Tell whether a patch changes more than our own note of what was applied."""
    rest = {key: value for key, value in patch.items() if key != "metadata"}
    metadata = dict(patch.get("metadata") or {})
    annotations = {k: v for k, v in (metadata.pop("annotations", None) or {}).items() if k != LAST_APPLIED}
    return bool(rest or metadata or annotations)


def merge_patch(last_applied: Document, wanted: Document, live: Document) -> Document:
    """Return the merge patch (RFC 7386) that leads from `live` to `wanted`; empty when nothing is to be done."""
    patch: Document = {}
    for key, value in wanted.items():
        if value is None:
            # A key without a value asks for nothing, and so for the removal of what is there.
            if key in live:
                patch[key] = None
        elif isinstance(value, dict) and isinstance(live.get(key), dict):
            before = last_applied.get(key)
            part = merge_patch(before if isinstance(before, dict) else {}, value, live[key])
            if part:
                patch[key] = part
        elif key not in live or not covers(live[key], value):
            patch[key] = value
    for key in last_applied:
        if key not in wanted and key in live:
            patch[key] = None
    return patch


def covers(live: Any, wanted: Any) -> bool:
    """Tell whether `live` says all that `wanted` says; the server's defaults inside lists are no difference."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(key in live and covers(live[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(covers(mine, theirs) for mine, theirs in zip(live, wanted, strict=True))
        )
    # In Python True equals 1; in a manifest they are two different values.
    return isinstance(live, bool) == isinstance(wanted, bool) and bool(live == wanted)
