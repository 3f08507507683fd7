"""A job whose `outputDir` is on S3: its workers write on this node, and a finished model is taken there.

`starting` gives such a worker folders of this node; `applying` delivers when its training has succeeded, before the GM
is told of it. Below `<outputDir>/train/<round>` a model lies under the beginning of its sha256, so that a job made
again under its name overwrites nothing; an object that is there already is not sent again.
"""

from __future__ import annotations

import logging
import posixpath
import shutil
from collections.abc import Iterator
from pathlib import Path

from sedna.api.urls import is_remote
from sedna.api.workers import Worker, WorkerResult, WorkerStatus
from sedna.common.credentials import Credential, from_environment, read_credential
from sedna.common.digests import digest, files_below
from sedna.common.object_stores import ObjectStore, Opener, key_of, open_file_system
from sedna.common.remote_errors import ContentDiffers, NothingThere
from sedna_lc.artifacts.remote_problems import our_words
from sedna_lc.errors import Again
from sedna_lc.places import Places, local_path

logger = logging.getLogger(__name__)

_DIGITS = 12


def at_home(worker: Worker, places: Places) -> Worker:
    """Return the worker with output folders of this node, where the job's own are on S3. Pure."""
    spec = worker.spec
    if not is_remote(spec.job_output_dir):
        return worker
    home = str(places.outputs_folder(worker))
    below = spec.output_dir[len(spec.job_output_dir.rstrip("/")) :]
    changes = {"job_output_dir": home, "output_dir": f"{home}{below}" if spec.output_dir else ""}
    return worker.model_copy(update={"spec": spec.model_copy(update=changes)})


def delivered(worker: Worker, status: WorkerStatus, places: Places, opener: Opener = open_file_system) -> WorkerStatus:
    """Take a finished training's models to S3 and return the status that names them there. Takes as long as it takes.

    Raises Again when it cannot be done now, Never when the URL is none.
    """
    if worker.spec.role != "train" or not is_remote(worker.spec.output_dir) or status.phase != "Succeeded":
        return status
    with our_words():
        store = ObjectStore(worker.spec.output_dir, _credential(worker, places), opener)
        results = [_deliver(store, worker, result) if result.sha256 else result for result in status.results]
    return status.model_copy(update={"results": results})


def clear(worker: Worker, places: Places) -> None:
    """Remove what a worker wrote on this node in place of S3."""
    folder = local_path(at_home(worker, places).spec.output_dir) if is_remote(worker.spec.output_dir) else None
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)


def _credential(worker: Worker, places: Places) -> Credential | None:
    name = worker.spec.credential_name
    return read_credential(places.credentials_dir, name) if name else from_environment()


def _deliver(store: ObjectStore, worker: Worker, result: WorkerResult) -> WorkerResult:
    path = local_path(result.url)
    if path is None:
        return result
    source, content = Path(path), str(result.sha256)
    url = posixpath.join(worker.spec.output_dir, content[:_DIGITS], source.name)
    there = _sizes(store, url)
    for relative, file in _files(source):
        name = f"{url}/{relative}" if relative else url
        if there.get(relative) != file.stat().st_size:
            store.put(file, key_of(name))
    if digest(source) != content:
        raise Again("ModelChanged", f"The model {source} was written to while it was sent to {url}.")
    wanted = {relative: file.stat().st_size for relative, file in _files(source)}
    if _sizes(store, url) != wanted:
        raise ContentDiffers(f"{url} is not what was sent from {source}: somebody else writes there")
    logger.info("The model %s lies at %s.", source, url)
    return result.model_copy(update={"url": url})


def _files(source: Path) -> Iterator[tuple[str, Path]]:
    if source.is_dir():
        yield from files_below(source)
    else:
        yield "", source


def _sizes(store: ObjectStore, url: str) -> dict[str, int]:
    try:
        return {relative: found.size for relative, found in store.find(url)}
    except NothingThere:
        return {}
