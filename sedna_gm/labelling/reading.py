"""What a person sent as a label, or everything that is wrong with it."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from sedna.api.labels import LabelRequest
from sedna.api.status import Cause
from sedna_gm.errors import Refused

_MOST_CAUSES = 20


def label_of(body: Any) -> LabelRequest:
    """The label. Raises Refused with the path of each problem."""
    try:
        return LabelRequest.model_validate(body)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)[:_MOST_CAUSES]
        causes = [Cause(_path(each["loc"]), "FieldValueInvalid", str(each["msg"])) for each in problems]
        told = "; ".join(f"{cause.field or 'body'}: {cause.message}" for cause in causes)
        raise Refused(f"This is no label: {told}.", causes=causes) from error


def _path(place: tuple[int | str, ...]) -> str:
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
