"""Writes `docs/manifests.md`, and JSON Schemas for editors below `docs/schemas`, from the types of `sedna.api`:
`python docs/manifests_reference.py`.

What people write is in both, what the system adds is not. A test in tests/house compares the files with what this
would write, so they cannot drift.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sedna.api.kinds import Kind, by_kind

DOCS = Path(__file__).parent
PAGE = DOCS / "manifests.md"
KINDS = tuple(by_kind(name) for name in ("Dataset", "Model", "IncrementalLearningJob"))
DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Of the metadata, the rest is the server's.
METADATA = ("name", "generateName", "namespace", "labels", "annotations")
# A template occurs three times; it is told once.
SHARED = ("PodTemplate",)
HEAD = """\
# Manifests

<!-- Written by docs/manifests_reference.py from the types; edit their docstrings. -->

What people submit. Every document begins with `apiVersion: sedna.io/v1alpha1` and `kind`, and has a `metadata.name`
(letters, digits, `-` and `.`); `metadata.namespace`, `labels` and `annotations` may follow. A field in **bold** must be
there. `kubectl explain ilj.spec` shows the same from a running GlobalManager, with what it writes into `status`.

## In an editor

The folder `schemas` beside this page has a JSON Schema of each kind, and `manifest.json` for all of them. With a YAML
language server (the extensions for VS Code, Vim, Emacs and others use one), the first line of a manifest says which one
checks and completes it:

```yaml
# yaml-language-server: $schema=docs/schemas/manifest.json
```
"""


def files() -> dict[Path, str]:
    """Everything that is written: the text of each file."""
    schemas = {kind: _schema(kind) for kind in KINDS}
    written = {PAGE: "\n".join([HEAD, *_chapters(schemas)]).rstrip() + "\n"}
    for kind, schema in schemas.items():
        written[DOCS / "schemas" / f"{kind.singular}.json"] = _text({"$schema": DIALECT, "title": kind.name, **schema})
    chosen = [
        {"if": {"properties": {"kind": {"const": kind.name}}}, "then": {"$ref": f"{kind.singular}.json"}}
        for kind in KINDS
    ]
    names = [kind.name for kind in KINDS]
    any_kind = {"type": "object", "required": ["kind"], "properties": {"kind": {"enum": names}}, "allOf": chosen}
    written[DOCS / "schemas" / "manifest.json"] = _text({"$schema": DIALECT, "title": "A manifest", **any_kind})
    return written


def _schema(kind: Kind) -> dict[str, Any]:
    """The schema of what people write of a kind; what nothing refers to any more is left out."""
    schema = kind.model.model_json_schema(by_alias=True)
    described = schema["$defs"]["ObjectMeta"]["properties"]
    metadata = {name: described[name] for name in METADATA}
    properties = {**schema["properties"], "metadata": {"type": "object", "properties": metadata}}
    properties.pop("status", None)
    top = {
        "description": schema.get("description", ""),
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": properties,
    }
    definitions = schema["$defs"]
    reached: dict[str, Any] = {}
    waiting = _references(top)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached[name] = definitions[name]
            waiting |= _references(definitions[name])
    return {**top, "$defs": dict(sorted(reached.items()))}


def _references(part: Any) -> set[str]:
    if isinstance(part, Mapping):
        found = {part["$ref"].rpartition("/")[2]} if "$ref" in part else set()
        return found.union(*(_references(value) for value in part.values()))
    return set().union(*(_references(value) for value in part)) if isinstance(part, list) else set()


def _chapters(schemas: Mapping[Kind, dict[str, Any]]) -> Iterator[str]:
    shared: dict[str, Any] = {}
    for kind, schema in schemas.items():
        definitions = schema["$defs"]
        shared |= {name: (definitions[name], definitions) for name in SHARED if name in definitions}
        spec = definitions[_name_of(schema["properties"]["spec"], definitions)]
        yield from _chapter(kind.name, schema["description"], _rows("spec", spec, definitions))
    for name, (definition, definitions) in shared.items():
        rows = _rows("template", definition, definitions, within=name)
        yield from _chapter(name, definition.get("description", ""), rows)


def _chapter(title: str, description: str, rows: Iterator[str]) -> Iterator[str]:
    yield from (f"## {title}", "", _line(description), "", "| field | is | default | meaning |", "|---|---|---|---|")
    yield from rows
    yield ""


def _rows(path: str, schema: Mapping[str, Any], definitions: Mapping[str, Any], within: str = "") -> Iterator[str]:
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        if field.get("x-sedna-ineffective"):
            # Taken, so that manifests of the original are, and without an effect.
            continue
        here, inner = f"{path}.{name}", _name_of(field, definitions)
        title = f"**`{here}`**" if name in required else f"`{here}`"
        meaning = field.get("description") or definitions.get(inner, {}).get("description", "")
        yield f"| {title} | {_type(field, definitions)} | {_default(field)} | {_line(meaning)} |"
        if inner in SHARED and inner != within:
            continue
        if inner and "properties" in definitions[inner]:
            yield from _rows(here + ("[]" if _is_list(field) else ""), definitions[inner], definitions, within)


def _name_of(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """The definition that a field's value, or each of its entries, is described by; empty for plain values."""
    if "$ref" in field:
        name = str(field["$ref"].rpartition("/")[2])
        return name if name in definitions else ""
    inner = [*_choices(field), *([field["items"]] if "items" in field else [])]
    return next((name for part in inner if (name := _name_of(part, definitions))), "")


def _choices(field: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [part for part in field.get("anyOf", []) if part.get("type") != "null"]


def _is_list(field: Mapping[str, Any]) -> bool:
    return any(part.get("type") == "array" for part in (field, *_choices(field)))


def _type(field: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if _is_list(field):
        return "list"
    inner = _name_of(field, definitions)
    if inner in SHARED:
        return f"[{inner}](#{inner.lower()})"
    plain = [definitions[inner]] if inner else _choices(field) or [field]
    if any("properties" in part for part in plain):
        return "mapping"
    words = []
    for part in plain:
        if "enum" in part or "const" in part:
            words.append(", ".join(f"`{value}`" for value in part.get("enum", [part.get("const")])))
        else:
            words.append({"string": "text", "object": "mapping"}.get(kind := str(part.get("type", "any")), kind))
            words[-1] += _bounds(part)
    return " or ".join(dict.fromkeys(words))


def _bounds(part: Mapping[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    told = [f"{sign} {part[name]:g}" for name, sign in signs.items() if name in part]
    return f" {' and '.join(told)}" if told else ""


def _default(field: Mapping[str, Any]) -> str:
    value = field.get("default")
    # A mapping's fields tell their own.
    return "" if value in (None, "") or isinstance(value, (list, dict)) else f"`{json.dumps(value)}`"


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
