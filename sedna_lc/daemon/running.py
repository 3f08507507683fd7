"""The life of the program: start, signals, systemd, stop."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from sedna.daemons.notifying import Notifier
from sedna_lc.daemon import configuring
from sedna_lc.daemon.wiring import LocalController
from sedna_lc.errors import SettingsInvalid
from sedna_lc.settings import Settings

logger = logging.getLogger(__name__)

_IDLE_SECONDS = 3600.0


class Signals:
    """SIGTERM and SIGINT ask to stop, SIGHUP to read the settings again. Made in the main thread."""

    def __init__(self) -> None:
        self._heard = threading.Condition()
        self._stop = False
        self._reload = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._hear)

    def _hear(self, number: int, _: FrameType | None) -> None:
        # Runs between two instructions of the main thread, which may hold the condition: so on another one.
        threading.Thread(target=self._note, args=(number,), daemon=True).start()

    def _note(self, number: int) -> None:
        with self._heard:
            if number == signal.SIGHUP:
                self._reload = True
            else:
                self._stop = True
            self._heard.notify_all()

    def wait(self, seconds: float, reload: Callable[[], None]) -> bool:
        """Wait for at most so long; True when it is time to stop. `reload` is called for a SIGHUP."""
        with self._heard:
            self._heard.wait_for(lambda: self._stop or self._reload, timeout=seconds)
            again, self._reload = self._reload, False
            stop = self._stop
        if again and not stop:
            reload()
        return stop


def run(settings: Settings, config: Path) -> None:
    """Run until told to stop. Raises LcError or RunnerError when it cannot start."""
    signals = Signals()
    notifier = Notifier.taken_from(os.environ)
    controller = LocalController(settings)
    controller.start()
    logger.info("The LocalController of node %s runs.", settings.node_name)
    notifier.ready()
    while not signals.wait(notifier.watchdog_seconds or _IDLE_SECONDS, lambda: _reload(config)):
        notifier.alive()
    notifier.stopping()
    logger.info("Stopping.")
    if settings.stop_workers_on_exit:
        controller.stop_workers()
    controller.close()
    logger.info("Stopped.")


def _reload(config: Path) -> None:
    """Take over what can change while running: the log level. The rest needs a restart, which disturbs no worker."""
    try:
        settings = configuring.load(config)
    except SettingsInvalid as problem:
        logger.error("The settings stay as they are: %s", problem)  # noqa: TRY400
        return
    logging.getLogger().setLevel(settings.log_level)
    logger.info("The log level is %s now; other settings count from the next start.", settings.log_level)
