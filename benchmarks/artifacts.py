"""A large model through the artifact store, over loopback: how fast, and how much of it twice when the line is cut."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.rows import Aim, Row, Size
from benchmarks.sites import Host, host
from sedna_lc.artifacts.blobs import Blob
from sedna_lc.artifacts.gm_blobs import GmBlobs
from sedna_lc.errors import Again
from sedna_lc.gm.clients import GmClient
from tests.end_to_end.links import DOWN, UP, Link


def measure(size: Size) -> Iterator[Row]:
    """Send and fetch, then the same with cuts."""
    total = size.pick(1_000_000_000, 12_000_000)
    with host(daemons=False) as one:
        one._configure(one.setup.gm_config, artifacts={"folder": str(one.folder / "store"), "reserveBytes": 1})
        one.start_gm()
        file, blob = _content(one.folder / "model.bin", total)
        plain = min(_seconds(lambda: _copy_and_hash(file, one.folder / "copy.bin")) for _ in range(3))
        client = GmClient(one.setup.server)
        try:
            sent = _seconds(lambda: _send(client, blob, file))
            fetched = _seconds(lambda: _fetch(client, blob, one.folder / "fetched.bin"))
        finally:
            client.close()
        for name, seconds in (("send", sent), ("fetch", fetched)):
            yield Row(
                f"artifact store, {name}, of plain cp + sha256sum", 100 * plain / seconds, "%",
                f"{total / 1e6:,.0f} MB over loopback, verified at both ends; the ratio of the times of one run",
                Aim(70, at_most=False), "100 s limit",
                {"MBps": total / 1e6 / seconds, "plainMBps": total / 1e6 / plain},
            )  # fmt: skip
        _forget(one)
        yield from _cuts(one, file, blob)


def _cuts(one: Host, file: Path, blob: Blob) -> Iterator[Row]:
    """Three cuts each way; what went over the line beside the blob's own bytes was sent twice."""
    server = one.setup.server.rpartition("//")[2].rpartition(":")
    link = Link((server[0], int(server[2])))
    client = GmClient(link.address)
    part = one.folder / "again.bin"
    try:
        moves: tuple[tuple[str, str, Callable[[], object]], ...] = (
            ("send", UP, lambda: _send(client, blob, file)),
            ("fetch", DOWN, lambda: _fetch(client, blob, part)),
        )
        for name, way, move in moves:
            begun = link.carried[way]
            for _ in range(3):
                link.mend()
                link.cut_after(blob.size // 4, way)
                with contextlib.suppress(Again):
                    move()
            link.mend()
            move()
            twice = link.carried[way] - begun - blob.size
            yield Row(
                f"artifact store, {name} with three cuts: bytes twice", 100 * twice / blob.size, "%",
                "bytes over the line beyond the content's own, heads of HTTP included",
                Aim(1), "no resume", {"bytes": twice},
            )  # fmt: skip
    finally:
        client.close()
        link.close()


def _content(file: Path, total: int) -> tuple[Path, Blob]:
    digest, left = hashlib.sha256(), total
    with file.open("wb") as out:
        while left > 0:
            block = os.urandom(min(left, 1 << 20))
            out.write(block)
            digest.update(block)
            left -= len(block)
    return file, Blob(digest.hexdigest(), total)


def _copy_and_hash(file: Path, copy: Path) -> None:
    subprocess.run(["cp", str(file), str(copy)], check=True)
    subprocess.run(["sha256sum", str(copy)], check=True, stdout=subprocess.DEVNULL)
    copy.unlink()


def _send(client: GmClient, blob: Blob, file: Path) -> None:
    blobs = GmBlobs(client)
    gap = blobs.missing([blob]).get(blob.sha256)
    if gap is not None:
        blobs.send(blob, file, gap, lambda _: None)


def _fetch(client: GmClient, blob: Blob, part: Path) -> None:
    """Fetch what is not there yet, and verify it as the node's cache does."""
    GmBlobs(client).fetch(blob, part, part.stat().st_size if part.exists() else 0, lambda _: None)
    with part.open("rb") as opened:
        digest = hashlib.sha256()
        while block := opened.read(1 << 20):
            digest.update(block)
    assert digest.hexdigest() == blob.sha256, "what was fetched is not what was sent"


def _forget(one: Host) -> None:
    """Let the store be empty again."""
    one.stop("gm")
    shutil.rmtree(one.folder / "store")
    (one.folder / "fetched.bin").unlink()
    one.start_gm()


def _seconds(act: Callable[[], None]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun
