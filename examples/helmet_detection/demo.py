"""The helmet-detection demo: a camera's model learns what it sees now, in two rounds, on this machine.

`make demo` runs it. It prepares data and a base model (once), starts `sedna up`, submits the quick start's manifests
with the differences of `overlay.yaml`, labels hard examples in place of a person, follows the job, and measures what
came of it on frames that no model was trained on. On a terminal it goes on then, with a dashboard on which a person
labels. With `--server` and `--node` it starts nothing and plays on a system that is installed; the role `sedna_demo`
runs it so.
"""

from __future__ import annotations

import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from labeller import Labeller
from showing import charting, following, joining, manifests, measuring, picturing, preparing, serving
from showing.places import EXAMPLE, Places
from showing.telling import Story

from sedna.cli.client import GlobalManager
from sedna.cli.errors import CommandError
from sedna.cli.proving import proof_for

# Ten times what a round takes on two idle cores; a busy machine gets its chance, a hang gets its end.
SECONDS_PER_ROUND = 600.0
# Nobody sits and waits for an installed system, and its host may be small.
INSTALLED_SECONDS_PER_ROUND = 3600.0
KNOWN_PROBLEMS = (
    preparing.PreparationError,
    serving.ServingError,
    joining.JoiningError,
    following.JobFailedError,
    measuring.MeasuringError,
    CommandError,
)
DEFAULT_ROOT = EXAMPLE.parents[1] / ".demo"


@dataclass(frozen=True)
class Installed:
    """A system that is there already, and the node of this host in it."""

    server: str
    node: str


@dataclass(frozen=True)
class Play:
    """What is asked of one demo."""

    rounds: int
    stay: bool
    yourself: int | None
    """From this round on a person labels the last samples; None: never."""
    installed: Installed | None
    model_format: str

    @property
    def overlays(self) -> list[Path]:
        """The files of differences from the quick start, in their order."""
        more = [] if self.model_format == "keras" else [EXAMPLE / f"overlay-{self.model_format}.yaml"]
        return [EXAMPLE / "overlay.yaml", *more]


@click.command()
@click.option(
    "--dir", "root", type=click.Path(file_okay=False, path_type=Path), default=DEFAULT_ROOT, show_default=".demo",
    help="Folder for everything that the demo makes.",
)  # fmt: skip
@click.option("--rounds", type=click.IntRange(1, 5), default=2, show_default=True, help="Deployments to wait for.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Another seed draws another site.")
@click.option(
    "--stay/--no-stay",
    default=None,
    help="Leave the system running at the end, until Ctrl-C, so that you can look around and label. Default: where"
    " this is a terminal.",
)
@click.option(
    "--label-yourself",
    "yourself",
    type=click.IntRange(1),
    is_flag=False,
    flag_value=1,
    metavar="[ROUND]",
    help=f"From this round on (1 if you do not say) the last {following.LEFT_TO_YOU} samples of each round are left to"
    " you: label them on the dashboard.",
)
@click.option(
    "--format",
    "model_format",
    type=click.Choice(("keras", "tflite")),
    default="keras",
    show_default=True,
    help="What runs the network of the camera's model; tflite: LiteRT, in a worker without TensorFlow.",
)
@click.option("--server", metavar="URL", help="Start nothing; play on the system whose GlobalManager is there.")
@click.option("--node", metavar="NAME", help="With --server: the node that this host is.")
def main(
    root: Path,
    rounds: int,
    seed: int,
    stay: bool | None,
    yourself: int | None,
    model_format: str,
    server: str | None,
    node: str | None,
) -> None:
    """Run the helmet-detection job to its end and show what it learned."""
    if (server is None) != (node is None):
        raise click.UsageError("--server and --node go together: which system, and which of its nodes is this host.")
    installed = Installed(server, node) if server and node else None
    # SIGTERM ends everything as Ctrl-C does: through the same clean-up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    places, story = Places(root.absolute(), seed), Story()
    if installed:
        places = replace(places, run_name=joining.next_run(places.root))
    if stay is None:
        stay = installed is None and sys.stdout.isatty()
    try:
        _run(places, story, Play(rounds, stay, yourself or (rounds + 1 if stay else None), installed, model_format))
    except KeyboardInterrupt:
        left = "what was submitted stays" if installed else "nothing is left running"
        click.echo(f"\nStopped; {left}.", err=True)
        sys.exit(130)
    except KNOWN_PROBLEMS as problem:
        click.secho(f"\nThe demo stops here: {problem}", fg="red", err=True)
        click.echo(f"The logs are in {_logs(places, installed)}.", err=True)
        sys.exit(1)


