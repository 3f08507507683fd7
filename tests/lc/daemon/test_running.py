"""The program on a host: it starts, is killed, comes back, loses its GM, and its workers hardly notice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

from sedna.common.digests import digest
from tests.lc.daemon.nodes import NodeUnderTest, wait_until
from tests.lc.fakes.gm import BASE

SAMPLES = [{"dataset": "d", "start": 0, "end": 2}]


def test_a_worker_runs_from_wanted_to_reported_to_released(node: NodeUnderTest) -> None:
    node.start()
    node.want_dataset()
    dataset = {"name": "d", "url": str(node.folder / "list.txt"), "format": "txt"}
    node.want("j-train-1", "train", dataset=dataset, samples=SAMPLES)
    status = node.wait_for("j-train-1", "Succeeded")
    model = node.folder / "out/train/1/model.txt"
    assert model.read_text() == f"{node.folder}/1.jpg {node.folder}/2.jpg"
    assert [(one["url"], one["sha256"]) for one in status["results"]] == [(str(model), digest(model))]
    node.gm.ask({"id": "q", "type": "log", "namespace": "default", "name": "j-train-1"})
    node.gm.wait_until(lambda: "q" in node.gm.answers)
    assert node.gm.answers["q"] == b"begun\n"
    node.gm.put("workers", "j-train-1", metadata={"deletionTimestamp": "2026-11-22T15:00:00Z"})
    node.gm.wait_until(lambda: not node.gm.get("workers", "j-train-1"))
    assert node.stop() == 0


def test_a_program_that_fails_before_it_can_report_is_told_with_its_last_words(node: NodeUnderTest) -> None:
    (node.folder / "images/app/v1/app/early.py").write_text("import nosuch\n")
    template = {"containers": [{"name": "c", "image": "app:v1", "args": ["early.py"]}]}
    words = "It ended with exit code 1: ModuleNotFoundError: No module named 'nosuch'"
    node.start()
    node.want("j-train-1", template=template)
    assert node.wait_for("j-train-1", "Failed")["message"] == words
    node.want("j-inference", template=template, role="inference", restartPolicy="Always")
    node.gm.wait_until(lambda: node.status("j-inference").get("message") == f"It is started again. {words}")
    node.gm.put("workers", "j-inference", metadata={"deletionTimestamp": "2026-11-22T15:00:00Z"})
    node.gm.wait_until(lambda: not node.gm.get("workers", "j-inference"))
    assert node.stop() == 0


def test_w05_a_killed_lc_adopts_its_workers_without_a_gm(node: NodeUnderTest) -> None:
    node.start()
    node.want("j-train-1", "wait", str(node.folder / "go"))
    pid = node.wait_for("j-train-1", "Running")["pid"]
    node.stop(signal.SIGKILL)
    node.gm.stop()
    os.kill(pid, 0)
    node.start()
    wait_until(lambda: "The LocalController of node edge runs." in node.log.read_text().split("does not answer")[-1])
    (node.folder / "go").touch()
    node.gm.start()
    status = node.wait_for("j-train-1", "Failed")
    # It ended with exit code 0, seen by the second LC, and never reported a model.
    assert (status["reason"], status["exitCode"]) == ("NoModelReported", 0)
    assert node.log.read_text().count("has been started") == 1


def test_w06_what_ends_while_the_gm_is_away_is_told_when_it_is_back(node: NodeUnderTest) -> None:
    node.start()
    node.want("j-train-1", "wait", str(node.folder / "go"))
    node.wait_for("j-train-1", "Running")
    node.gm.stop()
    (node.folder / "go").touch()
    wait_until(lambda: "has ended: Failed" in node.log.read_text())
    node.gm.start()
    assert node.wait_for("j-train-1", "Failed")["reason"] == "NoModelReported"


def test_what_was_wanted_before_a_power_cut_starts_without_a_gm(node: NodeUnderTest) -> None:
    (node.folder / "base").rename(node.folder / "away")
    node.start()
    node.want("j-train-1", "wait", str(node.folder / "go"))
    assert node.wait_for("j-train-1", "Pending")["reason"] == "ModelNotFound"
    node.stop(signal.SIGKILL)
    node.gm.stop()
    (node.folder / "away").rename(node.folder / "base")
    node.start()
    wait_until(lambda: "has been started" in node.log.read_text())
    node.gm.start()
    node.wait_for("j-train-1", "Running")


def test_sigterm_stops_the_lc_soon_and_leaves_workers_running(node: NodeUnderTest) -> None:
    node.start()
    node.want("j-train-1", "wait", str(node.folder / "go"))
    pid = node.wait_for("j-train-1", "Running")["pid"]
    assert node.stop() == 0
    os.kill(pid, 0)
    assert "Stopped." in node.log.read_text()


def test_workers_end_with_the_lc_if_an_operator_chose_so(node: NodeUnderTest) -> None:
    node.configure(stopWorkersOnExit=True)
    node.start()
    node.want("j-train-1", "wait", str(node.folder / "go"))
    pid = node.wait_for("j-train-1", "Running")["pid"]
    node.want("j-inference", "wait", str(node.folder / "go"), role="inference", restartPolicy="Always")
    node.wait_for("j-inference", "Running")
    assert node.stop(signal.SIGINT) == 0
    wait_until(lambda: not Path(f"/proc/{pid}").exists())
    # What the GM was told before the LC went is true.
    training, serving = node.status("j-train-1"), node.status("j-inference")
    assert (training["phase"], training["reason"]) == ("Failed", "Stopped")
    assert (serving["phase"], serving["reason"]) == ("Pending", "Stopped")
    node.start()
    node.wait_for("j-inference", "Running")


def test_a_gm_that_is_away_does_not_hold_up_the_stop_and_is_told_later(node: NodeUnderTest) -> None:
    node.configure(stopWorkersOnExit=True)
    node.start()
    node.want("j-train-1", "wait", str(node.folder / "go"))
    node.wait_for("j-train-1", "Running")
    node.gm.stop()
    assert node.stop() == 0
    assert "it is told at the next start" in node.log.read_text()
    node.gm.start()
    assert node.status("j-train-1")["phase"] == "Running"
    node.start()
    assert node.wait_for("j-train-1", "Failed")["reason"] == "Stopped"


def test_a_new_image_is_known_without_waiting_for_a_heartbeat(node: NodeUnderTest) -> None:
    node.gm.interval_seconds = 3600
    node.configure(heartbeatSeconds=3600)
    node.start()
    node.gm.wait_until(lambda: node.gm.beats)
    images = node.folder / "images"
    shutil.copytree(images / "app/v1", images / "app/.v2")
    record = {"name": "app", "tag": "v2", "python": sys.executable}
    (images / "app/.v2/image.yml").write_text(json.dumps(record))
    (images / "app/.v2").rename(images / "app/v2")
    node.gm.wait_until(lambda: node.gm.resources[f"{BASE}/nodes/edge"]["status"]["images"] == ["app:v1", "app:v2"])
    assert node.stop() == 0


def test_systemd_hears_how_it_stands_from_ready_to_stopping(node: NodeUnderTest) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(node.folder / "notify"))
        systemd.settimeout(30)

        def hear(beginning: str) -> str:
            """The next word that begins so; signs of life and sentences come in between."""
            while not (heard := systemd.recv(1000).decode()).startswith(beginning):
                assert heard.startswith(("WATCHDOG=1", "STATUS=")), heard
            return heard

        node.start(NOTIFY_SOCKET=str(node.folder / "notify"), WATCHDOG_USEC="200000")
        said = systemd.recv(1000).decode()
        assert said.startswith("READY=1\nSTATUS=Node edge; ")
        assert hear("WATCHDOG=1") == "WATCHDOG=1"
        node.gm.wait_until(lambda: node.gm.beats)
        # A quick GM is reached before all is ready, and the sentence is not said again then.
        while not said.endswith("STATUS=Node edge; GM reachable; 0 workers run."):
            said = hear("STATUS=")
        assert node.process is not None
        node.process.send_signal(signal.SIGHUP)
        assert "\nMONOTONIC_USEC=" in hear("RELOADING=1")
        assert hear("READY=1").startswith("READY=1\nSTATUS=The settings have been read again")
        assert node.stop() == 0
        assert hear("STOPPING=1") == "STOPPING=1\nSTATUS=Stopping."


def test_sighup_reads_the_log_level_again(node: NodeUnderTest) -> None:
    node.start()
    node.gm.wait_until(lambda: node.gm.beats)
    wait_until(lambda: "runs." in node.log.read_text())
    node.configure(logLevel="DEBUG", timezone="Europe/Berlin")
    assert node.process is not None
    node.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "logLevel is DEBUG now" in node.log.read_text())
    assert "a change of timezone counts from the next start" in node.log.read_text()
    node.config.write_text("nodeName: 7")
    node.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "The settings stay as they were" in node.log.read_text())
    assert node.stop() == 0


def test_a_second_lc_in_one_folder_is_refused(node: NodeUnderTest) -> None:
    node.start()
    node.gm.wait_until(lambda: node.gm.beats)
    first = node.process
    node.start()
    second, node.process = node.process, first
    assert second is not None
    assert second.wait(timeout=60) == 1
    assert f"Another sedna-lc works in {node.folder / 'state'} already." in node.log.read_text()


def test_a_taken_address_is_said(node: NodeUnderTest) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        node.configure(listen=f"127.0.0.1:{taken.getsockname()[1]}")
        node.start()
        process, node.process = node.process, None
        assert process is not None
        assert process.wait(timeout=60) == 1
    assert "cannot be opened: Address already in use" in node.log.read_text()


def test_stopping_takes_no_time_whatever_it_waits_for(node: NodeUnderTest) -> None:
    node.gm.stop()
    node.start()
    wait_until(lambda: "does not answer" in node.log.read_text())
    wait_until(lambda: "runs." in node.log.read_text())
    begun = time.monotonic()
    assert node.stop() == 0
    # Generous: what is tested is that no wait of half a minute is waited out.
    assert time.monotonic() - begun < 20
