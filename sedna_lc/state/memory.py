"""A store that forgets with its process: for tests and rehearsals.

Values go through their stored form, so that nobody can change what is kept by changing what was handed in.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import replace

from sedna_lc.state.records import FileDigest, Letter, Progress, StoredLabel, StoredReport, WorkerRecord
from sedna_lc.state.stores import Key, Wire, key_of


class MemoryStore:
    """See `sedna_lc.state.stores.Store`."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._wanted: dict[str, dict[Key, str]] = {}
        self._workers: dict[Key, str] = {}
        self._reports: dict[Key, list[StoredReport]] = {}
        self._letters: dict[str, Letter] = {}
        self._progress: dict[str, str] = {}
        self._digests: dict[str, tuple[FileDigest, int]] = {}
        self._labels: dict[tuple[str, str], StoredLabel] = {}
        self._sequence = 0

    def wanted(self, plural: str) -> dict[Key, Wire]:
        """See `Store.wanted`."""
        with self._lock:
            return {key: json.loads(text) for key, text in self._wanted.get(plural, {}).items()}

    def replace_wanted(self, plural: str, resources: Iterable[Wire]) -> None:
        """See `Store.replace_wanted`."""
        kept = {key_of(one): json.dumps(one) for one in resources}
        with self._lock:
            self._wanted[plural] = kept

    def put_wanted(self, plural: str, resource: Wire) -> None:
        """See `Store.put_wanted`."""
        with self._lock:
            self._wanted.setdefault(plural, {})[key_of(resource)] = json.dumps(resource)

    def drop_wanted(self, plural: str, key: Key) -> None:
        """See `Store.drop_wanted`."""
        with self._lock:
            self._wanted.get(plural, {}).pop(key, None)

    def workers(self) -> list[WorkerRecord]:
        """See `Store.workers`."""
        with self._lock:
            return [WorkerRecord.decode(text) for text in self._workers.values()]

    def worker(self, key: Key) -> WorkerRecord | None:
        """See `Store.worker`."""
        with self._lock:
            text = self._workers.get(key)
        return WorkerRecord.decode(text) if text is not None else None

    def put_worker(self, record: WorkerRecord, letter: Letter | None = None, read_up_to: int = 0) -> None:
        """See `Store.put_worker`."""
        with self._lock:
            self._workers[record.key] = record.encode()
            unread = [one for one in self._reports.get(record.key, []) if one.sequence > read_up_to]
            self._reports[record.key] = unread
            if letter is not None:
                self.post(letter)

    def drop_worker(self, record: WorkerRecord, letter: Letter | None = None) -> None:
        """See `Store.drop_worker`."""
        with self._lock:
            self._workers.pop(record.key, None)
            self._reports.pop(record.key, None)
            self._letters.pop(record.uid, None)
            if letter is not None:
                self.post(letter)

    def add_report(self, key: Key, body: Wire) -> None:
        """See `Store.add_report`."""
        with self._lock:
            self._sequence += 1
            kept = StoredReport(self._sequence, json.loads(json.dumps(body)))
            self._reports.setdefault(key, []).append(kept)

    def reports(self, key: Key) -> list[StoredReport]:
        """See `Store.reports`."""
        with self._lock:
            return list(self._reports.get(key, []))

    def post(self, letter: Letter) -> None:
        """See `Store.post`."""
        with self._lock:
            self._sequence += 1
            self._letters.pop(letter.key, None)
            body = json.loads(json.dumps(letter.body))
            self._letters[letter.key] = replace(letter, body=body, sequence=self._sequence)

    def letters(self) -> list[Letter]:
        """See `Store.letters`."""
        with self._lock:
            return list(self._letters.values())

    def settle(self, letter: Letter) -> bool:
        """See `Store.settle`."""
        with self._lock:
            kept = self._letters.get(letter.key)
            if kept is None or kept.sequence != letter.sequence:
                return False
            del self._letters[letter.key]
            return True

    def progress(self, uid: str) -> Progress | None:
        """See `Store.progress`."""
        with self._lock:
            text = self._progress.get(uid)
        return Progress.decode(text) if text is not None else None

    def put_progress(self, progress: Progress) -> None:
        """See `Store.put_progress`."""
        with self._lock:
            self._progress[progress.uid] = progress.encode()

    def drop_progress(self, uid: str) -> None:
        """See `Store.drop_progress`."""
        with self._lock:
            self._progress.pop(uid, None)
            self._labels = {key: label for key, label in self._labels.items() if label.dataset != uid}

    def digest(self, path: str) -> FileDigest | None:
        """See `Store.digest`."""
        with self._lock:
            found = self._digests.get(path)
        return found[0] if found is not None else None

    def put_digests(self, digests: Iterable[FileDigest], day: int) -> None:
        """See `Store.put_digests`."""
        with self._lock:
            self._digests.update({one.path: (one, day) for one in digests})

    def drop_digests(self, before: int) -> None:
        """See `Store.drop_digests`."""
        with self._lock:
            self._digests = {path: kept for path, kept in self._digests.items() if kept[1] >= before}

    def label(self, dataset: str, example: str) -> StoredLabel | None:
        """See `Store.label`."""
        with self._lock:
            return self._labels.get((dataset, example))

    def labels(self, dataset: str, most: int) -> list[StoredLabel]:
        """See `Store.labels`."""
        with self._lock:
            done = [label for label in self._labels.values() if label.dataset == dataset and label.done]
        return done[::-1][:most]

    def open_labels(self) -> list[StoredLabel]:
        """See `Store.open_labels`."""
        with self._lock:
            return [label for label in self._labels.values() if not label.done]

    def put_label(self, label: StoredLabel) -> None:
        """See `Store.put_label`."""
        with self._lock:
            self._labels[label.dataset, label.example] = label

    def drop_label(self, label: StoredLabel) -> None:
        """See `Store.drop_label`."""
        with self._lock:
            self._labels.pop((label.dataset, label.example), None)

    def close(self) -> None:
        """See `Store.close`."""
