"""The life of the program: start, signals, systemd, stop."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from sedna.daemons import reloading
from sedna.daemons.notifying import Notifier
from sedna_lc.daemon import configuring
from sedna_lc.daemon.wiring import LocalController
from sedna_lc.errors import SettingsInvalid
from sedna_lc.settings import Settings

logger = logging.getLogger(__name__)

_IDLE_SECONDS = 3600.0
# How often systemd hears how things stand, if there is anything new.
_TURN_SECONDS = 15.0
# What can change while running; the rest is part of what was built from it.
_CHANGEABLE = ("log_level",)


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
    notifier.ready(controller.sentence())
    _go_round(signals, notifier, controller, settings, config)
    notifier.stopping()
    logger.info("Stopping.")
    if settings.stop_workers_on_exit:
        controller.stop_workers()
    controller.close()
    logger.info("Stopped.")


def _go_round(
    signals: Signals, notifier: Notifier, controller: LocalController, settings: Settings, config: Path
) -> None:
    """Tell systemd now and then that all goes round, and how things stand, until it is time to stop."""
    trouble = ""

    def reload() -> None:
        nonlocal settings, trouble
        notifier.reloading()
        reloaded = reloading.reread(settings, lambda: configuring.load(config), _CHANGEABLE, SettingsInvalid)
        settings = reloaded.settings
        logging.getLogger().setLevel(settings.log_level)
        reloading.tell(reloaded)
        # A file that cannot be used stays visible until it is mended.
        trouble = reloaded.sentence if reloaded.refused else ""
        notifier.ready(reloaded.sentence)

    turn = min(_TURN_SECONDS if notifier.is_heard else _IDLE_SECONDS, notifier.watchdog_seconds or _IDLE_SECONDS)
    was_stuck = False
    while not signals.wait(turn, reload):
        stuck = controller.stuck()
        if not stuck:
            notifier.alive()
        elif not was_stuck:
            logger.error("%s systemd is left to start this program again; workers go on.", stuck)
        was_stuck = bool(stuck)
        notifier.status(" ".join(filter(None, (stuck or controller.sentence(), trouble))))
