"""Sends what this node is to give to others, and tells the GM how far it is.

`sedna_lc.gm.watching` tells it of Artifacts (it is a Listener), `packing` and `samples` make a tree of each, a store
(`blobs`) takes what it lacks. What is wanted is remembered, so that work goes on after a restart, with or without a
GM; what has been sent is asked of the store, never remembered. Ready and Failed are final.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sedna.api.artifacts import Artifact, ArtifactStatus
from sedna.api.times import format_time
from sedna.api.validating import parse
from sedna.common.faults import reached
from sedna_lc.allowed import is_ours, leads_outside, outside
from sedna_lc.artifacts.blobs import Blob, BlobStore, BlobStores, WrongDigest
from sedna_lc.artifacts.moving import Meter, Stopped, move_all
from sedna_lc.artifacts.packing import Packed, pack_model
from sedna_lc.artifacts.remembering import FileDigests
from sedna_lc.artifacts.samples import pack_samples
from sedna_lc.errors import Again, Never
from sedna_lc.loops import KeyedLoop
from sedna_lc.models.slots import ModelSlot
from sedna_lc.places import Places, local_path
from sedna_lc.state.letters import status_letter
from sedna_lc.state.stores import Key, Store, Wire, key_of
from sedna_lc.users import WorkerUser

logger = logging.getLogger(__name__)

FINAL_PHASES = ("Ready", "Failed")
# Two contents at a time: a model need not wait for a thousand pictures.
_THREADS = 2
# A file that changes between reading and sending is read again so often before it is left to keep still.
_MOST_PACKINGS = 3
# A store forgets what nobody refers to after an hour or so; on a thin line it is asked again in between.
_SECONDS_BETWEEN_QUESTIONS = 600.0
_NOT_WANTED: tuple[object, object] = (None, None)


@dataclass(frozen=True)
class Sources:
    """Where contents are found on this node."""

    store: Store
    places: Places
    clock: Callable[[], datetime]
    #: Whose right to read decides what is sent; None for this program's own user.
    user: Callable[[], WorkerUser | None] = lambda: None


class ArtifactKeeper:
    """Sends exactly the artifacts that are wanted from here."""

    def __init__(
        self,
        sources: Sources,
        stores: BlobStores,
        posted: Callable[[], None],
        pauses: Callable[[], Iterator[float]],
        monotonic: Callable[[], float],
    ) -> None:
        self._sources = sources
        self._store = sources.store
        self._stores = stores
        self._posted = posted
        self._pauses = pauses
        self._monotonic = monotonic
        self._folder = sources.places.artifacts_folder / "outgoing"
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._wanted: dict[Key, tuple[object, object]] = {}
        self._told: dict[str, ArtifactStatus] = {}
        self._furthest: dict[str, tuple[str | None, int]] = {}
        self._waiting: dict[Key, Iterator[float]] = {}
        self._loop = KeyedLoop(self._step, pauses, monotonic, "Artifact", _THREADS)

    def start(self) -> None:
        """Go on with what was wanted when this LC last ran."""
        for letter in self._store.letters():
            # Told, but not yet heard: a final word stays final, whatever the GM still believes.
            if "/artifacts/" in letter.path and "status" in letter.body:
                status = {name: value for name, value in letter.body["status"].items() if value is not None}
                self._told[letter.key] = ArtifactStatus.model_validate(status)
        self._loop.start()
        self._look_at_all()

    def close(self) -> None:
        """Send no more for now; what the store has got stays there."""
        self._stop.set()
        self._loop.close()

    # What the GM tells (sedna_lc.gm.watching.Listener).

    def listed(self, resources: Iterable[Wire]) -> None:
        """These are all artifacts of this node."""
        artifacts = list(resources)
        self._store.replace_wanted("artifacts", artifacts)
        self._look_at_all()
        for resource in artifacts:
            self._repeat(resource)

    def changed(self, resource: Wire) -> None:
        """An artifact is new or has changed."""
        self._store.put_wanted("artifacts", resource)
        key = key_of(resource)
        with self._lock:
            before, self._wanted[key] = self._wanted.get(key), _version(resource)
        # An echo of what was told from here is no reason to try again at once.
        if before != _version(resource):
            self._loop.add(key)
        else:
            self._repeat(resource)

    def gone(self, resource: Wire) -> None:
        """Nobody needs an artifact any more."""
        key = key_of(resource)
        self._store.drop_wanted("artifacts", key)
        with self._lock:
            self._wanted.pop(key, None)
            self._waiting.pop(key, None)
        self._forget(str(resource["metadata"].get("uid")))

    def _repeat(self, resource: Wire) -> None:
        """Say a final word again that the GM does not hold: an older one came late, and nothing more will be told."""
        uid = str(resource["metadata"].get("uid"))
        with self._lock:
            told = self._told.get(uid)
        if told is None or told.phase not in FINAL_PHASES:
            return
        try:
            heard = parse(Artifact, resource).status
        except ValidationError:
            # `_step` says so.
            return
        if heard != told:
            self._store.post(status_letter("artifacts", key_of(resource), uid, told))
            self._posted()

    def _look_at_all(self) -> None:
        wanted = self._store.wanted("artifacts")
        with self._lock:
            self._wanted = {key: _version(resource) for key, resource in wanted.items()}
        uids = {str(one["metadata"].get("uid")) for one in wanted.values()}
        for folder in self._folder.glob("*"):
            if folder.name not in uids:
                self._forget(folder.name)
        for key in wanted:
            self._loop.add(key)

    def _forget(self, uid: str) -> None:
        with self._lock:
            self._told.pop(uid, None)
            self._furthest.pop(uid, None)
        shutil.rmtree(self._folder / uid, ignore_errors=True)

    def _wants(self, key: Key, uid: str) -> bool:
        return self._wanted.get(key, _NOT_WANTED)[0] == uid

    def _step(self, key: Key) -> float | None:
        resource = self._store.wanted("artifacts").get(key)
        if resource is None or _version(resource) == _NOT_WANTED:
            return None
        try:
            artifact = parse(Artifact, resource)
        except ValidationError as problem:
            # One that a newer GM describes in words unknown here must not make the node deaf to all others.
            logger.warning("Artifact %s cannot be read and is not sent: %s", "/".join(key), problem)
            return None
        sending = _Sending(self, key, artifact)
        try:
            return sending.step()
        finally:
            sending.leave()


class _Sending:
    """One look at one artifact: pack, send what is missing, tell."""

    def __init__(self, keeper: ArtifactKeeper, key: Key, artifact: Artifact) -> None:
        self._keeper = keeper
        self._key = key
        self._artifact = artifact
        self._uid = str(artifact.metadata.uid)
        self._folder = keeper._folder / self._uid

    def step(self) -> float | None:
        """Bring it as far as it goes; return seconds after which to try again."""
        keeper = self._keeper
        try:
            if self._told.phase not in FINAL_PHASES:
                self._work()
            # From now on the store is all that is needed.
            shutil.rmtree(self._folder, ignore_errors=True)
        except Stopped:
            return None
        except Again as problem:
            phase = "Sending" if self._told.sent_bytes else "Pending"
            self._tell(phase=phase, reason=problem.reason, message=problem.message)
            series = keeper._waiting.setdefault(self._key, keeper._pauses())
            return problem.after_seconds or next(series)
        except Never as problem:
            self._tell(phase="Failed", reason=problem.reason, message=problem.message)
            logger.error("Artifact %s cannot be sent: %s", "/".join(self._key), problem.message)  # noqa: TRY400
        keeper._waiting.pop(self._key, None)
        return None

    def leave(self) -> None:
        """Leave nothing of one that went while it was worked on."""
        with self._keeper._lock:
            is_wanted = self._keeper._wants(self._key, self._uid)
        if not is_wanted:
            self._keeper._forget(self._uid)

    def _work(self) -> None:
        store = self._keeper._stores(self._artifact.spec.store)
        for _ in range(_MOST_PACKINGS):
            packed = self._pack()
            reached("lc.artifact.pack.after")
            try:
                self._send(packed, store)
            except WrongDigest as problem:
                # The file changed after it was read: by now its time says so, and it is read again.
                logger.info("Artifact %s is packed again: %s", "/".join(self._key), problem.message)
                continue
            size = _size(packed)
            reached("lc.artifact.send.after")
            self._tell(phase="Ready", reason=None, message=None, sent_bytes=size, **_facts(packed))
            logger.info("Artifact %s lies ready in the store: %d bytes.", "/".join(self._key), size)
            return
        raise Again("FilesChanging", "Its files change while they are sent; it is sent when they keep still.", 2.0)

    def _pack(self) -> Packed:
        sources, spec = self._keeper._sources, self._artifact.spec
        digests = FileDigests(sources.store, sources.clock, sources.user(), self._refusal)
        try:
            if spec.samples is not None:
                datasets = sources.places.state_dir / "datasets"
                namespace = self._key[0]
                return pack_samples(
                    spec.samples, namespace, sources.store, datasets, self._folder, digests, self._going
                )
            assert spec.model is not None  # noqa: S101 - for the type checker: the kind allows exactly one of both
            return pack_model(spec.model, self._model_places(), self._folder, digests, self._going)
        finally:
            digests.save()

    def _model_places(self) -> Iterator[Path]:
        spec, places = self._artifact.spec, self._keeper._sources.places
        assert spec.model is not None  # noqa: S101 - as above
        path = local_path(spec.model.url)
        if path is None:
            raise Never("ModelNotLocal", f"Model {spec.model.name} is not a path on this node: {spec.model.url}.")
        if (sentence := outside(Path(path), places)) is not None:
            raise Again("PathNotAllowed", f"Model {spec.model.name} cannot be sent: {sentence}.")
        yield Path(path)
        # The version that serves here outlives the file it was copied from.
        if spec.model.sha256:
            slot = ModelSlot(places.versions_folder(self._key[0], spec.job.name))
            yield from slot.versions(spec.model.sha256)

    def _refusal(self, descriptor: int) -> str | None:
        """Why a file is not sent, wherever its links have led: samples and folders name others. None when it may be."""
        places = self._keeper._sources.places
        if is_ours(Path(f"/proc/self/fd/{descriptor}"), places.all_models_folder):
            return None
        return leads_outside(descriptor, places)

    def _send(self, packed: Packed, store: BlobStore) -> None:
        self._going()
        sizes = {**packed.tree.blobs, packed.tree.digest: packed.sources[packed.tree.digest].stat().st_size}
        # The tree's document comes first, and the status names it: whoever sweeps the store sees by it what belongs to
        # something that is on its way, however long the line is cut. Others fetch only what is told to be Ready.
        blobs = [Blob(sha256, size) for sha256, size in sizes.items()]
        total = _size(packed)
        while gaps := store.missing(blobs):
            missing = sum(sizes[sha256] - offset for sha256, offset in gaps.items() if sha256 in packed.tree.blobs)
            self._tell_begin(total - missing, packed)
            self._send_gaps(packed, store, [one for one in blobs if one.sha256 in gaps], dict(gaps), total - missing)

    def _send_gaps(self, packed: Packed, store: BlobStore, blobs: list[Blob], gaps: dict[str, int], done: int) -> None:
        keeper, total = self._keeper, _size(packed)
        meter = Meter(total, done, self._tell_sent, self._going, keeper._monotonic)
        until = keeper._monotonic() + _SECONDS_BETWEEN_QUESTIONS

        def send(blob: Blob) -> None:
            if keeper._monotonic() < until:
                store.send(blob, packed.sources[blob.sha256], gaps[blob.sha256], meter.follow(gaps[blob.sha256]))

        try:
            for blob in blobs:
                if blob.sha256 == packed.tree.digest:
                    # Not counted: whoever reads how much is sent means the content.
                    offset = gaps[blob.sha256]
                    store.send(blob, packed.sources[blob.sha256], offset, lambda _: self._going())
            move_all([one for one in blobs if one.sha256 != packed.tree.digest], send)
        finally:
            if not keeper._stop.is_set():
                self._tell_sent(meter.done)

    def _tell_begin(self, there: int, packed: Packed) -> None:
        changes: dict[str, Any] = {"sent_bytes": there, **_facts(packed)}
        if self._told.tree != packed.tree.digest:
            changes |= {"phase": "Sending", "reason": None, "message": None}
        elif there:
            # Why it stands still is true until a byte has moved; that the store answers is no step forward.
            changes["phase"] = "Sending"
        self._tell(**changes)

    def _tell_sent(self, done: int) -> None:
        before = self._told
        sent = max(0, min(done, before.size_bytes or 0))
        if sent > (before.sent_bytes or 0):
            self._tell(phase="Sending", reason=None, message=None, sent_bytes=sent)

    def _going(self) -> None:
        keeper = self._keeper
        if keeper._stop.is_set():
            raise Stopped
        with keeper._lock:
            if not keeper._wants(self._key, self._uid):
                raise Stopped

    @property
    def _told(self) -> ArtifactStatus:
        with self._keeper._lock:
            return self._keeper._told.get(self._uid, self._artifact.status)

    def _tell(self, **changes: Any) -> None:
        """Post what has changed, unless it is what was said last, or nobody wants to know any more."""
        keeper = self._keeper
        before = self._told
        changes["observed_generation"] = self._artifact.metadata.generation
        status = before.model_copy(update=changes)
        if status == before:
            return
        if self._is_step(before, status):
            status = status.model_copy(update={"update_time": format_time(keeper._sources.clock())})
        with keeper._lock:
            if not keeper._wants(self._key, self._uid):
                return
            keeper._told[self._uid] = status
        keeper._store.post(status_letter("artifacts", self._key, self._uid, status))
        keeper._posted()

    def _is_step(self, before: ArtifactStatus, status: ArtifactStatus) -> bool:
        """Tell whether it has come on, and is not just said in other words to stand still: the GM waits for steps.

        A store that keeps no beginnings is sent the same bytes again and again; only more than ever before counts.
        """
        sent = status.sent_bytes or 0
        with self._keeper._lock:
            tree, most = self._keeper._furthest.get(self._uid, (before.tree, before.sent_bytes or 0))
            if status.tree != tree:
                # Another content begins with what the store has of it; what of it is sent counts from there.
                self._keeper._furthest[self._uid] = (status.tree, sent)
                is_further = tree is None
            else:
                self._keeper._furthest[self._uid] = (tree, max(most, sent))
                is_further = sent > most
        is_asked_anew = status.observed_generation != before.observed_generation
        return is_further or is_asked_anew or before.update_time is None or status.phase in FINAL_PHASES


def _version(resource: Wire) -> tuple[object, object]:
    """What makes an artifact another one to send; one that is being deleted is not sent."""
    metadata = resource["metadata"]
    return _NOT_WANTED if metadata.get("deletionTimestamp") else (metadata.get("uid"), metadata.get("generation"))


def _size(packed: Packed) -> int:
    """The bytes to send; a content that occurs twice is sent once."""
    return sum(packed.tree.blobs.values())


def _facts(packed: Packed) -> dict[str, Any]:
    return {
        "tree": packed.tree.digest,
        "sha256": packed.sha256,
        "files": len(packed.tree.files),
        "size_bytes": _size(packed),
        "sample_count": packed.samples,
    }
