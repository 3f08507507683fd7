"""Which credentials a worker is handed: those that its manifest names, and no others. The I/O beside `sedna_lc.units`.

Called by `sedna_lc.reconcile.starting`; what it returns goes into the unit's description, as names and files. The
secrets are read by systemd (`LoadCredential=`) or by the process runner, when the unit starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sedna.api.urls import is_remote
from sedna.api.workers import Worker
from sedna.common.credentials import assignment, is_name, read_credential
from sedna_lc.artifacts.remote_problems import our_words


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


def _named(worker: Worker) -> Iterator[tuple[str, str]]:
    spec = worker.spec
    for model in spec.models:
        if model.credential_name:
            yield model.url, model.credential_name
    if spec.dataset is not None and spec.dataset.credential_name:
        yield spec.dataset.url, spec.dataset.credential_name
    if spec.credential_name:
        yield spec.job_output_dir, spec.credential_name