def _run(places: Places, story: Story, play: Play) -> None:
    installed = play.installed
    variables = {"WORKER_NODE": installed.node if installed else serving.NODE, "IMAGE": serving.IMAGE}
    folders = {"RUN": str(places.run), "DATA": str(places.data)}
    filled = manifests.filled(EXAMPLE / "manifests", play.overlays, {**variables, **folders})
    click.echo(f"Everything is kept in {places.root}.")
    places.root.mkdir(parents=True, exist_ok=True)
    if installed:
        joining.check_folder(places.root)
    story.step("Drawing construction sites: domain A (day) to learn from, domain B (dusk, rain) for the camera.")
    preparing.prepare_data(places)
    story.step("Training the base model, which gets to know domain A only.")
    preparing.prepare_base_model(places, manifests.parameter(filled[-1], "trainSpec", "input_shape"), play.model_format)
    with _joined(places, story, filled, installed) if installed else _started(places, story) as server:
        story.say(f"Sedna is up. Look on in a browser: {server}/")
        look = f"sedna get --server {server} ilj -w" if installed else f"kubectl --server {server} get ilj -w"
        story.say(f"Or from another terminal: {look}")
        with closing(_speaker(server, story)) as gm:
            learning = Learning(gm, places, story, manifests.samples_per_round(filled[-1]), play)
            models = learning.until_deployed(filled)
            if play.stay or installed:
                _report(places, story, models, play)
            if installed:
                story.say(f"The camera goes on; `sedna delete ilj {following.JOB}` ends it.")
            if play.stay:
                click.secho(f"{_invitation(server)} Ctrl-C ends it.", bold=True)
                with suppress(KeyboardInterrupt):
                    learning.go_on()
            elif installed:
                click.secho(_invitation(server), bold=True)
    if not play.stay and not installed:
        _report(places, story, models, play)
        click.secho("Again with a dashboard on which you can label: make demo ARGS=--stay", bold=True)


def _invitation(server: str) -> str:
    return f"Open {server}/ in a browser: watch it there, and label hard examples, from which the next round learns."


@contextmanager
def _started(places: Places, story: Story) -> Iterator[str]:
    """A system of the demo's own; gives the address of its GlobalManager, and stops everything at the end."""
    story.step("Building the worker image, and starting a GlobalManager and a LocalController.")
    _begin_anew(places)
    serving.build_image(places)
    with serving.running(places) as server:
        yield server
        story.step("Stopping what was started.")


@contextmanager
def _joined(places: Places, story: Story, filled: list[dict[str, Any]], installed: Installed) -> Iterator[str]:
    """The system that is there, free of what an earlier attempt submitted."""
    story.step(f"Asking the GlobalManager at {installed.server} about the node {installed.node}.")
    gm = GlobalManager(installed.server, proof=proof_for(installed.server))
    try:
        joining.check_node(gm, installed.node, serving.IMAGE)
        if cleared := joining.clear(gm, filled, places.root):
            story.say(f"{cleared} resources of an earlier attempt are deleted.")
    finally:
        gm.close()
    # What workers write to is left to the LocalController, which makes it for their user.
    places.dataset.parent.mkdir(parents=True)
    places.results.mkdir(exist_ok=True)
    places.dataset.touch()
    yield installed.server


def _logs(places: Places, installed: Installed | None) -> str:
    return "the journal (journalctl -u 'sedna-*')" if installed else str(places.run / "logs")


def _begin_anew(places: Places) -> None:
    """An empty dataset, no hard examples, no state of an earlier run."""
    if places.run.exists():
        shutil.rmtree(places.run)
    for folder in (places.dataset.parent, places.hard_examples, places.run / "output", places.results):
        folder.mkdir(parents=True, exist_ok=True)
    places.dataset.touch()


