"""Follow the file that names the model to serve, and change the model between two predictions.

The LocalController puts a new model beside the old one and replaces the file MODEL_HOT_UPDATE_CONFIG;
`sedna.core.base` gives the two functions that load a model and tell the outcome. Everything happens on the
watcher's thread, so predictions go on meanwhile; a model that is not what the file promises, or does not
load, is refused and the one in use stays.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from sedna.common.digests import digest
from sedna.common.faults import reached
from sedna.common.turns import short_turns
from sedna.common.watching import FileWatcher
from sedna.core.guarding import Limits, read_limits

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WantedModel:
    """What the hot-update file says: where the model is, when it was put there, its content's hash, its guard."""

    path: str
    update_time: str
    sha256: str = ""
    limits: Limits | None = None
    """What it is watched for once it serves; None: it is not."""


class ModelRefusedError(Exception):
    """The model named by the hot-update file is not taken; the text says why."""


def read_wanted(content: bytes) -> WantedModel:
    """The wanted model from the file's bytes.

    Raises ValueError saying what is wrong: no JSON (as a file that is being written may be), or a field that
    is missing or no text. Hash and guard are optional, because the original's file has none.
    """
    try:
        said = json.loads(content)
    except RecursionError as problem:
        raise ValueError("it is nested too deeply") from problem
    model = said.get("model_config") if isinstance(said, dict) else None
    if not isinstance(model, dict):
        raise ValueError("there is no object model_config")
    path, time, sha256 = model.get("model_path"), model.get("model_update_time", ""), model.get("sha256") or ""
    if not (isinstance(path, str) and path):
        raise ValueError("model_path is missing or empty")
    if not (isinstance(time, str) and isinstance(sha256, str)):
        raise ValueError("model_update_time and sha256 must be text")
    return WantedModel(path, time, sha256.lower(), read_limits(model.get("guard")))


class HotUpdater:
    """Calls `load` for every new model that the file names, and `tell` with how it went.

    `load(wanted)` loads the model and begins to serve it, or raises. `tell(wanted, problem)` reports; the
    problem is None when the model is served now. `serving()` is the sha256 of the model that serves at this moment,
    as far as it is known: that one is not loaded again. `poll_seconds` is how often the file is looked at where
    the kernel tells nothing. Every content of the file is handled once. Until `close`, threads take shorter turns
    (`sys.setswitchinterval`); a program that sets them itself afterwards has the last word.
    """

    def __init__(
        self,
        config_file: str,
        load: Callable[[WantedModel], None],
        tell: Callable[[WantedModel, BaseException | None], None],
        *,
        serving: Callable[[], str] = str,
        poll_seconds: float = 60.0,
    ) -> None:
        self._file = Path(config_file)
        self._load = load
        self._tell = tell
        self._serving = serving
        # One load at a time: the first prediction may ask for the model while the watcher brings it.
        self._lock = threading.Lock()
        self._handled: WantedModel | None = None
        self._unreadable: bytes | None = None
        self._turns = ExitStack()
        self._turns.enter_context(short_turns())
        self._watcher = FileWatcher(poll_seconds=poll_seconds)
        self._watcher.watch(self._file, self.check, at_once=True)

    def check(self) -> None:
        """Look at the file now and do what it says; returns when that is done. Never raises."""
        with self._lock:
            wanted = self._read()
            if wanted is None or wanted == self._handled:
                return
            # Before the load: a model that fails is not tried again until the file says something new.
            self._handled = wanted
            problem: BaseException | None = None
            try:
                reached("library.hot.load.before")
                self._take(wanted)
                reached("library.hot.swap.after")
            except Exception as failed:
                problem = failed
                logger.exception("The model %s is refused; the one in use stays.", wanted.path)
            self._tell(wanted, problem)
            reached("library.hot.tell.after")

    def close(self) -> None:
        """Stop following the file; waits for a load that is under way."""
        self._watcher.close()
        self._turns.close()

    def _read(self) -> WantedModel | None:
        try:
            content = self._file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as problem:
            logger.warning("The hot-update file %s cannot be read: %s", self._file, problem)
            return None
        try:
            wanted = read_wanted(content)
        except ValueError as problem:
            if content != self._unreadable:
                logger.warning("The hot-update file %s is not used: %s", self._file, problem)
            self._unreadable = content
            return None
        self._unreadable = None
        return wanted

    def _take(self, wanted: WantedModel) -> WantedModel:
        """Load it, unless it serves already; the same with the hash that was found."""
        if wanted.sha256 and wanted.sha256 == self._serving():
            return wanted
        try:
            found = digest(wanted.path)
        except (OSError, ValueError) as problem:
            raise ModelRefusedError(f"the model {wanted.path} cannot be read: {problem}") from problem
        if wanted.sha256 and found != wanted.sha256:
            raise ModelRefusedError(f"the model {wanted.path} has sha256 {found}, not {wanted.sha256} as promised")
        wanted = replace(wanted, sha256=found)
        self._load(wanted)
        logger.info("The model %s is served now.", wanted.path)
        return wanted
