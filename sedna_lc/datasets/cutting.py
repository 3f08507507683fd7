"""Bytes in, samples out: what counts as one sample of a list file. No I/O.

`tailing` feeds it whatever was appended, in pieces of any size. Whole samples come out in batches; a line longer
than `long_line` comes out in parts, so that memory stays bounded whatever the file holds.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sedna.api.urls import URL_BEGINS, URL_BEGINS_WITHIN

# A line up to here is handled as one piece of memory; far beyond any list of boxes or features seen so far.
LONG_LINE = 1 << 20

_BYTE_ORDER_MARK = codecs.BOM_UTF8
_URL_LIKE = re.compile(URL_BEGINS.encode())
_BLANK = b" \t\r\f\v"


def _too_blank(longest: int) -> re.Pattern[bytes]:
    """Match the rest of a run of blanks behind its first `longest`; the run begins where no blank is before it."""
    blank = b"[" + _BLANK + b"]"
    return re.compile(rb"(?<!" + blank + rb")(" + blank + rb"{%d})" % longest + blank + rb"+")


@dataclass(frozen=True)
class Whole:
    """Finished samples, in order, without line ends."""

    samples: list[bytes]


@dataclass(frozen=True)
class Part:
    """A piece of one long sample; the one with `last` finishes it."""

    data: bytes
    last: bool


class BadLine(Exception):
    """A finished line that cannot be a sample. `reason` is a word for the status, `offset` a byte of it, if known."""

    def __init__(self, reason: str, message: str, offset: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.offset = offset


def make_absolute(sample: bytes, folder: bytes) -> bytes:
    """Return a txt sample whose first field is absolute: relative paths count from the list file's folder."""
    if sample.startswith(b"/") or _URL_LIKE.match(sample):
        return sample
    return folder + b"/" + sample


class LineCutter:
    """Cuts the bytes of one generation of a file.

    `finished` is the offset behind the last finished line: what is read again after a restart. `header` is the
    first line of a csv file, once known.
    """

    def __init__(
        self, path: str, file_format: str, offset: int = 0, header: str | None = None, *, long_line: int = LONG_LINE
    ) -> None:
        self._folder = os.fsencode(Path(path).parent).rstrip(b"/")
        self._txt = file_format == "txt"
        self._long_line = long_line
        self._too_blank = _too_blank(long_line)
        self.finished = offset
        self.header = header
        self._header = b""
        self._carry = b""
        self._long: _LongLine | None = None

    def feed(self, chunk: bytes) -> Iterator[Whole | Part]:
        """Take the next bytes of the file and yield what they finish.

        Raises BadLine at the first line that is not UTF-8; `finished` then is that line's beginning, and the
        cutter is of no further use.
        """
        if self._long is not None:
            end = chunk.find(b"\n")
            if end < 0:
                yield from self._parts(self._long.feed(chunk))
                return
            yield from self._parts(self._long.finish(chunk[:end]))
            self.finished += self._long.length + 1
            self._long = None
            chunk = chunk[end + 1 :]
        data = self._carry + chunk
        cut = data.rfind(b"\n") + 1
        self._carry = data[cut:]
        if cut:
            yield from self._cut(data[:cut])
        if len(self._carry) > self._long_line:
            self._long = _LongLine(self.finished, self._txt, self._folder, self._long_line, self._too_blank)
            yield from self._parts(self._long.feed(self._carry))
            self._carry = b""

    def _parts(self, parts: Iterator[Part]) -> Iterator[Part]:
        for part in parts:
            if self._txt or self.header is not None:
                yield part
                continue
            # A line that is long by its blanks or ends may still be empty, or a header that is not too long.
            self._header += part.data
            if len(self._header) > self._long_line:
                raise self._header_too_long()
            if part.last:
                self.header = self._header.decode("utf-8")

    def _cut(self, block: bytes) -> Iterator[Whole]:
        try:
            block.decode("utf-8")
        except UnicodeDecodeError as problem:
            # The lines before the bad one are good: they are kept, and reading goes on from the bad one.
            good = block.rfind(b"\n", 0, problem.start) + 1
            bad = self.finished + problem.start
            if good:
                yield from self._samples_of(block[:good])
            raise BadLine("NotUtf8", f"the line with byte {bad} is not UTF-8 text", bad) from problem
        yield from self._samples_of(block)

    def _samples_of(self, block: bytes) -> Iterator[Whole]:
        length = len(block)
        if length > self._long_line:
            block = self._too_blank.sub(rb"\1", block)
        lines = block.split(b"\n")
        lines.pop()
        if self.finished == 0:
            lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
        if self._txt:
            stripped = (line.strip(_BLANK) for line in lines)
            folder = self._folder
            samples = [make_absolute(line, folder) for line in stripped if line]
        else:
            samples = [line.rstrip(b"\r") for line in lines if line.strip(_BLANK)]
            if self.header is None and samples:
                # However the file came in pieces, the same header is too long.
                if len(samples[0]) > self._long_line:
                    raise self._header_too_long()
                self.header = samples.pop(0).decode("utf-8")
        self.finished += length
        yield Whole(samples)

    def _header_too_long(self) -> BadLine:
        return BadLine("HeaderTooLong", f"the first line, the header, is longer than {self._long_line} bytes")


class _LongLine:
    """One line of any length, handed on as it comes; the pieces in which it comes make no difference."""

    def __init__(self, offset: int, txt: bool, folder: bytes, long_line: int, too_blank: re.Pattern[bytes]) -> None:
        self.length = 0
        self._offset = offset
        self._txt = txt
        self._folder = folder
        self._long_line = long_line
        self._too_blank = too_blank
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._begun = False
        # Not handed on yet: blanks that may be the line's end or its middle, and a beginning that may be a URL's.
        self._held = b""

    def feed(self, data: bytes) -> Iterator[Part]:
        yield from self._take(data, last=False)

    def finish(self, data: bytes) -> Iterator[Part]:
        yield from self._take(data, last=True)

    def _take(self, data: bytes, last: bool) -> Iterator[Part]:
        try:
            self._decoder.decode(data, final=last)
        except UnicodeDecodeError as problem:
            message = f"the line that begins at byte {self._offset} is not UTF-8 text"
            raise BadLine("NotUtf8", message, self._offset) from problem
        begins_file = self.length == 0 and self._offset == 0
        self.length += len(data)
        # A run of blanks longer than any sane line is not kept in memory either.
        text = self._too_blank.sub(rb"\1", self._held + (data.removeprefix(_BYTE_ORDER_MARK) if begins_file else data))
        if not self._begun and self._txt:
            text = text.lstrip(_BLANK)
        kept = text.rstrip(_BLANK)
        self._held = text[len(kept) :]
        if not self._begun:
            if not kept or (self._txt and not last and len(kept) < URL_BEGINS_WITHIN):
                self._held = text
                return
            if self._txt:
                kept = make_absolute(kept, self._folder)
            self._begun = True
        if last and not self._txt:
            kept += self._held.rstrip(b"\r")
        yield Part(kept, last)
