"""What the helmet example's tests need on hosts: pictures, a video and a base model, made once and kept in the cache.

Few pictures and a short training, because these tests ask whether the loop turns over several hosts, and not how good
the detector gets: the demo and its benchmark ask that. Handed to tests by the fixture `scenes`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.hosts.bases import cache, locked
from tests.hosts.running import CommandFailed
from tests.house.project import ROOT

EXAMPLE = ROOT / "examples" / "helmet_detection"
IMAGE = "kubeedge/sedna-example-incremental-learning-helmet-detection:v0.4.0"
# The quick start trains on more than 500 samples.
SAMPLES = 510
DRAW = f"""
from pathlib import Path
from scenes.recording import Stills, Video, record

if __name__ == "__main__":
    record(Path("base"), Stills("A", 11, 120), lambda count: None)
    record(Path("samples"), Stills("B", 12, {SAMPLES}), lambda count: None)
    record(Path("video"), Video("B", 13, 12, 12, 6), lambda count: None)
"""
EPOCHS = 4


def provide_scenes() -> Path:
    """Return the folder with samples/{list.txt,images}, video/video.mp4 and base_model; makes it first if need be."""
    folder = cache() / f"helmets-{_edition()}"
    with locked("helmets"):
        if not folder.is_dir():
            new = folder.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            _make(new)
            new.rename(folder)
    return folder


def _make(folder: Path) -> None:
    (folder / "draw.py").write_text(DRAW)
    _python(folder, "draw.py")
    base = ["--samples", "base/list.txt", "--model", "base_model", "--epochs", str(EPOCHS)]
    _python(folder, str(EXAMPLE / "base_model.py"), *base)


def _python(folder: Path, *argv: str) -> None:
    """Run a script with the example's modules at hand."""
    done = subprocess.run(
        [sys.executable, *argv],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{EXAMPLE}:{ROOT}", "TF_CPP_MIN_LOG_LEVEL": "2"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if done.returncode:
        raise CommandFailed(f"{argv[0]} ended with {done.returncode}:\n{done.stderr[-4000:]}")


def _edition() -> str:
    """Return what names the folder: the hash of all code that decides its content."""
    code = [*sorted(EXAMPLE.glob("scenes/*.py")), *sorted(EXAMPLE.glob("worker/**/*.py")), EXAMPLE / "base_model.py"]
    texts = [DRAW, str(EPOCHS), *(path.read_text(encoding="utf-8") for path in code)]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def samples(scenes: Path, start: int, end: int) -> str:
    """Return lines of the list of samples, for a dataset whose pictures lie beside it in images/."""
    lines = (scenes / "samples" / "list.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    assert len(lines) >= end
    return "".join(lines[start:end])
