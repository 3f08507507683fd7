"""docs/monitoring as people use it: promtool accepts the files, each name in them is told, and Prometheus finds it."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from sedna.cli.up.children import Child
from sedna_gm.metrics import hosts
from tests.end_to_end.sites import Site
from tests.gm.metrics.test_telling import worker

FOLDER = Path(__file__).parents[2] / "docs" / "monitoring"
REQUIRED = os.environ.get("SEDNA_TEST_REQUIRE", "").replace(",", " ").split()

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def promtool() -> str:
    return _program("promtool")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        assert "prometheus" not in REQUIRED, f"{name} is required and not there"
        pytest.skip(f"{name} is not there (Debian: prometheus)")
    return found


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parent)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_accepts_the_alerts_and_the_scrape_configuration(promtool: str) -> None:
    assert "SUCCESS" in run(promtool, "check", "rules", str(FOLDER / "alerts.yml"))
    run(promtool, "check", "config", "--syntax-only", str(FOLDER / "prometheus.yml"))


class _Words:
    """An inference worker's own words, as a scrape has them."""

    def collect(self) -> Iterator[Metric]:
        told = {"count": 120, "hard": 6, "hardShare": 0.05, "perSecond": 2.5}
        times = {"p50": 0.01, "p95": 0.1, "p99": 0.2}
        return hosts.serving([worker(inference={**told, "latencySeconds": times}, restarts=2)])


def test_what_an_inference_worker_tells_keeps_the_conventions_of_prometheus(promtool: str) -> None:
    registry = CollectorRegistry()
    registry.register(_Words())
    text = generate_latest(registry)
    assert text.count(b"sedna_worker_latency_seconds{") == 3
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_alerts_fire_when_they_should_and_only_then(promtool: str) -> None:
    run(promtool, "test", "rules", "alerts_test.yml")


def test_every_alert_is_seen_to_fire_and_to_keep_quiet() -> None:
    rules = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    tried = yaml.safe_load((Path(__file__).parent / "alerts_test.yml").read_text())["tests"]
    looks = {(look["alertname"], bool(look["exp_alerts"])) for one in tried for look in one["alert_rule_test"]}
    at_once = {"SednaJobGaveUp"}
    for name in (rule["alert"] for group in rules for rule in group["rules"]):
        assert (name, True) in looks, name
        assert (name, False) in looks or name in at_once, name


def expressions() -> dict[str, str]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    found = {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}
    for panel in json.loads((FOLDER / "grafana-dashboard.json").read_text())["panels"]:
        for target in panel["targets"]:
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    return found


def test_every_panel_and_alert_asks_for_what_the_page_lists() -> None:
    listed = set(re.findall(r"sedna_\w+", (FOLDER / "README.md").read_text()))
    for where, expression in expressions().items():
        for name in re.findall(r"sedna_\w+", expression):
            assert name.removesuffix("_bucket") in listed, f"{where}: {name}"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    try:
        made.edge._configure(made.edge.setup.lc_config, metrics={"listen": f"127.0.0.1:{free_port()}"})
        made.start()
        yield made
    finally:
        made.close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def prometheus(site: Site, tmp_path: Path) -> Iterator[httpx.Client]:
    """A real Prometheus that scrapes the site as docs/monitoring/prometheus.yml says, but for addresses and tokens."""
    program = _program("prometheus")
    content = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    content["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    listen = yaml.safe_load(site.edge.setup.lc_config.read_text())["metrics"]["listen"]
    targets = {"sedna-gm": site.cloud.setup.server.rpartition("//")[2], "sedna-lc": listen}
    for one in content["scrape_configs"]:
        one.update(scheme="http", static_configs=[{"targets": [targets[one["job_name"]]]}])
        del one["authorization"]
        one.pop("tls_config", None)
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(content))
    shutil.copy(FOLDER / "alerts.yml", tmp_path)
    port = free_port()
    command = [
        program,
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    log = tmp_path / "prometheus.log"
    child = Child("prometheus", command, log, tmp_path, stop_seconds=20)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20) as client:
            yield client
    finally:
        child.process.terminate()
        child.process.wait(30)
        print(log.read_text()[-3000:])


def test_a_real_prometheus_finds_a_running_system(site: Site, prometheus: httpx.Client) -> None:
    site.submit()
    site.feed(0, 24)
    site.round_done(1)
    site.is_served(1)
    seen = 'sedna_job_samples{namespace="default",job="pictures",state="seen"}'
    site.cloud.until_seen(lambda: value(prometheus, seen) == 24, "Prometheus has read the samples")
    site.cloud.until_seen(lambda: value(prometheus, "sum(sedna_rounds_total)") == 1, "Prometheus has read the round")
    assert value(prometheus, 'sedna_nodes{ready="true"}') == 2
    assert value(prometheus, 'sum(sedna_jobs{stage="Train",phase="Waiting"})') == 1
    assert value(prometheus, 'sum(sedna_stage_duration_seconds_count{stage="Train",outcome="Completed"})') == 1
    assert value(prometheus, 'sedna_job_model_metric{metric="known",model="new"}') is not None
    # The edge's own address, by its own job.
    site.cloud.until_seen(lambda: value(prometheus, "sedna_lc_dataset_samples") == 24, "the edge is scraped")
    assert value(prometheus, "sedna_lc_gm_connected") == 1
    assert value(prometheus, 'sedna_lc_reports_total{outcome="accepted"}')
    alerts = prometheus.get("/api/v1/rules").json()["data"]["groups"][0]["rules"]
    assert {rule["health"] for rule in alerts} <= {"ok", "unknown"}
    firing = prometheus.get("/api/v1/alerts").json()["data"]["alerts"]
    assert [one["labels"]["alertname"] for one in firing if one["state"] == "firing"] == []
    no_error = ("up", *expressions().values())
    for expression in no_error:
        plain = expression.replace("$namespace", ".*").replace("$job", ".*")
        assert prometheus.get("/api/v1/query", params={"query": plain}).json()["status"] == "success", plain
    assert_listed(site)


def assert_listed(site: Site) -> None:
    """What is told is in the page's tables, and the other way round for all that needs no predictions."""
    listed = set(re.findall(r"`(sedna_\w+)", (FOLDER / "README.md").read_text()))
    listen = yaml.safe_load(site.edge.setup.lc_config.read_text())["metrics"]["listen"]
    told: set[str] = set()
    for address in (site.cloud.setup.server, f"http://{listen}"):
        text = httpx.get(f"{address}/metrics", trust_env=False).text
        check = subprocess.run(
            [_program("promtool"), "check", "metrics"], input=text.encode(), capture_output=True, check=False
        )
        assert (check.returncode, check.stderr) == (0, b"")
        told |= {_listed_name(family) for family in text_string_to_metric_families(text)}
    told = {name for name in told if not name.endswith("_created")}
    assert told <= listed, told - listed
    assert {name for name in listed if not name.startswith("sedna_lc_metrics_")} <= told


def _listed_name(family: Any) -> str:
    return f"{family.name}_total" if family.type == "counter" else str(family.name)


def value(prometheus: httpx.Client, query: str) -> float | None:
    """The only value of a query; None while there is none."""
    try:
        answer = prometheus.get("/api/v1/query", params={"query": query}).json()
    except httpx.TransportError:
        return None
    found = answer["data"]["result"]
    return float(found[0]["value"][1]) if found else None
