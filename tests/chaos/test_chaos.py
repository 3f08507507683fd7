"""Chaos at the size for every day; `make chaos` does a thousand accidents."""

from __future__ import annotations

import random
import socket
from pathlib import Path

import pytest

from tests.chaos.lines import Line
from tests.chaos.mischief import Accident, Mischief
from tests.chaos.runs import run
from tests.chaos.sites import ChaoticSite

FAULTS = 15


@pytest.mark.timeout(600)
def test_after_accidents_of_every_kind_nothing_is_lost_twice_or_half(tmp_path: Path) -> None:
    verdict = run(tmp_path / "site", faults=FAULTS, seed=7, all_first=True)
    assert verdict.problems == [], verdict
    assert sum(verdict.counts.values()) == FAULTS
    assert verdict.missing == set()
    assert verdict.looks


@pytest.mark.parametrize("all_first", [False, True])
def test_one_seed_is_one_order_of_accidents_whatever_they_find(tmp_path: Path, all_first: bool) -> None:
    def drawn(folder: str, seed: int, found: int) -> list[Accident]:
        site = ChaoticSite(tmp_path / folder)
        try:
            mischief = Mischief(site, seed, all_first=all_first)
            # What an accident finds decides whether it is possible, and how much it draws for its details.
            for kind in mischief.kinds:
                mischief.kinds[kind] = lambda: [mischief.moment(0) for _ in range(found)] != []
            order = []
            for _ in range(100):
                order.append(mischief.draw())
                if not all_first or found:
                    mischief.do(order[-1])
            return order
        finally:
            site.close()

    first = drawn("a", 1, 0)
    assert first == drawn("b", 1, 1) == drawn("c", 1, 7)
    assert first != drawn("d", 2, 0)
    kinds = [accident.kind for accident in first]
    assert len(set(kinds)) == 14
    assert (len(set(kinds[:14])) == 14) is all_first


def test_a_status_is_delivered_again_as_it_was() -> None:
    request = (
        b"PATCH /apis/sedna.io/v1alpha1/namespaces/default/workers/w/status HTTP/1.1\r\n"
        b"Host: h\r\nContent-Length: 7\r\n\r\n"
        b'{"a":1}'
    )
    with socket.create_server(("127.0.0.1", 0)) as gm:
        line = Line(gm.getsockname()[:2])
        try:
            assert not line.again(random.Random(1))
            host, _, port = line.address.rpartition("//")[2].rpartition(":")
            with socket.create_connection((host, int(port))) as node:
                # In two pieces, as a network may.
                node.sendall(b"GET / HTTP/1.1\r\n\r\n" + request[:50])
                first, _ = gm.accept()
                with first:
                    node.sendall(request[50:])
                    heard = b""
                    while not heard.endswith(b'{"a":1}'):
                        heard += first.recv(1 << 12)
            gm.settimeout(20)
            assert heard.endswith(request)
            # Answered before it is asked for: `again` waits for a word.
            gm_side = _Answering(gm)
            assert line.again(random.Random(1))
            assert gm_side.heard() == request
        finally:
            line.close()


class _Answering:
    """Takes one connection on a thread, and says one word."""

    def __init__(self, listener: socket.socket) -> None:
        import threading

        self._heard = b""
        self._listener = listener
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        connection, _ = self._listener.accept()
        with connection:
            self._heard = connection.recv(1 << 12)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    def heard(self) -> bytes:
        self._thread.join()
        return self._heard
