"""Shortens what a specification repeats, for people: a pod template becomes one line."""

from __future__ import annotations

from typing import Any


def summary(value: Any) -> Any:
    """Return a copy in which every `template` with one container is one sentence."""
    if isinstance(value, dict):
        return {key: _template(part) if _is_template(key, part) else summary(part) for key, part in value.items()}
    if isinstance(value, list):
        return [summary(part) for part in value]
    return value


def _is_template(key: str, value: Any) -> bool:
    if key != "template" or not isinstance(value, dict):
        return False
    spec = value.get("spec", value)
    return isinstance(spec, dict) and len(spec.get("containers") or ()) == 1


def _template(template: dict[str, Any]) -> str:
    spec = template.get("spec", template)
    container = spec["containers"][0]
    words = [str(container.get("image", "no image"))]
    words += ["runs", " ".join([*container.get("command", []), *container.get("args", [])]) or "its own command"]
    where = spec.get("nodeName") or _labels(spec.get("nodeSelector"))
    if where:
        words += ["on", where]
    limits = (container.get("resources") or {}).get("limits") or {}
    if limits:
        words.append("with at most " + ", ".join(f"{name} {amount}" for name, amount in limits.items()))
    return " ".join(words)


def _labels(selector: dict[str, str] | None) -> str:
    return "a node with " + ", ".join(f"{k}={v}" for k, v in selector.items()) if selector else ""
