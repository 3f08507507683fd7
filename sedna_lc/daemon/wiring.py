"""Puts the LocalController together: the one place that knows all parts. `running` starts and stops it."""

from __future__ import annotations

import contextlib
import fcntl
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Literal

from sedna.api.urls import is_private
from sedna.api.workers import WorkerNews, WorkerReport
from sedna.common.watching import FileWatcher
from sedna.daemons.configuring import split_address
from sedna_lc.allowed import leads_outside
from sedna_lc.artifacts.caching import ArtifactCache
from sedna_lc.artifacts.fetching import Fetcher
from sedna_lc.artifacts.keeping import ArtifactKeeper, Sources
from sedna_lc.artifacts.remote_models import RemoteModels
from sedna_lc.artifacts.remote_versions import RemoteVersions
from sedna_lc.artifacts.stores import blob_stores
from sedna_lc.daemon.choosing import choose, choose_host_paths, choose_user, make_runner
from sedna_lc.daemon.describing import describer
from sedna_lc.daemon.metering import Meter
from sedna_lc.datasets.watching import DatasetKeeper
from sedna_lc.errors import LcError
from sedna_lc.gm.answering import QuestionAnswerer, of_document, of_ended_log, of_log
from sedna_lc.gm.clients import GmClient
from sedna_lc.gm.identifying import NodeIdentity
from sedna_lc.gm.joining import Joiner, JoinSettings
from sedna_lc.gm.keys import KeyFile
from sedna_lc.gm.pauses import growing
from sedna_lc.gm.registering import NodeKeeper
from sedna_lc.gm.sending import OutboxSender
from sedna_lc.gm.stores import KnownStore
from sedna_lc.gm.trusting import trust_of
from sedna_lc.gm.watching import NodeWatch
from sedna_lc.hard_examples import HardExampleKeeper
from sedna_lc.http.door import make_application
from sedna_lc.http.metrics import beside
from sedna_lc.http.serving import DoorServer
from sedna_lc.images import ImageWatch
from sedna_lc.labelling.answering import Labelling
from sedna_lc.news.listening import NewsListener
from sedna_lc.news.telling import NewsTeller
from sedna_lc.places import Places
from sedna_lc.reconcile.means import Means
from sedna_lc.reconcile.providing import WantedContents
from sedna_lc.reconcile.reconciling import Reconciler
from sedna_lc.settings import MetricsSettings, Settings
from sedna_lc.state.opening import open_store
from sedna_lc.state.stores import Store, Wire, key_of
from sedna_lc.tokens import WorkerTokens
from sedna_lc.usage.sampling import Sampler
from sedna_lc.users import WorkerUser

logger = logging.getLogger(__name__)

# Waiting workers are looked at again at least this often: what was missing may have come.
_LONGEST_WAIT_SECONDS = 10.0
_CLOSE_SECONDS = 1.0
# What a stop waits for a GM that takes its time: what it was not told now is durable.
_TELL_SECONDS = 3.0
# What a safety look may take beyond its period before the LC is taken to be stuck: a unit's start takes 30 s at the
# worst, and several may come before it.
_STUCK_SECONDS = 150.0


class CannotStart(LcError):
    """Something on this host is in the way; the message says what and where."""


