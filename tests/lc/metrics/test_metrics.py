"""A node's metrics: what is told, who may read it, and that nobody pays for it who does not ask."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sedna.api.workers import WorkerStatus
from sedna_lc.http.door import make_application
from sedna_lc.http.metrics import alone, beside
from sedna_lc.http.serving import DoorServer
from sedna_lc.metrics.counting import Counts
from sedna_lc.metrics.looking import Sources, View, folder_bytes, look
from sedna_lc.metrics.telling import text
from sedna_lc.state.letters import status_letter
from sedna_lc.state.memory import MemoryStore
from sedna_lc.state.records import Progress, WorkerRecord

TEXT = "text/plain"


def told(view: View) -> dict[str, float]:
    families = text_string_to_metric_families(text(view).decode())
    return {
        one.name + "".join(f" {value}" for _, value in sorted(one.labels.items())): one.value
        for family in families
        for one in family.samples
    }


@pytest.fixture
def store() -> MemoryStore:
    made = MemoryStore()
    status = WorkerStatus.model_validate({"phase": "Running", "restarts": 3})
    made.put_wanted("workers", {"metadata": {"name": "w", "namespace": "shop"}, "spec": {"role": "inference"}})
    made.put_worker(
        WorkerRecord("uw", "shop", "w", status=status), status_letter("workers", ("shop", "w"), "uw", status)
    )
    made.put_wanted("datasets", {"metadata": {"name": "d", "namespace": "shop", "uid": "ud"}, "spec": {}})
    made.put_progress(Progress("ud", "txt /d", samples=120))
    return made


def sources(store: MemoryStore, folder: Path) -> Sources:
    return Sources(store, folder, Counts(), lambda: 7.0, lambda: False, lambda: None, lambda: 5.0)


def test_what_a_node_knows_is_told(store: MemoryStore, tmp_path: Path) -> None:
    found = told(look(sources(store, tmp_path)))
    assert found["sedna_lc_gm_connected"] == 0
    assert found["sedna_lc_outbox_letters"] == 1
    assert found["sedna_lc_outbox_oldest_seconds"] == 7
    assert found["sedna_lc_dataset_samples d shop"] == 120
    assert found["sedna_lc_workers Running inference"] == 1
    assert found["sedna_lc_unit_restarts_total shop w"] == 3
    assert found["sedna_lc_artifact_bytes"] == 5
    assert found["sedna_lc_reports_total accepted"] == 0
    # A GlobalManager that was never heard has no time, rather than one in 1970.
    assert "sedna_lc_gm_last_answer_timestamp_seconds" not in found


def test_lines_of_the_log_are_counted_from_warnings_on() -> None:
    counts = Counts()
    logger = logging.Logger("apart")
    logger.addHandler(counts)
    logger.info("fine")
    logger.warning("hm")
    logger.error("bad")
    assert counts.lines == {"WARNING": 1, "ERROR": 1, "CRITICAL": 0}


def test_reports_are_counted_by_what_became_of_them() -> None:
    counts = Counts()
    for code in (200, 200, 401, 404, 503):
        counts.answered(code)
    assert counts.reports == {"accepted": 2, "refused": 2, "failed": 1}


def test_a_file_of_two_names_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"12345")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/name").hardlink_to(tmp_path / "blob")
    assert folder_bytes(tmp_path) == 5
    assert folder_bytes(tmp_path / "nothing") == 0


def page() -> tuple[str, bytes]:
    return TEXT, b"sedna_lc_gm_connected 1.0\n"


Serve = Callable[..., httpx.Client]


@pytest.fixture
def serve() -> Iterator[Serve]:
    undo: list[Callable[[], None]] = []

    def made(application: object) -> httpx.Client:
        server = DoorServer(application, "127.0.0.1", 0)  # type: ignore[arg-type]
        server.start()
        client = httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False)
        undo.extend((server.close, client.close))
        return client

    yield made
    for one in reversed(undo):
        one()


def test_the_door_tells_its_metrics_and_counts_its_reports(serve: Serve) -> None:
    counts = Counts()
    door = make_application(lambda _report, _proven: None, lambda _token: None)
    client = serve(beside(door, page, counts.answered))
    report = {"name": "w", "namespace": "default", "kind": "train", "status": "completed"}
    assert client.post("/sedna/workers/w/info", json=report).status_code == 200
    assert client.post("/sedna/workers/other/info", json=report).status_code == 400
    assert client.get("/metrics").text == page()[1].decode()
    assert client.get("/healthz").status_code == 200
    assert client.post("/metrics").status_code == 405
    assert counts.reports == {"accepted": 1, "refused": 1, "failed": 0}


def test_the_second_address_has_the_metrics_and_nothing_else(serve: Serve) -> None:
    client = serve(alone(page, None))
    assert client.get("/metrics").status_code == 200
    assert client.get("/healthz").status_code == 404
    assert client.post("/sedna/workers/w/info", json={}).status_code == 404


def test_a_scraper_shows_the_token_of_the_file_as_it_is_now(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "token"
    client = serve(alone(page, file))

    def asked(shown: str | None) -> int:
        return client.get("/metrics", headers={} if shown is None else {"Authorization": shown}).status_code

    # A file that is not there lets nobody in, rather than everybody.
    assert asked("Bearer x") == 503
    file.write_text("first\n")
    assert (asked("Bearer first"), asked("Bearer firs"), asked("first"), asked(None)) == (200, 401, 401, 401)
    file.write_text("second\n")
    assert (asked("Bearer first"), asked("bearer second")) == (401, 200)
    file.write_text("\n")
    assert asked("Bearer x") == 503


def test_metrics_that_cannot_be_told_do_not_end_the_door(serve: Serve) -> None:
    def broken() -> tuple[str, bytes]:
        raise OSError("the disk is gone")

    client = serve(beside(make_application(lambda *_: None, lambda _token: None), broken, lambda _code: None))
    assert client.get("/metrics").status_code == 503
    assert client.get("/healthz").status_code == 200


def test_a_node_whose_metrics_nobody_reads_does_not_load_what_writes_them() -> None:
    code = "import sedna_lc.daemon.wiring, sys; print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
