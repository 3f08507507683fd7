"""The kind Worker: one run of user code that a controller wants on a node, and what became of it.

Controllers of the GlobalManager write spec; the node's LocalController writes status. `WorkerReport` is what the
library inside the worker tells its LocalController, in the original's shape.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, Strict, WithJsonSchema

from sedna.api.guards import Guard
from sedna.api.incremental_learning import HardExampleMining
from sedna.api.meta import API_VERSION, Bool, Int, NonEmpty, Number, Resource, ResourceName, Text, Time, Value
from sedna.api.pods import PodSpec
from sedna.api.trees import ArtifactReference

NODE_FINALIZER = "sedna.io/node"
FINAL_PHASES = ("Succeeded", "Failed")

# Both become parts of paths on the node: of the list of samples, of the hot-update file.
Word = Annotated[str, Strict(), Field(pattern=r"^[A-Za-z0-9]{1,63}$")]
Metrics = dict[Text, Number | list[Number]]


class JobReference(Value):
    """The job that a worker belongs to."""

    kind: Word
    name: ResourceName
    uid: Text


class DatasetReference(Value):
    """The dataset that a worker's samples come from."""

    name: ResourceName
    url: NonEmpty
    format: Word
    credential_name: Text | None = None
    """Which credential of the node opens what the samples name on other hosts (`s3://…`)."""


class SampleRange(Value):
    """Samples of a dataset by their place in its history, from `start` up to but not including `end`."""

    dataset: ResourceName
    start: Annotated[Int, Field(ge=0)]
    end: Annotated[Int, Field(ge=0)]
    part: Literal["train", "eval", "all"] = "all"
    """Which side of the split; see `sedna.api.splitting`."""
    probability: Number = 1.0
    seed: Text = ""
    round: Annotated[Int, Field(ge=0)] = 0


class ModelReference(Value):
    """A version of a model."""

    name: ResourceName
    url: NonEmpty
    format: Text = ""
    sha256: Text | None = None
    """Absent: not known yet; the LocalController reports it."""
    round: Annotated[Int, Field(ge=0)] = 0
    artifact: ArtifactReference | None = None
    """Where to fetch it; absent: it lies under `url`, on the node itself or where every node reaches it (`s3://…`)."""
    credential_name: Text | None = None
    """Which credential of the node opens `url`."""


class HotUpdate(Value):
    """Whether a running worker swaps models by itself."""

    enabled: Bool = False
    poll_period_seconds: Annotated[Int, Field(ge=1)] = 60


class WorkerSpec(Value):
    """What shall run."""

    node_name: ResourceName
    role: Literal["train", "eval", "inference"]
    job: JobReference
    round: Annotated[Int, Field(ge=0)]
    template: PodSpec
    dataset: DatasetReference | None = None
    samples: list[SampleRange] = Field(default_factory=list)
    samples_artifact: ArtifactReference | None = None
    """Where to fetch the samples; absent: the dataset lies on the node itself."""
    models: list[ModelReference] = Field(default_factory=list)
    """train: the base; eval: new, then deployed; inference: the one to serve."""
    output_dir: Text = ""
    job_output_dir: Text = ""
    retained_rounds: list[Annotated[Int, Field(ge=0)]] | None = None
    """Earlier rounds whose models are still needed: what others left below `job_output_dir` may go when they are old.
    Absent: everything stays."""
    credential_name: Text | None = None
    """The job's own credential; the worker finds it, and those of its dataset and models, as files."""
    hard_example_mining: HardExampleMining | None = None
    hot_update: HotUpdate | None = None
    guard: Guard | None = None
    """How the node watches a model that it has just begun to serve."""
    restart_policy: Literal["Never", "OnFailure", "Always"] = "Never"
    active_deadline_seconds: Annotated[Int, Field(ge=1)] | None = None
    termination_grace_period_seconds: Annotated[Int, Field(ge=0)] = 30


class ReportSummary(Value):
    """The last thing that the library said."""

    status: Literal["completed", "failed", "running"]
    message: Text | None = None
    time: Time | None = None


class WorkerResult(Value):
    """A model that the worker made or judged."""

    format: Text = ""
    url: Text
    metrics: Metrics = Field(default_factory=dict)
    sha256: Text | None = None
    size_bytes: Int | None = None
    device_soc_versions: Annotated[list[Text], Field(alias="device_soc_versions")] = Field(default_factory=list)


