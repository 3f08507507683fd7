"""The kind IncrementalLearningJob: a model that keeps learning from what its hosts see.

`spec` is the original's, field for field. `status` is written by the GlobalManager's controller alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from sedna.api.guards import Guard
from sedna.api.meta import (
    API_VERSION,
    Bool,
    Condition,
    Int,
    KeyValue,
    NameReference,
    NonEmpty,
    Number,
    Resource,
    ResourceName,
    Text,
    Time,
    Value,
)
from sedna.api.models import ModelVersion, RetainedVersion, Rollback
from sedna.api.pods import PodTemplate, check_absolute
from sedna.api.triggers import NUM_OF_SAMPLES, Trigger

TRIGGER_ANNOTATION = "sedna.io/trigger"
PAUSE_ANNOTATION = "sedna.io/paused"
"""`true`, in any letter case, keeps the job from beginning anything; any other value is none."""
JOB_FINALIZER = "sedna.io/job"
_BUCKET = re.compile(r"s3://[A-Za-z0-9._-]+(/|\Z)")


def says_paused(annotations: Mapping[str, Any] | None) -> bool:
    """Whether a job's annotations pause it."""
    return str((annotations or {}).get(PAUSE_ANNOTATION, "")).strip().lower() == "true"


def _output(path: str) -> str:
    if "://" not in path:
        return check_absolute(path)
    if not _BUCKET.match(path):
        raise ValueError(f"{path!r} is neither an absolute path nor a URL such as s3://bucket/prefix")
    check_absolute(f"/{path.partition('://')[2]}")
    return path


class JobDataset(Value):
    """What to learn from."""

    name: ResourceName
    train_prob: Annotated[Number, Field(gt=0, lt=1)] = 0.8
    """Share of the new samples that trains; the rest evaluates."""


class TrainTrigger(Trigger):
    """When to train: enough samples that were not used yet, in the window of the day."""

    @model_validator(mode="after")
    def _counts_samples(self) -> TrainTrigger:
        if self.condition is not None and self.condition.metric != NUM_OF_SAMPLES:
            raise ValueError(f"training can wait for the metric {NUM_OF_SAMPLES} only, not {self.condition.metric}")
        return self


class TrainSpec(Value):
    """How to train."""

    template: PodTemplate
    trigger: TrainTrigger


class EvalSpec(Value):
    """How to evaluate."""

    template: PodTemplate
    initial_eval_model: NameReference | None = None
    """The model to compare the first round with; absent: the deploy model."""
    regression_dataset: NameReference | None = None
    """Old knowledge: in each round both models are evaluated on all samples of this dataset, too, and the deployment's
    trigger can ask for what comes out, as `regression.NAME` and `regression.NAME_delta`."""


class HardExampleMining(Value):
    """How the inference worker finds the frames worth labelling."""

    name: NonEmpty
    """Threshold, CrossEntropy, IBT, Random, CloudOnly, EdgeOnly, or a name that user code registers."""
    parameters: list[KeyValue] = Field(default_factory=list)


class DeployModel(Value):
    """Which model is replaced, and how."""

    name: ResourceName
    hot_update_enabled: Bool = False
    """True: the running worker swaps the model between two predictions. False: it is started again."""
    poll_period_seconds: Annotated[Int, Field(ge=1)] = 60
    """How often a hot-updated worker looks by itself, should it have missed the notice."""


class DeploySpec(Value):
    """When and how to deploy, and what serves."""

    model: DeployModel
    template: PodTemplate
    trigger: Trigger | None = None
    """Absent: every new model is deployed."""
    hard_example_mining: HardExampleMining | None = None
    guard: Guard | None = None
    """How a new model is watched once it serves, and when it is taken back by itself. Absent: it is not watched."""


class IncrementalLearningJobSpec(Value):
    """What to learn from, with which code, when, and where to put it."""

    initial_model: NameReference
    """Where round 1 begins."""
    dataset: JobDataset
    train_spec: TrainSpec
    eval_spec: EvalSpec
    deploy_spec: DeploySpec
    output_dir: Annotated[str, Field(min_length=1), AfterValidator(_output)]
    """Models and sample lists of each round go below this folder of the node. `s3://bucket/prefix`: each model goes
    there when its training has ended, and the rest stays on the node."""
    credential_name: Text | None = None
    """Which credential of a node opens an `outputDir` on S3; workers find it as a file, too."""


class JobCondition(Condition):
    """One step of one stage, in the original's words."""

    stage: Literal["Train", "Eval", "Deploy"]
    round: Annotated[Int, Field(ge=0)] = 0
    data: Text | None = None
    """JSON text with `input` and `output`, as in the original."""


class SampleCounts(Value):
    """How far into the dataset's history the job is."""

    seen: Annotated[Int, Field(ge=0)] = 0
    used: Annotated[Int, Field(ge=0)] = 0
    """Samples below this index belong to a finished round."""
    new: Annotated[Int, Field(ge=0)] = 0


class RoundRange(Value):
    """The samples that one round took."""

    round: Annotated[Int, Field(ge=1)]
    start: Annotated[Int, Field(ge=0)]
    end: Annotated[Int, Field(ge=0)]


