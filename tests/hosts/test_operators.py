"""What an operator does with systemd's own tools on the hosts, and what becomes of the job."""

from __future__ import annotations

import re

import pytest

from tests.hosts.clouds import node_of
from tests.hosts.digits import INFERENCE, JOB, Digits
from tests.hosts.machines import Machine
from tests.hosts.waiting import wait_until

TARGET = f"sedna-job-default-{JOB}.target"
SERVING = f"sedna-worker-default-{INFERENCE}.service"


def training(number: int) -> str:
    """The unit that trains in a round."""
    return f"sedna-worker-default-{JOB}-train-{number}.service"


def frozen_training(example: Digits, number: int = 1) -> str:
    """Begin a round and hold its training where it is, so that what is done to it falls into it; return its unit."""
    unit = training(number)
    host = example.cloud.host
    running = lambda: host.show(unit, "ActiveState", "MainPID")  # noqa: E731
    wait_until(f"{unit} runs", running, lambda it: it["ActiveState"] == "active" and it["MainPID"] != "0", seconds=120)
    host.systemctl("kill", "--signal=STOP", unit)
    return unit


def submit(example: Digits) -> None:
    """Submit the example and wait until its camera's worker runs."""
    example.submit()
    running = lambda it: it["status"].get("phase") == "Running"  # noqa: E731
    example.cloud.until("Worker", INFERENCE, running, "the camera's worker runs")


def life_of(host: Machine, *units: str) -> dict[str, dict[str, str]]:
    """What is another one as soon as systemd starts a unit again, or its process ends."""
    return {unit: host.show(unit, "InvocationID", "MainPID", "NRestarts") for unit in units}


def test_list_units_shows_all_of_it_with_what_it_is(example: Digits) -> None:
    cloud, edge = example.cloud, example.edge
    submit(example)
    example.label(1)
    unit = frozen_training(example)
    seen = cloud.host.systemctl("list-units", "--plain", "--no-legend", "--full", "sedna-*")
    rows = {line.split()[0]: line for line in seen.splitlines()}
    services = {"sedna-gm.service", "sedna-lc.service"}
    assert rows.keys() == {*services, "sedna-gm-certificates.timer", TARGET, unit}
    assert f"Sedna train worker {JOB}-train-1 of job default/{JOB}, round 1" in rows[unit]
    assert "Sedna GlobalManager" in rows["sedna-gm.service"]
    seen = edge.systemctl("list-units", "--plain", "--no-legend", "--full", "sedna-*")
    assert {line.split()[0] for line in seen.splitlines()} == {"sedna-lc.service", TARGET, SERVING}
    hanging = edge.systemctl("list-dependencies", "--plain", TARGET)
    assert SERVING in hanging
    # Everything that users' code does is in one slice, for systemd-cgtop and for limits over all of it.
    assert cloud.host.show(unit, "Slice") == edge.show(SERVING, "Slice") == {"Slice": "sedna.slice"}
    cloud.host.systemctl("kill", "--signal=CONT", unit)


def test_status_and_journal_say_what_a_person_needs(example: Digits) -> None:
    cloud, edge = example.cloud, example.edge
    submit(example)
    example.label(1)
    cloud.until_round(JOB, 1)
    cloud.until_served(INFERENCE, 1)
    shown = edge.systemctl("status", "--lines=40", "--full", SERVING)
    assert f"Sedna inference worker {INFERENCE} of job default/{JOB}" in shown
    assert "Active: active (running)" in shown
    assert "inference.py" in shown, "the program, as the manifest names it"
    assert "is served now" in shown, "its own words"
    # What an ended worker said stays where an operator looks for it.
    said = cloud.host.run("journalctl", "--no-pager", "--unit", training(1), "--output=cat")
    assert "Started" in said
    assert re.search(r"(?i)epoch|train|model", said), said
    count = len(list(cloud.nodes))
    for host, service, sentence in (
        (cloud.host, "sedna-gm", rf"Serving on https://\S+; {count} of {count} nodes ready, 1 job\."),
        (edge, "sedna-lc", rf"Node {re.escape(node_of(edge))}; GM reachable; 1 worker runs\."),
    ):
        status = lambda host=host, service=service: host.show(service, "StatusText")["StatusText"]  # noqa: E731
        wait_until(f"{service} says how it stands", status, re.compile(sentence).fullmatch, seconds=60)


@pytest.mark.kubectl
def test_stopping_the_jobs_target_pauses_it_there_and_starting_it_resumes(example: Digits) -> None:
    cloud = example.cloud
    submit(example)
    samples = example.label(1)
    unit = frozen_training(example)
    cloud.host.systemctl("stop", TARGET)
    paused = cloud.until("IncrementalLearningJob", JOB, lambda it: it["status"].get("paused"), "the job says Paused")
    node = node_of(cloud.host)
    assert paused["status"]["paused"] == node
    row = cloud.kubectl("get", "incrementallearningjob", JOB, "--output=wide")
    assert "Paused" in row
    assert f"Paused on node {node}" in row
    assert TARGET in row, "how to resume it"
    assert "Paused" in cloud.kubectl("get", "worker", f"{JOB}-train-1")
    # Nothing is restarted behind the operator's back, not by a LocalController that is started again either.
    cloud.host.systemctl("restart", "sedna-lc")
    cloud.until_nodes_ready()
    assert cloud.host.show(unit, "ActiveState")["ActiveState"] == "inactive"
    assert cloud.get("Worker", f"{JOB}-train-1")["status"]["phase"] == "Paused"
    # The other host goes on.
    assert example.edge.show(SERVING, "ActiveState") == {"ActiveState": "active"}
    cloud.host.systemctl("start", TARGET)
    record = cloud.until_round(JOB, 1)
    assert record["decision"] == "Deployed"
    assert (record["samples"]["start"], record["samples"]["end"]) == (0, samples)
    assert "paused" not in cloud.get("IncrementalLearningJob", JOB)["status"]
    told = cloud.events(JOB)
    assert [word for word in told if word.startswith(f"Paused on node {node}")]
    assert f"The job goes on on node {node}." in told


