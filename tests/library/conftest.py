"""What the library's tests share: no variable of a worker is set, and reports are collected, not sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from sedna.api.workers import WorkerNews, WorkerReport
from sedna.service import news, reporting
from sedna.service.news import NewsSender
from sedna.service.reporting import Reporter

WORKER_VARIABLES = [
    "NAMESPACE",
    "JOB_NAME",
    "SERVICE_NAME",
    "WORKER_NAME",
    "LC_SERVER",
    "MODEL_URL",
    "BASE_MODEL_URL",
    "MODEL_URLS",
    "MODEL_NAME",
    "PRETRAINED_MODEL_URL",
    "TRAIN_DATASET_URL",
    "TEST_DATASET_URL",
    "ORIGINAL_DATASET_URL",
    "OUTPUT_URL",
    "HEM_NAME",
    "HEM_PARAMETERS",
    "MODEL_HOT_UPDATE",
    "MODEL_POLL_PERIOD_SECONDS",
    "MODEL_HOT_UPDATE_CONFIG",
    "DATA_PATH_PREFIX",
    "BACKEND_TYPE",
    "DEVICE_CATEGORY",
    "CUDA_VISIBLE_DEVICES",
    "PARAMETERS",
    "LOG_LEVEL",
    "model_path",
    "S3_ENDPOINT_URL",
    "ACCESS_KEY_ID",
    "SECRET_ACCESS_KEY",
    "CREDENTIALS_DIRECTORY",
    "SEDNA_CREDENTIALS",
    "SEDNA_GUARD",
    "SEDNA_SPOOL_DIR",
    "SEDNA_WARM_UP_FRAMES",
    "SEDNA_WARM_UP_BYTES",
    "SEDNA_WARM_UP_SECONDS",
]

DEADLINE = 20.0


@pytest.fixture(autouse=True)
def _no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WORKER_VARIABLES:
        monkeypatch.delenv(name, raising=False)


class Told:
    """What a LocalController would have been told."""

    def __init__(self) -> None:
        self.reports: list[Mapping[str, Any]] = []
        self._changed = threading.Condition()
        self.reporter = Reporter(self._take)
        self.news: list[Mapping[str, Any]] = []
        self.sender = NewsSender(self._hear, most_often=0.0)

    def _take(self, message: Mapping[str, Any], timeout: float) -> None:
        # As the LocalController reads it: a report that it would refuse fails the test that made it.
        WorkerReport.model_validate(message)
        with self._changed:
            self.reports.append(message)
            self._changed.notify_all()

    def _hear(self, message: Mapping[str, Any], timeout: float) -> None:
        WorkerNews.model_validate({"name": "w", "namespace": "default", **message})
        with self._changed:
            self.news.append(message)
            self._changed.notify_all()

    def last(self, kind: str) -> Mapping[str, Any]:
        """The newest of a kind; nothing is under way any more."""
        self.sender.close()
        return next(one[kind] for one in reversed(self.news) if kind in one)

    def wait(self, reached: Callable[[list[Mapping[str, Any]]], bool]) -> list[Mapping[str, Any]]:
        with self._changed:
            assert self._changed.wait_for(lambda: reached(self.reports), DEADLINE), self.reports
            return list(self.reports)

    def all(self) -> list[Mapping[str, Any]]:
        """Every report so far; none is under way any more."""
        assert self.reporter.close()
        return self.reports


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """Makes this process a worker whose reports are collected."""
    told = Told()
    monkeypatch.setattr(reporting, "_made", [told.reporter])
    monkeypatch.setattr(news, "_made", [told.sender])
    monkeypatch.setenv("WORKER_NAME", "job-train-1")
    monkeypatch.setenv("LC_SERVER", "http://127.0.0.1:9")
    monkeypatch.setenv("JOB_NAME", "job")
    monkeypatch.setenv("NAMESPACE", "default")
    monkeypatch.setenv("BACKEND_TYPE", "PLAIN")
    yield told
    told.reporter.close()
    told.sender.close()
