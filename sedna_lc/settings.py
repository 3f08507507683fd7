"""What an operator may choose, as frozen values. `sedna_lc.daemon.configuring` reads them from `lc.yml`.

Every field says its meaning, unit, default and why. A part takes what it needs, never the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class SystemdSettings:
    """How workers run under systemd; without meaning for the process runner."""

    user: str | None = None
    """The unprivileged user that workers run as. Default: none, which leaves them to systemd's own user; the
    Ansible role names one."""

    sandbox: bool = True
    """Whether workers are confined. Only a host that cannot do it should say no."""


@dataclass(frozen=True)
class MetricsSettings:
    """Where a scraper on another host reads this node's metrics; on this host they are on the door, at /metrics."""

    listen: str | None = None
    """A second address that answers GET /metrics and nothing else, such as 0.0.0.0:9101. Default: none."""

    token_file: str | None = None
    """The file that holds the token which the scraper has to show (`Authorization: Bearer …`); read at each scrape.
    Needed wherever `listen` is not loopback. The token passes in the clear: use a network that you trust."""


@dataclass(frozen=True)
class HardExampleSettings:
    """What inference workers save for people to label."""

    max_bytes: int | None = None
    """More than this many bytes the folder that a worker's HE_SAVED_URL names may not take: beyond it the oldest files
    go, labelled or not, also those that the lines of a dataset name. Default: no bound. A folder that holds anything
    else of a job is left alone, and the log says so."""


@dataclass(frozen=True)
class PathRule:
    """A folder of this host that manifests may name, with what is below it."""

    name: str
    """What refusals call it; small letters, digits and hyphens. Required."""

    path: str
    """Absolute. Of several rules for a path, the one for the nearest folder counts. Required."""

    read_only: bool = False
    """Whether workers only read there: no outputDir, and volumes with `readOnly: true`. Default: no."""


DEFAULT_HOST_PATHS = (
    # Where the original's manifests have their data, models and output.
    PathRule("data", "/data"),
    PathRule("model", "/model"),
    PathRule("models", "/models"),
    PathRule("output", "/output"),
    PathRule("incremental-learning", "/incremental_learning"),
    # Where a host's administrator puts data and mounts disks (hier(7)).
    PathRule("srv", "/srv"),
    PathRule("mnt", "/mnt"),
    PathRule("media", "/media"),
    PathRule("sedna-data", "/var/lib/sedna-data"),
    # Cameras; who may use a device its mode says, and nothing is made there.
    PathRule("devices", "/dev"),
)
"""What is open where nothing is said. Homes and /tmp are not: they hold what people did not put there for workers."""

EVERY_PATH = (PathRule("everything", "/"),)
"""What is open to the process runner's workers where nothing is said."""


@dataclass(frozen=True)
class Settings:
    """Everything in `lc.yml`."""

    node_name: str
    """The name under which the GM knows this host; manifests say it in `nodeName`. Required: a host name may
    change, and a node must not become another one by it."""

    gm: str
    """URL of the GlobalManager. Required. The LC dials out; nothing has to reach this host."""

    ca_file: str | None = None
    """Whose certificates of the GM are believed, as PEM: the ca.crt of `sedna-gm certificates`, or the operator's own
    authority; several may stand in one file. Looked at again before each new connection, so that an authority can be
    changed while this program runs. Default: those that this host believes anyway."""

    join_token_file: str | None = None
    """Where a person lays the one-time token by which this node joins (`sedna-gm token create --node NAME`); it is
    removed once it was used. Looked at while the GM does not know this node's key. Default: join-token in stateDir."""

    key_days: int = 30
    """After so many days this node changes its key, by which the GM knows it. A copied key is worth no more after."""

    labels: Mapping[str, str] = field(default_factory=dict)
    """What `nodeSelector` may ask for. Default: none."""

    listen: str = "127.0.0.1:9100"
    """The door for workers' reports, each with its worker's own token; always on loopback, since nobody but this
    host's workers has anything to report. Port 9100, as in the original; 0 takes any, but then workers that outlive
    this LC do not find the next."""

    state_dir: str = "/var/lib/sedna"
    """What this node must not lose: its database, sample logs and the models it serves."""

    images_dir: str = "/var/lib/sedna/images"
    """Worker images, each in NAME/TAG."""

    credentials_dir: str = "/etc/sedna/credentials"
    """Keys for object stores, a file for each `credentialName` that manifests may name, readable by this program
    only; `artifacts` opens the artifact store. YAML or JSON: accessKeyId, secretAccessKey, endpoint, region. A
    worker is handed those that its manifest names, and no others."""

    keep_rounds: int = 5
    """Of how many last rounds of a job the models and sample lists stay in its `outputDir` on this node, failed rounds
    included. Older ones go when the next round comes here, except those of versions that a Model retains."""

    host_paths: tuple[PathRule, ...] | None = None
    """Which folders of this host manifests may name: as volumes, datasets, models and outputDir. Whatever lies in none
    of them is refused (PathNotAllowed), also behind a link. Default: /data, /model, /models, /output,
    /incremental_learning, /srv, /mnt, /media, /var/lib/sedna-data, and /dev for cameras; with the process runner, every
    path, since nothing keeps its workers from what this program's user may do."""

    runner: Literal["auto", "process", "systemd"] = "auto"
    """What runs workers. `auto` takes systemd where it is PID 1 and we are root, and plain processes elsewhere."""

    stop_workers_on_exit: bool = False
    """Whether workers end with this program. Default: no, so that an upgrade of the LC disturbs none of them."""

    timezone: str | None = None
    """The zone in which windows of triggers on this node's data are meant. Default: the host's own."""

    heartbeat_seconds: float = 10.0
    """How often the GM hears that this node is alive, unless it asks for another pace. It waits 40 s."""

    safety_poll_seconds: float = 30.0
    """How often files and units are looked at although nobody told of a change: for filesystems that tell
    nothing (NFS), and for what was missed."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """How much is logged. SIGHUP reads it again."""

    log_format: Literal["auto", "text", "json", "journal"] = "auto"
    """`auto`: to the journal where systemd started this program, else `text`. `json`: one object a line. `json` and
    `journal` carry fields: ACTION, KIND, NAMESPACE, NAME, WORKER, UNIT, ROUND_ID."""

    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    """Who may read how this node does, beside this host."""

    hard_examples: HardExampleSettings = field(default_factory=HardExampleSettings)
    """What inference workers save for people to label."""

    systemd: SystemdSettings = field(default_factory=SystemdSettings)
    """How workers run under systemd."""
