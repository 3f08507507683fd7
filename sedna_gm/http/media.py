"""Which form the client wants: JSON, YAML or a Table, from its Accept header. Pure."""

from __future__ import annotations

from enum import Enum

from sedna_gm.errors import NotAcceptable

JSON = "application/json"
YAML = "application/yaml"
JSON_TYPES = (JSON, "text/json")
YAML_TYPES = (YAML, "application/x-yaml", "text/yaml", "text/x-yaml", "text/vnd.yaml")


class Form(Enum):
    """How an answer is written."""

    JSON = "json"
    YAML = "yaml"
    TABLE = "table"


def wanted(accept: str, *, tables: bool = False) -> Form:
    """The best form that we have, by quality and then order, as kubectl lists them. Raises NotAcceptable."""
    offers = [_offer(part) for part in accept.split(",") if part.strip()] or [(1.0, "*/*", "")]
    for quality, media, shape in sorted(offers, key=lambda offer: -offer[0]):
        if quality <= 0:
            continue
        if shape:
            if shape == "Table" and tables and media == JSON:
                return Form.TABLE
        elif media in (*JSON_TYPES, "application/*", "*/*"):
            return Form.JSON
        elif media in YAML_TYPES:
            return Form.YAML
    raise NotAcceptable


def _offer(text: str) -> tuple[float, str, str]:
    media, *parameters = (part.strip().lower() for part in text.split(";"))
    values = dict(parameter.partition("=")[::2] for parameter in parameters)
    try:
        quality = float(values.get("q", "1"))
    except ValueError:
        quality = 0.0
    # "as" is compared in lower case but kept in Kubernetes' spelling; v1 is the only version of Table we write.
    shape = values.get("as", "")
    if shape == "table" and values.get("v", "v1") == "v1":
        shape = "Table"
    return quality, media, shape
