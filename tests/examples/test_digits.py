"""The digits example: made the same every time, and a round that really learns, in processes of its own."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sedna.common.digests import digest

pytest.importorskip("sklearn")

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"


def run(script: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {**os.environ, **environment}
    ran = subprocess.run(
        [sys.executable, str(script), *arguments], cwd=script.parent, env=kept,
        capture_output=True, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits") / "run"
    run(EXAMPLE / "prepare.py", "--out", str(folder), "--node", "edge-7", "--image", "digits:test")
    return folder


def as_worker(spool: Path, **more: str) -> dict[str, str]:
    # Port 9 (discard): nobody listens there, so the spool keeps what would have been sent.
    said = {"WORKER_NAME": "digits-train-1", "LC_SERVER": "http://127.0.0.1:9", "JOB_NAME": "digits"}
    return {**said, "SEDNA_SPOOL_DIR": str(spool), "SEDNA_REPORT_DEADLINE_SECONDS": "0.1", **more}


def reports(spool: Path) -> list[dict[str, object]]:
    return [json.loads(path.read_text()) for path in sorted(spool.glob("*.json"))]


def test_preparing_twice_makes_the_same(prepared: Path, tmp_path: Path) -> None:
    again = tmp_path / "run"
    run(EXAMPLE / "prepare.py", "--out", str(again))
    for name in ("dataset", "labelled", "stream", "held_out", "models"):
        assert digest(again / name) == digest(prepared / name), name


def test_no_sample_is_in_two_parts(prepared: Path) -> None:
    rows: list[tuple[str, ...]] = []
    for path in [*sorted((prepared / "labelled").iterdir()), prepared / "stream" / "truth.csv"]:
        with path.open(newline="") as file:
            rows += [tuple(row) for row in csv.reader(file)][1:]
    with (prepared / "held_out" / "turned.csv").open(newline="") as file:
        held_out = {tuple(row) for row in csv.reader(file)}
    assert len(rows) == 4 * 150 + 200
    assert not held_out & set(rows)


def test_the_manifests_name_this_folder_this_node_and_this_image(prepared: Path) -> None:
    made = {path.stem: yaml.safe_load(path.read_text()) for path in (prepared / "manifests").glob("*.yaml")}
    assert made["dataset"]["spec"] == {
        "url": str(prepared / "dataset" / "train.csv"), "format": "csv", "nodeName": "edge-7",
    }  # fmt: skip
    for stage in ("trainSpec", "evalSpec", "deploySpec"):
        template = made["job"]["spec"][stage]["template"]["spec"]
        assert template["nodeName"] == "edge-7"
        assert template["containers"][0]["image"] == "digits:test"
    for name in ("initial-model", "deploy-model"):
        assert Path(made[name]["spec"]["url"]).is_file()


def test_the_manifests_may_be_for_two_hosts_to_which_the_folder_is_carried(tmp_path: Path) -> None:
    made = ["--out", str(tmp_path), "--node", "edge-7", "--training-node", "cloud", "--place", "/srv/digits"]
    run(EXAMPLE / "prepare.py", *made)
    job = yaml.safe_load((tmp_path / "manifests" / "job.yaml").read_text())["spec"]
    nodes = [job[stage]["template"]["spec"]["nodeName"] for stage in ("trainSpec", "evalSpec", "deploySpec")]
    assert nodes == ["cloud", "cloud", "edge-7"]
    assert job["outputDir"] == "/srv/digits/output"
    assert str(tmp_path) not in "".join(path.read_text() for path in (tmp_path / "manifests").iterdir())


def test_a_round_learns_the_turned_digits_and_keeps_the_upright_ones(prepared: Path, tmp_path: Path) -> None:
    worker = EXAMPLE / "worker"
    base = prepared / "models" / "base" / "model.joblib"
    output = tmp_path / "train" / "1"
    run(
        worker / "train.py",
        **as_worker(
            tmp_path / "spool",
            TRAIN_DATASET_URL=str(prepared / "labelled" / "batch_1.csv"),
            BASE_MODEL_URL=str(base),
            MODEL_URL=str(output),
        ),
    )
    (report,) = reports(tmp_path / "spool")
    new = output / "model.joblib"
    assert report["status"] == "completed"
    assert report["results"] == [{"format": "joblib", "url": str(new), "metrics": {}}]
    accuracy = {}
    for name in ("turned", "upright"):
        spool = tmp_path / name
        urls = {"TEST_DATASET_URL": str(prepared / "held_out" / f"{name}.csv"), "MODEL_URLS": f"{new};{base}"}
        run(worker / "eval.py", **as_worker(spool, **urls))
        (report,) = reports(spool)
        results = report["results"]
        assert isinstance(results, list)
        assert [result["url"] for result in results] == [str(new), str(base)]
        accuracy[name] = [result["metrics"]["accuracy"] for result in results]
        assert len(results[0]["metrics"]["recall"]) == 10
    # Digits never trained on. The base model is near guessing on turned ones, and the new one far from it.
    assert accuracy["turned"][0] > accuracy["turned"][1] + 0.3
    assert accuracy["upright"][0] > accuracy["upright"][1] - 0.05


def test_hard_examples_are_saved_once_and_labelled_once(prepared: Path, tmp_path: Path) -> None:
    environment = as_worker(
        tmp_path / "spool",
        MODEL_URL=str(prepared / "models" / "base" / "model.joblib"),
        HEM_NAME="CrossEntropy",
        HEM_PARAMETERS='[{"key": "threshold_cross_entropy", "value": "0.7"}]',
        stream_url=str(prepared / "stream" / "stream.csv"),
        HE_SAVED_URL=str(prepared / "hard_examples"),
        images_per_second="100000",
        passes="2",
    )
    ran = run(EXAMPLE / "worker" / "inference.py", **environment)
    saved = sorted((prepared / "hard_examples").glob("*.json"))
    assert f"Pass 1: 200 digits, {len(saved)} of them hard, {len(saved)} saved" in ran.stderr
    assert f"Pass 2: 200 digits, {len(saved)} of them hard, 0 saved" in ran.stderr
    assert 20 < len(saved) < 200
    (running,) = reports(tmp_path / "spool")
    assert (running["kind"], running["status"]) == ("inference", "running")
    for expected in (len(saved), 0):
        ran = run(EXAMPLE / "label.py", "--out", str(prepared))
        assert ran.stdout.startswith(f"{expected} hard examples")
    with (prepared / "dataset" / "train.csv").open(newline="") as file:
        header, *rows = list(csv.reader(file))
    assert header[-1] == "label"
    assert len(rows) == len(saved)
    assert {len(row) for row in rows} == {65}
