"""Brings this node a key that the GM knows: by a join token that a person laid here, and anew from time to time.

Each key goes two steps: it is written down as `next`, the GM is told its digest, and it becomes `current`. The GM takes
the same digest twice, so whatever is cut in between is done again. One thread (`run`) does it; nothing local waits.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sedna.api.tokens import check_token, id_of, sha256_of
from sedna_lc.errors import Again, GmNotFound, GmRefused, GmUnavailable
from sedna_lc.gm.clients import GmClient
from sedna_lc.gm.identifying import NodeIdentity
from sedna_lc.gm.pauses import LONGEST_SECONDS, Pauses, growing
from sedna_lc.state.letters import API

logger = logging.getLogger(__name__)

# How soon a token that a person lays here is noticed.
_LOOK_SECONDS = 5.0
# What is asked again although nothing here has changed: a GM whose database was put back may know us again.
_LONGEST_SECONDS = 300.0
# A key's age is looked at now and then; a day more or less means nothing.
_AGE_LOOK_SECONDS = 3600.0
# A join token is a line; a file of another kind is not read into memory to find that out.
_MOST_BYTES = 4096
_UNKNOWN = frozenset({401, 403})


@dataclass(frozen=True)
class JoinSettings:
    """What of the settings matters here."""

    node: str
    token_file: Path
    key_days: int


def long_pauses() -> Iterator[float]:
    """Yield waits for what only a person can change."""
    return growing(1.0, _LONGEST_SECONDS)


class Joiner:
    """Looks after the keys of one node."""

    def __init__(
        self,
        client: GmClient,
        identity: NodeIdentity,
        settings: JoinSettings,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        pauses: Pauses = long_pauses,
    ) -> None:
        self._client = client
        self._identity = identity
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._pauses = pauses
        self._series = pauses()
        self._next_try = 0.0
        self._tried = ""
        self._prepare()

    def run(self, stop: threading.Event) -> None:
        """Look after the keys until stopped; whoever stops it also calls `wake` of the identity."""
        while not stop.is_set():
            try:
                seconds = self.step()
            except Exception:
                # A full disk, or a bug: whatever it is, the keys that are there go on being shown.
                logger.exception("This node's keys could not be looked after; it is tried again.")
                seconds = _LOOK_SECONDS
            self._identity.wait_until_wanted(seconds)

    def step(self) -> float:
        """Do what is due, and return in how many seconds to look again."""
        token = self._join_token()
        if self._identity.trouble:
            return self._find_a_way_in(token)
        if self._identity.keys.current is None:
            return self._find_a_way_in(token) if token else _LOOK_SECONDS
        if token and self._is_used_up(token):
            self._remove_token()
        return self._rotate() if self._is_old() else _AGE_LOOK_SECONDS

    def _prepare(self) -> None:
        """Before anybody asks the GM: with a token to join by, nothing is asked without a key."""
        has_token = self._settings.token_file.is_file()
        keys = self._identity.keys
        if not self._identity.is_private:
            if has_token or keys.current:
                logger.error("No key is shown to a GM that is not reached by https: lc.yml: gm")
        elif keys.current is None and (has_token or keys.next):
            self._identity.hold(f"Node {self._settings.node} is about to join", logging.INFO)

    def _find_a_way_in(self, token: str) -> float:
        """Join by a token that was not tried yet; otherwise, after a pause, try again all that there is."""
        if not self._identity.is_private:
            self._identity.hold(self._advice("keys are shown over https only (lc.yml: gm)"))
            return _LOOK_SECONDS
        is_new = bool(token) and id_of(token) != self._tried
        if not is_new and self._monotonic() < self._next_try:
            return min(_LOOK_SECONDS, self._next_try - self._monotonic())
        if is_new:
            # Once for each token: a GM that asks us to come back later is not asked again at once.
            self._series = self._pauses()
            self._tried = id_of(token)
        try:
            known = self._knows_one_of_ours() if not token else self._join(token)
        except Again as problem:
            # The token is as good as before.
            is_silent = isinstance(problem, GmUnavailable) and not problem.answered
            longest = LONGEST_SECONDS if is_silent else _LONGEST_SECONDS
            return self._try_later(problem.message, problem.after_seconds or min(next(self._series), longest))
        return 0.0 if known else self._try_later("", next(self._series))

    def _try_later(self, reason: str, pause: float) -> float:
        if reason:
            self._identity.hold(f"Node {self._settings.node} cannot join yet: {reason.rstrip('.')}", logging.WARNING)
        self._next_try = self._monotonic() + pause
        return min(_LOOK_SECONDS, pause)

    def _join(self, token: str) -> bool:
        """Have the GM take a key of ours for a join token; False when it does not."""
        key = self._write_next(id_of(token))
        try:
            self._client.join(token, {"node": self._settings.node, **_digest_of(key)})
        except GmNotFound:
            return self._go_without("it has no door for joining")
        except GmRefused as problem:
            self._identity.hold(self._advice(problem.message))
            return False
        except GmUnavailable as problem:
            if problem.code not in _UNKNOWN:
                raise
            # Our answer may have been cut off, and the token have run out since.
            if self._knows_one_of_ours():
                return True
            self._identity.hold(self._advice(problem.message))
            return False
        self._admitted(key)
        self._remove_token()
        return True

    def _knows_one_of_ours(self) -> bool:
        """Ask the GM, with each key that there is, whether it knows us; False when it knows none."""
        for token in self._identity.keys.candidates():
            if self._client.is_known_by(token, f"{API}/nodes/{self._settings.node}"):
                self._admitted(token)
                return True
        if not self._identity.keys.candidates() and self._asks_for_none():
            return self._go_without("it asks for none")
        self._identity.hold(self._advice("the GlobalManager does not know its key"))
        return False

    def _asks_for_none(self) -> bool:
        try:
            self._client.ask_as(None, f"{API}/nodes/{self._settings.node}")
        except GmNotFound:
            return True
        except GmRefused:
            return False
        except GmUnavailable as problem:
            if problem.code not in _UNKNOWN:
                raise
            return False
        return True

    def _go_without(self, why: str) -> bool:
        logger.warning("The GlobalManager is asked without a key: %s.", why)
        self._identity.release()
        self._client.come_back()
        self._next_try = self._monotonic() + _LONGEST_SECONDS
        return True

    def _admitted(self, token: str) -> None:
        self._identity.accepted(token)
        self._identity.release()
        self._series = self._pauses()
        self._tried = ""
        logger.info("The GlobalManager knows this node, %s, by its key %s.", self._settings.node, id_of(token))
        self._client.come_back()

    def _is_old(self) -> bool:
        since = self._identity.keys.since
        # A key from the future was taken while this host's clock was wrong.
        return since is None or not timedelta() <= self._clock() - since < timedelta(days=self._settings.key_days)

    def _rotate(self) -> float:
        """Tell the GM of a new key; both are good until the new one is shown."""
        key = self._write_next()
        try:
            self._client.put(f"{API}/nodes/{self._settings.node}/key", _digest_of(key))
        except Again as problem:
            logger.info("This node's key will be changed later: %s", problem.message)
            return problem.after_seconds or next(self._series)
        except GmRefused as problem:
            logger.warning("This node keeps its key: %s", problem.message)
            # One that the GM did not take must not be taken for one that it may know.
            self._identity.keep(replace(self._identity.keys, next=None))
            return _AGE_LOOK_SECONDS
        self._identity.accepted(key)
        self._series = self._pauses()
        logger.info("This node has a new key, %s.", id_of(key))
        return _AGE_LOOK_SECONDS

    def _write_next(self, join_token: str = "") -> str:
        keys = self._identity.keys.with_next(join_token)
        # Before the GM hears of it: a key that is lost after that would lock this node out.
        self._identity.keep(keys)
        return str(keys.next)

    def _is_used_up(self, token: str) -> bool:
        """Whether we have joined by it; a crash may have kept us from removing it."""
        keys = self._identity.keys
        return keys.next is None and keys.joined_by == id_of(token)

    def _join_token(self) -> str:
        try:
            with self._settings.token_file.open("rb") as file:
                return check_token(file.read(_MOST_BYTES).decode("ascii").strip())
        except FileNotFoundError:
            return ""
        except (OSError, ValueError) as problem:
            # Never its content: it may be a token with a slip in it.
            reason = problem.strerror if isinstance(problem, OSError) else "it is not a join token"
            if self._tried != str(reason):
                logger.error("%s cannot be used: %s", self._settings.token_file, reason)  # noqa: TRY400
                self._tried = str(reason)
            return ""

    def _remove_token(self) -> None:
        self._settings.token_file.unlink(missing_ok=True)

    def _advice(self, reason: str) -> str:
        node, file = self._settings.node, self._settings.token_file
        return (
            f"Node {node} is not let in ({reason.rstrip('.')}): make a token where the GlobalManager runs, by"
            f" `sedna-gm token create --node {node}`, and lay it here as {file}; workers go on meanwhile"
        )


def _digest_of(key: str) -> dict[str, str]:
    return {"id": id_of(key), "sha256": sha256_of(key)}
