"""People label what a camera found hard, over the API: each label is one sample whoever dies, and ten begin a round.

The daemons are the true ones. The camera is the test: it saves pictures as `sedna.core.hard_examples` does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from sedna.core.hard_examples import save
from tests.end_to_end.machines import end_processes_below
from tests.end_to_end.sites import Site
from tests.house.project import ROOT

pytestmark = pytest.mark.timeout(300)
JOB = "frames"
NEEDED = 10
POINTS = [f"lc.label.{step}.after" for step in ("intend", "picture", "append", "done")]
BOXES = [{"box": [10, 20, 60, 90], "class": 1}]


@dataclass
class Labelled:
    """A site whose edge has a camera with hard examples; the dataset's list is on `at`."""

    site: Site
    at: str
    list: Path
    hard: Path
    api: httpx.Client

    def lines(self) -> list[str]:
        return self.list.read_text().splitlines()

    def put(self, name: str, boxes: Any = BOXES, version: str | None = None) -> httpx.Response:
        return self.api.put(f"/{name}/label", json={"boxes": boxes, "version": version})

    def listed(self, **query: Any) -> dict[str, Any]:
        return dict(self.api.get("", params=query).raise_for_status().json())

    def machine(self) -> Any:
        return getattr(self.site, self.at)


@pytest.fixture(params=["edge", "cloud"], ids=["list beside the pictures", "list on another node"])
def labelled(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Labelled]:
    site = Site(tmp_path)
    at = str(request.param)
    try:
        site.start()
        one = _prepared(site, at)
        yield one
        one.api.close()
    finally:
        site.close()
        end_processes_below(tmp_path)


