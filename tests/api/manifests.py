"""A complete manifest of each kind, as a base that a test changes in one place."""

from __future__ import annotations

import copy
from typing import Any

CONTAINER: dict[str, Any] = {"name": "worker", "image": "digits:v1", "args": ["train.py"]}


def _template() -> dict[str, Any]:
    return {"spec": {"nodeName": "edge-node", "containers": [copy.deepcopy(CONTAINER)]}}


def job() -> dict[str, Any]:
    """Return an incremental-learning job with every required field."""
    return {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": "IncrementalLearningJob",
        "metadata": {"name": "helmets"},
        "spec": {
            "initialModel": {"name": "initial-model"},
            "dataset": {"name": "samples", "trainProb": 0.8},
            "trainSpec": {
                "template": _template(),
                "trigger": {"condition": {"operator": ">", "threshold": 500, "metric": "num_of_samples"}},
            },
            "evalSpec": {"template": _template()},
            "deploySpec": {"model": {"name": "deploy-model"}, "template": _template()},
            "outputDir": "/output",
        },
    }


def dataset() -> dict[str, Any]:
    """Return a dataset."""
    return {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": "Dataset",
        "metadata": {"name": "samples"},
        "spec": {"url": "/data/samples.txt", "format": "txt", "nodeName": "edge-node"},
    }
