"""What a worker image's environment holds, as text: two images that want the same share one environment.

The library's own requirements come first, then the lines of requirements.txt; comments, order of blank lines and
the library's own code do not count. So an upgrade of Sedna that needs nothing new keeps every environment.
Read by `sedna.images.environments` on a host and by `sedna.bundles` on the machine that fills a bundle: both must
come to the same names.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sedna.images.records import ImageProblem

DISTRIBUTION = "sedna-metal"
# A name of these 16 digits is a folder; a full sha256 would make interpreter lines longer than kernels read.
_NAME_DIGITS = 16
# Words that make pip read another file, which would be neither hashed nor taken along.
_ELSEWHERE = ("-r", "--requirement", "-c", "--constraint", "-e", "--editable", ".", "/", "file:")


@dataclass(frozen=True)
class Wanted:
    """The content of an environment."""

    requirements: tuple[str, ...]
    """One requirement each, as pip reads them."""
    options: tuple[str, ...] = ()
    """Lines such as `--extra-index-url URL`: where to get them from, when there is a network."""

    @property
    def digest(self) -> str:
        """The sha256 of what is wanted, whichever Python it is for."""
        return hashlib.sha256("\n".join([*self.options, *self.requirements]).encode()).hexdigest()

    def environment(self, python: str) -> str:
        """Return the name of the environment for a version of Python such as `3.11`."""
        return hashlib.sha256(f"{self.digest}\n{python}".encode()).hexdigest()[:_NAME_DIGITS]

    def text(self, *, offline: bool = False) -> str:
        """Return a requirements.txt; offline, without the options that name places in the network."""
        return "".join(f"{line}\n" for line in (*(() if offline else self.options), *self.requirements))


def wanted_of(requirements: str, library: Iterable[str]) -> Wanted:
    """Read the text of a requirements.txt; `library` is what the library itself requires.

    Raises ImageProblem for a line that leads to another file.
    """
    lines = [line for line in _lines(requirements) if not _is_library(line)]
    for line in lines:
        if line.startswith(_ELSEWHERE):
            raise ImageProblem(
                f"requirements.txt: {line}: leads to another file, which would not be part of the image;"
                " write the requirements themselves"
            )
    options = tuple(line for line in lines if line.startswith("-"))
    named = tuple(line for line in lines if not line.startswith("-"))
    own = sorted("".join(requirement.split()) for requirement in library if "extra ==" not in requirement)
    return Wanted(requirements=tuple(dict.fromkeys((*own, *named))), options=options)


def _lines(text: str) -> Iterator[str]:
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        # As pip does: a # begins a comment at the start of a line or after a space.
        meant = " ".join(re.sub(r"(^|\s)#.*$", "", line).split())
        if meant:
            yield meant


def _is_library(line: str) -> bool:
    name = re.match(r"[A-Za-z0-9._-]+", line)
    return name is not None and re.sub(r"[-_.]+", "-", name[0]).lower() == DISTRIBUTION
