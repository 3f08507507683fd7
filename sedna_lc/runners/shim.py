"""The small supervisor that the process runner puts beside every worker; a program of its own.

It outlives the LC: it starts the worker, keeps its log, restarts it, ends it, and writes down what happened, so
that the next LC only has to read. `process` starts it in a bare interpreter and its own session, with the unit's
folder as argument and the unit's lock as file 3; whoever finds that lock free knows that nobody supervises the unit
any more. Every worker waits for it, and has one beside it: so it imports as little of the standard library as can be,
which halves the time until a worker runs. Files in the folder:

    spec.json       what to run (written by the LC)
    stop-requested  exists when the LC asked for the end (then it sends SIGTERM)
    state.json      what happened so far, replaced as a whole
    log, log.1      what the worker wrote, the older half in log.1
    credentials/    the worker's secrets, as long as it runs
"""

# pathlib and contextlib would be a good part of what this program costs, and there is one of it for each worker:
# ruff: noqa: PTH100, PTH102, PTH105, PTH106, PTH108, PTH110, PTH123, PTH208, SIM105
from __future__ import annotations

import errno
import os
import select
import time

try:
    # What `signal` and `json` are made of. These two import enum and re, a third of this program's time and memory.
    import _json
    import _signal as signal  # type: ignore[import-not-found]
except ImportError:
    # Another Python than CPython may have other parts.
    import signal

    _json = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

LOCK_FD = 3
CREDENTIALS = "credentials"
#: What a full disk did not take is written again after so long.
SAVE_AGAIN_SECONDS = 1.0
#: A run this long counts as success, so the next failure is met with the shortest delay again.
GOOD_RUN_SECONDS = 600
#: From linux/prctl.h.
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def _prctl() -> Callable[[int, int], object]:
    """The system call, or something that does nothing where Python comes without ctypes."""
    try:
        import ctypes

        call = ctypes.CDLL(None, use_errno=True).prctl
    except (ImportError, OSError, AttributeError):
        return lambda _option, _value: None
    return lambda option, value: call(option, value, 0, 0, 0)


class _Reading:
    """How JSON is read: as `json.loads` does."""

    strict = True
    object_hook = object_pairs_hook = array_hook = None
    parse_float, parse_int, parse_constant = float, int, float
    memo: dict[str, str] = {}  # noqa: RUF012 - what the scanner asks for


def decode(text: str) -> Any:
    """Read JSON that the LC wrote."""
    if _json is None:
        import json

        return json.loads(text)
    scan: Callable[[str, int], tuple[Any, int]] = _json.make_scanner(_Reading)  # type: ignore[arg-type]
    return scan(text, 0)[0]


def encode(values: dict[str, Any]) -> str:
    """Write JSON of names and plain values: text, numbers, None."""
    if _json is None:
        import json

        return json.dumps(values)
    quote = _json.encode_basestring_ascii

    def literal(value: Any) -> str:
        if isinstance(value, str):
            return str(quote(value))
        return "null" if value is None else repr(value)

    return "{" + ", ".join(f"{quote(name)}: {literal(value)}" for name, value in values.items()) + "}"


class Log:
    """A file that is never larger than `limit` bytes, and one older file of the same size."""

    def __init__(self, path: str, limit: int) -> None:
        self._path, self._limit = path, limit
        self._open()

    def _open(self) -> None:
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._fd).st_size

    def write(self, data: bytes) -> None:
        """Append; a full disk costs log lines, never the worker."""
        try:
            if self._size and self._size + len(data) > self._limit:
                os.replace(self._path, self._path + ".1")
                os.close(self._fd)
                self._open()
            self._size += os.write(self._fd, data)
        except OSError:
            pass


