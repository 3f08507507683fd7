"""Measures saved models on held-out frames, in a process of its own (TensorFlow stays out of the demo).

`measure` is what `demo.py` calls; run as a script, this module loads each model, scores it on the held-out lists of
both domains and keeps what it found in a few frames for `showing.picturing`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

OBJ_THRESHOLD, NMS_THRESHOLD = 0.3, 0.4
DOMAINS = ("A", "B")
# Frames to draw, per domain. Chosen by how much there is to see in them, never by how well a model does.
DRAWN = {"A": 1, "B": 3}


class MeasuringError(RuntimeError):
    """A model could not be measured; the message has the end of the log."""


def measure(
    models: Mapping[str, Path], lists: Mapping[str, Path], results: Path, model_format: str = "keras"
) -> dict[str, Any]:
    """`{"scores": {model: {domain: metrics}}, "frames": [{path, domain, truth, found: {model: boxes}}]}`."""
    from showing.preparing import tail

    results.mkdir(parents=True, exist_ok=True)
    task, answer, log = results / "measure_task.json", results / "metrics.json", results / "measure.log"
    said = {
        "models": {name: str(path) for name, path in models.items()},
        "lists": {domain: str(path) for domain, path in lists.items()},
    }
    task.write_text(json.dumps(said), encoding="utf-8")
    with log.open("w", encoding="utf-8") as output:
        command = [sys.executable, __file__, str(task), str(answer)]
        # As the workers are told.
        env = {**os.environ, "format": model_format}
        done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, env=env, check=False)
    if done.returncode:
        raise MeasuringError(f"the models could not be measured; {log} ends with:\n{tail(log)}")
    task.unlink()
    return dict(json.loads(answer.read_text(encoding="utf-8")))


def _lines(path: str) -> list[str]:
    return [str(Path(path).parent / line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def _busy(lines: list[str], count: int) -> list[str]:
    """Frames with more in them than four fifths of the others have: full, but not the most crowded of all."""
    ranked = sorted(lines, key=lambda line: (-len(line.split()), line))
    return ranked[len(ranked) // 5 :][:count]


def main(task: Path, answer: Path) -> None:
    """Do what the task file says and write the answer file."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "worker"))
    import cv2
    from choosing import estimator as estimator_class
    from helmets.samples import parse

    wanted = json.loads(task.read_text(encoding="utf-8"))
    lists = {domain: _lines(path) for domain, path in wanted["lists"].items()}
    frames = [
        {"path": name, "domain": domain, "truth": boxes.tolist(), "found": {}}
        for domain, count in DRAWN.items()
        for name, boxes in (parse(line, 4) for line in _busy(lists[domain], count))
    ]
    scores: dict[str, Any] = {}
    for model, path in wanted["models"].items():
        estimator = estimator_class()()
        estimator.load(path)
        thresholds = {"obj_threshold": OBJ_THRESHOLD, "nms_threshold": NMS_THRESHOLD}
        scores[model] = {
            domain: estimator.evaluate(SimpleNamespace(x=lines), **thresholds) for domain, lines in lists.items()
        }
        for frame in frames:
            frame["found"][model] = estimator.predict(cv2.imread(frame["path"]), **thresholds)
    answer.write_text(json.dumps({"scores": scores, "frames": frames}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
