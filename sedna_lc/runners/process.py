"""The process runner: workers as supervised processes, for hosts without root or without systemd.

Each unit is a small supervisor program (`shim`) that outlives the LC, and a folder that says what became of it
(`process_records`). The LC only writes descriptions, sends one signal, and reads. It is woken without looking:
supervisors write their unit's name to a FIFO after every change, and the end of a supervisor itself, even by
kill -9, shows on its pidfd.

What systemd would do and this runner does not: limit memory and CPU, mount (paths are mapped in environment and
arguments instead, see `mapping`), pause by an operator, come back after a reboot without the LC.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import logging
import os
import selectors
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from sedna.api.rounds import ROUND_ID_VARIABLE
from sedna.common.faults import reached
from sedna_lc.runners import process_logs, process_records
from sedna_lc.runners.base import Callback, UnitSpec, UnitState, fields_of_start
from sedna_lc.runners.ended import BOUNDS, Bounds, EndedLogs, about
from sedna_lc.runners.errors import NoSuchUnit, RunnerUnavailable, UnitBusy, UnitRefused
from sedna_lc.runners.mapping import map_argument, map_environment

log = logging.getLogger(__name__)

_SHIM = Path(__file__).with_name("shim.py")
# As a module, for Python keeps the compiled form of these; a script it compiles at each start.
_BEGIN = (
    "import sys; sys.path.append(sys.argv[1].rpartition('/')[0]); import shim; sys.path.pop(); shim.main(sys.argv[2])"
)
_LOCK_FD = 3
_EVENTS_BLOCK = 65536
#: What a worker takes over from the LC's own environment; anything else comes from its UnitSpec.
_INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")


class ProcessRunner:
    """A `base.Runner` that needs nothing but this user's rights and a folder.

    Args:
        state_dir: the LC's state folder; units live below `units/` in it.
        restart_delay: seconds before the first restart and the longest between two; doubles in between.
        log_bytes: size of each of the two log files of a unit.
        kept: how many logs of forgotten units stay, below `ended/` in the state folder.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        restart_delay: tuple[float, float] = (1.0, 60.0),
        log_bytes: int = 8 << 20,
        kept: Bounds = BOUNDS,
    ) -> None:
        self._units = state_dir.absolute() / "units"
        self._units.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._ended = EndedLogs(state_dir.absolute() / "ended", kept)
        self._restart_delay = restart_delay
        self._log_bytes = log_bytes
        self._mutex = threading.RLock()
        self._callbacks: list[Callback] = []
        self._watched: dict[str, int] = {}
        self._closed = False
        self._events_path = self._units / ".events"
        with contextlib.suppress(FileExistsError):
            os.mkfifo(self._events_path, 0o600)
        # Opened for both ways: with a writer of our own, the FIFO never comes to an end.
        self._events = os.open(self._events_path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._events, selectors.EVENT_READ, self._read_events)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._read_wake)
        for folder in self._folders():
            self._adopt(folder)
        self._thread = threading.Thread(target=self._listen, name="process-runner", daemon=True)
        self._thread.start()

    def start(self, spec: UnitSpec) -> None:
        """See `base.Runner.start`."""
        if not _is_a_name(spec.name):
            raise UnitRefused(f"{spec.name!r} cannot be the name of a unit.")
        if not spec.argv:
            raise UnitRefused(f"{spec.name} names no program to run.")
        if spec.memory_max is not None or spec.cpu_quota is not None:
            _say_limits_are_not_kept()
        folder = self._units / spec.name
        with self._mutex:
            known = process_records.settle(folder)
            if known is not None and known.fingerprint == spec.fingerprint:
                return
            if known is not None and not known.final:
                raise UnitBusy(f"{spec.name} runs with other contents; it must end first.")
            self._remove(folder) if known is None else self._retire(folder)
            try:
                self._spawn(folder, spec)
            except OSError as error:
                self._remove(folder)
                raise RunnerUnavailable(f"The supervisor of {spec.name} cannot be started: {error}.") from error
        log.info("Unit %s has been started (%s).", spec.name, spec.description, extra=fields_of_start(spec))

    def stop(self, name: str) -> None:
        """See `base.Runner.stop`."""
        with self._mutex:
            record = process_records.settle(self._units / name)
            if record is None or record.final:
                return
            (record.folder / "stop-requested").touch(mode=0o600)
            if name not in self._watched:
                # It may have said its number since we looked, and the event that tells so is still on its way.
                self._adopt(record.folder)
            pidfd = self._watched.get(name)
            if pidfd is None:
                raise RunnerUnavailable(f"The supervisor of {name} has not said its number yet.")
            # The descriptor is of this very supervisor, so a number used again cannot be hit.
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGTERM)

    def forget(self, name: str) -> None:
        """See `base.Runner.forget`."""
        with self._mutex:
            record = process_records.settle(self._units / name)
            if record is not None and not record.final:
                raise UnitBusy(f"{name} has not ended.")
            self._remove(self._units / name) if record is None else self._retire(record.folder)

    def observe(self) -> Mapping[str, UnitState]:
        """See `base.Runner.observe`."""
        with self._mutex:
            records = [process_records.settle(folder) for folder in self._folders()]
        return {record.name: record.state() for record in records if record is not None}

    def look(self, name: str) -> UnitState | None:
        """See `base.Runner.look`."""
        if not _is_a_name(name):
            return None
        with self._mutex:
            record = process_records.settle(self._units / name)
        return None if record is None else record.state()

    def subscribe(self, callback: Callback) -> None:
        """See `base.Runner.subscribe`."""
        with self._mutex:
            self._callbacks.append(callback)

    def read_log(
        self, name: str, tail_lines: int | None, follow: bool, stop: threading.Event, round_id: str = ""
    ) -> Iterator[bytes]:
        """See `base.Runner.read_log`."""
        folder = self._units / name
        if not _is_a_name(name) or not _is_of_round(folder, round_id):
            kept = self._ended.find(name, round_id)
            if kept is None:
                raise NoSuchUnit(f"No unit {name} is known here. Kept are the logs {self._ended.bounds}.")
            return process_logs.read(self._ended.folder_of(kept), tail_lines, False, stop, lambda: True)

        def ended() -> bool:
            record = process_records.settle(folder)
            return record is None or record.final

        return process_logs.read(folder, tail_lines, follow, stop, ended)

    def close(self) -> None:
        """See `base.Runner.close`."""
        with self._mutex:
            if self._closed:
                return
            self._closed = True
        os.write(self._wake_write, b"x")
        if threading.current_thread() is not self._thread:
            self._thread.join()
        for fd in (*self._watched.values(), self._events, self._wake_read, self._wake_write):
            os.close(fd)
        self._selector.close()

    # -- starting -----------------------------------------------------------------------------------------

    def _spawn(self, folder: Path, spec: UnitSpec) -> None:
        folder.mkdir(mode=0o700)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # We take the lock and hand it over: there is no moment at which the unit looks unsupervised.
            fcntl.flock(lock, fcntl.LOCK_EX)
            process_records.write_json(folder / "spec.json", self._describe(spec))
            reached("lc.unit.describe.after")
            null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            try:
                pid = os.posix_spawn(
                    sys.executable,
                    [sys.executable, "-I", "-S", "-c", _BEGIN, str(_SHIM), str(folder)],
                    {},
                    file_actions=[(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
                    + [(os.POSIX_SPAWN_DUP2, lock, _LOCK_FD)],
                    setsid=True,
                    # Blocked until the shim is ready for it: an early stop must not kill it unheard.
                    setsigmask=[signal.SIGTERM],
                    setsigdef=[signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE],
                )
            finally:
                os.close(null)
        finally:
            os.close(lock)
        reached("lc.unit.spawn.after")
        self._watch(spec.name, pid)

    def _describe(self, spec: UnitSpec) -> dict[str, object]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return asdict(spec) | {
            "fingerprint": spec.fingerprint,
            "argv": [map_argument(argument, spec.binds) for argument in spec.argv],
            "environment": inherited | map_environment(spec.environment, spec.binds),
            "events": str(self._events_path),
            "log_bytes": self._log_bytes,
            "restart_delay": list(self._restart_delay),
        }

    def _retire(self, folder: Path) -> None:
        """Let go of a unit that has ended, and keep what it wrote."""
        said = process_records.read_description(folder)
        if not said.get("persistent"):
            try:
                self._ended.keep(about(folder.name, said.get("target", ""), said.get("environment", {})), folder)
            except OSError as problem:
                # A full disk: to begin the next worker counts for more.
                log.warning("The log of unit %s cannot be kept: %s", folder.name, problem)
        self._remove(folder)

    def _remove(self, folder: Path) -> None:
        if folder.parent == self._units and folder.exists():
            shutil.rmtree(folder)

    # -- watching -----------------------------------------------------------------------------------------

    def _folders(self) -> list[Path]:
        return [path for path in sorted(self._units.iterdir()) if path.is_dir()]

    def _adopt(self, folder: Path) -> None:
        """Take over a unit that an earlier LC has started, as soon as its supervisor's number is known."""
        record = process_records.settle(folder)
        if record is None:
            with process_records.free_lock(folder) as free:
                if free:
                    self._remove(folder)
        elif not record.final and record.supervisor is not None and folder.name not in self._watched:
            reached("lc.unit.adopt.before")
            log.info("Unit %s is adopted; it has been running since before this LocalController.", folder.name)
            self._watch(folder.name, record.supervisor)
            with process_records.free_lock(folder) as free:
                if free and folder.name in self._watched:
                    # It ended just now, and its number may already be somebody else's.
                    self._unwatch(folder.name, self._watched[folder.name])

    def _watch(self, name: str, pid: int) -> None:
        with self._mutex:
            try:
                pidfd = os.pidfd_open(pid)
            except ProcessLookupError:
                return
            previous = self._watched.get(name)
            if previous is not None:
                self._unwatch(name, previous)
            self._watched[name] = pidfd
            self._selector.register(
                pidfd, selectors.EVENT_READ, functools.partial(self._supervisor_ended, name, pid, pidfd)
            )
            with contextlib.suppress(BlockingIOError):
                os.write(self._wake_write, b"x")

    def _unwatch(self, name: str, pidfd: int) -> None:
        if self._watched.get(name) == pidfd:
            del self._watched[name]
            self._selector.unregister(pidfd)
            os.close(pidfd)

    def _listen(self) -> None:
        while not self._closed:
            for key, _ in self._selector.select():
                act: Callable[[], None] = key.data
                act()

    def _read_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 4096)

    def _read_events(self) -> None:
        try:
            data = os.read(self._events, _EVENTS_BLOCK)
        except BlockingIOError:
            return
        names = {name.decode(errors="replace") for name in data.split(b"\n") if name}
        if len(data) == _EVENTS_BLOCK:
            # A name may have been cut in two.
            names.add("")
        for name in sorted(names):
            with self._mutex:
                folder = self._units / name
                if name and name not in self._watched and folder.is_dir():
                    self._adopt(folder)
            self._announce(name)

    def _supervisor_ended(self, name: str, pid: int, pidfd: int) -> None:
        with self._mutex:
            self._unwatch(name, pidfd)
            # Only those that this LC started are its children.
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            process_records.settle(self._units / name)
        self._announce(name)

    def _announce(self, name: str) -> None:
        with self._mutex:
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback(name)


def _is_a_name(name: str) -> bool:
    return bool(name) and not name.startswith(".") and "/" not in name and "\n" not in name


def _is_of_round(folder: Path, round_id: str) -> bool:
    """Whether there is a unit in this folder, and none that works for another round than the one that is meant."""
    if process_records.read_record(folder) is None:
        return False
    mine = process_records.read_description(folder).get("environment", {}).get(ROUND_ID_VARIABLE, "")
    return not round_id or mine in ("", round_id)


@functools.cache
def _say_limits_are_not_kept() -> None:
    log.warning("Memory and CPU limits are not enforced by the process runner; the systemd runner does that.")