class Supervisor:
    """Runs one unit to its end."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.log = Log("log", spec["log_bytes"])
        self.prctl = _prctl()
        self.child: int | None = None
        self.exit: int | None = None
        #: Why the end was asked for; empty while nobody did.
        self.asked = ""
        self.asked_message = ""
        self.kill_at: float | None = None
        self.pipe: int | None = None
        limit = spec["runtime_max_seconds"]
        self.deadline = time.monotonic() + limit if limit else None
        self.poll = select.poll()
        #: What to do when a file can be read.
        self.readers: dict[int, Callable[[], object]] = {}
        self.unsaved = False
        self.state: dict[str, Any] = {"shim": os.getpid(), "started_at": time.time(), "restarts": 0}

    # -- what the LC reads ------------------------------------------------------------------------------

    def record(self, phase: str, **changes: Any) -> None:
        """Write the state as a whole, then wake the LC, if there is one."""
        self.state.update(changes, phase=phase)
        self.save()

    def save(self) -> None:
        """Write what is recorded. On a full disk that is tried again while the unit lives: nobody else knows it."""
        self.unsaved = True
        try:
            with open("state.json.new", "w", encoding="utf-8") as file:
                file.write(encode(self.state))
                file.flush()
                os.fsync(file.fileno())
            os.replace("state.json.new", "state.json")
        except OSError:
            return
        self.unsaved = False
        try:
            fifo = os.open(self.spec["events"], os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return
        # A full pipe is no loss: the LC looks at everything when it reads the rest.
        try:
            os.write(fifo, self.spec["name"].encode() + b"\n")
        except OSError:
            pass
        os.close(fifo)

    # -- signals ----------------------------------------------------------------------------------------

    def listen(self) -> None:
        """Take over the signals. The LC starts us with SIGTERM blocked, so none is lost before this line."""
        read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        self.register(read, lambda: os.read(read, 4096))
        # Without a handler of any kind the signal would not write to the wake-up file.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.on_term)
        # A handler, since an ignored signal would stay ignored in the worker.
        signal.signal(signal.SIGHUP, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        self.prctl(PR_SET_CHILD_SUBREAPER, 1)

    def on_term(self, *_: object) -> None:
        if self.asked:
            return
        if os.path.exists("stop-requested"):
            self.asked = "Stopped"
        else:
            self.asked = "Signal"
            self.asked_message = "The worker's supervisor was told to end, and not by the LocalController."

    # -- one run ----------------------------------------------------------------------------------------

    def launch(self) -> bool:
        """Start the worker; False, with the reason in the state, when that is impossible."""
        read, write = os.pipe2(os.O_CLOEXEC)
        invocation = os.urandom(16).hex()
        self.child, self.exit, self.kill_at = None, None, None
        self.record("starting", invocation=invocation)
        try:
            secrets = hand_over(self.spec["credentials"])
            environment = {**self.spec["environment"], **secrets, "INVOCATION_ID": invocation}
            self.child = self.start(self.spec["argv"], self.spec["working_directory"], environment, write)
        except (OSError, ValueError) as error:
            message = f"The worker cannot be started: {error}."
            self.log.write(message.encode() + b"\n")
            self.state.update(pid=None, exit_code=None, signal=None, reason="StartFailed", message=message)
            os.close(read)
            return False
        finally:
            os.close(write)
        os.set_blocking(read, False)
        self.pipe = read
        self.register(read, self.copy)
        self.record("running", pid=self.child, reason="", message="")
        return True

    def start(self, argv: list[str], folder: str | None, environment: dict[str, str], output: int) -> int:
        """Run a program in a session of its own; return its process id. Raises OSError when it cannot be run."""
        read, write = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            # Only what is needed to become the worker: nothing of this program may go on in here.
            try:
                os.close(read)
                self.become(argv, folder, environment, output)
            except BaseException as error:  # noqa: BLE001 - told to the one that can say it
                number = error.errno if isinstance(error, OSError) else errno.EINVAL
                told = folder if folder is not None and getattr(error, "filename", None) == folder else argv[0]
                os.write(write, b"%d %s" % (number or errno.EINVAL, os.fsencode(told)))
            finally:
                os._exit(127)
        os.close(write)
        with open(read, "rb") as file:
            # Nothing, when the pipe was closed by the start of the program.
            problem, _, about = file.read().partition(b" ")
        if problem:
            os.waitpid(pid, 0)
            raise OSError(int(problem), os.strerror(int(problem)), os.fsdecode(about))
        return pid

    def become(self, argv: list[str], folder: str | None, environment: dict[str, str], output: int) -> None:
        """Turn this process, a child, into the worker; returns never."""
        os.setsid()
        # Should this supervisor be killed, the worker must not run on unwatched.
        self.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if folder is not None:
            os.chdir(folder)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (output, 1), (output, 2)):
            os.dup2(source, target)
        # Python ignores these, and an ignored signal would stay ignored.
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - no shell is the point

    def register(self, file: int, act: Callable[[], object]) -> None:
        """Call `act` whenever the file can be read, or has come to its end."""
        self.readers[file] = act
        self.poll.register(file, select.POLLIN)

    def copy(self) -> bool:
        """Move some of what the worker wrote into the log; False when there is nothing for now, or for ever."""
        if self.pipe is None:
            return False
        try:
            data = os.read(self.pipe, 65536)
        except BlockingIOError:
            return False
        if not data:
            self.close_pipe()
            return False
        self.log.write(data)
        return True

    def close_pipe(self) -> None:
        if self.pipe is not None:
            self.poll.unregister(self.pipe)
            del self.readers[self.pipe]
            os.close(self.pipe)
            self.pipe = None

    def reap(self) -> bool:
        """Collect the dead; False when no descendant is left. As subreaper we inherit whatever they leave."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.child:
                self.exit = os.waitstatus_to_exitcode(status)

    def watch(self) -> None:
        """Stay until the worker's own process has ended, by itself, by a request or by the deadline."""
        while self.reap() and self.exit is None:
            now = time.monotonic()
            self.check_deadline(now)
            if self.asked and self.kill_at is None:
                self.kill_at = now + self.spec["stop_seconds"]
                self.record("stopping")
                self.signal_group(signal.SIGTERM)
                self.signal_group(signal.SIGCONT)
            elif self.kill_at is not None and now >= self.kill_at:
                self.signal_group(signal.SIGKILL)
                self.kill_at = float("inf")
            self.select(self.kill_at if self.asked else self.deadline)

    def check_deadline(self, now: float) -> None:
        if self.deadline is not None and now >= self.deadline and not self.asked:
            self.asked = "DeadlineExceeded"
            self.asked_message = f"It ran longer than the {self.spec['runtime_max_seconds']} s it may take."

    def select(self, until: float | None) -> None:
        """Wait for output, a signal or a moment."""
        endless = until is None or until == float("inf")
        timeout = None if endless else max(0.0, (until or 0.0) - time.monotonic())
        if self.unsaved:
            timeout = SAVE_AGAIN_SECONDS if timeout is None else min(timeout, SAVE_AGAIN_SECONDS)
        # Rounded up: what is due at a moment is not due before.
        for file, _ in self.poll.poll(None if timeout is None else int(1000 * timeout) + 1):
            self.readers[file]()
        if self.unsaved:
            self.save()

    def signal_group(self, number: int) -> None:
        if self.child is not None:
            try:
                os.killpg(self.child, number)
            except (ProcessLookupError, PermissionError):
                pass

    def clean_up(self) -> None:
        """End what the worker started and left behind, in whatever session, and take the last of its output."""
        while self.reap():
            for pid in descendants(os.getpid()):
                try:
                    os.kill(pid, signal.SIGKILL)
                except OSError:
                    pass
            self.select(None)
        while self.copy():
            pass
        self.close_pipe()

    # -- the life of the unit ---------------------------------------------------------------------------

    def run(self) -> None:
        """Run the worker as often as its restart policy says, and write down the end."""
        self.listen()
        shortest, longest = self.spec["restart_delay"]
        delay = shortest
        while True:
            begun = time.monotonic()
            if not self.asked and self.launch():
                self.watch()
                self.clean_up()
                self.note_exit()
            if not self.wants_another():
                break
            if time.monotonic() - begun >= GOOD_RUN_SECONDS:
                delay = shortest
            self.record("starting", pid=None)
            self.rest(time.monotonic() + delay)
            if self.asked:
                break
            delay = min(delay * 2, longest)
            self.state["restarts"] += 1
        take_back()
        if self.asked:
            self.state.update(reason=self.asked, message=self.asked_message)
        good = self.state.get("exit_code") == 0 and self.asked in ("", "Stopped")
        self.record("exited" if good else "failed", pid=None, finished_at=time.time())

    def note_exit(self) -> None:
        code = self.exit or 0
        if code < 0:
            text = f"It was ended by {signal_name(-code)}."
            if -code == signal.SIGKILL:
                text += " The kernel does that, too, when memory runs out."
            self.state.update(exit_code=None, signal=-code, reason="Signal", message=text)
        else:
            reason, text = ("ExitCode", f"It ended with exit code {code}.") if code else ("", "")
            self.state.update(exit_code=code, signal=None, reason=reason, message=text)

    def wants_another(self) -> bool:
        policy = self.spec["restart"]
        failed = self.state.get("exit_code") != 0
        return not self.asked and (policy == "Always" or (policy == "OnFailure" and failed))

    def rest(self, until: float) -> None:
        """Wait between two runs, unless somebody asks for the end."""
        while not self.asked and (now := time.monotonic()) < until:
            self.check_deadline(now)
            if not self.asked:
                self.select(min(until, self.deadline or until))


