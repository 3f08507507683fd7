"""The query parameters of Kubernetes' conventions, read into values. Raises BadRequest, naming the parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sedna.api.validating import Strictness
from sedna_gm.errors import BadRequest
from sedna_gm.http.tables import IncludeObject
from sedna_gm.store.interface import Matches
from sedna_gm.store.selecting import selector

Arguments = Mapping[str, str]


def flag(arguments: Arguments, name: str) -> bool:
    """`watch=1`, `watch=true`; absent or `0`, `false`: no."""
    value = arguments.get(name, "").lower()
    if value in ("", "0", "false", "f"):
        return False
    if value in ("1", "true", "t"):
        return True
    raise BadRequest(f"{name}={value[:40]} is neither true nor false.")


def number(arguments: Arguments, name: str) -> int | None:
    """A whole number from 0; None where absent."""
    value = arguments.get(name, "")
    if not value:
        return None
    # isdecimal takes the digits of every script, which int() reads; thousands of them it does not.
    if not (value.isascii() and value.isdecimal() and len(value) <= 18):
        raise BadRequest(f"{name}={value[:40]} is not a number from 0.")
    return int(value)


def dry_run(arguments: Arguments) -> bool:
    """`dryRun=All`: check everything, keep nothing."""
    value = arguments.get("dryRun", "")
    if value not in ("", "All"):
        raise BadRequest(f"dryRun={value[:40]}: only All is known.")
    return value == "All"


def strictness(arguments: Arguments) -> Strictness:
    """What to do about unknown fields; Warn where nothing is said, as Kubernetes does."""
    value = arguments.get("fieldValidation") or "Warn"
    if value not in ("Strict", "Warn", "Ignore"):
        raise BadRequest(f"fieldValidation={value[:40]} is not one of Strict, Warn, Ignore.")
    return cast(Strictness, value)


def selection(arguments: Arguments, *, name: str | None = None) -> Matches | None:
    """`labelSelector` and `fieldSelector` together, within one `name` where that is given."""
    fields = arguments.get("fieldSelector", "")
    if name is not None:
        fields = f"metadata.name={name}" + (f",{fields}" if fields else "")
    return selector(arguments.get("labelSelector", ""), fields)


def include_object(arguments: Arguments) -> IncludeObject:
    """What each row of a Table carries besides its cells."""
    value = arguments.get("includeObject") or "Metadata"
    if value not in ("None", "Metadata", "Object"):
        raise BadRequest(f"includeObject={value[:40]} is not one of None, Metadata, Object.")
    return cast(IncludeObject, value)
