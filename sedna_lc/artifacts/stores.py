"""Opens the store that an artifact names: one object for each address, whoever asks for it."""

from __future__ import annotations

from sedna_lc.artifacts.blobs import BlobStore, BlobStores
from sedna_lc.artifacts.gm_blobs import GmBlobs
from sedna_lc.errors import Never
from sedna_lc.gm.clients import GmClient


def blob_stores(client: GmClient) -> BlobStores:
    """Return what opens stores; the empty address is the GlobalManager's own store."""
    own = GmBlobs(client)

    def open_one(url: str) -> BlobStore:
        if url:
            raise Never("StoreUnknown", f"The artifact store {url} cannot be opened: only the GlobalManager's own can.")
        return own

    return open_one
