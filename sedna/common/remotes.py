"""Files that are not on this host: http(s) by httpx, s3 by `object_stores`.

Used by `sedna.common.file_ops`. What arrives gets its name when it is whole; what cannot be had is refused with a
sentence that says what to do (`remote_errors`). Who asks is looked up by `credentials`.
"""

from __future__ import annotations

from pathlib import Path

from sedna.common.credentials import credential_for
from sedna.common.digests import files_below
from sedna.common.object_stores import FULL, ObjectStore, Opener, StoredObject, key_of, open_file_system, scheme_of
from sedna.common.publishing import copy_atomically
from sedna.common.remote_errors import ContentDiffers, DiskFull
from sedna.common.temporaries import temporary_folder

__all__ = ["fetch_http", "fetch_objects", "scheme_of", "send_objects"]

# Connecting and each wait for data; a whole download may take as long as it needs.
_HTTP_WAIT_SECONDS = 60.0


def fetch_objects(url: str, target: Path, opener: Opener = open_file_system) -> None:
    """Download one object to the file `target`, or everything below a folder URL into the folder `target`.

    Raises RemoteError, which is a RuntimeError when nothing has that name.
    """
    store = _store(url, opener)
    found = store.find(url)
    with temporary_folder() as folder:
        if found[0][0] == "":
            # An object fetched into an existing folder keeps its own name there.
            goal = target / key_of(url).rpartition("/")[2] if target.is_dir() else target
            _fetch(store, found[0][1], folder / "object")
            _publish(url, folder / "object", goal)
            return
        for relative, one in found:
            goal = folder / relative
            if not goal.resolve().is_relative_to(folder.resolve()):
                raise ValueError(f"the object {one.key} leads out of its folder")
            goal.parent.mkdir(parents=True, exist_ok=True)
            _fetch(store, one, goal)
        # Only now, when all have arrived; file by file, because other files of the target stay.
        for relative, file in list(files_below(folder)):
            _publish(url, file, target / relative)


def send_objects(source: Path, url: str, opener: Opener = open_file_system) -> None:
    """Upload a file under the name `url` (below it, when it ends with a slash), or a folder's files below it.

    Each object gets its name in the store when it is whole. Raises RemoteError.
    """
    store = _store(url, opener)
    key = url.partition("://")[2]
    if source.is_dir():
        for relative, file in files_below(source):
            store.put(file, f"{key.rstrip('/')}/{relative}")
    else:
        store.put(source, f"{key}{source.name}" if key.endswith("/") else key)


def _store(url: str, opener: Opener) -> ObjectStore:
    return ObjectStore(url, credential_for(url) if scheme_of(url) == "s3" else None, opener)


def _fetch(store: ObjectStore, one: StoredObject, goal: Path) -> None:
    store.get(one.key, goal)
    size = goal.stat().st_size
    if size != one.size:
        raise ContentDiffers(f"{one.key}: {size} of {one.size} bytes arrived; it changed meanwhile, or the line broke")


def _publish(url: str, source: Path, target: Path) -> None:
    try:
        copy_atomically(source, target)
    except OSError as problem:
        raise _full(problem, url, target.parent) from None


def _full(problem: OSError, url: str, folder: Path) -> OSError:
    if problem.errno not in FULL:
        return problem
    return DiskFull(f"{url}: no space is left in {folder} for it; free some, or let TMPDIR name a larger disk")


def fetch_http(url: str, target: Path) -> None:
    """Download one file; raises FileNotFoundError for 404 and OSError for any other failure."""
    from sedna.common.requesting import httpx

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
        except OSError as problem:
            raise _full(problem, url, folder) from None
        _publish(url, folder / "download", target)
