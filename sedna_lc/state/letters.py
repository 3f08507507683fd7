"""How facts become letters: each is a merge-patch that says everything, so that only the newest need arrive.

Fields that no longer hold are sent as null, which is how a merge-patch removes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from sedna.api.meta import GROUP, VERSION
from sedna_lc.state.records import Letter
from sedna_lc.state.stores import Key, Wire

API = f"/apis/{GROUP}/{VERSION}"
TOLD_APART = frozenset({"progress", "inference"})
"""Fields of a worker's status that change all the time, and that `sedna_lc.news` tells by patches of its own."""


def resource_path(plural: str, key: Key) -> str:
    """Return the path of a namespaced resource below the GM's address."""
    namespace, name = key
    return f"{API}/namespaces/{namespace}/{plural}/{name}"


def status_letter(plural: str, key: Key, uid: str, status: BaseModel) -> Letter:
    """Return the letter that makes the GM's status of a resource this one."""
    # The uid makes the GM refuse it when the name has come to mean another resource.
    said = {name: value for name, value in _replacing(status).items() if name not in TOLD_APART}
    body = {"metadata": {"uid": uid}, "status": said}
    return Letter(uid, f"{resource_path(plural, key)}/status", body)


def release_letter(plural: str, key: Key, uid: str, finalizers: list[str]) -> Letter:
    """Return the letter that leaves a resource only these finalizers: this node has tidied up after it."""
    body = {"metadata": {"uid": uid, "finalizers": finalizers or None}}
    return Letter(f"{uid}/finalizers", resource_path(plural, key), body)


def subject_of(letter: Letter) -> tuple[str, str | None]:
    """Return the plural and the uid of the resource that a letter is about."""
    plural = letter.path.removeprefix(f"{API}/namespaces/").split("/")[1]
    return plural, letter.body.get("metadata", {}).get("uid")


def without_news(resource: Wire) -> dict[str, Any]:
    """Return a resource as the GM sent it, without the fields that are told apart: nothing is decided by them."""
    status = resource.get("status")
    if not isinstance(status, Mapping) or not status.keys() & TOLD_APART:
        return dict(resource)
    return {**resource, "status": {name: value for name, value in status.items() if name not in TOLD_APART}}


def _replacing(value: BaseModel) -> dict[str, Any]:
    """Return the JSON form with null for what is absent; lists are replaced whole and hold no null."""
    dumped = value.model_dump(mode="json", by_alias=True)
    for name in type(value).model_fields:
        alias = type(value).model_fields[name].alias or name
        content = getattr(value, name)
        if isinstance(content, BaseModel):
            dumped[alias] = _replacing(content)
        elif isinstance(content, list):
            dumped[alias] = [_plain(one) for one in content]
    return dumped


def _plain(item: Any) -> Any:
    if isinstance(item, BaseModel):
        return item.model_dump(mode="json", by_alias=True, exclude_none=True)
    return item