def test_a_camera_that_the_operator_pauses_stays_off_until_he_starts_it(example: Digits) -> None:
    cloud, edge = example.cloud, example.edge
    submit(example)
    example.until_camera_saves()
    edge.systemctl("stop", TARGET)
    cloud.until("Worker", INFERENCE, lambda it: it["status"].get("phase") == "Paused", "the camera's worker is paused")
    assert edge.show(SERVING, "ActiveState", "MainPID") == {"ActiveState": "inactive", "MainPID": "0"}
    edge.systemctl("start", TARGET)
    cloud.until("Worker", INFERENCE, lambda it: it["status"].get("phase") == "Running", "the camera's worker runs")
    example.forget_hard_examples()
    example.until_camera_saves()


def test_a_training_worker_that_is_killed_fails_its_round_and_its_samples_are_used_in_the_next(
    example: Digits,
) -> None:
    cloud = example.cloud
    submit(example)
    samples = example.label(1)
    unit = frozen_training(example)
    cloud.host.systemctl("kill", unit)
    # It was held where it was; now it hears of its end.
    cloud.host.systemctl("kill", "--signal=CONT", unit)
    failed = cloud.until_round(JOB, 1)
    assert failed["decision"] == "Failed"
    assert "SIGTERM" in str(failed), "the reason, as the operator made it"
    retried = cloud.until_round(JOB, 2, seconds=300)
    assert retried["decision"] == "Deployed"
    assert (retried["samples"]["start"], retried["samples"]["end"]) == (0, samples)


def test_restarting_and_reloading_the_services_disturbs_no_worker(example: Digits) -> None:
    cloud, edge = example.cloud, example.edge
    submit(example)
    example.label(1)
    unit = frozen_training(example)
    before = life_of(cloud.host, unit), life_of(edge, SERVING)
    for act in ("reload", "restart"):
        for host, service in ((cloud.host, "sedna-gm"), (cloud.host, "sedna-lc"), (edge, "sedna-lc")):
            host.systemctl(act, service)
            assert host.show(service, "ActiveState") == {"ActiveState": "active"}
    cloud.until_nodes_ready()
    assert (life_of(cloud.host, unit), life_of(edge, SERVING)) == before
    cloud.host.systemctl("kill", "--signal=CONT", unit)
    record = cloud.until_round(JOB, 1)
    assert record["decision"] == "Deployed"
    # The swap was hot: still the same process.
    cloud.until_served(INFERENCE, 1)
    assert life_of(edge, SERVING) == before[1]


def test_a_reload_changes_the_log_level_and_a_bad_file_changes_nothing(example: Digits) -> None:
    host = example.cloud.host
    good = host.read("/etc/sedna/gm.yml")
    before = life_of(host, "sedna-gm.service")
    level = "INFO" if "logLevel: DEBUG" in good else "DEBUG"
    status = lambda: host.show("sedna-gm", "StatusText")["StatusText"]  # noqa: E731
    try:
        host.write("/etc/sedna/gm.yml", re.sub(r"(?m)^logLevel: \w+$", f"logLevel: {level}", good))
        host.systemctl("reload", "sedna-gm")
        wait_until("the level is told", lambda: host.journal("sedna-gm"), lambda it: f"logLevel is {level} now" in it)
        host.write("/etc/sedna/gm.yml", f"{good}\nlissten: 0.0.0.0:1\n")
        host.systemctl("reload", "sedna-gm")
        wait_until("the mistake is told", status, lambda it: "did you mean listen?" in it)
    finally:
        host.write("/etc/sedna/gm.yml", good)
        host.systemctl("reload", "sedna-gm")
    wait_until("it is forgotten once mended", status, lambda it: "did you mean" not in it)
    assert life_of(host, "sedna-gm.service") == before


@pytest.mark.parametrize(
    ("unit", "most"), [("sedna-gm.service", 20), ("sedna-lc.service", 30), (SERVING, 20)], ids=["GM", "LC", "worker"]
)
def test_the_running_units_are_as_closed_as_their_files_say(example: Digits, unit: str, most: int) -> None:
    submit(example)
    host = example.cloud.host if unit == "sedna-gm.service" else example.edge
    done = host.completed("systemd-analyze", "security", f"--threshold={most}", "--no-pager", unit)
    assert done.returncode == 0, done.stdout
    if unit == SERVING:
        pid = host.show(unit, "MainPID")["MainPID"]
        status = host.read(f"/proc/{pid}/status")
        assert re.search(r"(?m)^CapEff:\s+0+$", status), "a worker has no rights"
        assert re.search(r"(?m)^NoNewPrivs:\s+1$", status)
        user = host.show(unit, "User")["User"]
        assert user not in ("", "root")
        assert host.run("stat", "--format=%U", f"/proc/{pid}").strip() == user
