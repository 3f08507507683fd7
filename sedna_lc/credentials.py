"""Which credentials a worker is handed: its token and those that its manifest names. The I/O beside `sedna_lc.units`.

Called by `sedna_lc.reconcile.starting`; what it returns goes into the unit's description, as names and files. The
secrets are read by systemd (`LoadCredential=`) or by the process runner, when the unit starts.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from sedna.api.urls import is_remote
from sedna.api.workers import Worker
from sedna.common.credentials import WORKER_TOKEN, assignment, is_name, read_credential
from sedna_lc.artifacts.remote_problems import our_words
from sedna_lc.errors import Again
from sedna_lc.images import Image
from sedna_lc.tokens import WorkerTokens

logger = logging.getLogger(__name__)

# The module of the library that shows a worker's token.
_SHOWS_TOKENS = "sedna/service/tokens.py"


@dataclass(frozen=True)
class Credentials:
    """What a worker is handed: the file of each name, and the value that says which one is for which URL."""

    files: Mapping[str, str] = field(default_factory=dict)
    assignment: str = ""


def credentials_of(worker: Worker, folder: Path) -> Credentials:
    """Return what this worker is handed from a folder of credentials.

    A training or evaluation waits for a credential that opens one of its URLs: without it, it would fail. Any other is
    handed over if it is there; an inference worker, whose model is here already, runs without. Raises Again, with the
    file to make, and Never.
    """
    files: dict[str, str] = {}
    urls: list[tuple[str, str]] = []
    for url, name in _named(worker):
        if worker.spec.role != "inference" and is_remote(url):
            with our_words():
                read_credential(folder, name)
        elif not is_name(name) or not (folder / name).is_file():
            continue
        files[name] = str(folder / name)
        if is_remote(url):
            urls.append((url, name))
    return Credentials(files, assignment(urls) if urls else "")


def with_token(credentials: Credentials, worker: Worker, image: Image, tokens: WorkerTokens) -> Credentials:
    """Return the credentials, and the worker's own token, which is made here. Raises Again.

    An image may bring a library from before there were tokens, as after an upgrade; what would not be shown is not
    handed over, and the door takes such a worker's reports as it did before.
    """
    key = (worker.metadata.namespace or "default", worker.metadata.name)
    try:
        if image.library and not (Path(image.library) / _SHOWS_TOKENS).is_file():
            logger.warning(
                "Worker %s gets no token: the sedna library of its image %s is from before; build the image again.",
                worker.metadata.name,
                image.reference,
            )
            tokens.take_back(key)
            return credentials
        token = tokens.hand_over(key, worker.metadata.uid or "")
    except OSError as problem:
        raise Again("StateNotWritable", f"The token of the worker cannot be written: {problem}.") from problem
    return replace(credentials, files={**credentials.files, WORKER_TOKEN: str(token)})


def _named(worker: Worker) -> Iterator[tuple[str, str]]:
    spec = worker.spec
    for model in spec.models:
        if model.credential_name:
            yield model.url, model.credential_name
    if spec.dataset is not None and spec.dataset.credential_name:
        yield spec.dataset.url, spec.dataset.credential_name
    if spec.credential_name:
        yield spec.job_output_dir, spec.credential_name
