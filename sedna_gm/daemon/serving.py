"""gunicorn with one gevent worker: thousands of watches in one process, and an end within a second or two.

One worker, because the log of changes lives in its memory and SQLite has one writer anyway.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from gevent import get_hub
from gevent.event import Event
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.workers.ggevent import GeventWorker

from sedna.daemons import reloading
from sedna.daemons.configuring import Misconfigured, split_address
from sedna.daemons.notifying import Notifier
from sedna_gm.daemon import awaiting, configuring, telling
from sedna_gm.daemon.accepting import Counts, Entrance, Room, most_of_one_address
from sedna_gm.daemon.conversing import Conversations
from sedna_gm.daemon.securing import CertificateUnusable, Handle, Security
from sedna_gm.settings import Settings

if TYPE_CHECKING:
    from sedna_gm.daemon.wiring import GlobalManager

logger = logging.getLogger(__name__)


T = TypeVar("T")

# Reading a megabyte of YAML takes about three seconds, in which nobody else would be served.
_LONG_WORK = 16 * 1024
# How often the serving loop looks whether it shall stop or read its settings again.
_TURN_SECONDS = 1.0
# How often `systemctl status` gets a new sentence, if there is anything new.
_STATUS_SECONDS = 15.0
# What can change while running; the rest is part of what was built from it.
_CHANGEABLE = ("log_level",)


def in_a_thread(work: Callable[[], T], size: int) -> T:
    """Long work in a real thread beside gevent's loop, which shares the processor fairly; short work at once."""
    if size < _LONG_WORK:
        return work()
    result, error = get_hub().threadpool.apply(_caught, (work,))
    if error is not None:
        raise error
    done: T = result
    return done


def _caught(work: Callable[[], T]) -> tuple[T | None, Exception | None]:
    """What comes of work, or what it raises: gevent would print a traceback of each error, expected or not."""
    try:
        return work(), None
    except Exception as error:  # noqa: BLE001 - raised again where the work was asked for
        return None, error


def allow_many_files() -> None:
    """Each watch is an open file, and the usual soft limit of 1024 is for programs that use select()."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Our settings as gunicorn's, and our app, built in the worker once gevent has patched it."""

    def __init__(self, settings: Settings, config: Path, notifier: Notifier, address_file: Path | None) -> None:
        self.settings = settings
        self.config = config
        self.notifier = notifier
        self.address_file = address_file
        self.manager: GlobalManager | None = None
        self.security: Security | None = None
        allow_many_files()
        super().__init__()

    def load_config(self) -> None:
        host, port = split_address(self.settings.listen)
        chosen = {
            "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "workers": 1,
            "worker_class": WatchingWorker,
            "worker_connections": self.settings.http.max_connections,
            "logger_class": _Logger,
            # Between the requests of one client, until the head of the next one is whole; a LocalController's heartbeat
            # keeps its connection open.
            "keepalive": self.settings.http.header_seconds,
            # The gevent loop itself must be stuck for so long before the worker is taken for dead.
            "timeout": 60,
            "graceful_timeout": 5,
            # Selectors of many values make long lines.
            "limit_request_line": 8190,
            # A socket in the home folder through which the server could be controlled: nobody asked for it.
            "control_socket_disable": True,
            "proc_name": "sedna-gm",
            "pre_fork": _settle,
            "worker_exit": _thaw,
            # So that it says https where it names an address; the handshake is `securing`'s.
            "certfile": self.settings.tls.certificate,
            "keyfile": self.settings.tls.key,
        }
        for name, value in chosen.items():
            # An older gunicorn may not know a name yet, and then needs it not.
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        # Imported and built here, in the worker: whatever makes a lock or a thread must come after the patching.
        from sedna_gm.daemon.wiring import build

        if self.settings.tls.certificate is not None:
            self.security = Security(self.settings.tls)
        self.manager = build(self.settings, aside=in_a_thread)
        return self.manager.app

    def run(self) -> None:
        """Serves until told to stop; a process that cannot start says why and ends."""
        try:
            _Parent(self).run()
        except RuntimeError as error:
            logger.critical("The service cannot run: %s", error)
            sys.exit(1)

    def reread(self) -> reloading.Reloaded[Settings]:
        """Takes over what has changed in the settings, if they can be used."""
        reloaded = reloading.reread(self.settings, lambda: configuring.load(self.config), _CHANGEABLE, Misconfigured)
        self.settings = reloaded.settings
        logging.getLogger().setLevel(self.settings.log_level)
        return reloaded


