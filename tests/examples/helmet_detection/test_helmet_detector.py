"""The detector for real, in a process of its own: it learns, saves, loads by content, finds, refuses what is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from scenes.recording import Stills, record
from showing.places import WORKER

SCRIPT = """
import json, sys
from pathlib import Path
from types import SimpleNamespace
import cv2, numpy as np
from interface import Estimator
folder, out = Path(sys.argv[1]), Path(sys.argv[2])
lines = [str(folder / line) for line in (folder / "list.txt").read_text().splitlines()]
data, names = SimpleNamespace(x=lines), ("person", "helmet", "helmet-on", "helmet-off")
first = Estimator()
losses = []
common = {"class_names": names, "input_shape": (96, 160), "batch_size": 4, "learning_rate": 3e-3}
first.train(data, epochs=6, told=lambda e, n, loss: losses.append(loss), **common)
first.save(str(out / "saved_model.pb"))
second = Estimator()
second.load(str(out / "saved_model.pb"))
frame = cv2.imread(lines[0].split()[0])
same = [np.allclose(a, b) for a, b in zip(first.get_weights(), second.get_weights())]
found = second.predict(frame, obj_threshold=0.01)
tuned = []
second.train(data, epochs=1, replay=lines[:2], told=lambda e, n, loss: tuned.append(loss), **common)
second.set_weights(first.get_weights())
again = second.predict(frame, obj_threshold=0.01)
try:
    (out / "broken.pb").write_bytes(b"no model"); second.load(str(out / "broken.pb")); refused = False
except ValueError:
    refused = True
full = Estimator(); full.load(str(out / "saved_model.pb")); full._detector.input_shape = (352, 640)
print("ANSWER" + json.dumps({
    "losses": losses, "same": all(same), "found": found, "again": np.allclose(found, again, atol=1e-3), "tuned": tuned,
    "refused": refused, "metrics": first.evaluate(data), "still": len(second.predict([frame, frame])),
    "full": len(full.predict(frame)) >= 0,
}))
"""


@pytest.mark.tensorflow
@pytest.mark.timeout(300)
def test_the_estimator_does_what_the_library_asks_of_it(tmp_path: Path) -> None:
    # Not importorskip: half a gigabyte in the process of all the other tests.
    if find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    record(tmp_path / "a", Stills("A", 3, 8), lambda _: None)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "a"), str(tmp_path)],
        cwd=WORKER,
        env={**os.environ, "PYTHONPATH": str(WORKER), "input_shape": "96,160"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer = json.loads(done.stdout.partition("ANSWER")[2])

    assert answer["losses"][-1] < answer["losses"][0]
    assert answer["same"]
    assert answer["again"]
    assert answer["refused"]
    assert answer["full"]
    assert len(answer["tuned"]) == 1
    assert answer["still"] == 2
    assert all(len(box) == 6 and 0 <= box[4] <= 1 for box in answer["found"])
    assert set(answer["metrics"]) >= {"precision", "recall", "mAP"}
