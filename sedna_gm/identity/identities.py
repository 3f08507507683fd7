"""Who calls, as found out: a person with a role in some namespaces, a node, or anyone where nobody is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

IdentityKind = Literal["person", "node", "join", "anyone", "nobody", "operator"]
Role = Literal["admin", "editor", "viewer"]
ROLES: tuple[str, ...] = get_args(Role)
EVERYWHERE = "*"
"""Among namespaces: all of them, and what belongs to none."""


@dataclass(frozen=True)
class Identity:
    """Who calls. `credential` is the id of what proved it."""

    kind: IdentityKind
    name: str = ""
    credential: str = ""
    role: str = ""
    namespaces: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.kind == "person":
            where = "all namespaces" if EVERYWHERE in self.namespaces else ", ".join(self.namespaces)
            return f"person {self.name} ({self.role} in {where})"
        return f"{self.kind} {self.name}".strip()

    def dump(self) -> dict[str, str]:
        """As the audit log names it."""
        told = {"kind": self.kind, "name": self.name, "credential": self.credential}
        return {field: value for field, value in told.items() if value}


ANYONE = Identity("anyone", role="admin", namespaces=(EVERYWHERE,))
"""Whoever calls where `auth: none` asks nobody."""
NOBODY = Identity("nobody")
"""Whoever called without a credential, or with one that is good for nothing."""
