"""YAML by the 1.2 rules, on PyYAML's parser.

The quick start writes `end: 20:00` without quotes. PyYAML follows YAML 1.1, in which that is the number
1200 (base 60) and `no` is false; kubectl and YAML 1.2 read texts. Only the table of plain scalars is ours.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

# A manifest nests a dozen levels; a hostile one nests until the parser's recursion ends the process.
_DEEPEST = 100


class YamlError(ValueError):
    """The text is not YAML: `problem` says why, `line` and `column` (both from 1) say where."""

    def __init__(self, problem: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {problem}")
        self.problem, self.line, self.column = problem, line, column


class _Loader(yaml.SafeLoader):
    """SafeLoader with the core schema of YAML 1.2, no aliases, and no key twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own class attribute)
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        # An alias can make a text of one kilobyte unfold to gigabytes; no manifest needs one.
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(None, None, "aliases are not accepted", self._mark())
        self.depth += 1
        if self.depth > _DEEPEST:
            raise yaml.MarkedYAMLError(None, None, f"nested more than {_DEEPEST} levels deep", self._mark())
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def _mark(self) -> yaml.Mark:
        mark: yaml.Mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        return mark

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(None, None, f"the key {key!r} is not a text", key_node.start_mark)
            if key in seen:
                raise yaml.MarkedYAMLError(None, None, f"the key {key!r} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Leave `<<` alone: merging keys is YAML 1.1."""


def _construct_int(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    base = {"0x": 16, "0o": 8}.get(text[:2], 10)
    try:
        return int(text[2:], base) if base != 10 else int(text)
    except ValueError as error:  # Python refuses to convert thousands of digits
        raise yaml.MarkedYAMLError(None, None, "a number of too many digits", node.start_mark) from error


def _construct_float(loader: _Loader, node: yaml.ScalarNode) -> float:
    text = str(loader.construct_scalar(node)).lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


def _construct_str(loader: _Loader, node: yaml.ScalarNode) -> str:
    text = str(loader.construct_scalar(node))
    try:
        # JSON writes what lies beyond 16 bits as two escapes; half of such a pair is no character at all.
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise yaml.MarkedYAMLError(None, None, "half a surrogate pair is not a character", node.start_mark) from error


_SCALARS = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
)
for _name, _pattern, _first in _SCALARS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(rf"(?:{_pattern})\Z"), list(_first))
# Dates, sets and binaries of YAML 1.1 have no place in JSON, which is what a manifest becomes.
_KEPT = ("bool", "null", "seq", "map")
_Loader.yaml_constructors = {
    tag: made
    for tag, made in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.removeprefix("tag:yaml.org,2002:") in _KEPT
}
_Loader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _construct_float)
_Loader.add_constructor("tag:yaml.org,2002:str", _construct_str)


def load_documents(text: str | bytes) -> list[Any]:
    """Return the documents of a YAML stream, empty ones left out; JSON is YAML too.

    Raises YamlError for what is not YAML, for a key given twice, and for aliases.
    """
    source = _decode(text) if isinstance(text, bytes) else text
    try:
        return [document for document in yaml.load_all(source, Loader=_Loader) if document is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise YamlError(error.problem or "not YAML", line, column) from error
    except yaml.reader.ReaderError as error:
        line, column = _place(source, error.position)
        raise YamlError(f"the character {source[error.position]!a} may not stand in YAML", line, column) from error
    except (KeyError, ValueError) as error:
        # An explicit tag on a scalar it does not fit, such as `!!bool maybe`.
        raise YamlError(f"a value does not fit its tag: {error}", 1, 1) from error


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = _place(data[: error.start].decode("utf-8-sig", "replace"), error.start)
        raise YamlError(f"byte 0x{data[error.start]:02x} is not UTF-8", line, column) from error


def _place(text: str, position: int) -> tuple[int, int]:
    before = text[:position]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
