"""The values that the store keeps, each with its one pair of functions to and from the stored form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from sedna.api.workers import WorkerStatus

# Where the start of a unit stands. `asked` is stored before the runner is called, so a crash in between is
# told apart from a unit that ran and vanished.
Launch = Literal["no", "asked", "done"]


@dataclass(frozen=True)
class Placed:
    """A version of a model in the node's own keeping: whence it came, what it is, where it lies."""

    url: str
    sha256: str
    round: int
    path: str
    format: str = ""


@dataclass(frozen=True)
class WorkerRecord:
    """What this node knows about one worker; `status` is what it has told, or will tell, the GM."""

    uid: str
    namespace: str
    name: str
    launch: Launch = "no"
    serving: Placed | None = None
    """The model that an inference worker was last told to serve."""
    last_good: Placed | None = None
    """The last model that it confirmed."""
    started_with: str = ""
    """The sha256 of the model that its unit was started with."""
    restarts_before: int = 0
    """How often its unit had been restarted when it was told to serve that model."""
    confirmed: str = ""
    """The sha256 of the model that its unit last said it serves."""
    watch_seconds: int = 0
    """How long that model is to be watched once it is confirmed; 0: not at all."""
    watch_until: str = ""
    """When the watch is over, should the worker never say so."""
    restarts_watched: int = 0
    """How often its unit had been restarted when the watch began."""
    before: Placed | None = None
    """The last good model before one whose watch ended without a word."""
    complaint: str | None = None
    """What was wrong with its last results, such as a metric that is no number."""
    status: WorkerStatus = field(default_factory=WorkerStatus)

    @property
    def key(self) -> tuple[str, str]:
        """Namespace and name."""
        return self.namespace, self.name

    def encode(self) -> str:
        """Return the stored form."""
        fields = {
            "uid": self.uid,
            "namespace": self.namespace,
            "name": self.name,
            "launch": self.launch,
            "serving": asdict(self.serving) if self.serving else None,
            "lastGood": asdict(self.last_good) if self.last_good else None,
            "startedWith": self.started_with,
            "restartsBefore": self.restarts_before,
            "confirmed": self.confirmed,
            "watchSeconds": self.watch_seconds,
            "watchUntil": self.watch_until,
            "restartsWatched": self.restarts_watched,
            "before": asdict(self.before) if self.before else None,
            "complaint": self.complaint,
            "status": self.status.dump(),
        }
        return json.dumps(fields, sort_keys=True)

    @classmethod
    def decode(cls, text: str) -> WorkerRecord:
        """Read the stored form."""
        fields = json.loads(text)
        return cls(
            uid=fields["uid"],
            namespace=fields["namespace"],
            name=fields["name"],
            launch=fields["launch"],
            serving=Placed(**fields["serving"]) if fields["serving"] else None,
            last_good=Placed(**fields["lastGood"]) if fields["lastGood"] else None,
            started_with=fields["startedWith"],
            restarts_before=fields.get("restartsBefore", 0),
            confirmed=fields.get("confirmed", ""),
            watch_seconds=fields.get("watchSeconds", 0),
            watch_until=fields.get("watchUntil", ""),
            restarts_watched=fields.get("restartsWatched", 0),
            before=Placed(**fields["before"]) if fields.get("before") else None,
            complaint=fields["complaint"],
            status=WorkerStatus.model_validate(fields["status"]),
        )


@dataclass(frozen=True)
class Letter:
    """One thing to tell the GM: a merge-patch for `path`. A newer letter of the same key replaces it."""

    key: str
    path: str
    body: Mapping[str, Any]
    sequence: int = 0
    """Given by the store; grows with every letter."""


@dataclass(frozen=True)
class StoredReport:
    """A report that the door has accepted and the reconciler has not yet read."""

    sequence: int
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Progress:
    """How far a dataset's file has been read; everything up to here is safe in the sample log."""

    uid: str
    source: str
    """Format and path of the file, as the dataset names them."""
    generation: int = 1
    inode: int = 0
    """Of the file of this generation; 0 as long as none was seen. Its device is left out: a reboot may number anew."""
    modified_ns: int = 0
    size: int = 0
    """Time of modification and length of the file when it was last read to its end."""
    offset: int = 0
    """Bytes of the file up to the end of the last finished line."""
    lines: int = 0
    """Samples in this generation of the file."""
    samples: int = 0
    """Samples in the log: all that were ever seen."""
    log_size: int = 0
    """Bytes of the log that belong to those samples."""
    matched: int = 0
    """Bytes of the log that this generation has repeated so far; means nothing when `counted`."""
    counted: bool = False
    """Whether lines must be compared with those of earlier generations."""
    header: str | None = None
    """First line of a csv file, once it is finished."""
    head: str = ""
    tail: str = ""
    """Fingerprints of the first bytes of the file and of the last ones before `offset`."""

    def encode(self) -> str:
        """Return the stored form."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def decode(cls, text: str) -> Progress:
        """Read the stored form."""
        return cls(**json.loads(text))


@dataclass(frozen=True)
class FileDigest:
    """What a file held when it was read; true as long as its size, time and inode are these."""

    path: str
    size: int
    modified_ns: int
    inode: int
    sha256: str


@dataclass(frozen=True)
class StoredLabel:
    """What a person said of one hard example; `done` when its line is known to be in the dataset's list."""

    dataset: str
    """By uid."""
    example: str
    line: str
    """As it stands in the list, or will stand there, without its end."""
    picture: str
    """The sha256 of the picture that was labelled."""
    by: str
    time: str
    version: str
    inode: int = 0
    size: int = 0
    """The list just before the line came: where to look for it after an accident."""
    done: bool = False
    taken: str = ""
    """The time that the folder of examples told of the picture; empty where nobody wrote it down. Under the same name
    and another time there is another picture."""

    def encode(self) -> str:
        """Return the stored form."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def decode(cls, text: str) -> StoredLabel:
        """Read the stored form."""
        return cls(**json.loads(text))