def _prepared(site: Site, at: str) -> Labelled:
    data, hard = getattr(site, at).folder / "labelled", site.edge.folder / "hard"
    data.mkdir()
    hard.mkdir()
    (data / "list.txt").touch()
    base, first = site.cloud.folder / "base.txt", site.edge.folder / "first.txt"
    base.write_text("m\n")
    first.write_text("m\n")
    for kind, name, spec in (
        ("Model", "base", {"url": str(base), "format": "txt", "nodeName": "cloud"}),
        ("Model", "served", {"url": str(first), "format": "txt"}),
        ("Dataset", "frames", {"url": str(data / "list.txt"), "format": "txt", "nodeName": at}),
        ("IncrementalLearningJob", JOB, _job(site, hard)),
    ):
        site.cloud.create(
            json.dumps({"apiVersion": "sedna.io/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
        )
    loaded = lambda worker: (worker["status"].get("model") or {}).get("state") == "Loaded"  # noqa: E731
    site.cloud.until("Worker", f"{JOB}-inference", loaded, "the camera runs")
    place = f"apis/sedna.io/v1alpha1/namespaces/default/incrementallearningjobs/{JOB}/hardexamples"
    api = httpx.Client(base_url=f"{site.cloud.setup.server}/{place}", timeout=60, trust_env=False)
    return Labelled(site, at, data / "list.txt", hard, api)


def _job(site: Site, hard: Path) -> dict[str, Any]:
    def template(role: str, node: str, env: dict[str, str], **more: Any) -> dict[str, Any]:
        variables = [{"name": key, "value": value} for key, value in {**env, "class_names": "person,helmet"}.items()]
        container = {"name": role, "image": "app:v1", "args": ["run.py", role], "env": variables}
        container |= more.pop("container", {})
        return {"template": {"spec": {"nodeName": node, "containers": [container], **more}}}

    return {
        "dataset": {"name": "frames", "trainProb": 0.5},
        "initialModel": {"name": "base"},
        "trainSpec": {
            **template("train", "cloud", {"MODEL_BYTES": "0"}),
            "trigger": {
                "checkPeriodSeconds": 1,
                "condition": {"operator": ">=", "threshold": NEEDED, "metric": "num_of_samples"},
            },
        },
        "evalSpec": template("eval", "cloud", {}),
        "deploySpec": {
            **template(
                "inference", "edge", {"OUT": str(site.served), "HE_SAVED_URL": "/hard"},
                container={"volumeMounts": [{"name": "hard", "mountPath": "/hard"}]},
                volumes=[{"name": "hard", "hostPath": {"path": str(hard), "type": "DirectoryOrCreate"}}],
            ),
            "model": {"name": "served", "hotUpdateEnabled": True, "pollPeriodSeconds": 1},
            "trigger": {"condition": {"operator": ">", "threshold": 0, "metric": "known"}},
        },
        "outputDir": str(site.cloud.folder / "out"),
    }  # fmt: skip


def find(one: Labelled, count: int) -> list[str]:
    """The camera finds some frames hard; returns their names, the most doubtful first."""
    names = []
    for number in range(count):
        picture = np.full((120, 200, 3), 20 * number % 255, np.uint8)
        cv2.circle(picture, (30 + number, 60), 20, (255, 255, 255), -1)
        _, data = cv2.imencode(".jpg", picture)
        name = f"{number:08d}_frame{number:06d}"
        save(one.hard, name, data.tobytes(), [[10, 20, 60, 90, 0.5 + 0.04 * number, 0]], frame=number)
        names.append(name)
    return names


def test_ten_labels_become_ten_samples_and_begin_a_round(labelled: Labelled) -> None:
    names = find(labelled, 11)
    shown = labelled.listed(limit=4)
    assert [each["name"] for each in shown["items"]] == names[:4], "the most doubtful come first"
    assert shown["items"][0]["boxes"] == [{"box": [10, 20, 60, 90], "score": 0.5, "class": 0}]
    assert (shown["items"][0]["width"], shown["items"][0]["height"]) == (200, 120)
    assert shown["classes"] == ["person", "helmet"]
    assert shown["counts"] == {"hard": 11, "labelled": 0}
    assert shown["trigger"] == {"samples": 0, "needed": NEEDED}
    rest = labelled.listed(limit=50, **{"continue": shown["metadata"]["continue"]})
    assert [each["name"] for each in rest["items"]] == names[4:]

    original = (labelled.hard / f"{names[0]}.jpg").read_bytes()
    whole = labelled.api.get(f"/{names[0]}/picture")
    assert (whole.content, whole.headers["Content-Type"]) == (original, "image/jpeg")
    small = labelled.api.get(f"/{names[0]}/picture", params={"width": 160})
    pixels = cv2.imdecode(np.frombuffer(small.content, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert pixels.shape == (96, 160, 3)

    for name in names[:NEEDED]:
        saved = labelled.put(name)
        assert saved.status_code == 201, saved.text
        assert saved.json()["sample"]["line"] == f"images/{name}.jpg 10,20,60,90,1"
    assert labelled.lines() == [f"images/{name}.jpg 10,20,60,90,1" for name in names[:NEEDED]]
    assert (labelled.list.parent / "images" / f"{names[0]}.jpg").read_bytes() == original

    # The workers of a round open every picture beside the list: a sample without one would fail it.
    cloud = labelled.site.cloud
    cloud.until(
        "IncrementalLearningJob", JOB, lambda job: (job["status"].get("samples") or {}).get("used") == NEEDED,
        "the round is finished",
    )  # fmt: skip
    (record,) = cloud.rounds(JOB)
    assert record["decision"] == "Deployed", record
    assert labelled.listed()["counts"] == {"hard": 11, "labelled": NEEDED}


@pytest.mark.parametrize("labelled", ["edge"], indirect=True)
def test_of_two_people_the_second_hears_of_the_first_and_nothing_is_written_twice(labelled: Labelled) -> None:
    (name,) = find(labelled, 1)
    first = labelled.put(name)
    assert first.status_code == 201, first.text
    again = labelled.put(name)
    assert (again.status_code, again.json()["label"]["version"]) == (200, first.json()["label"]["version"])
    same = labelled.put(name, version=first.json()["label"]["version"])
    assert same.status_code == 200, same.text

    other = labelled.put(name, boxes=[])
    assert other.status_code == 409, other.text
    assert other.json()["details"]["reason"] == "AlreadyLabelled"
    assert other.json()["details"]["label"] == first.json()["label"]
    assert labelled.lines() == [f"images/{name}.jpg 10,20,60,90,1"]
    (item,) = labelled.listed()["items"]
    assert item["label"]["boxes"] == BOXES


@pytest.mark.parametrize("labelled", ["cloud"], indirect=True)
def test_a_node_that_dies_while_it_saves_has_the_sample_once_when_it_is_saved_again(
    labelled: Labelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, faults = labelled.machine(), labelled.site.edge.folder / "faults"
    faults.mkdir()
    monkeypatch.setenv("SEDNA_FAULT", f"@{faults}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests" / "faults" / "armed"))
    machine.stop("lc")
    machine.start_lc()
    names = find(labelled, len(POINTS))
    for name, point in zip(names, POINTS, strict=True):
        (faults / "armed").write_text(f"{point}:1")
        cut = labelled.put(name)
        assert cut.status_code >= 500, f"{point}: whoever saved it hears that nobody knows"
        assert (faults / "fired").exists(), f"{point} was not passed: {cut.text}"
        machine.kill("lc")
        machine.start_lc()
        saved = labelled.put(name)
        assert saved.status_code in (200, 201), f"{point}: {saved.text}"
    assert labelled.lines() == [f"images/{name}.jpg 10,20,60,90,1" for name in names]
    assert sorted(path.name for path in (labelled.list.parent / "images").iterdir()) == [
        f"{name}.jpg" for name in names
    ]
    assert labelled.listed()["counts"] == {"hard": len(POINTS), "labelled": len(POINTS)}


@pytest.mark.parametrize("labelled", ["edge"], indirect=True)
def test_a_name_that_the_folder_does_not_list_is_no_example(labelled: Labelled) -> None:
    find(labelled, 1)
    (labelled.hard.parent / "secret.jpg").write_bytes(b"\xff\xd8\xff secret")
    (labelled.hard / "link.jpg").symlink_to(labelled.hard.parent / "secret.jpg")
    for name in ("nobody", "link", ".hidden", "%2e%2e", "%2e%2e%2fsecret", "..%2Fsecret", "a%00b", "secret.jpg"):
        for answer in (labelled.api.get(f"/{name}/picture"), labelled.put(name)):
            assert answer.status_code in (404, 405), f"{name}: {answer.status_code} {answer.text}"
    assert labelled.lines() == []
