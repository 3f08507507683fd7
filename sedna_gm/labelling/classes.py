"""The names of a job's classes, as its manifest says them: where a number is all that models and lists have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sedna.api.incremental_learning import IncrementalLearningJob
from sedna.api.labels import CLASSES_ANNOTATION, CLASSES_VARIABLE


def class_names(job: IncrementalLearningJob) -> list[str]:
    """The names, the first one is class 0; empty where the manifest has none."""
    said = (job.metadata.annotations or {}).get(CLASSES_ANNOTATION)
    if said is None:
        spec = job.spec
        # Training and evaluation read lists of labels; the inference worker may draw with other names.
        for template in (spec.train_spec.template, spec.eval_spec.template, spec.deploy_spec.template):
            found = {entry.name: entry.value for entry in template.spec.container.env}.get(CLASSES_VARIABLE)
            if found:
                said = found
                break
    return [name.strip() for name in (said or "").split(",") if name.strip()]


def title(names: list[str], number: int | None) -> str:
    """What a class is called: its name, or its number where it has none."""
    if number is None:
        return "unknown"
    return names[number] if number < len(names) else f"class {number}"


def number_of(names: list[str], name: str) -> int | None:
    """The number of a class by what it is called; None where there is none of that name."""
    if name in names:
        return names.index(name)
    digits = name.removeprefix("class ").strip()
    return int(digits) if digits.isdecimal() and len(digits) < 6 else None


def merged(item: Mapping[str, Any], labels: Mapping[str, Any]) -> dict[str, Any]:
    """A hard example with the label that a person gave it, if any.

    One that was given to another picture of that name, which a camera has written over since, is none.
    """
    label = labels.get(str(item.get("name")))
    # Of the time that the same folder told: clocks of two hosts are not compared.
    taken = label.get("pictureTime") if isinstance(label, Mapping) else None
    return {**item, "label": None if taken and item.get("time") and taken != item["time"] else label}
