"""The document that names a content: every file of it by path, size and sha256, and itself by its own sha256.

Whoever has a tree knows what to fetch and can prove that it has come whole; two contents with a file in common share
it. LocalControllers write and read trees, the GlobalManager reads them to know which blobs are still needed.
`sedna.api.artifacts` says what a tree is sent for.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field

from sedna.api.meta import Int, ResourceName, Text, Value

TreeKind = Literal["file", "folder", "samples"]
SAMPLES_FILE = "samples.jsonl"
"""Of a samples tree: one sample a line, a JSON array of texts that alternate between literal text and a tree path."""
FILES_FOLDER = "files/"
"""Of a samples tree: below it are the files that samples name."""

_VERSION = 1
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_STORE = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\0]+\Z")
# Linux takes no longer path in a system call, and its file systems no longer name.
_LONGEST_PATH = 4096
_LONGEST_NAME = 255


def check_sha256(text: str) -> str:
    """Return a text that is a sha256 in lower-case hexadecimal digits, or raise ValueError."""
    if not _SHA256.match(text):
        raise ValueError(f"{text[:80]!r} is not a sha256: 64 digits of 0-9 and a-f")
    return text


def check_store(text: str) -> str:
    """Return a text that is empty or a URL, or raise ValueError."""
    if text and not _STORE.match(text):
        raise ValueError(f"{text[:80]!r} is not a URL such as s3://bucket/prefix; empty means the GlobalManager's own")
    return text


Sha256 = Annotated[Text, AfterValidator(check_sha256)]
StoreUrl = Annotated[Text, AfterValidator(check_store)]


class ArtifactReference(Value):
    """Where a content can be fetched that does not lie on the node itself."""

    name: ResourceName
    """The Artifact that brought it there."""
    tree: Sha256
    """The sha256 of its tree document."""
    size_bytes: Annotated[Int, Field(ge=0)] = 0
    store: StoreUrl = ""
    """Empty: the GlobalManager's own; else an fsspec URL."""


@dataclass(frozen=True, order=True)
class TreeFile:
    """A file of a tree."""

    path: str
    """Relative, with slashes."""
    size: int
    """In bytes."""
    sha256: str


@dataclass(frozen=True)
class Tree:
    """A checked tree; its files are sorted by path. Making one raises ValueError that names what is wrong."""

    kind: TreeKind
    """`file`: one file. `folder`: a folder as it is. `samples`: `samples.jsonl` and the files that it names."""
    files: tuple[TreeFile, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", tuple(sorted(self.files)))
        _check_paths(self.files)
        _check_contents(self.files)
        _check_shape(self.kind, {file.path for file in self.files})

    @classmethod
    def parse(cls, data: bytes) -> Tree:
        """Read what `dump` wrote, and nothing else: a content has one address only. Raises ValueError."""
        try:
            document = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"the tree is not JSON: {error}") from None
        if not isinstance(document, dict) or document.keys() != {"version", "kind", "files"}:
            raise ValueError("the tree is not a mapping of version, kind and files")
        if document["version"] != _VERSION:
            raise ValueError(f"the tree has the version {document['version']!r}: only {_VERSION} is known")
        if not isinstance(document["files"], list):
            raise ValueError("the tree's files are not a list")
        tree = cls(document["kind"], tuple(_file(entry) for entry in document["files"]))
        if tree.dump() != data:
            raise ValueError("the tree is not written canonically: sorted by path, without spaces, each key once")
        return tree

    def dump(self) -> bytes:
        """The canonical JSON document, in ASCII."""
        files = [{"path": file.path, "size": file.size, "sha256": file.sha256} for file in self.files]
        document = {"version": _VERSION, "kind": self.kind, "files": files}
        return json.dumps(document, separators=(",", ":"), sort_keys=True).encode("ascii")

    @property
    def digest(self) -> str:
        """The sha256 of the document: the address of the whole content."""
        return hashlib.sha256(self.dump()).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all files; a content that occurs twice counts twice, as on the disk where it is unpacked."""
        return sum(file.size for file in self.files)

    @property
    def blobs(self) -> Mapping[str, int]:
        """The size of each content by its sha256, each once."""
        return {file.sha256: file.size for file in self.files}


def _file(entry: Any) -> TreeFile:
    if not isinstance(entry, dict) or entry.keys() != {"path", "size", "sha256"}:
        raise ValueError("an entry of the tree is not a mapping of path, size and sha256")
    path, size, sha256 = entry["path"], entry["size"], entry["sha256"]
    if not isinstance(path, str) or type(size) is not int or not isinstance(sha256, str):
        raise ValueError(f"the tree's entry {str(path)[:80]!r} has a path, size or sha256 of the wrong type")
    return TreeFile(path, size, sha256)


def check_path(path: str) -> None:
    """Raise ValueError for a path that leaves its folder, or that no Linux host can hold as it is written."""
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the path {path[:80]!r} is not UTF-8: rename the file") from None
    if len(encoded) > _LONGEST_PATH:
        raise ValueError(f"the path {path[:80]!r}… is longer than {_LONGEST_PATH} bytes")
    if "\0" in path:
        raise ValueError(f"the path {path[:80]!r} holds a NUL character")
    for segment in path.split("/"):
        # An empty segment also catches an absolute path, an empty one, and one that ends with a slash.
        if segment in ("", ".", ".."):
            raise ValueError(f"the path {path[:80]!r} is not plain and relative: it has the segment {segment!r}")
        if len(segment.encode()) > _LONGEST_NAME:
            raise ValueError(f"the path {path[:80]!r} has a name that is longer than {_LONGEST_NAME} bytes")


def _check_paths(files: Iterable[TreeFile]) -> None:
    paths: set[str] = set()
    folders: set[str] = set()
    for file in files:
        check_path(file.path)
        if file.path in paths:
            raise ValueError(f"the path {file.path[:80]!r} is there twice")
        paths.add(file.path)
        folder = file.path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    if both := sorted(paths & folders):
        raise ValueError(f"the path {both[0][:80]!r} is both a file and a folder of others")


def _check_contents(files: Iterable[TreeFile]) -> None:
    sizes: dict[str, int] = {}
    for file in files:
        check_sha256(file.sha256)
        if file.size < 0:
            raise ValueError(f"the size of {file.path[:80]!r} is negative")
        if sizes.setdefault(file.sha256, file.size) != file.size:
            raise ValueError(f"the size of {file.path[:80]!r} is not that of another file with the same sha256")


def _check_shape(kind: object, paths: set[str]) -> None:
    if kind not in get_args(TreeKind):
        raise ValueError(f"the tree's kind {str(kind)[:80]!r} is not one of {', '.join(get_args(TreeKind))}")
    if kind == "file" and (len(paths) != 1 or "/" in next(iter(paths))):
        raise ValueError("a tree of the kind file has one file, in no folder")
    if kind == "samples":
        if SAMPLES_FILE not in paths:
            raise ValueError(f"a tree of samples has no {SAMPLES_FILE}")
        for path in paths - {SAMPLES_FILE}:
            if not path.startswith(FILES_FOLDER):
                raise ValueError(f"a tree of samples has {path[:80]!r}, which is not below {FILES_FOLDER}")