def _settle(_parent: Arbiter, _child: object) -> None:
    """Before the child is forked: what both have stays shared, where a collection would write to each object."""
    gc.collect()
    gc.freeze()


def _thaw(_parent: Arbiter, _child: object) -> None:
    """At the end of the child, so that Python takes everything apart in the usual order."""
    gc.unfreeze()


class _Parent(Arbiter):  # type: ignore[misc]
    """gunicorn's first process, which keeps one child that serves."""

    def handle_hup(self) -> None:
        """SIGHUP: the child reads the settings again.

        gunicorn would start a second child beside the first, and there must be one writer only. This process reads
        them as well, for a child that it may have to start in place of one that died.
        """
        self.app.reread()
        self.kill_workers(signal.SIGHUP)


class WatchingWorker(GeventWorker):  # type: ignore[misc]
    """gunicorn's gevent worker, but its end comes at once and ends the watches first."""

    # gunicorn would let SIGHUP end the child while it sets its signals up.
    SIGNALS = tuple(number for number in GeventWorker.SIGNALS if number != signal.SIGHUP)

    app: Application

    def init_signals(self) -> None:
        """As gunicorn does, and SIGHUP."""
        self.told_to_reread, self.trouble = False, ""
        signal.signal(signal.SIGHUP, self.handle_hup)
        super().init_signals()

    def run(self) -> None:
        """Serves until told to stop."""
        self.leaving = Event()
        servers, keepers = [], []
        most = most_of_one_address(self.app.settings)
        counts = None if most is None else Counts(most)
        for listener in self.sockets:
            listener.setblocking(1)
            room = Room(self.worker_connections)
            conversations = Conversations(self, listener.getsockname(), room.spawn)
            handle: Handle = conversations.serve
            if self.app.security is not None:
                handle = self.app.security.handling(handle)
            server = Entrance(listener, handle, room, counts)
            server.start()
            servers.append(server)
            keepers.append(conversations.keeper)
        self._tell()
        self._answer_a_restore()
        self._go_round()
        if self.alive:
            # Not `stopping`: the parent starts another child at once, and systemd must not take that for the end.
            logger.info("A backup is put in the database's place; clients are served again in a moment.")
        else:
            self.app.notifier.stopping()
            logger.info("Stopping.")
        for server in servers:
            server.close()
        manager = self.app.manager
        if manager is not None:
            manager.stop()
        for keeper in keepers:
            keeper.stop()
        for server in servers:
            server.stop(timeout=self.app.settings.http.stop_seconds)
        if manager is not None:
            # Once more, for the connections that the last requests have opened.
            manager.close()

    def _go_round(self) -> None:
        """Wakes up in gevent's loop again and again: whoever hears of it knows that the loop is not stuck.

        Until it is told to stop, or until a backup waits, which another child takes in.
        """
        notifier = self.app.notifier
        turn = min(_TURN_SECONDS, notifier.watchdog_seconds or _TURN_SECONDS)
        alive_at = status_at = time.monotonic()
        while self.alive:
            self.notify()
            self._leave_a_damaged_database()
            if self.app.manager is not None and self.app.manager.is_to_be_restored:
                return
            if self.told_to_reread:
                self._reread()
            now = time.monotonic()
            if now >= alive_at:
                notifier.alive()
                alive_at = now + (notifier.watchdog_seconds or _TURN_SECONDS) - turn
            if now >= status_at and self.app.manager is not None and notifier.is_heard:
                sentence = telling.sentence(self.url, self.app.manager.store)
                # A file that cannot be used stays visible until it is mended.
                ending = self.app.security.trouble() if self.app.security else ""
                unsaved = self.app.manager.backups.trouble
                notifier.status(" ".join(filter(None, (sentence, self.trouble, ending, unsaved))))
                status_at = now + _STATUS_SECONDS
            self.leaving.wait(turn)

    def _answer_a_restore(self) -> None:
        """Says to a `sedna-gm restore` that may wait that what it has brought is served."""
        database = self.app.manager.database if self.app.manager is not None else None
        if database is not None:
            try:
                awaiting.tell(database)
            except OSError as error:
                logger.warning("Nobody could be told that the service serves: %s.", error)

    def _leave_a_damaged_database(self) -> None:
        """Ends both processes, so that the next start sets it aside and says what can be done."""
        manager = self.app.manager
        if manager is not None and manager.damage:
            logger.critical("%s The service ends; its next start says what can be done.", manager.damage)
            # The parent does not start another child for this code.
            sys.exit(Arbiter.WORKER_BOOT_ERROR)

    def _reread(self) -> None:
        self.told_to_reread = False
        self.app.notifier.reloading()
        reloaded = self.app.reread()
        reloading.tell(reloaded)
        self.trouble = reloaded.sentence if reloaded.refused else ""
        self._renew()
        # Whatever came of it, the service serves.
        self.app.notifier.ready(reloaded.sentence)

    def _renew(self) -> None:
        """Look at the certificate again; connections that are open keep theirs."""
        security = self.app.security
        if security is None:
            return
        try:
            security.load()
        except CertificateUnusable as problem:
            logger.error("The certificate stays as it was: %s.", problem)  # noqa: TRY400 - no bug of ours
            self.trouble = f"{self.trouble} {problem}.".strip()
        if ending := security.trouble():
            logger.warning("%s", ending)

    def handle_hup(self, _sig: int, _frame: Any) -> None:
        """SIGHUP. A signal may come in the middle of anything, so it only leaves a note for `run`."""
        self.told_to_reread = True

    def handle_exit(self, sig: int, frame: Any) -> None:
        """SIGTERM. A signal may come in the middle of anything, so it only leaves a note for `run`."""
        super().handle_exit(sig, frame)
        self._leave()

    def handle_quit(self, sig: int, frame: Any) -> None:
        """SIGINT (Ctrl-C) and SIGQUIT: the same; nothing is gained by leaving in a hurry."""
        self.handle_exit(sig, frame)

    def _leave(self) -> None:
        if hasattr(self, "leaving"):
            self.leaving.set()

    def _tell(self) -> None:
        host, port = self.sockets[0].getsockname()[:2]
        scheme = "http" if self.app.security is None else "https"
        self.url = url = f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
        logger.info("Serving on %s; resources are in %s.", url, self.app.settings.database)
        if self.app.address_file is not None:
            unfinished = self.app.address_file.with_name(f"{self.app.address_file.name}.new")
            unfinished.write_text(f"{url}\n", encoding="utf-8")
            os.replace(unfinished, self.app.address_file)  # noqa: PTH105 - atomic, and says so
        if self.app.security is not None and (ending := self.app.security.trouble()):
            logger.warning("%s", ending)
        self.app.notifier.ready(f"Serving on {url}.")


class _Logger(Logger):  # type: ignore[misc]
    """gunicorn's own sentences go where ours go."""

    def setup(self, cfg: Any) -> None:  # noqa: ARG002 - gunicorn hands it over
        self.loglevel = logging.getLogger().level
        self.error_log.propagate = True
        self.error_log.handlers = []
        # What it says below a warning (booting, listening, closing) we say ourselves, knowing more.
        self.error_log.setLevel(logging.WARNING)
        self.access_log.handlers = []
        self.access_log.disabled = True

    def access(self, resp: Any, req: Any, environ: Any, request_time: Any) -> None:  # noqa: ARG002
        """One sentence a request, for who asks for DEBUG."""
        logger.debug(
            "%s %s answered %s in %.1f ms.",
            environ.get("REQUEST_METHOD"),
            environ.get("RAW_URI"),
            resp.status,
            request_time.total_seconds() * 1000,
        )