class LocalController:
    """All parts of one LC. Made, started and closed once."""

    def __init__(self, settings: Settings) -> None:
        """Take hold of the state folder and the door's address. Raises CannotStart, StateDamaged, RunnerError."""
        self._settings = settings
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._looked = time.monotonic()
        self._held: Callable[[], int] = lambda: 0
        state_dir = Path(settings.state_dir)
        with contextlib.ExitStack() as undo:
            self._lock = undo.enter_context(_lock(state_dir))
            self.store: Store = open_store(state_dir, now())
            undo.callback(self.store.close)
            kind = choose(settings)
            user = choose_user(settings, kind)
            self.runner = make_runner(settings, kind, user)
            undo.callback(self.runner.close)
            self._client = self._speak(settings, state_dir)
            undo.callback(self._client.close)
            self._sender = OutboxSender(self._client, self.store, growing, time.monotonic)
            self._teller = NewsTeller(self._client, now, growing, time.monotonic)
            self._watcher = FileWatcher(poll_seconds=settings.safety_poll_seconds)
            undo.callback(self._watcher.close)
            self._meter = Meter()
            self._door = self._open_door(settings.listen, WorkerTokens(state_dir))
            undo.callback(self._door.close)
            self._second_door = self._open_second_door(settings.metrics)
            if self._second_door is not None:
                undo.callback(self._second_door.close)
            self._undo = undo.pop_all()
        host_paths = choose_host_paths(settings, kind)
        places = Places(state_dir, Path(settings.images_dir), Path(settings.credentials_dir), host_paths)
        waits = lambda: growing(1.0, _LONGEST_WAIT_SECONDS)  # noqa: E731 - a partial with names says less
        # Each time anew: a group that was given to the user counts at once.
        worker_user = lambda: choose_user(settings, kind)  # noqa: E731 - as above
        self._carry(places, waits, worker_user)
        self._meter.look_at(self.store, state_dir, places.artifacts_folder, self._client, self._sender)
        self._examples = self._make_examples(settings.hard_examples.max_bytes, places)
        means = Means(
            store=self.store,
            runner=self.runner,
            places=places,
            lc_server=_url(settings.listen, self._door.port),
            clock=now,
            contents=self._fetcher,
            remotes=self._remotes,
            user=worker_user,
            keep_rounds=settings.keep_rounds,
            heard=lambda: self._client.reachable is True,
        )
        self.reconciler = Reconciler(means, self._sender.wake, waits, time.monotonic)
        self.datasets = self._make_datasets(state_dir, places, worker_user)
        self._nodes = self._make_keeper(settings, kind)
        self._images = ImageWatch(self._watcher, Path(settings.images_dir), self._nodes.wake)
        self._answerer = self._make_answerer(settings.node_name, places, state_dir, worker_user)
        whose = f"as user {user.name}" if user is not None else "as this program's own user"
        logger.info("Workers run %s, by the %s runner; the door is %s.", whose, kind, means.lc_server)

    def _make_datasets(
        self, state_dir: Path, places: Places, worker_user: Callable[[], WorkerUser | None]
    ) -> DatasetKeeper:
        """Make what counts the samples of this node's datasets."""
        return DatasetKeeper(
            state_dir / "datasets",
            self.store,
            self._watcher,
            self._sender.wake,
            now,
            self._settings.safety_poll_seconds,
            worker_user,
            lambda descriptor: leads_outside(descriptor, places),
        )

    def _make_answerer(
        self, node: str, places: Places, state_dir: Path, worker_user: Callable[[], WorkerUser | None]
    ) -> QuestionAnswerer:
        """Make what answers the questions about this node that somebody asks the GM."""
        keys = lambda: [record.key for record in self.store.workers()]  # noqa: E731 - a method would say less
        self._sampler = Sampler(self.runner, keys, state_dir, now, time.monotonic)
        answers = {"log": of_log(self.reconciler.read_log), "usage": of_document(self._sampler.document)}
        answers["ended-log"] = of_ended_log(self.reconciler.read_ended_log)
        answers |= Labelling(self.store, places, worker_user, now).answers
        return QuestionAnswerer(self._client, node, answers, growing)

    def _make_examples(self, most: int | None, places: Places) -> HardExampleKeeper | None:
        """Make what bounds the hard examples on disk; None where nothing bounds them."""
        if most is None:
            return None

        def launched() -> set[str]:
            return {one.uid for one in self.store.workers() if one.launch != "no"}

        return HardExampleKeeper(lambda kind: self.store.wanted(kind).values(), launched, places, most)

    def _speak(self, settings: Settings, state_dir: Path) -> GmClient:
        """Make what speaks to the GM in this node's name, and what looks after its key. Raises SettingsInvalid."""
        self._identity = NodeIdentity(KeyFile(state_dir / "node-key.json"), now, is_private=is_private(settings.gm))
        self._trust = trust_of(settings.gm, settings.ca_file)
        client = GmClient(settings.gm, identity=self._identity, trust=self._trust)
        token_file = Path(settings.join_token_file) if settings.join_token_file else state_dir / "join-token"
        joins = JoinSettings(settings.node_name, token_file, settings.key_days)
        self._joiner = Joiner(client, self._identity, joins, now, time.monotonic)
        return client

    def _make_keeper(self, settings: Settings, runner: Literal["process", "systemd"]) -> NodeKeeper:
        describe = describer(Path(settings.images_dir), runner, settings.gm, settings.timezone)
        interval = settings.heartbeat_seconds
        return NodeKeeper(self._client, settings.node_name, settings.labels, describe, growing, interval)

    def _open_door(self, listen: str, tokens: WorkerTokens) -> DoorServer:
        try:
            application = make_application(self._accept, tokens.owner_of, self._hear)
            with_metrics = beside(application, self._meter.page, self._meter.counts.answered)
            return DoorServer(with_metrics, *split_address(listen))
        except OSError as problem:
            raise CannotStart(f"The door {listen} cannot be opened: {problem.strerror}.") from problem

    def _open_second_door(self, settings: MetricsSettings) -> DoorServer | None:
        try:
            return self._meter.open_door(settings)
        except OSError as problem:
            raise CannotStart(f"metrics.listen: {settings.listen} cannot be opened: {problem.strerror}.") from problem

    def _carry(
        self, places: Places, waits: Callable[[], Iterator[float]], worker_user: Callable[[], WorkerUser | None]
    ) -> None:
        """Make what brings models and samples here, and what sends them."""
        stores = blob_stores(self._client, places.credentials_dir)
        self._fetcher = Fetcher(
            ArtifactCache(places.artifacts_folder), stores, WantedContents(self.store), waits, time.monotonic
        )
        self._remotes = RemoteModels(
            RemoteVersions(places.remote_models_folder),
            places.credentials_dir,
            WantedContents(self.store).remote_models,
            waits,
            time.monotonic,
        )
        self._artifacts = ArtifactKeeper(
            Sources(self.store, places, now, worker_user),
            stores,
            self._sender.wake,
            waits,
            time.monotonic,
        )

    @property
    def port(self) -> int:
        """Where the door is."""
        return self._door.port

    def start(self) -> None:
        """Go on with what was wanted when the LC last ran, then hear what the GM says."""
        self._fetcher.start()
        self._remotes.start()
        self.reconciler.start()
        self.datasets.want_exactly(self.store.wanted("datasets").values())
        self._artifacts.start()
        logging.getLogger().addHandler(self._meter.counts)
        self._door.start()
        if self._second_door is not None:
            self._second_door.start()
        node = self._settings.node_name
        known = {plural: self._known_store(plural) for plural in ("workers", "datasets")}
        heard = _DatasetListener(self.store, self.datasets)
        told = NewsListener(self._teller, self.reconciler)
        workers = NodeWatch(self._client, "workers", node, told, growing, known["workers"])
        datasets = NodeWatch(self._client, "datasets", node, heard, growing, known["datasets"])
        artifacts = NodeWatch(self._client, "artifacts", node, self._artifacts, growing)
        self._held = lambda: sum(one.held for one in known.values())
        self._begin("keys", self._joiner.run)
        self._begin("outbox", self._sender.run)
        self._begin("news", self._teller.run)
        self._begin("node", self._nodes.run)
        self._begin("watch-datasets", datasets.run)
        self._begin("watch-workers", workers.run)
        self._begin("watch-artifacts", artifacts.run)
        self._begin("usage", self._sampler.run)
        self._begin("questions", self._answerer.run)
        self._begin("safety", self._look_now_and_then)
        if self._examples is not None:
            self._begin("hard-examples", self._examples.run)

    def _known_store(self, plural: str) -> KnownStore:
        file = Path(self._settings.state_dir) / f"gm-store-{plural}.json"
        return KnownStore(file, plural, lambda: self.store.wanted(plural).values())

    def sentence(self) -> str:
        """Return what `systemctl status` shows while all is well."""
        reachable = {True: "GM reachable", False: "GM not reachable", None: "GM not asked yet"}[self._client.reachable]
        running = sum(1 for record in self.store.workers() if record.status.phase == "Running")
        workers = "1 worker runs" if running == 1 else f"{running} workers run"
        held = self._held()
        lacking = f"the GlobalManager's store does not know {held} things of this node, which stay" if held else ""
        doubt = self._trust.trouble if self._trust is not None else ""
        trouble = "; ".join(filter(None, (self._identity.trouble, doubt, lacking, self._sender.trouble)))
        return f"Node {self._settings.node_name}; {reachable}; {workers}.{f' {trouble}.' if trouble else ''}"

    def stuck(self) -> str:
        """Return a sentence about what does not go round any more; "" while everything does.

        The safety look passes through the store, the reconciler, the runner and its bus: one of them that hangs, hangs
        it, too.
        """
        if ended := [thread.name for thread in self._threads if not thread.is_alive()]:
            return f"The thread {ended[0]} has ended."
        silence = time.monotonic() - self._looked
        if silence > self._settings.safety_poll_seconds + _STUCK_SECONDS:
            return f"Workers have not been looked at for {silence:.0f} s."
        return ""

    def close(self) -> None:
        """Stop hearing, deciding and telling; workers go on. Takes about a second."""
        self._stop.set()
        self._client.close()
        self._identity.wake()
        self._sender.wake()
        self._teller.close()
        self._nodes.wake()
        self.reconciler.close()
        self.datasets.close()
        self._artifacts.close()
        self._fetcher.close()
        self._remotes.close()
        # One deadline for all: a thread that waits for a GM behind a dead line is left to end with the process.
        deadline = time.monotonic() + _CLOSE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._undo.close()
        logging.getLogger().removeHandler(self._meter.counts)

    def stop_workers(self) -> None:
        """End all units here, as an operator chose by `stopWorkersOnExit`, and tell it. Call it before `close`."""
        running = self.reconciler.stop_workers()
        if running:
            logger.warning("Workers still run: %s.", ", ".join(sorted(running)))
        if not self._sender.flush(_TELL_SECONDS):
            logger.warning("The GlobalManager does not know yet how workers ended; it is told at the next start.")

    def _accept(self, report: WorkerReport, proven: bool) -> None:
        # The door has its port before the reconciler exists, since workers are told the port.
        self.reconciler.report(report, proven)

    def _hear(self, news: WorkerNews, proven: bool) -> None:
        self._teller.take(*self.reconciler.check_news(news, proven))

    def _begin(self, name: str, routine: Callable[[threading.Event], None]) -> None:
        thread = threading.Thread(target=routine, args=(self._stop,), name=name, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _look_now_and_then(self, stop: threading.Event) -> None:
        while not stop.wait(self._settings.safety_poll_seconds):
            try:
                self.reconciler.look_at_all()
                self.datasets.look_at_gone(heard=self._client.reachable is True)
            except Exception:
                # A net that tears at the first accident catches nothing.
                logger.exception("The safety look failed; the next one comes.")
            self._looked = time.monotonic()


class _DatasetListener:
    """What the GM tells of datasets: remembered, then followed."""

    def __init__(self, store: Store, keeper: DatasetKeeper) -> None:
        self._store = store
        self._keeper = keeper

    def listed(self, resources: Iterable[Wire]) -> None:
        """These are all datasets of this node."""
        datasets = list(resources)
        self._store.replace_wanted("datasets", datasets)
        self._keeper.want_exactly(datasets)
        self._keeper.look_at_gone(heard=True, listed=True)

    def changed(self, resource: Wire) -> None:
        """A dataset is new or has changed."""
        self._store.put_wanted("datasets", resource)
        self._keeper.want(resource)

    def gone(self, resource: Wire) -> None:
        """A dataset is gone, or lies on another node now."""
        self._store.drop_wanted("datasets", key_of(resource))
        self._keeper.unwant(key_of(resource))


def now() -> datetime:
    """The present."""
    return datetime.now(timezone.utc)


def _url(listen: str, port: int) -> str:
    """The door as workers reach it; the port may have been taken only when it was opened."""
    host, _ = split_address(listen)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextlib.contextmanager
def _lock(folder: Path) -> Iterator[IO[str]]:
    """Keep a second LC out of the state folder: each would stop the other's workers."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("a")
    except OSError as problem:
        raise CannotStart(f"The state folder {folder} cannot be used: {problem.strerror}.") from problem
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            raise CannotStart(f"Another sedna-lc works in {folder} already.") from problem
        yield file
