"""Which words of a sample are files, and what they are called in a tree. Pure, but for one question that is passed in.

A sample is split into texts that alternate: literal, path, literal, path, … literal.

txt: the first field is a path, always; so `sedna.datasources.TxtDataParse` reads it, and so the sample log keeps it
    (made absolute). A URL (`s3://…`) is left as it is.
csv: a cell is a path when it names a regular file: absolute, or seen from the list's folder. Cells that are numbers
    never are, or a label 1 would become a path beside a file called 1.

A file keeps its path below `files/`, so that code which reads a class out of a folder's name still can; what would
split a field or a cell (blanks, quotes, commas, semicolons) is written as %20 and so on, and so is the per cent sign.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator

from sedna.api.trees import FILES_FOLDER
from sedna.api.urls import URL_BEGINS

_BLANK = re.compile(r"[ \t\r\f\v]")
_URL = re.compile(URL_BEGINS)
_UNSAFE = re.compile(r"[\x00-\x20\x7f\"',;%]")
# One cell: quoted, with doubled quotes inside, or plain; as `csv` reads it.
_CELL = re.compile(r'[ ]*"((?:[^"]|"")*)"[^,]*|([^,]*)')


def split_txt(sample: str, folder: str) -> list[str]:
    """Split a sample of a txt list that lies in `folder`."""
    if _URL.match(sample):
        return [sample]
    # The log has put the folder in front; a blank in it ends no field.
    begin = len(folder) + 1 if sample.startswith(f"{folder}/") else 0
    blank = _BLANK.search(sample, begin)
    end = blank.start() if blank is not None else len(sample)
    return ["", sample[:end], sample[end:]]


def split_csv(sample: str, folder: str, is_file: Callable[[str], bool]) -> list[str]:
    """Split a row of a csv list that lies in `folder`."""
    parts: list[str] = []
    done = 0
    for begin, end, text in cells(sample):
        path = posixpath.join(folder, text) if text else ""
        if path and not is_number(text) and not _URL.match(text) and is_file(path):
            parts += [sample[done:begin], path]
            done = end
    return [*parts, sample[done:]]


def cells(row: str) -> Iterator[tuple[int, int, str]]:
    """Yield each cell of a row: where its content begins and ends, without quotes, and what it says."""
    at = 0
    while at <= len(row):
        match = _CELL.match(row, at)
        if match is None:
            return
        group = 1 if match[1] is not None else 2
        text = match[group].replace('""', '"') if group == 1 else match[group].strip()
        begin, end = match.span(group)
        if group == 2:
            begin += len(match[2]) - len(match[2].lstrip())
            end = begin + len(text)
        yield begin, end, text
        at = match.end() + 1


def is_number(text: str) -> bool:
    """Tell whether a cell is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def tree_path(path: str) -> str:
    """Return what an absolute path is called in a tree of samples; different paths have different names."""
    plain = posixpath.normpath(path).lstrip("/")
    return FILES_FOLDER + _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", plain)
