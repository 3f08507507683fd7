"""What an operator may choose, as frozen groups. `sedna_gm.daemon.configuring` reads them from a file.

Every field says its meaning, unit, default and why. A part takes its own group, never the whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class HttpSettings:
    """The door."""

    max_body_bytes: int = 3 * 1024 * 1024
    """Largest body of a request. 3 MiB, as Kubernetes: a manifest has kilobytes, and data does not go this way."""

    max_connections: int = 15_000
    """Connections held at once, most of them watches, at about 8 kB each while nothing is said on them, with TLS
    22 kB. A LocalController has five or six. The limit of open files must allow it."""

    max_connections_per_address: int | None = None
    """Of these, so many from one address (of IPv6: one /64 network); more are closed at once. Without it a third of
    them, so that one host never keeps out the others: 5,000, while a LocalController takes about 6, so that some 800 of
    them may share the address of a site. With `tls.terminatedByProxy` there is none, as all come from the proxy."""

    watch_seconds: int = 1800
    """A watch ends after this long to twice this long, where its client names no time; clients just watch on.
    Half an hour, as Kubernetes: it lets connections that nobody holds any more fade away."""

    bookmark_seconds: float = 60.0
    """How often a quiet watch hears the newest resourceVersion, so that it can go on from there after a cut."""

    look_up_seconds: float = 15.0
    """How often a waiting stream looks whether its client has hung up."""

    answer_seconds: float = 10.0
    """How long a node may take to begin an answer, such as a worker's log."""

    silence_seconds: float = 60.0
    """A sender of a blob that is silent for so long is taken to be gone; what has come is kept, and it goes on there.
    Behind a cut line a connection looks open for ever."""

    max_watches_per_client: int = 100
    """Watches and followed logs that one person may have open at once, over all their tokens. `kubectl get -w`
    takes one."""

    max_watches_per_node: int = 20
    """The same for a node. A LocalController holds four; more are on their way out after a cut."""

    header_seconds: int = 15
    """How long a client may take for the head of a request, the pause before it included. Who sends it in drops
    is cut."""

    stop_seconds: float = 1.0
    """How long requests under way may take to end when the service stops. Watches end at once, so the rest is short."""


@dataclass(frozen=True)
class ArtifactSettings:
    """The store of models and samples on their way between hosts."""

    folder: str = "/var/lib/sedna-gm/artifacts"
    """Where they are kept. A model has megabytes and samples may have gigabytes: give it a disk with room."""

    max_bytes: int | None = None
    """They never take more than this many bytes; without it, as many as the disk has."""

    reserve_bytes: int = 1024 * 1024 * 1024
    """So many bytes of the disk stay free, for the database and for whatever else lives there. 1 GiB."""

    keep_seconds: int = 3600
    """What no Artifact names (any more) is kept this long after it was last asked for: an hour, so that what was
    sent before a cut need not be sent again after it."""

    store: str = ""
    """Where nodes send to and fetch from: empty for this one, or an fsspec URL, such as `s3://bucket/prefix`, which
    every node must reach by itself. `sedna-gm collect` removes there what no Artifact names any more."""


@dataclass(frozen=True)
class TlsSettings:
    """What makes the door https."""

    certificate: str | None = None
    """The server's certificate as PEM, with the chain behind it if it has one; `sedna-gm certificates` makes
    /etc/sedna/tls/gm.crt. Needed, with the key, wherever `listen` is not loopback. SIGHUP loads a renewed one."""

    key: str | None = None
    """The key of that certificate, as PEM without a passphrase."""

    terminated_by_proxy: bool = False
    """That a proxy in front speaks TLS, so that this door may speak plain HTTP although it is not on loopback."""


@dataclass(frozen=True)
class AuditSettings:
    """The log of who did what."""

    file: str | None = None
    """JSON lines, one for each write and each refusal. Without it: `audit.log` beside the database. With `auth: none`
    nobody is known by name, so that only a file that is named here is written."""

    max_bytes: int = 64 * 1024 * 1024
    """At this size the file is renamed to FILE.1, and a new one begun. 64 MiB are some 200,000 lines."""

    keep: int = 4
    """How many older files are kept."""

    reads: bool = False
    """true: reads are told as well. That is a line for each list of each client."""


@dataclass(frozen=True)
class FailureSettings:
    """Jobs whose rounds keep failing."""

    advise_after: int = 3
    """From so many failed rounds in a row on, a job says what a person can do: one is a slip, two are bad luck."""

    give_up_after: int = 10
    """After so many failed rounds in a row that were no accident of a host or a link, a job begins none by itself any
    more. With the growing waits in between, ten take more than an hour, in which nothing has mended itself. A larger
    number has jobs go on that had given up before."""


@dataclass(frozen=True)
class RetentionSettings:
    """What is kept, and for how long, so that nothing grows for ever."""

    rounds: int = 1000
    """Records of finished rounds that each job keeps, about 2 kB each. Those of versions that can still be served stay
    beyond that; a deleted job's go."""

    event_seconds: int = 24 * 3600
    """Events are kept this long after they last happened: a day."""

    events_per_resource: int = 100
    """Of one resource, so many events, newest first."""

    events: int = 20_000
    """Of all resources together, whoever writes them; about 1 kB each."""


@dataclass(frozen=True)
class BackupSettings:
    """The copies of the database that the service makes by itself."""

    every_hours: float | None = 6.0
    """A copy this often, where anything has changed, and at the start unless one is younger than an hour; before an
    upgrade rewrites the database in any case. `null` makes none."""

    keep: int = 8
    """So many of them are kept; the oldest goes when another one is made. Files of other names stay."""

    folder: str | None = None
    """Where they are; without it, `backups` beside the database. A folder on another disk outlives the first one."""


@dataclass(frozen=True)
class Settings:
    """Everything in `gm.yml`."""

    listen: str = "127.0.0.1:9000"
    """Address and port of the door. Port 0 takes a free one."""

    auth: Literal["required", "none"] = "required"
    """`required`: every call needs a credential (see `sedna-gm token`). `none`: whoever reaches the port may do
    everything, so that `listen` must be a loopback address."""

    database: str = "sqlite:////var/lib/sedna-gm/gm.db"
    """Where resources are: an SQLAlchemy URL of SQLite, or `memory` to forget everything at the end."""

    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR. DEBUG tells every request."""

    log_format: Literal["auto", "text", "json", "journal"] = "auto"
    """`auto`: to the journal where systemd started the service, else `text`. `json`: one object a line. `json` and
    `journal` carry fields: ACTION, KIND, NAMESPACE, NAME, WORKER, UNIT, ROUND_ID."""

    watch_log: int = 4096
    """How many changes are remembered for watchers that were away; each costs about 5 kB of memory. Who was away
    for longer lists again."""

    node_silence_seconds: float = 40.0
    """A node not heard of for so long, four heartbeats, is no longer Ready."""

    http: HttpSettings = field(default_factory=HttpSettings)

    tls: TlsSettings = field(default_factory=TlsSettings)

    artifacts: ArtifactSettings = field(default_factory=ArtifactSettings)

    audit: AuditSettings = field(default_factory=AuditSettings)

    failures: FailureSettings = field(default_factory=FailureSettings)

    retention: RetentionSettings = field(default_factory=RetentionSettings)

    backup: BackupSettings = field(default_factory=BackupSettings)
