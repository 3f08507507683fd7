"""Each worker's own token, by which the door knows who reports; made here, handed over as a credential, checked here.

    <state dir>/door-key                     32 random bytes, made once
    <state dir>/tokens/<namespace>/<name>    what this worker was handed: HMAC-SHA256(key, "namespace/name/uid"), in hex

`sedna_lc.reconcile.starting` hands a token over before a unit starts, `sedna_lc.http` asks whose a token is. The files
stay as long as their workers: systemd reads them whenever a unit starts, also at a boot without this program. What the
file says is what counts, not what the key would say now: a key that was lost and made anew strands no running worker.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Collection, Iterator
from pathlib import Path

from sedna.common.publishing import sync_folder, write_atomically
from sedna_lc.state.stores import Key

logger = logging.getLogger(__name__)

_KEY_BYTES = 32
_FOR_US_ALONE = 0o600
# In hexadecimal digits; what is longer is no token of ours.
_TOKEN_LENGTH = 64


class WorkerTokens:
    """The tokens of this node's workers. Holds nothing in memory, so any thread may use one of its own."""

    def __init__(self, state_dir: Path) -> None:
        self._key_file = state_dir / "door-key"
        self._folder = state_dir / "tokens"

    def hand_over(self, worker: Key, uid: str) -> Path:
        """Return the file with a worker's token, made anew unless it is there. Raises OSError."""
        file = self._file(worker)
        token = hmac.new(self._key(), f"{worker[0]}/{worker[1]}/{uid}".encode(), hashlib.sha256).hexdigest()
        if self._read(file) != token:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomically(file, token.encode(), mode=_FOR_US_ALONE)
        return file

    def take_back(self, worker: Key) -> None:
        """Let a worker's token mean nothing any more."""
        file = self._file(worker)
        try:
            file.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return
        sync_folder(file.parent)

    def keep_only(self, workers: Collection[Key]) -> None:
        """Take back what was handed to any other worker: this node had lost its memory of it."""
        for worker in [worker for worker, _ in self._all() if worker not in workers]:
            self.take_back(worker)

    def was_handed(self, worker: Key) -> bool:
        """Tell whether a worker has a token to show."""
        return self._file(worker).is_file()

    def owner_of(self, token: str) -> Key | None:
        """Return whose token it is; None for one that nobody here was handed."""
        if len(token) != _TOKEN_LENGTH:
            return None
        shown = token.encode("utf-8", "replace")
        owner = None
        for worker, file in self._all():
            known = self._read(file)
            # All of them are looked at: how long it takes tells nothing about any.
            if known is not None and hmac.compare_digest(known.encode("utf-8", "replace"), shown):
                owner = worker
        return owner

    def _all(self) -> Iterator[tuple[Key, Path]]:
        for file in self._folder.glob("*/*"):
            if not file.name.startswith("."):
                yield (file.parent.name, file.name), file

    def _file(self, worker: Key) -> Path:
        namespace, name = worker
        return self._folder / namespace / name

    def _read(self, file: Path) -> str | None:
        try:
            return file.read_text(encoding="ascii")
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as problem:
            logger.warning("The token in %s cannot be read: %s", file, problem)
            return None

    def _key(self) -> bytes:
        try:
            key = self._key_file.read_bytes()
        except FileNotFoundError:
            key = b""
        if len(key) == _KEY_BYTES:
            return key
        if key:
            logger.error("%s is damaged; another key is made. Workers that run keep their tokens.", self._key_file)
        key = secrets.token_bytes(_KEY_BYTES)
        self._key_file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self._key_file, key, mode=_FOR_US_ALONE)
        return key