def hand_over(credentials: dict[str, str]) -> dict[str, str]:
    """Copy the secrets, as they are now, into a folder of this user's alone; return the variable that names it.

    What systemd does for `LoadCredential=`. Raises OSError naming the file that cannot be read.
    """
    take_back()
    if not credentials:
        return {}
    os.mkdir(CREDENTIALS, 0o700)
    for name, path in credentials.items():
        with open(path, "rb") as source:
            content = source.read()
        with open(os.open(f"{CREDENTIALS}/{name}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as copy:
            copy.write(content)
    return {"CREDENTIALS_DIRECTORY": os.path.abspath(CREDENTIALS)}


def take_back() -> None:
    """Remove the secrets: nobody runs who may read them."""
    try:
        for name in os.listdir(CREDENTIALS):
            os.unlink(f"{CREDENTIALS}/{name}")
        os.rmdir(CREDENTIALS)
    except FileNotFoundError:
        pass


def signal_name(number: int) -> str:
    """SIGTERM for 15; the bare number for one without a name (real-time signals)."""
    from signal import Signals

    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"


def descendants(root: int) -> list[int]:
    """The processes below `root`, parents first."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:
                # The name in parentheses may hold blanks and parentheses; the parent is the second field after it.
                parent = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found[1:]


def main(folder: str) -> None:
    """Run the unit of this folder."""
    os.chdir(folder)
    # The worker must not hold the lock that says "the supervisor lives".
    os.set_inheritable(LOCK_FD, False)
    with open("spec.json", encoding="utf-8") as file:
        spec = decode(file.read())
    Supervisor(spec).run()
