"""Every call that the served OpenAPI documents name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import schemathesis

from sedna.api import openapi, openapi_doors
from tests.attacks.targets import BLOB

SHA256 = hashlib.sha256(BLOB).hexdigest()
"""Of the one blob that is there."""
DOCUMENTS: Mapping[str, dict[str, Any]] = {
    "sedna.io": openapi.document("sedna.io"),
    "core": openapi.document(""),
    "doors": openapi_doors.document(),
}
OPERATIONS = {
    f"{operation.method.upper()} {operation.path}": operation
    for document in DOCUMENTS.values()
    for operation in (found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations())
}
