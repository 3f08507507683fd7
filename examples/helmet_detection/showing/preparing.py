"""Makes the data and the base model, once: `demo.py` calls it first, and a second run finds everything there."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
from scenes.recording import Recipe, Stills, Video, is_complete, record

from showing.places import EXAMPLE, Places

# Sizes that fit a demo of five minutes on two cores: two places a shot length apart differ more than two neighbouring
# frames, so the video shows many places for a short while each, as a camera that turns from one to the next.
BASE_PICTURES = 600
HELD_OUT = 80
REPLAYED = 60
SHOTS, FRAMES, FPS = 60, 12, 6
EPOCHS = 11
# Changes when the network or its training does, so that an old base model is not taken for a new one.
MODEL_EDITION = 2


class PreparationError(RuntimeError):
    """Something of the demo's data could not be made; the message says what and where the details are."""


@dataclass(frozen=True)
class Part:
    """One folder of data."""

    title: str
    folder: str
    recipe: Recipe


def parts(seed: int) -> list[Part]:
    """All data of a demo. Held-out pictures come from seeds of their own: other places, other people."""
    return [
        Part("domain A, to learn from", "base", Stills("A", seed * 10 + 1, BASE_PICTURES)),
        Part("domain A, held out", "held_out_a", Stills("A", seed * 10 + 2, HELD_OUT)),
        Part("domain B, held out", "held_out_b", Stills("B", seed * 10 + 3, HELD_OUT)),
        Part("domain B, video", "camera", Video("B", seed * 10 + 4, SHOTS, FRAMES, FPS)),
    ]


def prepare_data(places: Places) -> None:
    """Draw what is not there yet."""
    for part in parts(places.seed):
        folder = places.data / part.folder
        if is_complete(folder, part.recipe):
            click.echo(f"  {part.title}: {part.recipe.count} pictures, there already")
            continue
        with click.progressbar(length=part.recipe.count, label=f"  {part.title}") as bar:
            record(folder, part.recipe, bar.update)
    lines = places.base_samples.read_text(encoding="utf-8").splitlines(keepends=True)
    places.replay.write_text("".join(lines[:REPLAYED]), encoding="utf-8")


def prepare_base_model(places: Places, shape: str, model_format: str) -> None:
    """Train the base model unless it is there, and put its copy where the deploy model is expected.

    With the format tflite it gets a network for LiteRT if it has none, which other formats do not mind.
    """
    receipt = places.base_model.with_suffix(".json")
    facts = {"edition": MODEL_EDITION, "shape": shape, "epochs": EPOCHS, "seed": places.seed}
    said = json.loads(receipt.read_text()) if places.base_model.exists() and receipt.exists() else {}
    has_lite = bool(said.pop("lite", False))
    if said == facts:
        click.echo(f"  base model: there already, {places.base_model}")
    else:
        receipt.unlink(missing_ok=True)
        _train(places, shape)
        has_lite = False
        receipt.write_text(json.dumps(facts), encoding="utf-8")
    if model_format == "tflite" and not has_lite:
        _logged(places, [sys.executable, str(EXAMPLE / "lite.py"), "add", str(places.base_model)])
        receipt.write_text(json.dumps({**facts, "lite": True}), encoding="utf-8")
    places.deploy_model.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(places.base_model, places.deploy_model)


def _train(places: Places, shape: str) -> None:
    command = [sys.executable, str(EXAMPLE / "base_model.py"), "--samples", str(places.base_samples)]
    command += ["--model", str(places.base_model), "--shape", shape]
    _logged(places, [*command, "--epochs", str(EPOCHS), "--seed", str(places.seed)])


def _logged(places: Places, command: list[str]) -> None:
    log = places.data / "base_model.log"
    # TensorFlow greets on stderr whatever it is told; the log has it, the person is spared it.
    with log.open("w", encoding="utf-8") as errors:
        done = subprocess.run(command, stderr=errors, check=False)
    if done.returncode:
        raise PreparationError(f"the base model could not be made; {log} ends with:\n{tail(log)}")


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a text file."""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
