"""One object store behind fsspec: list, read a range, get and put whole objects, and say what is wrong in a sentence.

Used by `sedna.common.remotes` for user code, and by the LocalController for models and artifacts that lie on S3.
fsspec and s3fs are imported when the first URL is opened, since most hosts never need them.
"""

from __future__ import annotations

import contextlib
import errno
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

from sedna.api.urls import check_scheme
from sedna.common.credentials import Credential
from sedna.common.remote_errors import (
    AccessDenied,
    CredentialNotFound,
    CredentialUnusable,
    DiskFull,
    NothingThere,
    PackageMissing,
    RemoteError,
    SchemeUnsupported,
    StoreRefused,
    Unreachable,
)

# A store that does not answer is told so in seconds, not after botocore's minutes; a slow one may take its time.
_CONNECT_SECONDS = 5
_READ_SECONDS = 60
_ATTEMPTS = 3
# S3 takes no more than 10,000 parts of an object: enough for 160 GB, and little memory.
_PART_BYTES = 16 << 20
_LONGEST_TEXT = 200
#: What the operating system says when a disk, or a share of it, is full.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What S3 says when the key itself is wrong, rather than what it may do.
_WRONG_KEY = {
    "InvalidAccessKeyId": "does not know this access key",
    "SignatureDoesNotMatch": "says that the secret key is wrong",
    "ExpiredToken": "says that the key has expired",
    "InvalidToken": "says that the session token is wrong",
    "RequestTimeTooSkewed": "says that this host's clock is wrong",
}


class FileSystem(Protocol):
    """The part of fsspec's interface that is used here; paths are keys without their scheme."""

    def info(self, path: str) -> Mapping[str, Any]:
        """`type` (file or directory), `size`, `ETag` of an object. Raises FileNotFoundError."""

    def find(self, path: str, *, detail: bool) -> Mapping[str, Mapping[str, Any]]:
        """The same of all objects below a folder, by name."""

    def cat_file(self, path: str, *, start: int, end: int) -> bytes:
        """Some bytes of one object."""

    def get_file(self, rpath: str, lpath: str) -> Any:
        """Download one object."""

    def put_file(self, lpath: str, rpath: str) -> Any:
        """Upload one object."""

    def open(self, path: str, mode: str, *, block_size: int, autocommit: bool) -> Any:
        """A file that appears in the store when it is committed, and never when it is discarded."""


Opener = Callable[[str, Credential | None], FileSystem]


@dataclass(frozen=True)
class StoredObject:
    """One object: its key (bucket included), its size and what the store calls this version of it."""

    key: str
    size: int
    etag: str = ""
    modified: datetime | None = None
    """When it was written last; None for a store that does not tell."""


def scheme_of(url: str) -> str:
    """The scheme before `://` in lower case, or an empty text for a plain path."""
    scheme, separator, _ = url.partition("://")
    return scheme.lower() if separator else ""


def key_of(url: str) -> str:
    """What a store knows a URL by: bucket and key, without the scheme."""
    return url.partition("://")[2].rstrip("/")


def open_file_system(url: str, credential: Credential | None) -> FileSystem:
    """The file system of a URL such as `s3://bucket/key`.

    Raises SchemeUnsupported, and PackageMissing, naming what to install, when the package for it is missing.
    """
    scheme = scheme_of(url)
    if scheme in {"gs", "gcs"}:
        raise SchemeUnsupported(f"{url}: Google Cloud Storage is not supported; use s3://, http(s):// or a local path")
    if scheme in {"http", "https"}:
        raise SchemeUnsupported(f"{url}: only user code opens http(s)://; use s3:// or a path here")
    try:
        check_scheme(url)
    except ValueError as problem:
        raise SchemeUnsupported(str(problem)) from None
    if not key_of(url).partition("/")[0]:
        raise SchemeUnsupported(f"{url} names no bucket: it should be a URL such as s3://bucket/key")
    try:
        import fsspec

        # Always a new one: a listing kept from before would hide what others have uploaded since.
        options = _s3_options(credential) if scheme == "s3" else {}
        made: FileSystem = fsspec.filesystem(scheme, skip_instance_cache=True, use_listings_cache=False, **options)
    except ImportError as problem:
        raise PackageMissing(
            f"{url} needs a package that is not installed ({problem}): pip install 'sedna-metal[s3]'"
        ) from problem
    except ValueError as problem:
        raise SchemeUnsupported(f"{url}: {problem}") from problem
    return made


