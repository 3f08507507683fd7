"""Opens the store that an artifact names: one object for each address, whoever asks for it."""

from __future__ import annotations

from pathlib import Path

from sedna_lc.artifacts.blobs import BlobStore, BlobStores
from sedna_lc.artifacts.fsspec_blobs import open_blobs
from sedna_lc.artifacts.gm_blobs import GmBlobs
from sedna_lc.gm.clients import GmClient


def blob_stores(client: GmClient, credentials_dir: Path) -> BlobStores:
    """Return what opens stores; the empty address is the GlobalManager's own store."""
    own = GmBlobs(client)

    def open_one(url: str) -> BlobStore:
        # Nothing is asked here: a store that cannot be opened says so when it is used.
        return open_blobs(url, credentials_dir) if url else own

    return open_one
