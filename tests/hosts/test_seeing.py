"""What people look at on a real site: logs, journals, load, metrics, the dashboard and manual pages."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from sedna.cli.up.children import Child
from tests.hosts.clouds import Cloud, node_of
from tests.hosts.digits import INFERENCE, JOB, Digits
from tests.hosts.labs import Lab
from tests.hosts.machines import Machine
from tests.hosts.playing import IMAGE, play
from tests.hosts.proofs import KUBECONFIG, proof_in
from tests.hosts.test_access import API, answer
from tests.hosts.test_operators import SERVING, frozen_training, life_of, submit, training
from tests.hosts.waiting import wait_until
from tests.house.project import ROOT

TRAIN = f"{JOB}-train-1"
LAST_WORDS = "The trained model is"
MONITORING = ROOT / "docs" / "monitoring"
ENVIRONMENT = ("env", f"KUBECONFIG={KUBECONFIG}")


def followed(host: Machine, *words: str) -> subprocess.Popen[str]:
    """Begin to read a log as a person on a host does; what never ends is ended there after two minutes."""
    argv = host.entering((*ENVIRONMENT, "timeout", "120", *words))
    return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def entries(host: Machine, *matches: str) -> list[dict[str, Any]]:
    """What the host's journal holds, as it holds it."""
    said = host.run("journalctl", "--no-pager", "--quiet", "--output=json", *matches)
    return [json.loads(line) for line in said.splitlines()]


@pytest.mark.kubectl
def test_logs_come_over_the_nodes_own_connection_while_a_worker_runs_and_when_it_is_gone(example: Digits) -> None:
    cloud = example.cloud
    submit(example)
    # The camera is on another host, and it never ends by itself: whoever has seen enough goes.
    for words in ("sedna logs --follow --tail=0", "kubectl logs --follow --tail=0"):
        new = cloud.host.shell(f"export {ENVIRONMENT[1]}; timeout 60 {words} {INFERENCE} | head -n 2")
        assert len(re.findall(r"(?m)^\[.*\[INFO\] - (?:Pass \d+: |The model )", new)) == 2, new
    example.label(1)
    unit = frozen_training(example)
    ways = {way: followed(cloud.host, way, "logs", "--follow", TRAIN) for way in ("sedna", "kubectl")}
    readers = lambda: len(edge_readers(cloud.host, unit))  # noqa: E731
    wait_until("both read the journal on the worker's node", readers, lambda it: it >= len(ways), seconds=60)
    cloud.host.systemctl("kill", "--signal=CONT", unit)
    record = cloud.until_round(JOB, 1)
    while_it_ran = {}
    for way, reading in ways.items():
        while_it_ran[way] = reading.communicate(timeout=130)[0]
        assert reading.returncode == 0, (way, while_it_ran[way])
    afterwards = {
        "sedna": cloud.host.run(*ENVIRONMENT, "sedna", "logs", TRAIN),
        "kubectl": cloud.kubectl("logs", TRAIN),
    }
    for said in (*while_it_ran.values(), *afterwards.values()):
        # Its own, of this life: the unit of that name has been another one's before, in other tests.
        assert said.count(LAST_WORDS) == 1, said
        assert f"[round {record['id']}]" in said
        assert "systemd" not in said
        assert "Started" not in said
        assert "Pass " not in said
    one_id_is_in_every_journal(example, record["id"])
    # When the next round has ended, the worker of this one is gone, and so is its unit; its lines are not.
    example.label(2)
    later = cloud.until_round(JOB, 2)
    cloud.until_gone("Worker", TRAIN)
    for words in (("sedna", "logs", TRAIN), ("kubectl", "logs", TRAIN), ("sedna", "logs", JOB, "--round", "1")):
        said = cloud.host.run(*ENVIRONMENT, *words)
        assert said.count(LAST_WORDS) == 1, (words, said)
        assert f"[round {record['id']}]" in said
        assert later["id"] not in said


def edge_readers(host: Machine, unit: str) -> list[str]:
    return host.shell(f"pgrep --full --list-full '^journalctl .*_SYSTEMD_UNIT={unit}.*--follow' || true").splitlines()


def one_id_is_in_every_journal(example: Digits, round_id: str) -> None:
    """One number finds what the services of all hosts did for a round, and for whom."""
    cloud, edge = example.cloud, example.edge
    told = entries(cloud.host, f"ROUND_ID={round_id}")
    gm = [one for one in told if one["SYSLOG_IDENTIFIER"] == "sedna-gm"]
    assert any(one["MESSAGE"].endswith("Round 1 begins with 150 new samples: the trigger holds.") for one in gm)
    assert {(one["KIND"], one["NAMESPACE"], one["NAME"], one["ACTION"]) for one in gm} >= {
        ("IncrementalLearningJob", "default", JOB, "decide")
    }
    assert all(one["_SYSTEMD_UNIT"] == "sedna-gm.service" for one in gm)
    lc = [one for one in told if one["SYSLOG_IDENTIFIER"] == "sedna-lc"]
    assert {one["WORKER"] for one in lc} == {TRAIN, f"{JOB}-eval-1"}
    assert {"begin", "start", "start unit", "observe"} <= {one["ACTION"] for one in lc}
    # What a field names, systemd knows by that name.
    assert training(1) in {f"{one['UNIT']}.service" for one in lc}
    deployed = entries(edge, f"ROUND_ID={round_id}", "_SYSTEMD_UNIT=sedna-lc.service")
    assert {one["WORKER"] for one in deployed} == {INFERENCE}
    # A worker's own line is text; the library puts the same number into it.
    said = [one["MESSAGE"] for one in entries(cloud.host, f"_SYSTEMD_UNIT={training(1)}")]
    assert any(f"[round {round_id}]" in one and LAST_WORDS in one for one in said)