def _speaker(server: str, story: Story) -> GlobalManager:
    return GlobalManager(server, warn=lambda text: story.say(f"warning: {text}"), proof=proof_for(server))


class Learning:
    """The job and the stand-in for the person who labels."""

    def __init__(self, gm: GlobalManager, places: Places, story: Story, per_round: int, play: Play) -> None:
        self._gm, self._places, self._story = gm, places, story
        self._per_round, self._play = per_round, play
        # An installed system's hard examples belong to the user of its workers.
        takes_away = play.yourself is not None and play.installed is None
        self._labeller = Labeller(places.hard_examples, places.truth, places.dataset, takes_away)
        self._seen = following.Followed()

    def until_deployed(self, filled: list[dict[str, Any]]) -> dict[str, Path]:
        """Submit the job and wait for its rounds; returns every model that served, by title."""
        rounds = self._play.rounds
        self._story.step("Submitting the quick start's four manifests, with the differences that overlay.yaml shows.")
        following.submit(self._gm, filled)
        self._story.step(f"The camera finds hard examples, they get labelled, the job learns: {rounds} rounds.")
        deployed = following.follow(
            self._gm,
            self._label,
            rounds=rounds,
            per_round=self._per_round,
            limit_seconds=rounds * (INSTALLED_SECONDS_PER_ROUND if self._play.installed else SECONDS_PER_ROUND),
            say=self._say,
            yourself=self._play.yourself,
            seen=self._seen,
        )
        models = {f"after round {number}": Path(url) for number, url in deployed.items()}
        return {"before": self._places.base_model, **models}

    def go_on(self) -> None:
        """Prepare each next round for the person who labels, until Ctrl-C."""
        yourself = self._play.yourself or self._play.rounds + 1
        following.go_on(self._gm, self._label, self._seen, yourself=yourself, per_round=self._per_round, say=self._say)

    def _label(self, most: int) -> int:
        self._labeller.take(most)
        return self._labeller.labelled

    def _say(self, text: str) -> None:
        # The paths in the job's sentences are long, and all of them are in the demo's folder.
        self._story.say(text.replace(f"{self._places.root}/", ""))


def _report(places: Places, story: Story, models: dict[str, Path], play: Play) -> None:
    story.step("Measuring each model on frames that none was trained on.")
    lists = {domain: places.held_out(domain) for domain in measuring.DOMAINS}
    measured = measuring.measure(models, lists, places.results, play.model_format)
    table = "\n".join(charting.table(measured["scores"]))
    pictures = _draw(places, measured, list(models))
    click.echo(f"\n{table}\n")
    for title, path in (
        *pictures,
        ("all numbers", places.results / "metrics.json"),
        ("the models of each round", places.run / "output" / "train"),
        ("the labelled hard examples", places.dataset),
        ("the last annotated frames", places.hard_examples / "annotated"),
        *(("what differs from the quick start", overlay) for overlay in play.overlays),
        ("logs", _logs(places, play.installed)),
    ):
        click.echo(f"  {title:<36}{path}")
    # The last of all, because the role sedna_demo takes it for the sign that the demo came to its end.
    (places.results / "table.txt").write_text(f"{table}\n", encoding="utf-8")
    click.secho(f"\nDone in {story.clock()}.", bold=True)


def _draw(places: Places, measured: dict[str, Any], titles: list[str]) -> list[tuple[str, Path]]:
    """Draw what can be drawn: a worker image's Python has no matplotlib."""
    if find_spec("matplotlib") is None:
        click.echo("  (no pictures: matplotlib is not in this Python; the numbers are the same)")
        return []
    frames, chart = places.results / "before_and_after.png", places.results / "metrics_over_rounds.png"
    picturing.picture(measured["frames"], [titles[0], titles[-1]], frames)
    charting.chart(measured["scores"], chart)
    return [("the same frames before and after", frames), ("the metrics over the rounds", chart)]


if __name__ == "__main__":
    main()