def _s3_options(credential: Credential | None) -> dict[str, Any]:
    config = {
        "connect_timeout": _CONNECT_SECONDS,
        "read_timeout": _READ_SECONDS,
        "retries": {"total_max_attempts": _ATTEMPTS, "mode": "standard"},
    }
    options: dict[str, Any] = {"config_kwargs": config}
    if credential is None:
        return options
    if credential.access_key_id:
        options |= {"key": credential.access_key_id, "secret": credential.secret_access_key}
    if credential.session_token:
        options["token"] = credential.session_token
    if credential.endpoint:
        options["endpoint_url"] = credential.endpoint
    if credential.region:
        options["client_kwargs"] = {"region_name": credential.region}
    return options


class ObjectStore:
    """The store of one URL, asked with one credential. Every method raises RemoteError for what a person can mend."""

    def __init__(self, url: str, credential: Credential | None = None, opener: Opener = open_file_system) -> None:
        self._url = url
        self._credential = credential
        self._system = opener(url, credential)

    def look(self, url: str) -> StoredObject | None:
        """The object of exactly this name; None when there is none (there may be a folder)."""
        key = key_of(url)
        with self._explained(url):
            try:
                info = self._system.info(key)
            except FileNotFoundError as problem:
                if _is_of_this_host(problem):
                    raise
                return None
        return _object(key, info) if info["type"] == "file" else None

    def find(self, url: str) -> tuple[tuple[str, StoredObject], ...]:
        """The object of this name (as ""), or everything below this folder by its relative name, sorted.

        Raises NothingThere when there is neither.
        """
        found = None if url.endswith("/") else self.look(url)
        if found is not None:
            return (("", found),)
        key = key_of(url)
        with self._explained(url):
            below = self._system.find(key, detail=True)
        # The slash keeps models/m10 out of what is below models/m1; a name that ends with one only marks a folder.
        names = sorted(name for name in below if name.startswith(f"{key}/") and not name.endswith("/"))
        if not names:
            raise NothingThere(f"nothing has the name {url}")
        return tuple((name[len(key) + 1 :], _object(name, below[name])) for name in names)

    def read(self, found: StoredObject, start: int, end: int) -> bytes:
        """The bytes of an object from `start` up to `end`, which is inside it."""
        with self._explained(self._named(found.key)):
            data = self._system.cat_file(found.key, start=start, end=end)
        if len(data) != end - start:
            raise Unreachable(f"{self._named(found.key)}: the store sent {len(data)} of {end - start} bytes")
        return data

    def renew(self, found: StoredObject) -> None:
        """Make an object count as written just now, without sending it again, where the store can do that."""
        mark = getattr(self._system, "setxattr", None)
        if mark is not None:
            with self._explained(self._named(found.key)):
                mark(found.key, renewed=datetime.now(timezone.utc).isoformat(timespec="seconds"))

    def get(self, key: str, target: Path) -> None:
        """Download a whole object to a file."""
        with self._explained(self._named(key), target):
            self._system.get_file(key, str(target))

    def put(self, source: Path, key: str) -> None:
        """Upload a file. It gets its name in the store when it is whole."""
        with self._explained(self._named(key)):
            self._system.put_file(str(source), key)

    @contextlib.contextmanager
    def writing(self, key: str) -> Iterator[Callable[[bytes], None]]:
        """Upload by pieces: what is called with each. Left by an error, nothing of that name appears in the store."""
        with self._explained(self._named(key)):
            file = self._system.open(key, "wb", block_size=_PART_BYTES, autocommit=False)
            try:
                yield file.write
                file.close()
                file.commit()
            except BaseException:
                # Said first: a file that is not closed would be sent after all when it is collected.
                file.closed = True
                file.discard()
                raise

    def _named(self, key: str) -> str:
        return f"{scheme_of(self._url)}://{key}"

    @contextlib.contextmanager
    def _explained(self, url: str, target: Path | None = None) -> Iterator[None]:
        try:
            yield
        except RemoteError:
            raise
        except Exception as problem:
            told = explain(problem, url, self._credential, target)
            if told is None:
                raise
            raise told from None