class ServedModel(Value):
    """What an inference worker serves, or has refused to."""

    url: Text
    sha256: Text | None = None
    round: Int = 0
    state: Literal["Loading", "Watching", "Loaded", "Refused"]
    """Watching: it serves, and can still be taken back (Refused, with the reason RolledBack)."""
    reason: Text | None = None
    message: Text | None = None
    time: Time | None = None


MOST_METRICS = 32
"""So many metrics a worker's progress has at most; a curve holds each of them at each of its points."""
MOST_POINTS = 100
"""So many points a curve has at most: as many as a chart can show, however long a training takes."""
LONGEST_NAME = 63
"""So many characters the name of a metric has at most."""


def _check_measures(measures: dict[str, float]) -> dict[str, float]:
    if any(not 0 < len(name) <= LONGEST_NAME for name in measures):
        raise ValueError(f"the name of a metric has 1 to {LONGEST_NAME} characters")
    return measures


Amount = Annotated[Number, Field(ge=0)]
Measures = Annotated[dict[Text, Number], Field(max_length=MOST_METRICS), AfterValidator(_check_measures)]
CurvePoint = Annotated[
    tuple[Amount, Measures], WithJsonSchema({"type": "array", "items": {}, "minItems": 2, "maxItems": 2})
]
"""[done, {name: number}]."""


class Progress(Value):
    """How far a worker's code says that it is."""

    done: Amount
    """How much is done, in `unit`."""
    total: Amount | None = None
    """Of how much; absent: it does not know."""
    unit: Annotated[str, Strict(), Field(min_length=1, max_length=32)] = "epoch"
    """What is counted, in the singular."""
    metrics: Measures = Field(default_factory=dict)
    """The newest number of each, such as loss."""


class WorkerProgress(Progress):
    """The same as the LocalController tells it, with what it has seen."""

    curve: Annotated[list[CurvePoint], Field(max_length=MOST_POINTS)] = Field(default_factory=list)
    """What `done` and the metrics were: at most 100 points, the first and the last among them."""
    expected_end: Time | None = None
    """When it will be done if it goes on as it does; absent: nobody can say."""
    time: Time


class Latency(Value):
    """How long an inference takes, in seconds: half of them at most `p50`, 95 and 99 in a hundred the others."""

    p50: Amount
    p95: Amount
    p99: Amount


class Inference(Value):
    """What an inference worker's library counted since its process began (`since`)."""

    count: Annotated[Int, Field(ge=0)]
    hard: Annotated[Int, Field(ge=0)] = 0
    """How many of them were hard examples."""
    hard_share: Annotated[Number, Field(ge=0, le=1)] | None = None
    """Of the last 512."""
    latency_seconds: Latency | None = None
    """Over the last 512."""
    per_second: Amount = 0.0
    """How many there were of late."""
    since: Time


class WorkerInference(Inference):
    """The same as the LocalController tells it."""

    time: Time


class WorkerStatus(Value):
    """What became of it."""

    phase: Literal["Pending", "Starting", "Running", "Succeeded", "Failed", "Paused"] = "Pending"
    reason: Text | None = None
    message: Text | None = None
    unit: Text | None = None
    pid: Int | None = None
    exit_code: Int | None = None
    signal: Int | None = None
    restarts: Int = 0
    start_time: Time | None = None
    finish_time: Time | None = None
    observed_generation: Int | None = None
    report: ReportSummary | None = None
    results: list[WorkerResult] = Field(default_factory=list)
    model: ServedModel | None = None
    progress: WorkerProgress | None = None
    """How far its training is, or was when it ended; only from code that says so."""
    inference: WorkerInference | None = None
    """How its inferences go."""


class Worker(Resource):
    """One run of user code on one node."""

    api_version: Literal["sedna.io/v1alpha1"] = API_VERSION
    kind: Literal["Worker"] = "Worker"
    spec: WorkerSpec
    status: WorkerStatus = WorkerStatus()


class WorkerReport(Value):
    """What the library posts to its LocalController; `results` stay loose, since user code fills them."""

    name: NonEmpty
    namespace: NonEmpty
    owner_name: Text = ""
    owner_kind: Text = ""
    kind: Literal["train", "eval", "deploy", "inference"]
    status: Literal["completed", "failed", "running"]
    owner_info: dict[str, Any] | None = None
    results: list[dict[str, Any]] | None = None
    message: Text | None = None


class WorkerNews(Value):
    """What the library posts to its LocalController now and then: how things stand. Only the newest counts."""

    name: NonEmpty
    namespace: NonEmpty
    progress: Progress | None = None
    inference: Inference | None = None
