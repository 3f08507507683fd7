"""What a person can do about rounds that keep failing, by reason: the first thing to know when a job needs help.

The reasons come from three places: from this package, from nodes (`status.reason` of Workers and Artifacts), and from
nodes of another version, whose words nobody here may know; those get the advice that always holds: look at the log.
"""

from __future__ import annotations

from collections.abc import Mapping

from sedna.api.stages import Phase, Stage
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status

_LOG = "Read `sedna logs {worker}`"
_PROGRAM = f"{_LOG}: the program ended by itself; mend it or its arguments."
_DISK = "Make room on the disk that the sentence names, or give the service a larger one."
_FILES = "Mend the path that the sentence names on that node, or name another in the manifest."
_RULE = "Name a folder that a rule in `hostPaths` of that host's lc.yml opens, or have its operator add a rule."
_IMAGE = "Install the image on that node: `sedna image build … -t NAME:TAG`."
_RIGHTS = "Let the worker's user write to the folder that the sentence names, or name another in the manifest."
_SECRET = "Mend the credentials that the manifest names for this address, or have the host's operator do it."  # noqa: S105 - advice, no password
_SEND = "Mend what keeps that node from sending: files that are gone, a full disk, a GlobalManager out of reach."
_UNIT = "Read `journalctl -u sedna-lc` on the worker's node: its host could not run the worker."

ADVICE: Mapping[str, str] = {
    "OutOfMemory": "Raise `limits.memory` of the stage's container, or have the program need less.",
    "DeadlineExceeded": f"Raise `activeDeadlineSeconds` of the stage, or have it do less. {_LOG}: how far did it come?",
    "UserCodeFailed": f"{_LOG}: it has the traceback; mend the program.",
    "ExitCode": _PROGRAM,
    "Signal": _PROGRAM,
    "WorkerCrashed": _PROGRAM,
    "WorkerFailed": _PROGRAM,
    "Watchdog": f"{_LOG}: the program hangs; mend it.",
    "BadResults": f"{_LOG}: the program reported what cannot be read; mend what `evaluate` or `save` gives.",
    "NoModelReported": "Have the training go through `IncrementalLearning.train`, and `save` write a model.",
    "NoMetricsReported": "Have `evaluate` return numbers by name.",
    "NoModel": "Name a model that exists: see `initialModel` and `deploySpec.model` of the job.",
    "ImageNotFound": _IMAGE,
    "ImageBroken": _IMAGE,
    "PackageMissing": _IMAGE,
    "PathNotAllowed": _RULE,
    "VolumeNotFound": _FILES,
    "VolumeUnusable": _FILES,
    "VolumeUnreadable": _FILES,
    "FolderUnusable": _RIGHTS,
    "SamplesNotWritable": _RIGHTS,
    "OutputDirInUse": "Give each job an `outputDir` of its own.",
    "ModelNotFound": _FILES,
    "ModelUnreadable": _FILES,
    "ModelUnusable": _FILES,
    "ModelNotLocal": _FILES,
    "ModelChanged": "Let nobody change a model's files in place: put the new version at another path.",
    "SamplesNotFound": _FILES,
    "SamplesUnreadable": _FILES,
    "SamplesUnusable": _FILES,
    "DatasetNotFound": _FILES,
    "DatasetUnreadable": _FILES,
    "DatasetUnavailable": "Mend the dataset's file: `sedna why dataset/{dataset}` says what is wrong with it.",
    "DatasetReplaced": "Leave the dataset in place while a round is under way.",
    "NotFound": _FILES,
    "PermissionDenied": _RIGHTS,
    "NoSpace": _DISK,
    "DiskFull": _DISK,
    "StoreFull": _DISK,
    "CacheUnusable": _DISK,
    "WrongDigest": "Check disks and memory of that node and of the GlobalManager: what came is not what was sent.",
    "FilesChanging": "Let nobody write to the files that are sent: put each version at a path of its own.",
    "CredentialNotFound": _SECRET,
    "CredentialUnusable": _SECRET,
    "StoreRefused": _SECRET,
    "StoreUnreachable": "Mend the network between that node and the store; it is tried again by itself.",
    "NothingSent": _SEND,
    "ArtifactFailed": _SEND,
    "ArtifactGone": "Leave the job's Artifacts alone: they are removed by themselves.",
    "NodeGone": "Let that node's LocalController register again, or name another node in the manifest.",
    "UnitVanished": "Find out why the worker's host ended it: a restart of the host, or somebody on it.",
    "WorkerDeleted": "Leave the job's workers alone: who wants it to stop deletes the job.",
    "StoppedByOperator": "Ask the operator of that host, who stopped the worker there.",
    "StartFailed": _UNIT,
    "UnitRefused": _UNIT,
    "RunnerUnavailable": _UNIT,
    "UnreadableStatus": "Bring the LocalController of that node to the version of the GlobalManager.",
    "ModelRefused": "Have `load` read what `save` writes; `sedna logs {worker}` says why the model was refused.",
    "RolledBack": "Look at the limit that the sentence names: raise it in `deploySpec.guard`, or mend the training.",
}
"""Reason -> sentence. `{worker}`, `{job}` and `{dataset}` are names; a command's namespace goes behind the name."""

UNKNOWN = "Read `sedna logs {worker}` and `sedna describe job {job}`."


def advice(reason: str, *, worker: str, job: str, dataset: str) -> str:
    """The sentence for a reason; one for every reason, known or not."""
    return ADVICE.get(reason, UNKNOWN).format(worker=worker, job=job, dataset=dataset)


def advised(snapshot: Snapshot, status: Status) -> str:
    """Why the last failed round failed, and after several in a row what to do; empty when none is remembered."""
    failed = next((each for each in reversed(status.conditions) if each.type == Phase.FAILED.value), None)
    if failed is None:
        return ""
    told = failed.message or ""
    if status.failures < snapshot.settings.advises_after:
        return told
    # Of two workers of one evaluation the one that failed is still there; see `regressing`.
    name = snapshot.worker_name(Stage(failed.stage or Stage.TRAIN.value), failed.round)
    names = (each.metadata.name for each in snapshot.own if each.status.phase == "Failed")
    worker = next((each for each in names if each == name or each.startswith(f"{name}-")), name)
    place = "" if snapshot.namespace == "default" else f" -n {snapshot.namespace}"
    sentence = advice(
        failed.reason or "",
        worker=f"{worker}{place}",
        job=f"{snapshot.job.metadata.name}{place}",
        dataset=f"{snapshot.job.spec.dataset.name}{place}",
    )
    return f"{told.rstrip('.')}. {sentence}"
