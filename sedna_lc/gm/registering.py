"""Keeps this node known to the GM and alive in its eyes.

The node introduces itself once, then beats; a GM that answers 404 (it lost its store, or somebody deleted the node)
is introduced to again. What has changed about the host (an image was installed) goes along with the next beat,
and `wake` makes that one come at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from sedna.api.meta import API_VERSION
from sedna.api.nodes import NodeStatus
from sedna_lc.errors import Again, GmConflict, GmNotFound, GmRefused
from sedna_lc.gm.clients import GmClient
from sedna_lc.gm.pauses import Pauses
from sedna_lc.state.letters import API

logger = logging.getLogger(__name__)

_SECONDS_AFTER_REFUSAL = 30.0


class NodeKeeper:
    """One thread (`run`) registers and beats. `describe` looks at the host each time."""

    def __init__(
        self,
        client: GmClient,
        name: str,
        labels: Mapping[str, str],
        describe: Callable[[], NodeStatus],
        pauses: Pauses,
        interval_seconds: float,
    ) -> None:
        self._client = client
        self._name = name
        self._labels = dict(labels)
        self._describe = describe
        self._pauses = pauses
        self._series = pauses()
        self._interval = interval_seconds
        self._told: NodeStatus | None = None
        self._wake = threading.Event()

    def wake(self) -> None:
        """Look at the host now, instead of with the next beat: something has changed."""
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Keep the node known until stopped; whoever stops it also calls `wake`."""
        while not stop.is_set():
            self._wake.clear()
            # At once when the host has changed.
            self._wake.wait(self.attempt())

    def attempt(self) -> float:
        """Beat, whatever comes of it; return seconds until the next attempt."""
        try:
            seconds = self.beat()
        except Again as problem:
            if problem.after_seconds:
                return problem.after_seconds
            seconds = next(self._series)
        except GmRefused as problem:
            logger.error("The GM refuses this node, %s: %s", self._name, problem.message)  # noqa: TRY400
            return _SECONDS_AFTER_REFUSAL
        except Exception:
            # Whatever the host's description trips over, the other threads go on, and so does this one.
            logger.exception("The node could not be described or registered; it is tried again.")
            seconds = next(self._series)
        else:
            self._series = self._pauses()
        return min(seconds, self._interval)

    def beat(self) -> float:
        """Say that the node is alive, introducing it when that is needed; return seconds until the next beat."""
        status = self._describe()
        if self._told is None:
            self._register(status)
        try:
            answer = self._client.post(f"{self._path}/heartbeat", {})
        except GmNotFound:
            self._register(status)
            answer = self._client.post(f"{self._path}/heartbeat", {})
        if status.model_dump() != (self._told or status).model_dump():
            self._client.patch(f"{self._path}/status", _status_patch(status))
            self._told = status
        asked = answer.get("intervalSeconds")
        return float(asked) if isinstance(asked, int | float) and asked > 0 else self._interval

    @property
    def _path(self) -> str:
        return f"{API}/nodes/{self._name}"

    def _register(self, status: NodeStatus) -> None:
        metadata = {"name": self._name, "labels": self._labels}
        node = {"apiVersion": API_VERSION, "kind": "Node", "metadata": metadata, "spec": {}}
        try:
            self._client.post(f"{API}/nodes", {**node, **_status_patch(status)})
            logger.info("The GM knows this node now as %s.", self._name)
        except GmConflict:
            self._client.patch(self._path, {"metadata": {"labels": self._labels}})
            self._client.patch(f"{self._path}/status", _status_patch(status))
            logger.info("The GM knew this node, %s, before.", self._name)
        self._told = status


def _status_patch(status: NodeStatus) -> dict[str, object]:
    # Conditions are the GM's: whether the node is Ready is seen from there.
    return {"status": status.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"conditions"})}