def explain(
    problem: Exception, url: str, credential: Credential | None = None, target: Path | None = None
) -> RemoteError | None:
    """An error of fsspec, its S3 client or the disk as one of ours; None for what is none of theirs."""
    clean = credential.without_secrets if credential is not None else str
    if isinstance(problem, OSError) and problem.errno in FULL:
        where = f" in {target.parent}" if target is not None else ""
        return DiskFull(f"{url}: no space is left{where} for it; free some, or let TMPDIR name a larger disk")
    if isinstance(problem, OSError) and _is_of_this_host(problem):
        return None
    told = _explain_answer(problem, url, _source(credential)) or _explain_client(problem, url, credential)
    if told is not None:
        return told
    if isinstance(problem, (ConnectionError, TimeoutError)):
        return Unreachable(f"{url} cannot be reached{_at(credential)}: {clean(str(problem) or type(problem).__name__)}")
    if isinstance(problem, OSError):
        return StoreRefused(f"{url}: the store refused{_at(credential)}: {clean(str(problem))}")
    return None


def _explain_answer(problem: Exception, url: str, source: str) -> RemoteError | None:
    """What the store has answered."""
    code = _code(problem)
    if isinstance(problem, PermissionError):
        if code in _WRONG_KEY:
            return AccessDenied(f"{url}: the store {_WRONG_KEY[code]}; mend {source}")
        why = f"the store denies access ({code or 'no reason given'})"
        return AccessDenied(f"{url}: {why} with {source}: the key is wrong, or has no right to do this")
    if code == "NoSuchBucket":
        bucket = key_of(url).partition("/")[0]
        return NothingThere(f"{url}: there is no bucket {bucket!r}; make it, or mend the URL or the endpoint")
    if isinstance(problem, FileNotFoundError):
        return NothingThere(f"nothing has the name {url}")
    return None


def _explain_client(problem: Exception, url: str, credential: Credential | None) -> RemoteError | None:
    """What the S3 client finds by itself, before or instead of an answer."""
    if "botocore.exceptions" not in sys.modules:
        return None
    from botocore import exceptions

    if isinstance(problem, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return CredentialNotFound(
            f"{url}: no key is known for it: name a credential in the manifest (credentialName), or set ACCESS_KEY_ID "
            "and SECRET_ACCESS_KEY"
        )
    if isinstance(problem, exceptions.ParamValidationError):
        return SchemeUnsupported(f"{url} is no URL of a bucket and a key: {_short(problem)}")
    if isinstance(problem, exceptions.BotoCoreError):
        reach = (exceptions.HTTPClientError, exceptions.ConnectionError, exceptions.IncompleteReadError)
        if isinstance(problem, reach):
            return Unreachable(f"{url} cannot be reached{_at(credential)}: {_short(problem)}")
        return CredentialUnusable(f"{url} cannot be asked for with {_source(credential)}: {_short(problem)}")
    return None


def _code(problem: BaseException) -> str:
    """What S3 called its error: the file system keeps its client's error as the cause of its own."""
    response = getattr(problem.__cause__ or problem, "response", None)
    error = response.get("Error", {}) if isinstance(response, Mapping) else {}
    return str(error.get("Code", ""))


def _short(problem: Exception) -> str:
    # botocore quotes its parameters, never a key: these errors come from before or below a signed request.
    return " ".join(str(problem).split())[:_LONGEST_TEXT]


def _source(credential: Credential | None) -> str:
    return (
        credential.source if credential is not None else "what the S3 client finds by itself (no credential is named)"
    )


def _at(credential: Credential | None) -> str:
    return f" at {credential.endpoint}" if credential is not None and credential.endpoint else ""


def _is_of_this_host(problem: OSError) -> bool:
    # Errors of the store have no file of ours; the operating system names the file that it was asked for.
    return problem.filename is not None


def _object(key: str, info: Mapping[str, Any]) -> StoredObject:
    modified = info.get("LastModified")
    return StoredObject(
        key=key,
        size=int(info["size"]),
        etag=str(info.get("ETag") or "").strip('"'),
        modified=modified if isinstance(modified, datetime) else None,
    )
