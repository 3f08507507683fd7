"""From ranges of the sample log to a tree: the samples in one file, and every file that they name.

Called by `packing`'s caller, `keeping`; the other end of the way is `listing`. Which words of a sample are files is
said in `naming`. A sample whose file is missing would be a silent hole in a training, so it fails the whole, with
the first few such samples named at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import stat
from collections import deque
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO

from sedna.api.artifacts import ArtifactSamples, Tree, TreeFile
from sedna.api.trees import SAMPLES_FILE
from sedna_lc.artifacts import naming
from sedna_lc.artifacts.packing import Going, Packed, changing, folder_of, write_tree
from sedna_lc.artifacts.remembering import Content, FileChanged, FileDigests
from sedna_lc.datasets.logs import copy_samples
from sedna_lc.datasets.materialising import choice, find_progress, header_of
from sedna_lc.errors import Again, Never
from sedna_lc.places import local_path
from sedna_lc.state.stores import Store

_MOST_NAMED = 5
# Of a cell, how many letters behind the dot still look like what a file's name ends with.
_LONGEST_SUFFIX = 8


def pack_samples(
    samples: ArtifactSamples,
    namespace: str,
    store: Store,
    datasets_dir: Path,
    folder: Path,
    digests: FileDigests,
    going: Going,
) -> Packed:
    """Pack samples.

    Raises Again when the dataset has not been read so far (DatasetNotFound, SamplesNotSeen) or a file is being
    written to; Never when samples name files that cannot be read (SamplesUnreadable).
    """
    progresses = [find_progress(namespace, one, store) for one in samples.ranges]
    path = local_path(samples.dataset.url)
    if path is None:
        raise Never("UrlNotLocal", f"Dataset {samples.dataset.name} is not a path on this node: {samples.dataset.url}.")
    file = folder / SAMPLES_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as out:
            writer = _Writer(out, folder_of(path), samples.dataset.format.lower() == "txt", digests, going)
            header = header_of(progresses)
            if header is not None:
                writer.write_line({"header": header})
            for one, progress in zip(samples.ranges, progresses, strict=True):
                copy_samples(datasets_dir / progress.uid, one.start, one.end, writer.noting(choice(one)), writer)
    except EOFError as problem:
        raise Again("SamplesNotFound", f"The sample log is shorter than it should be: {problem}.") from problem
    except FileChanged as problem:
        raise changing(problem) from problem
    except OSError as problem:
        raise Again("SamplesNotPacked", f"The samples cannot be packed: {problem}.") from problem
    if complaints := writer.complaints():
        raise Never("SamplesUnreadable", f"Samples of dataset {samples.dataset.name} cannot be sent: {complaints}.")
    list_file = TreeFile(SAMPLES_FILE, writer.size, writer.sha256.hexdigest())
    try:
        tree = Tree("samples", (list_file, *writer.files.values()))
    except ValueError as problem:
        raise Never(
            "SamplesUnusable", f"Samples of dataset {samples.dataset.name} cannot be sent: {problem}."
        ) from None
    sources = {**writer.sources, list_file.sha256: file, **write_tree(tree, folder)}
    return Packed(tree, sources, samples=writer.count)


class _Writer:
    """Takes the log's bytes, looks at each sample, writes it with its paths as they are in the tree."""

    def __init__(self, out: IO[bytes], folder: str, txt: bool, digests: FileDigests, going: Going) -> None:
        self._out = out
        self._folder = folder
        self._txt = txt
        self._digests = digests
        self._going = going
        self._numbers: deque[int] = deque()
        self._line: list[bytes] = []
        self._known: dict[str, str | None] = {}
        self._forbidden: dict[str, str] = {}
        self._bad: list[str] = []
        self._all_bad = 0
        self._endings = _Endings()
        self.files: dict[str, TreeFile] = {}
        self.sources: dict[str, Path] = {}
        self.sha256 = hashlib.sha256()
        self.size = 0
        self.count = 0

    def noting(self, keep: Callable[[int], bool]) -> Callable[[int], bool]:
        """Return the same choice; which samples it takes is noted, for naming them."""

        def noted(number: int) -> bool:
            kept = keep(number)
            if kept:
                self._numbers.append(number)
            return kept

        return noted

    def write(self, data: bytes, /) -> None:
        """Take the next bytes of the log (see `sedna_lc.datasets.logs.Sink`)."""
        self._line.append(data)
        if data.endswith(b"\n"):
            line, self._line = b"".join(self._line), []
            number = self._numbers.popleft()
            try:
                sample = line[:-1].decode("utf-8")
            except UnicodeDecodeError:
                # It was text when it was taken in: a disk has spoilt the log since this program began.
                self._complain(f"sample {number} is not text any more")
            else:
                self._take(number, sample)

    def write_line(self, content: object) -> None:
        """Write one line of the list."""
        data = json.dumps(content, ensure_ascii=False).encode() + b"\n"
        self._out.write(data)
        self.sha256.update(data)
        self.size += len(data)

    def complaints(self) -> str:
        """Say what is wrong with the samples so far; nothing when all is well."""
        late = [] if self._txt else self._endings.missing()
        named = (self._bad + late)[:_MOST_NAMED]
        more = self._all_bad + len(late) - len(named)
        return "; ".join(named) + (f"; and {more} more" if more > 0 else "")

    def _take(self, number: int, sample: str) -> None:
        self._going()
        self.count += 1
        if self._txt:
            parts = naming.split_txt(sample, self._folder)
        else:
            parts = naming.split_csv(sample, self._folder, os.path.isfile)
            self._endings.note(number, sample, self._folder, parts[1::2])
        for place in range(1, len(parts), 2):
            inside = self._inside(number, parts[place])
            if inside is not None:
                parts[place] = inside
        self.write_line(parts)

    def _inside(self, number: int, path: str) -> str | None:
        if path not in self._known:
            self._known[path] = self._add(path)
        inside = self._known[path]
        if inside is None:
            self._complain(f"sample {number} names {self._forbidden.get(path) or _why(path)}")
        return inside

    def _complain(self, sentence: str) -> None:
        self._all_bad += 1
        if len(self._bad) < _MOST_NAMED:
            self._bad.append(sentence)

    def _add(self, path: str) -> str | None:
        try:
            content: Content = self._digests.of(Path(path), self._going)
        except FileChanged:
            raise
        except PermissionError as problem:
            # Not what this program may read counts, but what its workers may.
            self._forbidden[path] = f"{path}, which cannot be read: {problem.strerror}"
            return None
        except (OSError, ValueError):
            return None
        inside = naming.tree_path(path)
        self.files[inside] = TreeFile(inside, content.size, content.sha256)
        self.sources[content.sha256] = Path(path)
        return inside


