"""The quick start's printed manifests with the demo's overlay applied: what `demo.py` submits.

`overlay.yaml` beside `demo.py` holds every difference, `overlay-tflite.yaml` those of `--format tflite` on top; nothing
else changes the manifests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from sedna.api.yaml12 import load_documents

# In the quick start's order: what a job names should be there before it.
ORDER = ("dataset", "initial-model", "deploy-model", "job")


def filled(folder: Path, overlays: Sequence[Path], variables: Mapping[str, str]) -> list[dict[str, Any]]:
    """The four manifests of `folder`, merged with one overlay after the other, with `$NAME`s filled in."""
    manifests = {name: load_documents((folder / f"{name}.yaml").read_text(encoding="utf-8"))[0] for name in ORDER}
    for overlay in overlays:
        changes = load_documents(overlay.read_text(encoding="utf-8"))[0]
        unknown = sorted(set(changes) - set(ORDER))
        if unknown:
            raise ValueError(f"{overlay}: {unknown[0]}: there is no such manifest; there are {', '.join(ORDER)}")
        manifests = {name: merge(manifest, changes.get(name, {})) for name, manifest in manifests.items()}
    return [fill(manifest, variables) for manifest in manifests.values()]


def merge(base: Any, change: Any) -> Any:
    """`base` with `change` laid over it: mappings by key, lists of named entries by name, null removes."""
    if isinstance(base, Mapping) and isinstance(change, Mapping):
        kept = {key: value for key, value in base.items() if change.get(key, value) is not None}
        new = {key: merge(base.get(key), value) for key, value in change.items() if value is not None}
        return {**kept, **new}
    if _named(base) and _named(change):
        changes = {entry["name"]: entry for entry in change}
        merged = [merge(entry, changes.pop(entry["name"], {})) for entry in base]
        return merged + list(changes.values())
    return change


def _named(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) and "name" in v for v in value)


def fill(value: Any, variables: Mapping[str, str]) -> Any:
    """Every text of a manifest with its `$NAME`s replaced, as `envsubst` would; unknown names stay."""
    if isinstance(value, Mapping):
        return {key: fill(entry, variables) for key, entry in value.items()}
    if isinstance(value, list):
        return [fill(entry, variables) for entry in value]
    return Template(value).safe_substitute(variables) if isinstance(value, str) else value


def samples_per_round(job: Mapping[str, Any]) -> int:
    """How many samples start a round: one more than the threshold of `>`."""
    condition = job["spec"]["trainSpec"]["trigger"]["condition"]
    return int(condition["threshold"]) + (condition["operator"] == ">")


def parameter(job: Mapping[str, Any], stage: str, name: str) -> str:
    """The value of an environment variable of a stage's container (`stage`: trainSpec, evalSpec, deploySpec)."""
    container = job["spec"][stage]["template"]["spec"]["containers"][0]
    return str(next(entry["value"] for entry in container["env"] if entry["name"] == name))
