"""The Eval stage: the new model and the deployed one judged on samples that neither was trained on by this job.

With a `regressionDataset` it is gone through twice in each round; what differs the second time is `regressing`'s.
"""

from __future__ import annotations

from sedna.api.incremental_learning import RoundProgress
from sedna.api.stages import Phase, Stage
from sedna.api.workers import Worker
from sedna_gm.controllers.incremental_learning import measuring, models, regressing, samples
from sedna_gm.controllers.incremental_learning.carrying import Cargo
from sedna_gm.controllers.incremental_learning.failing import fail
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status, Step, move, progress, stay, update
from sedna_gm.controllers.incremental_learning.training import asked
from sedna_gm.controllers.incremental_learning.working import get_worker, late, watch_run, watch_start


def waiting(snapshot: Snapshot, status: Status) -> Step:
    """Leave at once; the models to compare must exist."""
    if regressing.is_under_way(status):
        return _waiting_again(snapshot, status)
    missing = models.missing(snapshot)
    if missing is not None:
        return stay(status, missing, snapshot.after(snapshot.settings.recheck))
    compared = models.compared(snapshot, status)
    chosen = progress(status, compared_with=compared)
    if asked(snapshot, status) == "eval":
        # Wished for while the training ran; it begins now in any case.
        chosen = update(chosen, handled_trigger="eval")
    sentence = f"The model of round {status.round} is compared with {compared.url}."
    return move(snapshot, chosen, (Stage.EVAL, Phase.READY), "ModelsChosen", sentence)


def ready(snapshot: Snapshot, status: Status) -> Step:
    """Have the worker made."""
    if regressing.is_under_way(status):
        return _ready_again(snapshot, status)
    missing = models.missing(snapshot)
    if missing is not None or snapshot.dataset is None:
        return stay(status, missing or "", snapshot.after(snapshot.settings.recheck))
    if snapshot.dataset.metadata.uid != status.dataset_uid:
        name = snapshot.dataset.metadata.name
        return fail(snapshot, status, "DatasetReplaced", f"dataset {name} was deleted and made anew.")
    cargo = _cargo(snapshot, status)
    if len(cargo.models) != 2:
        return fail(snapshot, status, "NoModel", "the status does not say which models to compare.")
    return get_worker(snapshot, status, cargo)


def starting(snapshot: Snapshot, status: Status) -> Step:
    """Wait for the worker to run."""
    return watch_start(regressing.seen(snapshot, status), status, _cargo(snapshot, status))


def running(snapshot: Snapshot, status: Status) -> Step:
    """Wait for the metrics of both models."""

    def complete(worker: Worker) -> Step:
        found = measuring.of_both(worker)
        if isinstance(found, str):
            return fail(snapshot, status, "NoMetricsReported", found)
        new, old = found
        again, current = regressing.is_under_way(status), status.current or RoundProgress()
        if again:
            new, old = regressing.merged(current.new_metrics, new), regressing.merged(current.old_metrics, old)
        judged = progress(status, new_metrics=new, old_metrics=old)
        names = ", ".join(sorted(new))
        sentence = f"Round {status.round} has measured both models: {names}."
        data = {
            "input": {"models": [model.dump() for model in worker.spec.models]},
            "output": {"models": [result.dump() for result in worker.status.results]},
        }
        return move(snapshot, judged, (Stage.EVAL, Phase.COMPLETED), "ModelsEvaluated", sentence, data=data)

    return watch_run(regressing.seen(snapshot, status), status, Stage.EVAL, complete)


def completed(snapshot: Snapshot, status: Status) -> Step:
    """On to the evaluation of old knowledge, if that is wanted, and then to the deployment."""
    if regressing.is_next(snapshot, status):
        sentence = f"Both models of round {status.round} are to be evaluated on old knowledge, too."
        begun = regressing.begun(snapshot, status)
        return move(snapshot, begun, (Stage.EVAL, Phase.WAITING), "RegressionNext", sentence)
    sentence = f"The metrics of round {status.round} decide whether its model is deployed."
    return move(snapshot, status, (Stage.DEPLOY, Phase.WAITING), "ModelsEvaluated", sentence)


def _waiting_again(snapshot: Snapshot, status: Status) -> Step:
    lacks = regressing.missing(snapshot)
    if lacks is not None:
        # The dataset was there when the round began; a round that is trained is worth a while of patience.
        is_late, ends = late(snapshot, status, snapshot.settings.deploy_deadline)
        return fail(snapshot, status, "DatasetUnavailable", lacks) if is_late else stay(status, lacks, ends)
    if snapshot.regression is None:
        return fail(snapshot, status, "DatasetReplaced", "the job does not name a regressionDataset any more.")
    taken = regressing.taken(status, snapshot.regression)
    sentence = f"Both models are evaluated on all samples of dataset {snapshot.regression.metadata.name}."
    return move(snapshot, taken, (Stage.EVAL, Phase.READY), "ModelsChosen", sentence)


def _ready_again(snapshot: Snapshot, status: Status) -> Step:
    if regressing.is_replaced(snapshot, status):
        sentence = "the regression dataset was deleted, or made anew, before it was evaluated."
        return fail(snapshot, status, "DatasetReplaced", sentence)
    return get_worker(regressing.seen(snapshot, status), status, _cargo(snapshot, status))


def _cargo(snapshot: Snapshot, status: Status) -> Cargo:
    """What the evaluation takes in: the eval parts of some rounds, the new model and the one it is compared with."""
    current, name = status.current or RoundProgress(), snapshot.job.spec.deploy_spec.model.name
    ranges = regressing.ranges(snapshot, status)
    return Cargo(
        Stage.EVAL,
        status.round or 1,
        models=tuple((name, each) for each in (current.new_model, current.compared_with) if each is not None),
        samples=ranges or tuple(samples.eval_ranges(snapshot, status, current.start, current.end)),
    )
