"""Puts the metrics together: where they look, the page, and the second address where `metrics.listen` asks for one."""

from __future__ import annotations

import time
from pathlib import Path

from sedna.daemons.configuring import split_address
from sedna.daemons.remembering import Remembered
from sedna_lc.gm.clients import GmClient
from sedna_lc.gm.sending import OutboxSender
from sedna_lc.http.metrics import alone
from sedna_lc.http.serving import DoorServer
from sedna_lc.metrics.counting import Counts
from sedna_lc.metrics.looking import Sources, folder_bytes, look
from sedna_lc.settings import MetricsSettings
from sedna_lc.state.stores import Store

# Counting looks at each file.
_ARTIFACTS_SECONDS = 60.0


class Meter:
    """The page, once its sources are known."""

    def __init__(self) -> None:
        self.counts = Counts()
        self._sources: Sources | None = None

    def look_at(self, store: Store, state_dir: Path, artifacts: Path, client: GmClient, sender: OutboxSender) -> None:
        """Say where to look. The door is open before all of it is made."""
        self._sources = Sources(
            store=store,
            state_dir=state_dir,
            counts=self.counts,
            oldest_seconds=lambda: sender.oldest_seconds,
            connected=lambda: client.reachable,
            heard_at=lambda: client.heard_at,
            artifact_bytes=Remembered(lambda: folder_bytes(artifacts), _ARTIFACTS_SECONDS, time.monotonic),
        )

    def page(self) -> tuple[str, bytes]:
        """Return content type and text. Raises RuntimeError while this program is still starting."""
        if self._sources is None:
            raise RuntimeError("The LocalController is starting; there is nothing to tell yet.")
        # A node whose metrics nobody reads need not load what writes them.
        from sedna_lc.metrics.telling import CONTENT_TYPE, text

        return CONTENT_TYPE, text(look(self._sources))

    def open_door(self, settings: MetricsSettings) -> DoorServer | None:
        """Open the address for a scraper; None where there is none. Raises OSError."""
        if settings.listen is None:
            return None
        token_file = Path(settings.token_file) if settings.token_file else None
        return DoorServer(alone(self.page, token_file), *split_address(settings.listen))