def usage(cloud: Cloud, path: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = cloud.gm.ask("GET", f"{API}/{path}/usage")["workers"]
    return told


def test_what_a_worker_uses_is_what_systemd_and_the_kernel_say(example: Digits) -> None:
    cloud, edge = example.cloud, example.edge
    submit(example)
    path = f"namespaces/default/workers/{INFERENCE}"
    # For an hour, earlier lives are told as well.
    mine = lambda: [one for one in usage(cloud, path) if one["running"]]  # noqa: E731
    pid = edge.show(SERVING, "MainPID")["MainPID"]
    # What the last look, up to ten seconds ago, saw of another test's worker is not this one's.
    own = lambda it: len(it) == 1 and numbers(it[0]) and 0 < it[0]["cpuSeconds"] <= cpu_of(edge, pid) + 0.1  # noqa: E731
    [seen] = wait_until("the worker was looked at twice", mine, own, seconds=60)
    assert seen["unit"] + ".service" == SERVING
    resident = int(re.findall(r"VmRSS:\s+(\d+) kB", edge.read(f"/proc/{pid}/status"))[0]) * 1024
    # Memory that a cgroup counts has files in it, too, and is not what a process shares.
    assert resident / 3 < seen["memoryBytes"] < 3 * resident
    counted = edge.show(SERVING, "MemoryCurrent")["MemoryCurrent"]
    if counted.isdigit():
        assert int(counted) / 2 < seen["memoryBytes"] < 2 * int(counted)
    assert 0 < numbers(seen)[-1] <= 2
    on_node = [one["name"] for one in usage(cloud, f"nodes/{node_of(edge)}") if one["running"]]
    assert on_node == [INFERENCE]
    row = cloud.host.run(*ENVIRONMENT, "sedna", "top", "workers").splitlines()[1].split()
    assert row[:2] == [INFERENCE, node_of(edge)]
    assert float(row[2]) <= 2
    node = next(
        line.split() for line in cloud.host.run(*ENVIRONMENT, "sedna", "top").splitlines() if node_of(edge) in line
    )
    assert node[1] == "Ready"
    assert node[-1] == "1"
    # Another process is another count, which begins at nothing; that of before stays to be seen.
    lives = len(usage(cloud, path))
    edge.systemctl("restart", SERVING)
    now = lambda: mine() if len(usage(cloud, path)) > lives else []  # noqa: E731
    [again] = wait_until("the process of now is looked at", now, lambda it: it and numbers(it[0]), seconds=60)
    pid = edge.show(SERVING, "MainPID")["MainPID"]
    assert 0 < again["cpuSeconds"] <= cpu_of(edge, pid) + 0.1


def cpu_of(host: Machine, pid: str) -> float:
    """Seconds of CPU that a process has used, as the kernel counts them: utime and stime in proc_pid_stat(5)."""
    return sum(map(int, host.read(f"/proc/{pid}/stat").rpartition(")")[2].split()[11:13])) / 100


def numbers(worker: dict[str, Any]) -> list[float]:
    """The cores that it used, where they are known."""
    return [one for one in worker["series"]["cpu"] if one is not None]


@pytest.fixture
def scraped(lab: Lab, cloud: Cloud, tmp_path: Path) -> Iterator[httpx.Client]:
    """A Prometheus as docs/monitoring says, for the GlobalManager and one LocalController, each by its own token."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not there (Debian: prometheus)")
    edge = lab["edge2"]
    before = edge.read("/etc/sedna/lc.yml")
    token = cloud.host.run("sedna-gm", "token", "create", "prometheus", "--role", "viewer").strip()
    (tmp_path / "sedna-gm.token").write_text(token)
    (tmp_path / "sedna-ca.crt").write_text(edge.read("/etc/sedna/ca.crt"))
    (tmp_path / "sedna-lc.token").write_text("scraper")
    text = (MONITORING / "prometheus.yml").read_text().replace("/etc/prometheus/", f"{tmp_path}/")
    text = text.replace("gm.example:9000", f"{cloud.host.address}:9000").replace(', "edge2.example:9101"', "")
    content = yaml.safe_load(text.replace("edge1.example:9101", f"{edge.address}:9101"))
    content["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(content))
    shutil.copy(MONITORING / "alerts.yml", tmp_path)
    words = ["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--web.listen-address=127.0.0.1:9095"]
    try:
        edge.shell("umask 077; printf 'scraper\\n' > /etc/sedna/metrics-token")
        edge.append("/etc/sedna/lc.yml", "metrics: {listen: 0.0.0.0:9101, tokenFile: /etc/sedna/metrics-token}\n")
        edge.systemctl("restart", "sedna-lc")
        child = Child("prometheus", [program, *words], tmp_path / "prometheus.log", tmp_path, stop_seconds=20)
        try:
            with httpx.Client(base_url="http://127.0.0.1:9095", trust_env=False, timeout=20) as client:
                yield client
        finally:
            child.process.terminate()
            child.process.wait(30)
    finally:
        edge.write("/etc/sedna/lc.yml", before)
        edge.shell("rm -f /etc/sedna/metrics-token")
        edge.systemctl("restart", "sedna-lc")
        cloud.host.run("sedna-gm", "token", "revoke", token.partition(".")[0])


def test_a_prometheus_scrapes_both_services_with_their_tokens_and_nobody_without(
    lab: Lab, cloud: Cloud, scraped: httpx.Client
) -> None:
    def up() -> dict[str, str]:
        told = scraped.get("/api/v1/query", params={"query": "up"}).json()["data"]["result"]
        return {one["metric"]["job"]: one["value"][1] for one in told}

    wait_until("both are scraped", up, lambda it: it == {"sedna-gm": "1", "sedna-lc": "1"}, seconds=60)
    nodes = scraped.get("/api/v1/query", params={"query": 'sum(sedna_nodes{ready="true"})'}).json()["data"]["result"]
    assert [one["value"][1] for one in nodes] == [str(len(lab.machines))]
    assert answer(lab["edge1"], "/metrics")[0] == 401
    edge = f"http://{lab['edge2'].address}:9101/metrics"
    assert httpx.get(edge, trust_env=False).status_code == 401
    assert httpx.get(edge, trust_env=False, headers={"Authorization": "Bearer scraper"}).status_code == 200
    # On its own host without one, as the pages say, and from nowhere else.
    assert "sedna_lc_gm_connected 1.0" in lab["edge1"].run(
        "python3", "-c", "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9100/metrics').read().decode())"
    )
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{lab['edge1'].address}:9100/metrics", trust_env=False)


def test_the_dashboard_is_served_over_tls_with_its_headers_and_its_data_wants_a_token(lab: Lab, cloud: Cloud) -> None:
    proof = proof_in(cloud.kubeconfig())
    assert proof.trust is not None
    with httpx.Client(base_url=cloud.server, verify=proof.trust, trust_env=False, timeout=30) as browser:
        page = browser.get("/")
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        names = re.findall(r'(?:src|href)="(/ui/[^"]+)"', page.text)
        kinds = {name.rpartition(".")[2] for name in names}
        assert {"js", "css", "svg", "woff2"} <= kinds
        for name in names:
            file = browser.get(name)
            assert (file.status_code, bool(file.content)) == (200, True), name
            assert "default-src 'none'" in file.headers["Content-Security-Policy"]
        assert browser.get("/ui/../../etc/sedna/gm.yml").status_code in (401, 404)
        for path in (f"{API}/nodes", f"{API}/namespaces/default/incrementallearningjobs", "/metrics"):
            refused = browser.get(path)
            assert refused.status_code == 401, path
            assert "Bearer" in refused.headers["WWW-Authenticate"]
            assert browser.get(path, headers={"Authorization": f"Bearer {proof.token}"}).status_code == 200, path


def test_man_finds_the_pages_of_all_commands_on_every_host(lab: Lab) -> None:
    for host in lab.machines.values():
        for command in ("sedna", "sedna-why", "sedna-gm", "sedna-gm-token-create", "sedna-lc"):
            link = f"/usr/local/share/man/man1/{command}.1"
            assert host.read(link).startswith(f'.TH "{command.upper()}" 1'), (host.name, link)
            assert "/releases/" in host.run("readlink", "--canonicalize", link)
            # What is on its path is what it has pages of: man looks beside the folder of the command.
        assert host.run("which", "sedna").strip() == "/usr/local/bin/sedna"


def test_another_authority_is_believed_by_a_node_without_a_restart(lab: Lab, cloud: Cloud, tmp_path: Path) -> None:
    edge = lab["edge2"]
    before, present = life_of(edge, "sedna-lc.service"), edge.read("/etc/sedna/ca.crt")
    both = tmp_path / "both.crt"
    both.write_text(present + (lab.folder / "operator" / "ca.crt").read_text())
    try:
        play(lab, "site", limit=edge.name, sedna_images=[IMAGE], sedna_lc_ca_file=str(both))
        assert edge.read("/etc/sedna/ca.crt").split() == both.read_text().split()
        assert life_of(edge, "sedna-lc.service") == before
    finally:
        edge.write("/etc/sedna/ca.crt", present)
    cloud.until_nodes_ready()
    assert life_of(edge, "sedna-lc.service") == before
