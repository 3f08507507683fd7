"""Workers as a controller of the GM writes them, for tests."""

from __future__ import annotations

from typing import Any

from sedna.api.workers import Worker


def make_worker(role: str = "train", **spec: Any) -> Worker:
    """A worker of the quick start's job in round 1; keywords replace fields of its spec (camelCase)."""
    job = "helmet-detection-demo"
    name = f"{job}-inference" if role == "inference" else f"{job}-{role}-1"
    container = spec.pop("container", {})
    pod = spec.pop("pod", {})
    image = "kubeedge/sedna-example-incremental-learning-helmet-detection:v0.4.0"
    fields: dict[str, Any] = {
        "nodeName": "edge-node",
        "role": role,
        "job": {"kind": "IncrementalLearningJob", "name": job, "uid": "u-1"},
        "round": 1,
        "template": {
            "containers": [{"name": f"{role}-worker", "image": image, "args": [f"{role}.py"]} | container],
        }
        | pod,
        "outputDir": f"/output/{role}/1",
        "jobOutputDir": "/output",
        "restartPolicy": "Always" if role == "inference" else "Never",
    }
    if role != "inference":
        url = "/data/helmet_detection/train_data/train_data.txt"
        fields["dataset"] = {"name": "incremental-dataset", "url": url, "format": "txt"}
    return Worker.model_validate(
        {"metadata": {"name": name, "namespace": "default"}, "spec": fields | spec},
    )


def model(name: str, url: str, round_: int = 0) -> dict[str, Any]:
    return {"name": name, "url": url, "format": "pb", "round": round_}
