"""The Eval stage: the new model and the deployed one judged on samples that neither was trained on by this job."""

from __future__ import annotations

from sedna.api.incremental_learning import RoundProgress
from sedna.api.stages import Phase, Stage
from sedna.api.workers import Worker
from sedna_gm.controllers.incremental_learning import measuring, models, samples
from sedna_gm.controllers.incremental_learning.carrying import Cargo
from sedna_gm.controllers.incremental_learning.failing import fail
from sedna_gm.controllers.incremental_learning.snapshot import Snapshot
from sedna_gm.controllers.incremental_learning.steps import Status, Step, move, progress, stay, update
from sedna_gm.controllers.incremental_learning.training import asked
from sedna_gm.controllers.incremental_learning.working import get_worker, watch_run, watch_start


def waiting(snapshot: Snapshot, status: Status) -> Step:
    """Leave at once; the models to compare must exist."""
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
    return watch_start(snapshot, status, _cargo(snapshot, status))


def running(snapshot: Snapshot, status: Status) -> Step:
    """Wait for the metrics of both models."""

    def complete(worker: Worker) -> Step:
        found = measuring.of_both(worker)
        if isinstance(found, str):
            return fail(snapshot, status, "NoMetricsReported", found)
        new, old = found
        judged = progress(status, new_metrics=new, old_metrics=old)
        names = ", ".join(sorted(new))
        sentence = f"Round {status.round} has measured both models: {names}."
        data = {
            "input": {"models": [model.dump() for model in worker.spec.models]},
            "output": {"models": [result.dump() for result in worker.status.results]},
        }
        return move(snapshot, judged, (Stage.EVAL, Phase.COMPLETED), "ModelsEvaluated", sentence, data=data)

    return watch_run(snapshot, status, Stage.EVAL, complete)


def completed(snapshot: Snapshot, status: Status) -> Step:
    """On to the deployment."""
    sentence = f"The metrics of round {status.round} decide whether its model is deployed."
    return move(snapshot, status, (Stage.DEPLOY, Phase.WAITING), "ModelsEvaluated", sentence)


def _cargo(snapshot: Snapshot, status: Status) -> Cargo:
    """What the evaluation takes in: the eval parts of some rounds, the new model and the one it is compared with."""
    current, name = status.current or RoundProgress(), snapshot.job.spec.deploy_spec.model.name
    return Cargo(
        Stage.EVAL,
        status.round or 1,
        models=tuple((name, each) for each in (current.new_model, current.compared_with) if each is not None),
        samples=tuple(samples.eval_ranges(snapshot, status, current.start, current.end)),
    )
