"""Many LocalControllers in one process, as a GlobalManager sees them: their requests, streams, beats and pauses.

Each `Node` registers, watches its workers, datasets and artifacts, holds the stream of questions, and beats;
what breaks it takes up again after the pauses of a true LocalController. What it hears it notes, and nothing more.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.conversations import SECONDS, Answer, Stream
from benchmarks.wires import request
from sedna_lc.gm.clients import GmClient
from sedna_lc.gm.pauses import growing

API = "/apis/sedna.io/v1alpha1"
_PLURALS = ("workers", "datasets", "artifacts")
_NAME = re.compile(rb'"metadata":\{[^{}]*"name":"(bench-[0-9]+)"')
_VERSION = re.compile(rb'"resourceVersion":"([0-9]+)"')


class Fleet:
    """So many nodes of one GlobalManager. `seen` has the moments at which workers came to their nodes."""

    def __init__(self, server: str, count: int, beat_seconds: float) -> None:
        host, _, port = server.rpartition("//")[2].rpartition(":")
        self.address = (host, int(port))
        self.beat_seconds = beat_seconds
        self.nodes = [Node(self, number) for number in range(count)]
        self.seen: dict[str, float] = {}
        self.beats: list[float] = []
        self.problems: dict[str, int] = {}
        # A host does not connect a thousand times in the same moment, and neither do a thousand hosts.
        self.joining = asyncio.Semaphore(64)
        # Whether a true LocalController's connection outlives the pause between two beats.
        client = GmClient(server)
        expiry = client._http._transport._pool._keepalive_expiry  # type: ignore[attr-defined]
        client.close()
        self.keeps_connections = expiry is None or expiry > beat_seconds

    @property
    def connected(self) -> int:
        """How many nodes have all their streams, and have beaten since."""
        return sum(node.is_whole for node in self.nodes)

    async def run(self) -> None:
        """Be there until cancelled."""
        try:
            await asyncio.gather(*(node.run() for node in self.nodes))
        finally:
            for node in self.nodes:
                node.close()

    def note(self, problem: BaseException | str) -> None:
        """Count what went wrong."""
        text = problem if isinstance(problem, str) else type(problem).__name__
        self.problems[text] = self.problems.get(text, 0) + 1


class Node:
    """One LocalController."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self.name = f"node-{number}"
        self._fleet = fleet
        # An address of its own, as hosts have: one has ports for half of these connections only.
        self._local = (f"127.1.{number // 250}.{number % 250 + 1}", 0)
        self._versions = dict.fromkeys(_PLURALS, 0)
        self._open: set[str] = set()
        self._beaten = False
        self._kept: Answer | None = None
        self._back = asyncio.Event()

    @property
    def is_whole(self) -> bool:
        """Whether it has all its streams, and a beat was answered since the last of them came."""
        return self._beaten and len(self._open) == len(_PLURALS) + 1

    async def run(self) -> None:
        """Register, watch, beat; for ever."""
        async with self._fleet.joining:
            await self._until_done(self._register)
        watches = (self._for_ever(plural, partial(self._watch, plural)) for plural in _PLURALS)
        await asyncio.gather(*watches, self._for_ever("questions", self._questions), self._beat())

    async def _register(self) -> None:
        node = {"apiVersion": "sedna.io/v1alpha1", "kind": "Node", "metadata": {"name": self.name}, "spec": {}}
        node["status"] = {
            "images": ["bench:v1"],
            "runner": "process",
            "timezone": "UTC",
            "versions": {"python": "3.11"},
        }
        code, body = await self._ask(request("POST", f"{API}/nodes", node))
        if code not in (201, 409):
            raise ConnectionError(f"registering: {code} {body[:200]!r}")

    async def _for_ever(self, name: str, connect: Callable[[], Any]) -> None:
        """Hold a stream; after a break wait as a LocalController does, or until another of the node has got through."""
        pauses = growing()
        while True:
            try:
                stream = await connect()
                self._open.add(name)
                self._back.set()
                pauses = growing()
                try:
                    await stream.ended
                finally:
                    stream.close()
                self._fleet.note("stream ended")
            except (OSError, asyncio.TimeoutError) as problem:
                self._fleet.note(problem)
            self._open.discard(name)
            self._back.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._back.wait(), next(pauses))

    async def _watch(self, plural: str) -> Stream:
        query = f"fieldSelector=spec.nodeName%3D{self.name}"

        def heard(data: bytes) -> None:
            now = time.perf_counter()
            for name in _NAME.findall(data):
                self._fleet.seen.setdefault(name.decode(), now)
            if b'"code":410' in data:
                self._versions[plural] = 0
            elif found := _VERSION.findall(data):
                self._versions[plural] = max(self._versions[plural], int(found[-1]))

        version = self._versions[plural]
        since = f"resourceVersion={version}" if version else "sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        return await self._stream(f"{API}/{plural}?{query}&watch=1&allowWatchBookmarks=true&{since}", heard, plural)

    async def _questions(self) -> Stream:
        return await self._stream(f"{API}/nodes/{self.name}/requests", lambda _: None, "")

    async def _stream(self, path: str, heard: Callable[[bytes], None], plural: str) -> Stream:
        loop = asyncio.get_running_loop()
        transport, stream = await loop.create_connection(
            lambda: Stream(heard), *self._fleet.address, local_addr=self._local
        )
        transport.write(request("GET", path))
        try:
            code = await asyncio.wait_for(stream.code, SECONDS)
        except BaseException:
            transport.close()
            raise
        if code != 200:
            transport.close()
            if plural:
                self._versions[plural] = 0
            raise ConnectionError(f"a stream: {code}")
        return stream

    async def _beat(self) -> None:
        beat = request("POST", f"{API}/nodes/{self.name}/heartbeat", {})
        # Hosts were not all started in the same second.
        await asyncio.sleep(random.uniform(0, self._fleet.beat_seconds))
        while True:
            try:
                begun = time.perf_counter()
                if self._kept is None or not self._kept.is_open:
                    self._kept = await self._connect()
                code, _ = await self._kept.ask(beat)
                self._fleet.beats.append(time.perf_counter() - begun)
                self._beaten = code == 200
            except (OSError, asyncio.TimeoutError) as problem:
                self._fleet.note(problem)
                self._beaten = False
                self.close()
            if not self._fleet.keeps_connections:
                self.close()
            await asyncio.sleep(self._fleet.beat_seconds if self._beaten else random.uniform(0.25, 0.5))

    def close(self) -> None:
        """Let go of the connection for beats."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    async def _until_done(self, act: Callable[[], Any]) -> None:
        for pause in growing():
            try:
                await act()
                return
            except (OSError, asyncio.TimeoutError) as problem:
                self._fleet.note(problem)
                await asyncio.sleep(pause)

    async def _connect(self) -> Answer:
        loop = asyncio.get_running_loop()
        _, answer = await loop.create_connection(Answer, *self._fleet.address, local_addr=self._local)
        return answer

    async def _ask(self, one: bytes) -> tuple[int, bytes]:
        answer = await self._connect()
        try:
            return await answer.ask(one)
        finally:
            answer.close()
