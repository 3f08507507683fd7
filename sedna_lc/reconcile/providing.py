"""What a worker needs from other nodes, brought here: its spec is rewritten to where it lies on this one.

Called by `starting` and `serving`; `sedna_lc.artifacts` does the work and says how far it is. `Wanted` is the other
side: which contents this node's workers refer to, for throwing the others away.

A train or eval worker that gets its samples from another node finds them as beside the data: TRAIN_DATASET_URL (or
TEST_DATASET_URL) names a list below the job's output folder, whose paths are absolute and lead into this node's copy.
ORIGINAL_DATASET_URL then names that same list, for there is no other file here: scripts that join its folder with a
sample's path get the path, since that is absolute. MODEL_URLS and BASE_MODEL_URL name this node's copies; results
that are reported for them are told to the GM under the urls it knows.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from sedna.api.artifacts import ArtifactReference
from sedna.api.trees import check_path
from sedna.api.urls import is_remote
from sedna.api.validating import parse
from sedna.api.workers import ModelReference, Worker
from sedna.common.digests import digest
from sedna_lc.artifacts.caching import CONTENT
from sedna_lc.artifacts.fetching import Needed
from sedna_lc.artifacts.remote_versions import RemoteVersions
from sedna_lc.errors import Again, Hindered, Never
from sedna_lc.places import Places, sample_list
from sedna_lc.reconcile.means import Means
from sedna_lc.reconcile.views import is_elsewhere, is_same, wanted_model
from sedna_lc.state.records import WorkerRecord
from sedna_lc.state.stores import Key, Store


def provide(means: Means, wanted: Worker) -> tuple[Worker, Path | None]:
    """Return a train or eval worker whose paths are all of this node, and where its samples lie if they were fetched.

    Raises Hindered as long as something is on its way; everything is asked for at once. Never when something that
    came is not what it should be.
    """
    if wanted.spec.role == "inference":
        return wanted, None
    hindrances: list[Hindered] = []
    fetched: dict[int, Path] = {}
    for place, model in enumerate(wanted.spec.models):
        try:
            if is_elsewhere(model):
                fetched[place] = fetched_model(means, wanted, model)
        except Hindered as problem:
            hindrances.append(problem)
    samples = None
    if wanted.spec.samples_artifact is not None:
        try:
            samples = means.contents.bring(_needed_samples(wanted, wanted.spec.samples_artifact), _key(wanted))
        except Hindered as problem:
            hindrances.append(problem)
    if hindrances:
        message = " ".join(problem.message for problem in hindrances)
        raise Hindered(hindrances[0].reason, message, hindrances[0].after_seconds)
    # A large model takes minutes to read: once, not with every piece that arrives of something else.
    models = [
        _checked(model, fetched[place]) if place in fetched else model for place, model in enumerate(wanted.spec.models)
    ]
    changes: dict[str, object] = {"models": models}
    listed = sample_list(wanted)
    if samples is not None and wanted.spec.dataset is not None and listed is not None:
        changes["dataset"] = wanted.spec.dataset.model_copy(update={"url": listed})
    return wanted.model_copy(update={"spec": wanted.spec.model_copy(update=changes)}), samples


def fetched_model(means: Means, wanted: Worker, model: ModelReference) -> Path:
    """Return where a model from another node, or from S3, lies here. Raises Hindered or Never; see `Contents.bring`."""
    if model.artifact is None:
        return means.remotes.bring(model, _key(wanted))
    name = folder_name(model.url)
    needed = Needed(model.artifact, name, f"model {model.name} (round {model.round})", "FetchingModel")
    return means.contents.bring(needed, _key(wanted))


def folder_name(url: str) -> str:
    """What a fetched folder is called here: as there, if a folder can be called so."""
    name = posixpath.basename(url.rstrip("/"))
    try:
        check_path(name)
    except ValueError:
        return CONTENT
    return name


def _checked(model: ModelReference, path: Path) -> ModelReference:
    try:
        found = digest(path)
    except (OSError, ValueError) as problem:
        raise Again("ModelUnreadable", f"Model {model.name} cannot be read: {problem}.") from problem
    if model.sha256 is not None and found != model.sha256.lower():
        message = f"Model {model.name} came with sha256 {found}, not {model.sha256} as promised."
        raise Never("WrongDigest", message)
    return model.model_copy(update={"url": str(path), "sha256": found})


def _needed_samples(wanted: Worker, reference: ArtifactReference) -> Needed:
    dataset = wanted.spec.dataset.name if wanted.spec.dataset is not None else "another node"
    return Needed(reference, CONTENT, f"the samples of {dataset}", "FetchingSamples")


def with_given_urls(record: WorkerRecord, wanted: Worker, places: Places) -> WorkerRecord:
    """Return the record with results named as the GM named their models, not as they are called here."""
    here = {f"{_folder_of(model, places)}/": model.url for model in wanted.spec.models if is_elsewhere(model)}
    results = [
        result.model_copy(update={"url": next((here[one] for one in here if result.url.startswith(one)), result.url)})
        for result in record.status.results
    ]
    if results == record.status.results:
        return record
    return replace(record, status=record.status.model_copy(update={"results": results}))


def _folder_of(model: ModelReference, places: Places) -> Path:
    if model.artifact is not None:
        return places.tree_folder(model.artifact.tree)
    return RemoteVersions(places.remote_models_folder).place_of(model.url)


class WantedContents:
    """Which contents the workers of this node want; see `sedna_lc.artifacts.fetching.Wants`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def named(self) -> Collection[str]:
        """All that any worker names."""
        return {one.tree for worker in self._workers() for one in _references(worker)}

    def needed(self) -> Collection[str]:
        """Those that must stay: not a model that its worker serves, for that lies among its versions."""
        return {one.tree for worker in self._workers() if not self._is_placed(worker) for one in _references(worker)}

    def remote_models(self) -> Collection[str]:
        """The URLs of models that must stay which came from S3; the same holds for these."""
        return {
            model.url
            for worker in self._workers()
            if not self._is_placed(worker)
            for model in worker.spec.models
            if model.artifact is None and is_remote(model.url)
        }

    def _workers(self) -> list[Worker]:
        workers = []
        for resource in self._store.wanted("workers").values():
            try:
                workers.append(parse(Worker, resource))
            except ValidationError:
                # Its own look says so; and a worker that cannot be read fetches nothing.
                continue
        return workers

    def _is_placed(self, worker: Worker) -> bool:
        model = wanted_model(worker)
        record = self._store.worker(_key(worker))
        serving = record.serving if record is not None else None
        return model is not None and serving is not None and is_same(model, serving)


def _references(worker: Worker) -> list[ArtifactReference]:
    found = [model.artifact for model in worker.spec.models if model.artifact is not None]
    return found + ([worker.spec.samples_artifact] if worker.spec.samples_artifact is not None else [])


def _key(worker: Worker) -> Key:
    return worker.metadata.namespace or "default", worker.metadata.name
