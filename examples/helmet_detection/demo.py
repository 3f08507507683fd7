"""The helmet-detection demo: a camera's model learns what it sees now, in two rounds, on this machine.

`make demo` runs it. It prepares data and a base model (once), starts `sedna up`, submits the quick start's manifests
with the differences of `overlay.yaml`, labels hard examples in place of a person, follows the job, and measures what
came of it on frames that no model was trained on.
"""

from __future__ import annotations

import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import click
from labeller import Labeller
from showing import charting, following, manifests, measuring, picturing, preparing, serving
from showing.places import EXAMPLE, Places
from showing.telling import Story

from sedna.cli.client import GlobalManager
from sedna.cli.errors import CommandError

# Ten times what a round takes on two idle cores; a busy machine gets its chance, a hang gets its end.
SECONDS_PER_ROUND = 600.0
KNOWN_PROBLEMS = (
    preparing.PreparationError,
    serving.ServingError,
    following.JobFailedError,
    measuring.MeasuringError,
    CommandError,
)
DEFAULT_ROOT = EXAMPLE.parents[1] / ".demo"


@click.command()
@click.option(
    "--dir", "root", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT_ROOT, show_default=".demo",
    help="Folder for everything that the demo makes.",
)  # fmt: skip
@click.option("--rounds", type=click.IntRange(1, 5), default=2, show_default=True, help="Deployments to wait for.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Another seed draws another site.")
@click.option("--stay", is_flag=True, help="Leave the system running at the end, until Ctrl-C.")
def main(root: Path, rounds: int, seed: int, stay: bool) -> None:
    """Run the helmet-detection job to its end and show what it learned."""
    # SIGTERM ends everything as Ctrl-C does: through the same clean-up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    places, story = Places(root.absolute(), seed), Story()
    try:
        _run(places, story, rounds, stay)
    except KeyboardInterrupt:
        click.echo("\nStopped; nothing is left running.", err=True)
        sys.exit(130)
    except KNOWN_PROBLEMS as problem:
        click.secho(f"\nThe demo stops here: {problem}", fg="red", err=True)
        click.echo(f"The logs are in {places.run / 'logs'}.", err=True)
        sys.exit(1)


def _run(places: Places, story: Story, rounds: int, stay: bool) -> None:
    variables = {"WORKER_NODE": serving.NODE, "IMAGE": serving.IMAGE}
    folders = {"RUN": str(places.run), "DATA": str(places.data)}
    filled = manifests.filled(EXAMPLE / "manifests", EXAMPLE / "overlay.yaml", {**variables, **folders})
    click.echo(f"Everything is kept in {places.root}.")
    story.step("Drawing construction sites: domain A (day) to learn from, domain B (dusk, rain) for the camera.")
    preparing.prepare_data(places)
    story.step("Training the base model, which gets to know domain A only.")
    preparing.prepare_base_model(places, manifests.parameter(filled[-1], "trainSpec", "input_shape"))
    story.step("Building the worker image, and starting a GlobalManager and a LocalController.")
    _begin_anew(places)
    serving.build_image(places)
    with serving.running(places) as server:
        story.say(f"Sedna is up; look on from another terminal: kubectl --server {server} get ilj -w")
        models = _learn(places, story, server, filled, rounds)
        if stay:
            _report(places, story, models)
            story.say("Everything goes on; Ctrl-C ends it.")
            with suppress(KeyboardInterrupt):
                signal.pause()
        story.step("Stopping what was started.")
    if not stay:
        _report(places, story, models)


def _begin_anew(places: Places) -> None:
    """An empty dataset, no hard examples, no state of an earlier run."""
    if places.run.exists():
        shutil.rmtree(places.run)
    for folder in (places.dataset.parent, places.hard_examples, places.run / "output", places.results):
        folder.mkdir(parents=True, exist_ok=True)
    places.dataset.touch()


def _learn(places: Places, story: Story, server: str, filled: list[dict[str, Any]], rounds: int) -> dict[str, Path]:
    """Submit the job and wait for its rounds; returns every model that served, by title."""
    labeller = Labeller(places.hard_examples, places.truth, places.dataset)
    gm = GlobalManager(server, warn=lambda text: story.say(f"warning: {text}"))

    def label(most: int) -> int:
        labeller.take(most)
        return labeller.labelled

    try:
        story.step("Submitting the quick start's four manifests, with the differences that overlay.yaml shows.")
        following.submit(gm, filled)
        story.step(f"The camera finds hard examples, they get labelled, the job learns: {rounds} rounds.")
        deployed = following.follow(
            gm,
            label,
            rounds=rounds,
            per_round=manifests.samples_per_round(filled[-1]),
            limit_seconds=rounds * SECONDS_PER_ROUND,
            # The paths in the job's sentences are long, and all of them are in the demo's folder.
            say=lambda text: story.say(text.replace(f"{places.root}/", "")),
        )
    finally:
        gm.close()
    return {"before": places.base_model, **{f"after round {number}": Path(url) for number, url in deployed.items()}}


def _report(places: Places, story: Story, models: dict[str, Path]) -> None:
    story.step("Measuring each model on frames that none was trained on.")
    lists = {domain: places.held_out(domain) for domain in measuring.DOMAINS}
    measured = measuring.measure(models, lists, places.results)
    table = "\n".join(charting.table(measured["scores"]))
    (places.results / "table.txt").write_text(f"{table}\n", encoding="utf-8")
    titles = list(models)
    picturing.picture(measured["frames"], [titles[0], titles[-1]], places.results / "before_and_after.png")
    charting.chart(measured["scores"], places.results / "metrics_over_rounds.png")
    click.echo(f"\n{table}\n")
    for title, path in (
        ("the same frames before and after", places.results / "before_and_after.png"),
        ("the metrics over the rounds", places.results / "metrics_over_rounds.png"),
        ("all numbers", places.results / "metrics.json"),
        ("the models of each round", places.run / "output" / "train"),
        ("the labelled hard examples", places.dataset),
        ("the last annotated frames", places.hard_examples / "annotated"),
        ("what differs from the quick start", EXAMPLE / "overlay.yaml"),
        ("logs", places.run / "logs"),
    ):
        click.echo(f"  {title:<36}{path}")
    click.secho(f"\nDone in {story.clock()}.", bold=True)


if __name__ == "__main__":
    main()
