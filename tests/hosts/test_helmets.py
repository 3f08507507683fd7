"""The helmet job over two hosts: pictures travel from the edge to the cloud, detectors from the cloud to the edge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sedna.api import yaml12
from sedna.common.digests import file_digest
from tests.hosts import helmets
from tests.hosts.clouds import Cloud, node_of, settings_of
from tests.hosts.labs import Lab
from tests.hosts.machines import Machine
from tests.hosts.waiting import wait_until

JOB = "helmet-detection-demo"
PLACE = "/srv/helmets"
BATCH = 40

pytestmark = pytest.mark.timeout(1200)


def short_job(cloud: Machine, edge: Machine) -> str:
    """The quick start's manifests, spread over two hosts and made short: small pictures, one epoch, few samples."""
    resources = {}
    for path in sorted((helmets.EXAMPLE / "manifests").glob("*.yaml")):
        text = path.read_text().replace("$IMAGE", helmets.IMAGE).replace("$WORKER_NODE", node_of(edge))
        [resources[path.stem]] = yaml12.load_documents(text)
    resources["dataset"]["spec"]["url"] = f"{PLACE}/dataset/train_data.txt"
    resources["initial-model"]["spec"]["url"] = f"{PLACE}/base_model"
    resources["deploy-model"]["spec"]["url"] = f"{PLACE}/saved_model.pb"
    job = resources["job"]["spec"]
    job["outputDir"] = f"{PLACE}/output"
    for stage in ("trainSpec", "evalSpec", "deploySpec"):
        template = job[stage]["template"]["spec"]
        template["nodeName"] = node_of(edge if stage == "deploySpec" else cloud)
        set_env(template, "input_shape", "176,320")
    job["trainSpec"]["trigger"] = {
        "checkPeriodSeconds": 5,
        "condition": {"operator": ">=", "threshold": BATCH, "metric": "num_of_samples"},
    }
    # Whether so little training makes it better is luck; whether the loop turns is the question.
    job["deploySpec"]["trigger"]["condition"] = {"operator": ">=", "threshold": 0, "metric": "mAP"}
    for volume, folder in zip(job["deploySpec"]["template"]["spec"]["volumes"], ("video", "he"), strict=True):
        volume["hostPath"]["path"] = f"{PLACE}/{folder}"
    return yaml.safe_dump_all(resources.values())


def set_env(template: dict[str, Any], name: str, value: str) -> None:
    """Change a variable of the only container."""
    [variable] = [each for each in template["containers"][0]["env"] if each["name"] == name]
    variable["value"] = value


def carry(cloud: Machine, edge: Machine, scenes: Path) -> None:
    """Put on each host what it has before the job begins: camera, data and first model there, the base model here."""
    for host in (cloud, edge):
        host.shell(f"rm -rf {PLACE} && mkdir -p {PLACE}/output {PLACE}/dataset {PLACE}/he")
    cloud.copy_in(scenes / "base_model", PLACE)
    edge.copy_in(scenes / "base_model", PLACE)
    edge.shell(f"mv {PLACE}/base_model {PLACE}/saved_model.pb")
    edge.copy_in(scenes / "samples" / "images", f"{PLACE}/dataset")
    edge.copy_in(scenes / "video" / "video.mp4", f"{PLACE}/video")
    edge.write(f"{PLACE}/dataset/train_data.txt", "")
    for host in (cloud, edge):
        host.shell(f"chown -R {settings_of(host)['systemd']['user']}: {PLACE}")


def test_a_detector_learns_on_the_cloud_what_an_edge_sees(lab: Lab, cloud: Cloud, scenes: Path) -> None:
    edge = lab["edge2"]
    carry(cloud.host, edge, scenes)
    cloud.apply(short_job(cloud.host, edge))
    cloud.until_served(f"{JOB}-inference", 0)
    wait_until("hard examples are saved", lambda: edge.shell(f"ls {PLACE}/he"), seconds=180)
    for number in (1, 2):
        lines = helmets.samples(scenes, (number - 1) * BATCH, number * BATCH)
        edge.append(f"{PLACE}/dataset/train_data.txt", lines)
        record = cloud.until_round(JOB, number, seconds=600)
        assert record["decision"] == "Deployed", record
        assert record["nodes"] == {"Train": node_of(cloud.host), "Eval": node_of(cloud.host), "Deploy": node_of(edge)}
        served = cloud.until_served(f"{JOB}-inference", number)
        assert served["sha256"] == record["models"]["new"]["sha256"]
    # The GlobalManager keeps for an hour what went through it, each content once and under its sha256.
    kept = set(cloud.host.shell("find /var/lib/sedna-gm/artifacts/blobs -type f -printf '%f\\n'").split())
    pictures = [line.split()[0] for line in helmets.samples(scenes, 0, 2 * BATCH).splitlines()]
    wanted = {file_digest(scenes / "samples" / picture) for picture in pictures}
    assert kept & {file_digest(each) for each in (scenes / "samples" / "images").iterdir()} == wanted
