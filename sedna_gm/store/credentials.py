"""What proves who calls, as the store keeps it: ids and digests, never a secret. The rules of changing it, once.

A concrete store (`MemoryCredentials` here, `sedna_gm.store.sql.credentials`) gives rows in transactions. Who may do
what with a credential, `sedna_gm.identity` knows. Times are texts in UTC, which compare as they follow one another.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from sedna_gm.errors import AlreadyExists

Kind = Literal["person", "join", "node"]


@dataclass(frozen=True)
class Credential:
    """A person's token, a join token, or a node's key."""

    id: str
    sha256: str
    """Of the whole token."""
    kind: Kind
    name: str
    """The person's or the node's."""
    created: str
    role: str = ""
    """Of a person."""
    namespaces: tuple[str, ...] = ()
    """Of a person; `*` means all."""
    expires: str | None = None
    revoked: str | None = None
    used: str | None = None
    """Of a join token: when it was exchanged. Of a node's key: when it was first used."""
    gave: str | None = None
    """Of a join token: the id of the key that it was exchanged for."""

    def state(self, now: str) -> Literal["good", "revoked", "expired", "used"]:
        """Whether it opens anything at that time, and why not."""
        if self.revoked is not None:
            return "revoked"
        if self.kind == "join" and self.used is not None:
            return "used"
        if self.expires is not None and self.expires <= now:
            return "expired"
        return "good"


class CredentialRows(Protocol):
    """What one transaction can do."""

    def load(self, name: str) -> Credential | None: ...

    def all(self) -> Sequence[Credential]: ...

    def of(self, kind: Kind, name: str) -> Sequence[Credential]: ...

    def save(self, credential: Credential) -> None: ...

    def remove(self, credential: Credential) -> None: ...


class Credentials(ABC):
    """All credentials. Safe to use from many threads, and beside another process that changes them."""

    damage: str = ""
    """As `Store.damage`."""

    @abstractmethod
    def find(self, name: str) -> Credential | None:
        """The credential of that id, as it is now: what another process has revoked is seen at once."""

    @abstractmethod
    def close(self) -> None:
        """Nothing is found any more."""

    @abstractmethod
    def _writing(self) -> AbstractContextManager[CredentialRows]:
        """A transaction: all of it or nothing."""

    def all(self) -> Sequence[Credential]:
        """All of them, oldest first."""
        with self._writing() as rows:
            return rows.all()

    def add(self, credential: Credential) -> None:
        """Takes a new one. Raises AlreadyExists."""
        with self._writing() as rows:
            if rows.load(credential.id) is not None:
                raise AlreadyExists(f"There is a credential {credential.id} already.")
            rows.save(credential)

    def exchange(self, join: str, key: Credential, now: str) -> Literal["made", "known", "refused"]:
        """Uses a join token up for a node's key.

        `known`: it was used for this very key before, whose owner has not heard the answer. `refused`: it was used for
        another one, or the key has the id of something else.
        """
        with self._writing() as rows:
            token = rows.load(join)
            if token is None or token.kind != "join" or token.name != key.name:
                return "refused"
            if token.used is not None:
                return "known" if token.gave == key.id and _same(rows.load(key.id), key) else "refused"
            if token.state(now) != "good" or rows.load(key.id) is not None:
                return "refused"
            _pend(rows, key)
            rows.save(replace(token, used=now, gave=key.id))
            return "made"

    def replace_key(self, key: Credential) -> Literal["made", "known", "refused"]:
        """Takes the next key of a node; the present one is good until that is first used."""
        with self._writing() as rows:
            found = rows.load(key.id)
            if found is not None:
                return "known" if _same(found, key) else "refused"
            _pend(rows, key)
            return "made"

    def first_use(self, name: str, now: str) -> None:
        """A node's key was used for the first time: the node's others are good for nothing from now on."""
        with self._writing() as rows:
            key = rows.load(name)
            if key is None or key.kind != "node" or key.used is not None:
                return
            for other in rows.of("node", key.name):
                if other.id != key.id:
                    rows.remove(other)
            rows.save(replace(key, used=now))

    def revoke(self, chosen: Callable[[Credential], bool], now: str) -> list[Credential]:
        """Revokes those that are still good and chosen; returns them."""
        with self._writing() as rows:
            found = [one for one in rows.all() if one.state(now) == "good" and chosen(one)]
            for one in found:
                rows.save(replace(one, revoked=now))
            return found

    def forget(self, before: str) -> int:
        """Removes what has been good for nothing since before a time; returns how many."""
        with self._writing() as rows:
            gone = [one for one in rows.all() if (ended := _ended(one)) is not None and ended < before]
            for one in gone:
                rows.remove(one)
            return len(gone)


def _pend(rows: CredentialRows, key: Credential) -> None:
    """Saves a key that waits for its first use, in place of another one that waited: a node has two at most."""
    for other in rows.of("node", key.name):
        if other.used is None:
            rows.remove(other)
    rows.save(key)


def _same(found: Credential | None, key: Credential) -> bool:
    return (
        found is not None
        and (found.kind, found.name, found.sha256) == (key.kind, key.name, key.sha256)
        and found.revoked is None
    )


def _ended(one: Credential) -> str | None:
    times = [one.revoked, one.expires, one.used if one.kind == "join" else None]
    return min((time for time in times if time is not None), default=None)


class MemoryCredentials(Credentials):
    """A store that forgets."""

    def __init__(self) -> None:
        self._found: dict[str, Credential] = {}
        self._lock = threading.RLock()

    def find(self, name: str) -> Credential | None:
        return self._found.get(name)

    def close(self) -> None:
        self._found = {}

    @contextmanager
    def _writing(self) -> Iterator[CredentialRows]:
        with self._lock:
            yield _MemoryRows(self._found)


class _MemoryRows:
    def __init__(self, found: dict[str, Credential]) -> None:
        self._found = found

    def load(self, name: str) -> Credential | None:
        return self._found.get(name)

    def all(self) -> Sequence[Credential]:
        return sorted(self._found.values(), key=lambda one: (one.created, one.id))

    def of(self, kind: Kind, name: str) -> Sequence[Credential]:
        return [one for one in self.all() if (one.kind, one.name) == (kind, name)]

    def save(self, credential: Credential) -> None:
        self._found[credential.id] = credential

    def remove(self, credential: Credential) -> None:
        self._found.pop(credential.id, None)
