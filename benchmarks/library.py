"""What the library costs user code: its import, and what it adds to each inference.

Each is measured in interpreters of its own, beside a bare one of the same run.
"""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.processes import PRINT_PEAK, fresh
from benchmarks.rows import Aim, Row, Size, median

_IMPORT = """
import time
begun = time.perf_counter()
import sedna.core.incremental_learning
print("import", time.perf_counter() - begun)
"""
# An estimator that answers with a list that is there already: all that is measured is around it.
_INFERENCE = """
import sys, time
from sedna.core.incremental_learning import IncrementalLearning

boxes, calls, repeats = (int(word) for word in sys.argv[1:4])
answer = [[0.1, 0.2, 0.3, 0.4, 0.55 + one / 1000, one] for one in range(boxes)]

class Nothing:
    def predict(self, data, **kwargs):
        return answer

def best_of(function):
    function(None)
    taken = []
    for _ in range(repeats):
        begun = time.thread_time()
        for _ in range(calls):
            function(None)
        taken.append((time.thread_time() - begun) / calls)
    return sorted(taken)[len(taken) // 2]

job = IncrementalLearning(Nothing(), {"method": "IBT", "param": {"threshold_img": 0.9, "threshold_box": 0.9}})
print("bare", best_of(Nothing().predict))
print("plain", best_of(job.inference))
print("processed", best_of(lambda data: job.inference(data, post_process=lambda result: result)))
"""
_BOXES = {1: (5.0, "18 µs", "17 µs"), 10: (6.0, "20 µs", "49 µs"), 100: (15.0, "43 µs", "245 µs")}


def measure(size: Size) -> Iterator[Row]:
    """Import and inference."""
    yield from _import(size.pick(15, 2))
    for boxes in _BOXES:
        yield from _inference(boxes, size.pick(2000, 50), size.pick(25, 3))


def _import(times: int) -> Iterator[Row]:
    # The first one may have to compile, and to bring files into memory.
    fresh(_IMPORT)
    imports = [fresh(_IMPORT + PRINT_PEAK) for _ in range(times)]
    bare = [fresh(PRINT_PEAK) for _ in range(times)]
    base = {name: median([one[name] for one in bare]) for name in ("peak", "seconds")}
    taken, whole = (median([one[name] for one in imports]) for name in ("import", "seconds"))
    yield Row(
        "import sedna.core.incremental_learning, time", taken, "s", "median of fresh interpreters, around the import",
        Aim(0.08), "0.76 s", {"barePythonSeconds": base["seconds"], "wholeProcessSeconds": whole},
    )  # fmt: skip
    peak = median([one["peak"] for one in imports])
    yield Row(
        "import sedna.core.incremental_learning, memory", peak, "MB", "peak resident memory of that interpreter",
        Aim(30), "80 MB", {"barePythonMB": base["peak"]},
    )  # fmt: skip


def _inference(boxes: int, calls: int, repeats: int) -> Iterator[Row]:
    figure, plain, processed = _BOXES[boxes]
    found = {name: value * 1e6 for name, value in fresh(_INFERENCE, str(boxes), str(calls), str(repeats)).items()}
    for name, aim, original, suffix in (
        ("plain", figure, plain, ""),
        ("processed", 2 * figure, processed, ", with post_process"),
    ):
        yield Row(
            f"inference() with IBT, {boxes} box{'es' if boxes > 1 else ''}{suffix}", found[name], "µs",
            "processor time around an estimator that does nothing; median of series of calls", Aim(aim), original,
            {"barePredictMicroseconds": found["bare"], "ratioToBare": found[name] / found["bare"]},
        )  # fmt: skip
