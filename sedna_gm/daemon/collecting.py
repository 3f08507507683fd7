"""`sedna-gm collect`: sweeps a bucket with what the GlobalManagers that use it say over HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from sedna.cli.proving import Proof
from sedna.common.credentials import Credential, from_environment, read_credential
from sedna.common.object_stores import explain, open_file_system, scheme_of
from sedna.common.remote_errors import CredentialNotFound, RemoteError
from sedna_gm.artifacts.buckets import BucketBlobs
from sedna_gm.artifacts.sweeping import Sweep, Swept, Unclear, Unnamed

#: The credential that LocalControllers open artifact stores with, too.
CREDENTIAL = "artifacts"
_PATH = "/apis/sedna.io/v1alpha1/artifacts"
_SECONDS = 60.0


class CollectingFailed(Exception):
    """Nothing (more) was removed; the text says why and what to do."""


def collect(
    url: str,
    servers: Sequence[str],
    credentials: Path,
    keep_seconds: float,
    clock: Callable[[], datetime],
    transport: httpx.BaseTransport | None = None,
    *,
    proofs: Mapping[str, Proof] | None = None,
    force: bool = False,
) -> Swept:
    """Removes from `url` what no Artifact of any of the servers names. Raises CollectingFailed.

    `proofs` are what each server is shown, and by what it is believed.
    Where no Artifact lies there at all, it does so only with `force`.
    """
    try:
        credential = _credential(url, credentials)
        system: Any = open_file_system(url, credential)
    except RemoteError as error:
        raise CollectingFailed(str(error)) from None
    with contextlib.ExitStack() as clients:
        asked = [(clients.enter_context(_client((proofs or {}).get(one), transport)), one) for one in servers]
        sweep = Sweep(
            url,
            BucketBlobs(url, system),
            lambda: [one for client, server in asked for one in _artifacts(client, server)],
            keep_seconds,
            senders_touch=False,
            must_be_named=not force,
        )
        try:
            return sweep.sweep(clock)
        except Unnamed as unnamed:
            raise CollectingFailed(f"nothing is removed: {unnamed}; if that is meant, say --force") from None
        except Unclear as unclear:
            raise CollectingFailed(f"nothing (more) is removed from {url}: {unclear}") from None
        except Exception as problem:
            told = explain(problem, url, credential)
            if told is None:
                raise
            raise CollectingFailed(str(told)) from None


def _client(proof: Proof | None, transport: httpx.BaseTransport | None) -> httpx.Client:
    shown = proof or Proof()
    return httpx.Client(
        timeout=_SECONDS,
        transport=transport,
        verify=True if shown.trust is None else shown.trust,
        headers={"Authorization": f"Bearer {shown.token}"} if shown.token else None,
        trust_env=False,
    )


def _artifacts(client: httpx.Client, server: str) -> Iterable[dict[str, Any]]:
    try:
        answer = client.get(f"{server.rstrip('/')}{_PATH}")
    except httpx.HTTPError as error:
        raise Unclear(f"{server} cannot be asked for its Artifacts: {error or type(error).__name__}") from None
    if answer.status_code != 200:
        raise Unclear(
            f"{server} answered {answer.status_code} when asked for its Artifacts"
            + (": say who you are by --token-file, or by another one" if answer.status_code in (401, 403) else "")
        )
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def _credential(url: str, folder: Path) -> Credential | None:
    if scheme_of(url) != "s3":
        return None
    try:
        return read_credential(folder, CREDENTIAL)
    except CredentialNotFound:
        found = from_environment()
        if found is None:
            raise
        return found
