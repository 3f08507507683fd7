"""Kubernetes' `Status`: what every failed call answers, made in one shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

BOUND_ELSEWHERE = "BoundElsewhere"
"""The reason of a cause: a node asked for what is bound to another node (or to none). No credential would help it."""


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong: where (a JSON path), which rule (a CamelCase reason), and in words."""

    field: str
    reason: str
    message: str

    def dump(self) -> dict[str, str]:
        """Return the shape that `details.causes` holds."""
        return {"reason": self.reason, "message": self.message, "field": self.field}


def failure(code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the Status of a failed call."""
    status: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    if details:
        status["details"] = dict(details)
    return status


def causes_sentence(causes: Iterable[Cause]) -> str:
    """Return all causes in one text, each with its path in front."""
    return "; ".join(f"{cause.field}: {cause.message}" if cause.field else cause.message for cause in causes)
