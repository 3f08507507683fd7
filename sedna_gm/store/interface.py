"""What a store promises to admission, the HTTP door and the controllers.

Resources are plain JSON dicts (`apiVersion`, `kind`, `metadata`, …). A dict that a store returns from
`create`, `get`, `list`, `update`, `update_status` or `delete` belongs to the caller; a dict inside a `Change`
is shared by all watchers and must not be changed.

Every accepted write takes the next number of one counter over the whole store: the resource's
`metadata.resourceVersion`. A write that changes nothing takes none.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

Resource = dict[str, Any]
Matches = Callable[[Mapping[str, Any]], bool]
Step = Callable[[Resource], Resource]
"""From the stored version, which it must not change, to the wanted one."""
Clock = Callable[[], datetime]
"""Gives the present as an aware datetime in UTC."""


@dataclass(frozen=True, order=True)
class Key:
    """Names one resource. `namespace` is empty for cluster-scoped kinds."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind} {where}{self.name}"


def key_of(resource: Mapping[str, Any]) -> Key:
    """The key a resource itself states."""
    metadata = resource["metadata"]
    return Key(resource["kind"], metadata.get("namespace") or "", metadata["name"])


def revision_of(resource: Mapping[str, Any]) -> int:
    """The resource's version as a number; 0 when it states none."""
    return int(resource["metadata"].get("resourceVersion") or 0)


class ChangeType(str, Enum):
    """As Kubernetes spells the types of watch events."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True)
class Change:
    """One accepted write. `resource` is the new state; of a deletion, the last one under a new version."""

    type: ChangeType
    revision: int
    key: Key
    resource: Resource
    previous: Resource | None = None


@dataclass(frozen=True)
class Page:
    """A part of a list. `revision` is where a watch goes on, the same on every page of one list."""

    items: Sequence[Resource]
    revision: int
    continue_token: str | None = None


@dataclass(frozen=True)
class Deletion:
    """`gone` is false while finalizers hold the resource; then it only carries a deletionTimestamp."""

    resource: Resource
    gone: bool


@dataclass(frozen=True)
class RoundPage:
    """Records of finished rounds, oldest first. More are to be had after round `continue_after`, if set."""

    items: Sequence[dict[str, Any]]
    continue_after: int | None = None


@dataclass(frozen=True)
class History:
    """The rounds of one job, which need not exist any more."""

    job: Key
    uid: str
    count: int


class Watch(AbstractContextManager["Watch"], ABC):
    """Changes as they happen, in the order of their revisions, each once. Close it, or use it in a `with`."""

    @property
    @abstractmethod
    def revision(self) -> int:
        """Everything up to here was handed out or did not concern this watch: a client may go on from it."""

    @property
    @abstractmethod
    def closed(self) -> bool:
        """True once this watch, or its store, was closed: nothing more will come."""

    @abstractmethod
    def wait(self, timeout: float | None = None) -> Sequence[Change]:
        """The next changes; empty after `timeout` seconds without any, and at once when closed.

        With `matches`, types are as the watcher sees them: a resource that starts to match is ADDED, one that
        stops is DELETED. Raises Gone when this watcher was too slow for the bounded log.
        """

    @abstractmethod
    def read(self) -> Sequence[Change]:
        """What `wait` would give that is there already."""

    @abstractmethod
    def subscribe(self, listener: Callable[[], None]) -> None:
        """For who reads and never waits: calls `listener` when there may be something to read, and when it is closed.

        It is called in the thread that writes and must return at once; right now, too, where something is there.
        """

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Ends the watch and wakes a waiting thread. May be called from any thread, more than once."""


class Store(ABC):
    """All resources and the history of rounds. Safe to use from many threads."""

    identity: str
    """Which store this is, as long as it lives: another one that took its place has another."""

    damage: str = ""
    """What is wrong with it for good, once that was noticed: the service must end, and say so at its next start."""

    @abstractmethod
    def create(self, resource: Mapping[str, Any], *, dry_run: bool = False) -> Resource:
        """Stores a new resource and gives it uid, creationTimestamp, generation and resourceVersion.

        Raises AlreadyExists.
        """

    @abstractmethod
    def get(self, key: Key) -> Resource:
        """Raises NotFound."""

    @abstractmethod
    def list(
        self,
        kind: str,
        namespace: str | None = None,
        *,
        matches: Matches | None = None,
        limit: int | None = None,
        continue_token: str | None = None,
    ) -> Page:
        """Resources of a kind in the order of (namespace, name); `namespace=None` means all.

        A resource that exists during the whole walk over the pages is on exactly one of them.
        Raises Gone for a token whose list is too old, BadRequest for one this store never gave.
        """

    @abstractmethod
    def update(self, resource: Mapping[str, Any], *, dry_run: bool = False) -> Resource:
        """Replaces everything but status, uid, creationTimestamp, deletionTimestamp and generation.

        With `metadata.resourceVersion`, raises Conflict unless it is the stored one; without, it overwrites.
        `generation` grows when something outside metadata and status changes. Taking the last finalizer off a
        resource that is being deleted removes it. Raises NotFound; Conflict for another uid.
        """

    @abstractmethod
    def update_status(self, resource: Mapping[str, Any], *, dry_run: bool = False) -> Resource:
        """Replaces the status and nothing else, under the same rules of versions as `update`."""

    @abstractmethod
    def change(self, key: Key, step: Step, *, status: bool = False, dry_run: bool = False) -> Resource:
        """`update` (or with `status`, `update_status`) by what a step makes of the present version.

        Nobody writes in between, so the step must be quick. Raises what the step raises; NotFound, Conflict.
        """

    @abstractmethod
    def delete(
        self, key: Key, *, uid: str | None = None, resource_version: str | None = None, dry_run: bool = False
    ) -> Deletion:
        """Removes the resource, or marks it with deletionTimestamp while it has finalizers.

        Raises NotFound; Conflict when `uid` or `resource_version` is given and is not the stored one.
        """

    @abstractmethod
    def revision(self) -> int:
        """The number of the last accepted write."""

    @abstractmethod
    def watch(
        self,
        kind: str | None = None,
        namespace: str | None = None,
        *,
        since: int | None = None,
        matches: Matches | None = None,
    ) -> Watch:
        """Changes after revision `since` (None: from now on), of one kind or (for controllers) of all.

        Raises Gone when the log no longer reaches back to `since`.
        """

    @property
    @abstractmethod
    def watches(self) -> int:
        """How many watches are open."""

    @abstractmethod
    def append_round(self, job: Key, uid: str, record: Mapping[str, Any]) -> bool:
        """Adds the record of finished round `record["round"]`. False if that round has one already."""

    @abstractmethod
    def rounds(
        self, job: Key, uid: str, *, after: int = -1, limit: int | None = None, newest: int | None = None
    ) -> RoundPage:
        """Records with round > `after`, oldest first, at most `limit`; or only the `newest` so many."""

    @abstractmethod
    def histories(self) -> Sequence[History]:
        """Every job that has records of rounds, the jobs that are gone among them."""

    @abstractmethod
    def drop_rounds(self, job: Key, uid: str, rounds: Collection[int]) -> int:
        """Removes the records of these rounds; returns how many there were."""

    @abstractmethod
    def close(self) -> None:
        """Ends every watch; the store answers no more."""
