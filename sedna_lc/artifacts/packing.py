"""From a model, or samples, of this node to a tree: what is to be sent, and which file holds each blob of it.

`keeping` calls it, and sends what the store lacks. Nothing is copied: blobs are read from where they lie, only the
list of samples and the tree's own document are written, into a folder of the artifact.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sedna.api.artifacts import Tree, TreeFile
from sedna.api.quantities import size_text
from sedna.api.workers import ModelReference
from sedna.common.digests import digest_of_files, files_below
from sedna_lc.artifacts.blobs import MOST_TREE_BYTES
from sedna_lc.artifacts.remembering import FileChanged, FileDigests
from sedna_lc.errors import Again, Never

TREE_FILE = "tree.json"
Going = Callable[[], None]
"""Called between pieces of long work; what it raises ends it."""


@dataclass(frozen=True)
class Packed:
    """A content that is ready to be sent."""

    tree: Tree
    sources: Mapping[str, Path]
    """Where each blob can be read, by its sha256; the tree's document among them."""
    sha256: str | None = None
    """Of a model: its digest."""
    samples: int | None = None


def changing(problem: FileChanged) -> Again:
    """Return the error for a content that is being written to."""
    return Again("FilesChanging", f"It is packed when its files keep still: {problem.strerror}.", 2.0)


def pack_model(
    model: ModelReference, places: Iterable[Path], folder: Path, digests: FileDigests, going: Going
) -> Packed:
    """Pack the first of some places that holds the model.

    Raises Again when there is nothing (ModelNotFound) or it cannot be read (ModelUnreadable); Never when what is
    there is not what was promised (ModelChanged) or can be no tree (ModelUnusable).
    """
    found: list[tuple[Path, str]] = []
    first: Path | None = None
    for path in places:
        first = first or path
        if not path.exists():
            continue
        packed = _pack_path(model, path, folder, digests, going)
        if model.sha256 is None or packed.sha256 == model.sha256.lower():
            return packed
        found.append((path, str(packed.sha256)))
    if not found:
        raise Again("ModelNotFound", f"Model {model.name} is not there: nothing at {first or model.url}.")
    path, sha256 = found[0]
    raise Never("ModelChanged", f"Model {model.name} at {path} has sha256 {sha256}, not {model.sha256} as promised.")


def _pack_path(model: ModelReference, path: Path, folder: Path, digests: FileDigests, going: Going) -> Packed:
    try:
        is_folder = path.is_dir()
        files = list(files_below(path)) if is_folder else [(path.name, path)]
        contents = [(relative, file, digests.of(file, going)) for relative, file in files]
        tree = Tree(
            "folder" if is_folder else "file",
            tuple(TreeFile(relative, content.size, content.sha256) for relative, _, content in contents),
        )
    except FileChanged as problem:
        raise changing(problem) from problem
    except OSError as problem:
        raise Again("ModelUnreadable", f"Model {model.name} cannot be read: {problem}.") from problem
    except ValueError as problem:
        raise Never("ModelUnusable", f"Model {model.name} cannot be sent: {problem}.") from problem
    sha256 = digest_of_files((file.path, file.sha256) for file in tree.files) if is_folder else tree.files[0].sha256
    sources = {content.sha256: file for _, file, content in contents}
    return Packed(tree, {**sources, **write_tree(tree, folder)}, sha256)


def write_tree(tree: Tree, folder: Path, most_bytes: int = MOST_TREE_BYTES) -> dict[str, Path]:
    """Write a tree's document, which is sent like any of its files; return where it lies, by its sha256."""
    file, document = folder / TREE_FILE, tree.dump()
    if len(document) > most_bytes:
        message = f"Its packing list of {len(tree.files)} files has {size_text(len(document))}"
        raise Never("TooManyFiles", f"{message}; {size_text(most_bytes)} are the most that is sent.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(document)
    except OSError as problem:
        raise Again("StateNotWritable", f"The packing list cannot be written: {problem}.") from problem
    return {tree.digest: file}


def folder_of(url: str) -> str:
    """Return the folder in which a dataset's list lies."""
    return posixpath.dirname(url)
