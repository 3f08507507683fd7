"""What a manifest limits is limited by the kernel, and the job says so."""

from __future__ import annotations

import json

import pytest

from tests.machine.numbers import JOB, Numbers

pytestmark = [pytest.mark.machine, pytest.mark.timeout(3000)]

# Touches every page, since memory that is only promised costs nothing.
_GREEDY = "import time; held = bytearray(b'x') * (400 << 20); time.sleep(3600)"
_BUSY = "import time; end = time.monotonic() + 20\nwhile time.monotonic() < end: pass"


def _train_runs(code: str, limits: str) -> object:
    def change(text: str) -> str:
        before = 'args: ["train.py"]\n            env: [{name: BACKEND_TYPE, value: PLAIN}]'
        assert before in text
        after = f'args: ["-c", {json.dumps(code)}]\n            resources: {{limits: {{{limits}}}}}'
        return text.replace(before, after)

    return change


def test_a_worker_over_its_memory_limit_is_killed_and_the_stage_says_so(numbers: Numbers) -> None:
    numbers.submit(_train_runs(_GREEDY, "memory: 128Mi"))
    numbers.feed()
    job = numbers.cluster.until(
        *JOB, lambda job: "OutOfMemory" in json.dumps(job["status"]), "the stage says OutOfMemory"
    )
    told = json.dumps(job["status"])
    assert "its limit of 128 MiB" in told, told
    assert job["status"]["samples"]["used"] == 0, "the failed round gives its samples back"


def test_a_worker_takes_no_more_of_the_processor_than_its_limit(numbers: Numbers) -> None:
    numbers.submit(_train_runs(_BUSY, "cpu: 200m"))
    numbers.feed()
    unit = "sedna-worker-default-numbers-train-1.service"
    numbers.cluster.until(
        "Worker", "numbers-train-1", lambda worker: worker["status"].get("phase") == "Running", "it runs"
    )
    # Both clocks are the kernel's own, so a slow machine changes nothing about their ratio.
    numbers.machine.run(f"grep -q . /sys/fs/cgroup/sedna.slice/{unit}/cpu.max")
    used, passed = [
        float(word)
        for word in numbers.machine.run(
            f"cd /sys/fs/cgroup/sedna.slice/{unit} && "
            "a=$(awk '/usage_usec/ {print $2}' cpu.stat); s=$(date +%s%6N); sleep 5; "
            "b=$(awk '/usage_usec/ {print $2}' cpu.stat); e=$(date +%s%6N); echo $((b - a)) $((e - s))"
        ).split()
    ]
    assert 0.1 < used / passed < 0.25, f"it used {used / passed:.0%} of a core, and its limit is 20 %"
