"""The list files that a worker reads: ranges of the sample log, cut by the split, written whole or not at all.

Called by the reconciler before a train or eval worker starts, for samples of this node; those of another one are
listed by `sedna_lc.artifacts.listing`. Where the file goes is `sedna_lc.places`' word; the samples come from the log,
never from the user's file, which may have changed since.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from sedna.api.splitting import in_train_part
from sedna.api.workers import SampleRange, Worker
from sedna.common.faults import reached
from sedna.common.publishing import sync_folder
from sedna_lc.datasets.logs import copy_samples
from sedna_lc.errors import Again
from sedna_lc.places import local_path, sample_list
from sedna_lc.state.records import Progress
from sedna_lc.state.stores import Store


def materialise(worker: Worker, store: Store, datasets_dir: Path) -> int:
    """Write the worker's sample list and return how many samples it holds; 0 for a worker that has none.

    Raises:
        Again: the dataset is not (yet) on this node, or has not been read far enough; the place for the list
            cannot be written.
    """
    url = sample_list(worker)
    if url is None:
        return 0
    target = local_path(url)
    if target is None:
        raise Again("OutputNotLocal", f"{url} is not a path on this node: sample lists are written to local paths.")
    namespace = worker.metadata.namespace or "default"
    progresses = [find_progress(namespace, one, store) for one in worker.spec.samples]
    try:
        return write_whole(Path(target), lambda out: _copy(worker, progresses, datasets_dir, out))
    except EOFError as problem:
        raise Again("SamplesNotFound", f"The sample log is shorter than it should be: {problem}.") from problem
    except OSError as problem:
        raise Again("SamplesNotWritable", f"The list of samples cannot be written: {problem}.") from problem


def find_progress(namespace: str, samples: SampleRange, store: Store) -> Progress:
    """Return how far a range's dataset has been read here. Raises Again as long as the range is not in its log."""
    dataset = store.wanted("datasets").get((namespace, samples.dataset))
    if dataset is None:
        raise Again("DatasetNotFound", f"Dataset {samples.dataset} is not one of this node's.")
    progress = store.progress(dataset["metadata"]["uid"])
    seen = progress.samples if progress is not None else 0
    if progress is None or seen < samples.end:
        raise Again(
            "SamplesNotSeen",
            f"Dataset {samples.dataset} has shown {seen} samples here, and those up to {samples.end} are wanted.",
        )
    return progress


def _copy(worker: Worker, progresses: list[Progress], datasets_dir: Path, out: BinaryIO) -> int:
    kept = 0
    header = header_of(progresses)
    if header is not None:
        out.write(header.encode() + b"\n")
    for samples, progress in zip(worker.spec.samples, progresses, strict=True):
        kept += copy_samples(datasets_dir / progress.uid, samples.start, samples.end, choice(samples), out)
    return kept


def header_of(progresses: Iterable[Progress]) -> str | None:
    """Return the header of a list that holds samples of these datasets."""
    return next((one.header for one in progresses if one.header is not None), None)


def choice(samples: SampleRange) -> Callable[[int], bool]:
    """Return what tells, for a sample's index, whether the range's side of the split has it."""
    if samples.part == "all":
        return lambda _: True
    train = samples.part == "train"
    return lambda number: in_train_part(samples.seed, number, samples.probability) == train


def write_whole(target: Path, fill: Callable[[BinaryIO], int]) -> int:
    """Like `sedna.common.publishing.write_atomically`, for content that need not fit into memory."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".sedna-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as out:
            count = fill(out)
            out.flush()
            os.fsync(out.fileno())
        reached("lc.list.publish.before")
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)
    reached("lc.list.publish.after")
    return count
