"""From an address to what it means: which kind, and which resource of it."""

from __future__ import annotations

from sedna.api.kinds import KINDS, Kind, UnknownKind, by_plural
from sedna_gm.errors import NotFound
from sedna_gm.store.interface import Key

PREFIXES = tuple(dict.fromkeys(f"/{'apis' if kind.group else 'api'}/{kind.api_version}" for kind in KINDS))
"""Where resources live: one prefix for each group and version."""


def kind_at(prefix: str, plural: str, namespaced: bool | None) -> Kind:
    """The kind that this part of the address names. Raises NotFound, with the known ones."""
    try:
        kind = by_plural(plural)
    except UnknownKind as unknown:
        raise NotFound(f"The server could not find the requested resource: {unknown}.") from None
    if not prefix.endswith(f"/{kind.api_version}"):
        raise NotFound(f"The server could not find the requested resource: {plural} live in {kind.api_version}.")
    if namespaced is not None and namespaced != kind.namespaced:
        right = "below namespaces/NAMESPACE/" if kind.namespaced else "outside of namespaces"
        raise NotFound(f"The server could not find the requested resource: single {plural} live {right}.")
    return kind


def key_at(kind: Kind, namespace: str | None, name: str) -> Key:
    """The key of a resource of a kind."""
    return Key(kind.name, namespace or "", name)
