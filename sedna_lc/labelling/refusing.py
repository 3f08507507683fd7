"""What cannot be done with an example or a label: an HTTP status, a word and a sentence, for whoever asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sedna_lc.errors import Never


class CannotLabel(Never):
    """`code` is the HTTP status; `details` are further members of the error, as the label that is there already."""

    def __init__(self, code: int, reason: str, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason, message)
        self.code = code
        self.details = dict(details or {})
