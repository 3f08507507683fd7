"""The words of a report, spelled as the LocalController reads them; used by `sedna.core` and user code."""

from __future__ import annotations

from enum import Enum


class K8sResourceKind(Enum):
    """The kinds a worker can belong to: `ownerKind` of a report. The names are the original's."""

    DEFAULT = "default"
    JOINT_INFERENCE_SERVICE = "jointinferenceservice"
    FEDERATED_LEARNING_JOB = "federatedlearningjob"
    INCREMENTAL_JOB = "incrementallearningjob"
    LIFELONG_JOB = "lifelonglearningjob"


class K8sResourceKindStatus(Enum):
    """How the worker fares: `status` of a report."""

    COMPLETED = "completed"
    FAILED = "failed"
    RUNNING = "running"