class _Endings:
    """Finds rows of a csv list that name no file where others do: a cell of the same column, of the same ending."""

    def __init__(self) -> None:
        self._found: set[tuple[int, str]] = set()
        self._without: dict[tuple[int, str], list[str]] = {}

    def note(self, number: int, row: str, folder: str, paths: list[str]) -> None:
        """Look at one row; `paths` are those of its cells that are files."""
        for column, (_, _, text) in enumerate(naming.cells(row)):
            ending = PurePosixPath(text).suffix.lower()
            if not ending or len(ending) > _LONGEST_SUFFIX or naming.is_number(text):
                continue
            path = posixpath.join(folder, text)
            if path in paths:
                self._found.add((column, ending))
            else:
                same = self._without.setdefault((column, ending), [])
                if len(same) < _MOST_NAMED:
                    same.append(f"sample {number} names {_why(path)}")

    def missing(self) -> list[str]:
        """Return what was said of such rows."""
        return [text for key in sorted(self._found & self._without.keys()) for text in self._without[key]]


def _why(path: str) -> str:
    try:
        mode = Path(path).stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return f"{path}, which is not there"
    except (OSError, ValueError) as problem:
        return f"{path}, which cannot be read ({problem})"
    if stat.S_ISREG(mode):
        return f"{path}, which cannot be read"
    return f"{path}, which is {'a folder' if stat.S_ISDIR(mode) else 'no regular file'}"
