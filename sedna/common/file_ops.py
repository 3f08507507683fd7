"""`FileOps`: the file operations that user scripts and the library share, local and remote.

The names and arguments are the original's. Work is done by `sedna.common.publishing` (whole or not at all),
`sedna.common.remotes` (http, s3) and `sedna.common.archives`. A path that is missing is an error, a source
is deleted only after its copy is complete, and nothing temporary stays.

Pickles and joblib files run code when they are loaded: load only what you or a worker you trust wrote.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import pickle
import shutil
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sedna.common import archives, remotes
from sedna.common.digests import files_below
from sedna.common.publishing import copy_atomically, write_atomically
from sedna.common.temporaries import temporary_folder

__all__ = ("FileOps",)


class FileOps:
    """Files and folders, local paths and URLs (`file://`, `http(s)://`, `s3://`); all class methods."""

    @classmethod
    def make_dir(cls, *args: str) -> None:
        """Make the folder with the joined path, and its parents; one that exists is left alone."""
        Path(cls.join_path(*args)).mkdir(parents=True, exist_ok=True)

    @classmethod
    def make_base_dir(cls, *args: str) -> None:
        """Make the folder that will hold the file with the joined path."""
        Path(cls.join_path(*args)).parent.mkdir(parents=True, exist_ok=True)

    @classmethod
    def clean_folder(cls, target: str | list[str], clean: bool = True) -> str | list[str]:
        """Make each folder, empty with `clean`; for a path that is a file, its folder. Returns `target`.

        Raises ValueError for the root folder, which nobody means.
        """
        for name in [target] if isinstance(target, str) else target:
            path = Path(name)
            if path.resolve() == Path("/"):
                raise ValueError("the root folder is not cleaned")
            if path.is_file():
                if clean:
                    path.unlink()
                path = path.parent
            elif clean and path.is_dir():
                shutil.rmtree(path)
            path.mkdir(parents=True, exist_ok=True)
        return target

    @classmethod
    def delete(cls, path: str) -> None:
        """Delete a file or a folder with all it holds; a missing one is no error."""
        found = Path(path)
        if found.is_dir() and not found.is_symlink():
            shutil.rmtree(found)
        else:
            found.unlink(missing_ok=True)

    @classmethod
    def join_path(cls, *args: str) -> str:
        """Join the parts of a path or URL with single slashes; only the first part may be absolute."""
        first, *rest = (str(arg) for arg in args)
        if not rest:
            return first
        parts = [part.strip("/") for part in rest if part.strip("/")]
        if first.strip("/"):
            parts.insert(0, first.rstrip("/"))
        return ("/" if first == "/" else "") + "/".join(parts)

    @classmethod
    def remove_path_prefix(cls, org_str: str, prefix: str) -> str:
        """The path without a leading folder `prefix`, for turning a path inside a worker into the host's."""
        folder = prefix.rstrip("/") if prefix else ""
        if folder and (org_str == folder or org_str.startswith(f"{folder}/")):
            return org_str[len(folder) :]
        return org_str

    @classmethod
    def get_file_hash(cls, filepath: str) -> str:
        """The md5 of a file as hex, or an empty text when there is no such file.

        Kept for scripts that use it; what Sedna compares itself is sha256 (`sedna.common.digests`).
        """
        if not filepath or not Path(filepath).is_file():
            return ""
        md5 = hashlib.md5(usedforsecurity=False)
        with Path(filepath).open("rb") as file:
            while chunk := file.read(1 << 20):
                md5.update(chunk)
        return md5.hexdigest()

    @classmethod
    def copy_folder(cls, src: str, dst: str) -> None:
        """Copy every file below `src` into `dst`, replacing files of the same names; others in `dst` stay.

        Raises NotADirectoryError when `src` is not a folder.
        """
        if Path(src).resolve() == Path(dst).resolve():
            return
        for relative, file in list(files_below(src)):
            copy_atomically(file, Path(dst) / relative)
        Path(dst).mkdir(parents=True, exist_ok=True)

    @classmethod
    def copy_file(cls, src: str, dst: str) -> None:
        """Copy a file to the file `dst` or into the folder `dst`; a folder as `copy_folder` does.

        Raises FileNotFoundError when `src` is missing.
        """
        origin, target = Path(src), Path(dst)
        if origin.is_dir():
            cls.copy_folder(src, dst)
            return
        if target.is_dir() or str(dst).endswith("/"):
            target = target / origin.name
        if not (target.exists() and origin.samefile(target)):
            copy_atomically(origin, target)

    @classmethod
    def dump_pickle(cls, obj: Any, filename: str) -> None:
        """Pickle an object into a file, making its folder."""
        write_atomically(filename, pickle.dumps(obj))

    @classmethod
    def load_pickle(cls, filename: str) -> Any:
        """The object pickled in a file, or None when there is no such file. Runs code from the file."""
        if not Path(filename).is_file():
            return None
        return pickle.loads(Path(filename).read_bytes())  # noqa: S301 - this method's purpose, said above

    @classmethod
    def dump(cls, obj: Any, dst: str | None = None) -> str:
        """Write an object with joblib and return where: to `dst` (a path or URL), else to a new temporary file."""
        joblib = _joblib()
        if dst is None:
            descriptor, dst = tempfile.mkstemp(prefix="sedna-", suffix=".joblib")
            os.close(descriptor)
        with temporary_folder() as folder:
            joblib.dump(obj, folder / "object")
            cls.upload(str(folder / "object"), dst, clean=False)
        return dst

    @classmethod
    def load(cls, src: str) -> Any:
        """The object that `dump` wrote to a path or URL. Runs code from the file; leaves nothing behind.

        Raises FileNotFoundError when it is missing.
        """
        joblib = _joblib()
        if not cls.is_remote(src):
            return joblib.load(_local_path(src))
        with temporary_folder() as folder:
            return joblib.load(cls.download(src, str(folder / "object")))

    @classmethod
    def is_remote(cls, src: str) -> bool:
        """Whether this is a URL of another place than this host's file system."""
        return remotes.scheme_of(src) not in {"", "file"}

    @classmethod
    def is_local(cls, src: str) -> bool:
        """Whether this is a `file://` URL, or a path of this host that exists."""
        return remotes.scheme_of(src) == "file" or cls.exists(src)

    @classmethod
    def exists(cls, folder: str) -> bool:
        """Whether there is a file or folder of that name."""
        return Path(folder).is_dir() or Path(folder).is_file()

    @classmethod
    def download(cls, src: str, dst: str | None = None, unzip: bool = False) -> str:
        """Bring a file or folder to the path `dst` and return that path; an archive is unpacked beside it.

        Without `dst` a local source is returned as it is, and anything else goes into a new temporary folder
        that is the caller's to delete. Raises FileNotFoundError (RuntimeError for s3) when there is no
        source, ValueError for a scheme that is not supported.
        """
        scheme = remotes.scheme_of(src)
        if dst is None:
            if not cls.is_remote(src) and not unzip:
                return str(_existing(_local_path(src)))
            dst = cls.join_path(tempfile.mkdtemp(prefix="sedna-"), Path(urlsplit(src).path).name or "download")
        if scheme in {"http", "https"}:
            cls.http_download(src, dst)
        elif cls.is_remote(src):
            cls.s3_download(src, dst)
        else:
            cls.copy_file(str(_existing(_local_path(src))), dst)
        if unzip and archives.is_archive(dst):
            archives.unpack(dst, Path(dst).parent)
        return dst

    @classmethod
    def upload(cls, src: str, dst: str, tar: bool = False, clean: bool = True) -> str:
        """Bring a local file or folder to a path or URL and return it; with `tar` as one `.tar.gz`.

        **Deletes the source by default**, as the original does, but only after the copy is complete;
        `clean=False` keeps it. Raises FileNotFoundError without a source and ValueError for a target that
        cannot be written (http, gs).
        """
        origin = _existing(_local_path(src))
        if remotes.scheme_of(dst) in {"http", "https"}:
            raise ValueError(f"{dst}: nothing can be uploaded over http")
        with temporary_folder() as folder:
            sent = origin
            if tar:
                sent = folder / f"{origin.name}.tar.gz"
                archives.pack(origin, sent)
            if cls.is_remote(dst):
                cls.s3_upload(str(sent), dst)
            else:
                cls.copy_file(str(sent), str(_local_path(dst)))
        if clean and (cls.is_remote(dst) or not _is_or_holds(origin, _local_path(dst))):
            cls.delete(str(origin))
        return dst

    @classmethod
    def s3_download(cls, src: str, dst: str) -> None:
        """Download an object, or everything below a folder URL. RuntimeError when nothing matches."""
        remotes.fetch_objects(src, Path(dst))

    @classmethod
    def s3_upload(cls, src: str, dst: str) -> None:
        """Upload a file under the name `dst`, or the files of a folder below it."""
        remotes.send_objects(_existing(Path(src)), dst)

    @classmethod
    def http_download(cls, src: str, dst: str) -> None:
        """Download one file over http(s); a redirect is followed."""
        target = Path(dst)
        remotes.fetch_http(src, target / Path(urlsplit(src).path).name if target.is_dir() else target)

    @classmethod
    def gcs_download(cls, src: str, dst: str) -> None:
        """Not supported: raises ValueError."""
        remotes.fetch_objects(src, Path(dst))

    @classmethod
    def gcs_upload(cls, src: str, dst: str) -> None:
        """Not supported: raises ValueError and leaves the source alone."""
        remotes.send_objects(Path(src), dst)

    @classmethod
    def obj_to_pickle_string(cls, x: Any) -> str:
        """An object as pickle in base64 text."""
        return codecs.encode(pickle.dumps(x), "base64").decode("ascii")

    @classmethod
    def pickle_string_to_obj(cls, s: str) -> Any:
        """The object of such a text. Runs code from the text."""
        return pickle.loads(codecs.decode(s.encode("ascii"), "base64"))  # noqa: S301 - said above


def _local_path(name: str) -> Path:
    if remotes.scheme_of(name) != "file":
        return Path(name)
    parts = urlsplit(name)
    # The quick start writes file://video/video.mp4 and means /video/video.mp4.
    host = "" if parts.netloc in {"", "localhost"} else f"/{parts.netloc}"
    return Path(unquote(f"{host}{parts.path}"))


def _existing(path: Path) -> Path:
    if not path.exists():
        raise FileNotFoundError(f"there is no {path}")
    return path


def _is_or_holds(origin: Path, target: Path) -> bool:
    """Whether deleting `origin` would delete what was copied to `target`."""
    held = target / origin.name if target.is_dir() and origin.is_file() else target
    return held.resolve() == origin.resolve() or held.resolve().is_relative_to(origin.resolve())


def _joblib() -> Any:
    try:
        import joblib
    except ImportError as problem:
        raise ModuleNotFoundError(
            "this needs joblib, which is not installed: pip install 'sedna-metal[sklearn]'"
        ) from problem
    return joblib