class RegressionSamples(Value):
    """What of the regression dataset a round is measured on."""

    dataset: ResourceName
    uid: Text | None = None
    start: Annotated[Int, Field(ge=0)]
    end: Annotated[Int, Field(ge=0)]


class RoundWorker(Value):
    """A worker that a round has had: its log may be kept on its node when it is gone."""

    name: Text
    role: Literal["train", "eval"]
    node: ResourceName


class RoundProgress(Value):
    """The round under way."""

    start: Annotated[Int, Field(ge=0)] = 0
    end: Annotated[Int, Field(ge=0)] = 0
    started_at: Time | None = None
    stage_since: Time | None = None
    """When the present stage began: its deadline counts from here."""
    base_model: ModelVersion | None = None
    new_model: ModelVersion | None = None
    new_metrics: dict[Text, Number | list[Number]] | None = None
    old_metrics: dict[Text, Number | list[Number]] | None = None
    compared_with: ModelVersion | None = None
    next_base: ModelVersion | None = None
    """The same training's model in the format that training begins with."""
    by_hand: Literal["train", "eval", "deploy"] | None = None
    """The stage that somebody started with the annotation `sedna.io/trigger`."""
    rollback: Rollback | None = None
    """The wish for another version that this round, which has no samples of its own, carries out."""
    regression: RegressionSamples | None = None
    """Set from when the round's own samples are evaluated and those of the regression dataset are next."""
    paused_at: Time | None = None
    """Since when an operator has paused the stage's worker: its deadline stands still."""
    outcome: Text | None = None
    """What was decided about the new model: Deployed, NotDeployed, or why the round failed."""
    reason: Text | None = None
    """The sentence behind the outcome."""
    workers: list[RoundWorker] = Field(default_factory=list)
    """Those that were made for it, in the order of their making."""


class Serving(Value):
    """The inference worker, in short."""

    phase: Text | None = None
    node: Text | None = None
    model: Text | None = None
    message: Text | None = None
    failures: Annotated[Int, Field(ge=0)] = 0
    """How often in a row it ended, whether its node started it again or it was replaced."""
    restarts: Annotated[Int, Field(ge=0)] = 0
    """How often its node has started it again, as far as that was looked at."""
    restarted_at: Time | None = None
    """When that number was last seen to rise."""
    retry_after: Time | None = None


class IncrementalLearningJobStatus(Value):
    """Where the job stands and why."""

    observed_generation: Int | None = None
    start_time: Time | None = None
    completion_time: Time | None = None
    stage: Literal["Train", "Eval", "Deploy"] | None = None
    phase: Literal["Waiting", "Ready", "Starting", "Running", "Completed", "Failed"] | None = None
    round: Annotated[Int, Field(ge=0)] | None = None
    paused: Text | None = None
    """Where an operator has stopped the job, if anywhere."""
    paused_since: Time | None = None
    """Since when the annotation `sedna.io/paused` has kept it from beginning anything."""
    message: Text | None = None
    """One sentence: what it does or waits for."""
    samples: SampleCounts | None = None
    current: RoundProgress | None = None
    last_trained_model: ModelVersion | None = None
    """Where the next training begins."""
    candidate_model: ModelVersion | None = None
    """The last trained model in the format that is deployed: what `sedna.io/trigger: eval` and `deploy` look at."""
    deployed_model: ModelVersion | None = None
    finished_rounds: list[RoundRange] = Field(default_factory=list)
    """The last few completed rounds: their evaluation parts are evaluated again."""
    failures: Annotated[Int, Field(ge=0)] = 0
    """Rounds failed in a row; backoff grows with it."""
    charged_failures: Annotated[Int, Field(ge=0)] = 0
    """Those of them that were no accident of a node or a link, since somebody last asked by hand or edited the job."""
    gave_up_at: Time | None = None
    """Since when the job begins no round by itself; set while it has given up."""
    retry_after: Time | None = None
    dataset_uid: Text | None = None
    """The dataset whose samples are counted: one made again under the same name begins at 0."""
    handled_trigger: Text | None = None
    """The value of the annotation `sedna.io/trigger` that was obeyed and is about to be removed."""
    heard_trigger: Text | None = None
    """Its value that cannot be obeyed yet, and was told."""
    versions: list[RetainedVersion] = Field(default_factory=list)
    """This job's versions of the deploy model that can be served again, newest first; that Model shows them."""
    rollback: Rollback | None = None
    """The last wish for another version."""
    handled_rollback: Text | None = None
    """The value of the Model's annotation `sedna.io/rollback` that was read and is about to be removed."""
    nodes: dict[Text, Text] = Field(default_factory=dict)
    """Node of each stage."""
    serving: Serving | None = None
    conditions: list[JobCondition] = Field(default_factory=list)


class IncrementalLearningJob(Resource):
    """Train, evaluate, deploy, and again."""

    api_version: Literal["sedna.io/v1alpha1"] = API_VERSION
    kind: Literal["IncrementalLearningJob"] = "IncrementalLearningJob"
    spec: IncrementalLearningJobSpec
    status: IncrementalLearningJobStatus = IncrementalLearningJobStatus()
