"""A target: the Python and the machine of hosts that a bundle is for, as pip and as markers see them.

pip can look for wheels of another Python, but judges the conditions in requirements (`; python_version < "3.11"`) by
the Python that runs it. So conditions are judged here, before pip is asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags

from sedna.bundles.errors import BundleProblem

# The oldest C library among supported systems (Ubuntu 22.04), and the oldest a wheel may ask for.
_NEWEST_GLIBC_MINOR = 35
_OLDEST_GLIBC_MINOR = {"x86_64": 5, "aarch64": 17}
_LEGACY = {
    "x86_64": ("manylinux2014", "manylinux2010", "manylinux1"),
    "aarch64": ("manylinux2014",),
}
_PYTHON = re.compile(r"3\.[0-9]{1,2}")
# Hosts have any patch release; what the first or a late one would need is taken along.
_PATCHES = ("0", "99")


@dataclass(frozen=True, order=True)
class Target:
    """Hosts with one version of Python on one kind of machine."""

    python: str
    """Such as `3.11`."""
    machine: str
    """As `uname -m` says it."""

    def __post_init__(self) -> None:
        if not _PYTHON.fullmatch(self.python):
            raise BundleProblem(f"{self.python!r} is no version of Python; write it as '3.11' (in quotes)")
        if self.machine not in _LEGACY:
            raise BundleProblem(f"{self.machine!r} is no machine known here; there are {', '.join(sorted(_LEGACY))}")

    def __str__(self) -> str:
        return f"{self.python}-{self.machine}"

    @cached_property
    def tags(self) -> frozenset[Tag]:
        """What a wheel's name may say for it to be installed there."""
        minor = int(self.python.partition(".")[2])
        platforms = list(self._platforms())
        return frozenset(
            (
                *cpython_tags((3, minor), platforms=platforms),
                *compatible_tags((3, minor), interpreter=f"cp3{minor}", platforms=platforms),
            )
        )

    def pip_options(self) -> list[str]:
        """Return how to ask pip for wheels of this target."""
        platforms = [word for platform in self._platforms() for word in ("--platform", platform)]
        return ["--only-binary=:all:", "--implementation", "cp", "--python-version", self.python, *platforms]

    def meets(self, marker: Marker | None, extras: frozenset[str] = frozenset()) -> bool:
        """Whether a condition may hold on such a host."""
        if marker is None:
            return True
        return any(
            marker.evaluate({**self._environment(patch), "extra": extra})
            for patch in _PATCHES
            for extra in (extras or {""})
        )

    def _platforms(self) -> Iterator[str]:
        for minor in range(_NEWEST_GLIBC_MINOR, _OLDEST_GLIBC_MINOR[self.machine] - 1, -1):
            yield f"manylinux_2_{minor}_{self.machine}"
        yield from (f"{name}_{self.machine}" for name in _LEGACY[self.machine])
        yield f"linux_{self.machine}"

    def _environment(self, patch: str) -> dict[str, str]:
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.{patch}",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python}.{patch}",
            "python_version": self.python,
            "sys_platform": "linux",
        }
