"""Files that are not on this host: http(s) by httpx, s3 and what else fsspec opens by fsspec.

Used by `sedna.common.file_ops` only. What arrives gets its name when it is whole; what cannot be opened is
refused with the name of the package to install.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from sedna.common.digests import files_below
from sedna.common.publishing import copy_atomically
from sedna.common.temporaries import temporary_folder

# Connecting and each wait for data; a whole download may take as long as it needs.
_HTTP_WAIT_SECONDS = 60.0


class FileSystem(Protocol):
    """The part of fsspec's interface that is used here."""

    def isfile(self, path: str) -> bool:
        """Whether there is an object of exactly this name."""

    def find(self, path: str) -> list[str]:
        """The names of all objects below a folder."""

    def get_file(self, rpath: str, lpath: str) -> Any:
        """Download one object."""

    def put_file(self, lpath: str, rpath: str) -> Any:
        """Upload one object."""


Opener = Callable[[str], FileSystem]


def scheme_of(url: str) -> str:
    """The scheme before `://` in lower case, or an empty text for a plain path."""
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator else ""


def open_file_system(url: str) -> FileSystem:
    """The file system of a URL such as `s3://bucket/key`.

    s3 takes S3_ENDPOINT_URL, ACCESS_KEY_ID and SECRET_ACCESS_KEY from the environment, else what its
    client finds by itself. Raises ValueError for a scheme that is not supported and ModuleNotFoundError,
    naming what to install, when the package for it is missing.
    """
    scheme = scheme_of(url)
    if scheme in {"gs", "gcs"}:
        raise ValueError(f"{url}: Google Cloud Storage is not supported; use s3://, http(s):// or a local path")
    try:
        import fsspec

        made: FileSystem = fsspec.filesystem(scheme, **(_s3_options() if scheme == "s3" else {}))
    except ImportError as problem:
        raise ModuleNotFoundError(
            f"{url} needs a package that is not installed ({problem}): pip install 'sedna-metal[s3]'"
        ) from problem
    except ValueError as problem:
        raise ValueError(f"{url}: {problem}") from problem
    return made


def _s3_options() -> dict[str, Any]:
    options: dict[str, Any] = {}
    if os.environ.get("ACCESS_KEY_ID"):
        options.update(key=os.environ["ACCESS_KEY_ID"], secret=os.environ.get("SECRET_ACCESS_KEY", ""))
    if os.environ.get("S3_ENDPOINT_URL"):
        options["client_kwargs"] = {"endpoint_url": os.environ["S3_ENDPOINT_URL"]}
    return options


def fetch_objects(url: str, target: Path, opener: Opener = open_file_system) -> None:
    """Download one object to the file `target`, or everything below a folder URL into the folder `target`.

    Raises RuntimeError when nothing has that name.
    """
    system = opener(url)
    key = url.partition("://")[2].rstrip("/")
    with temporary_folder() as folder:
        if not url.endswith("/") and system.isfile(key):
            # An object fetched into an existing folder keeps its own name there.
            goal = target / key.rpartition("/")[2] if target.is_dir() else target
            system.get_file(key, str(folder / "object"))
            copy_atomically(folder / "object", goal)
            return
        # The slash keeps models/m10 out of what is below models/m1.
        names = [name for name in system.find(key) if name.startswith(f"{key}/")]
        if not names:
            raise RuntimeError(f"nothing has the name {url}")
        for name in names:
            goal = folder / name[len(key) + 1 :]
            if not goal.resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"the object {name} leads out of its folder")
            goal.parent.mkdir(parents=True, exist_ok=True)
            system.get_file(name, str(goal))
        # Only now, when all have arrived; file by file, because other files of the target stay.
        for relative, file in list(files_below(folder)):
            copy_atomically(file, target / relative)


def send_objects(source: Path, url: str, opener: Opener = open_file_system) -> None:
    """Upload a file under the name `url` (below it, when it ends with a slash), or a folder's files below it."""
    system = opener(url)
    key = url.partition("://")[2]
    if source.is_dir():
        for relative, file in files_below(source):
            system.put_file(str(file), f"{key.rstrip('/')}/{relative}")
    else:
        system.put_file(str(source), f"{key}{source.name}" if key.endswith("/") else key)


def fetch_http(url: str, target: Path) -> None:
    """Download one file; raises FileNotFoundError for 404 and OSError for any other failure."""
    import httpx

    with temporary_folder() as folder:
        try:
            with httpx.stream("GET", url, timeout=_HTTP_WAIT_SECONDS, follow_redirects=True) as response:
                if response.status_code == httpx.codes.NOT_FOUND:
                    raise FileNotFoundError(f"{url} was answered 404")
                response.raise_for_status()
                with (folder / "download").open("wb") as writer:
                    for part in response.iter_bytes():
                        writer.write(part)
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            raise OSError(f"{url} cannot be downloaded: {problem}") from problem
        copy_atomically(folder / "download", target)
