"""`sedna label`: hard examples out to a labelling tool and its labels back, as COCO."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import httpx

from sedna.cli.client import GlobalManager, path_of
from sedna.cli.connecting import connected
from sedna.cli.errors import CommandError
from sedna.cli.getting import rendered
from sedna.cli.naming import kind_named
from sedna.cli.outcomes import output_in
from sedna.cli.suggesting import jobs_and_workers

# Each is a question to a node, and may take its picture to another one over a poor line; whoever waits sees that it
# goes on.
PICTURES_AT_ONCE = 10
NEW, BEFORE, UNTOUCHED, REFUSED = "new", "labelled before", "left out as exported", "refused"

Document = dict[str, Any]


@click.group("label")
def label() -> None:
    """Move hard examples to a labelling tool, and labels back.

    CVAT, Label Studio and others read and write COCO. Who labels by hand opens the dashboard instead: the address of
    the GlobalManager, in a browser.
    """


@label.command("export")
@click.argument("job", metavar="JOB", shell_complete=jobs_and_workers)
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="File to write. Default: standard output."
)
@click.option(
    "--pictures",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="Fetch the pictures into this folder, too.",
)
@connected
def export(gm: GlobalManager, namespace: str, job: str, output: Path | None, pictures: Path | None) -> None:
    """Write a job's hard examples as COCO.

    What nobody has labelled has the boxes of the prediction to begin with.
    """
    examples = path_of(kind_named("ilj"), namespace, job, "hardexamples")
    # As a stream: thousands of pictures take their node longer than an answer may.
    document = json.loads(b"".join(gm.read(f"{examples}/export", params={"format": "coco"})))
    if pictures is not None:
        _fetch(gm, examples, document["images"], pictures)
    text = json.dumps(document, indent=1) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        _write(output, text.encode())
    where = "standard output" if output is None else str(output)
    click.echo(
        f"{len(document['images'])} pictures and {len(document['annotations'])} boxes in {where}"
        + (f", the pictures in {pictures}" if pictures is not None else ""),
        err=True,
    )


@label.command("import")
@click.argument("job", metavar="JOB", shell_complete=jobs_and_workers)
@click.argument("file", type=click.File("rb"))
@output_in("How to tell what became of each picture; name: the examples that are labelled now and were not before.")
@click.option(
    "--untouched",
    type=click.Choice(["leave", "take"]),
    default="leave",
    show_default=True,
    help="Pictures that still have the prediction with which they were exported. Take them where somebody has looked at"
    " each and found it right.",
)
@connected
def import_(gm: GlobalManager, namespace: str, job: str, file: Any, output: str, untouched: str) -> None:
    """Label hard examples as a COCO document says; FILE may be - for standard input.

    Each picture is told: new, labelled before (in the same way; it stays as it is), left out as exported (its boxes are
    still those of the prediction, which nobody need have looked at), or refused and why. The exit code is 1 when any
    was refused.
    """
    document = _parsed(getattr(file, "name", "standard input"), file.read())
    examples = path_of(kind_named("ilj"), namespace, job, "hardexamples")
    images = document.get("images") if isinstance(document.get("images"), list) else []
    results: list[Document] = []
    with click.progressbar(length=len(images or []), label="Labelling", file=sys.stderr) as bar:
        for part in _parts(document):
            for result in gm.ask("POST", f"{examples}/import", params={"untouched": untouched}, body=part)["results"]:
                bar.update(1)
                results.append(result)
    _tell(results, output)
    if any(became(result) == REFUSED for result in results):
        click.get_current_context().exit(1)


def became(result: Document) -> str:
    """What became of one picture, in a word or two."""
    if result["code"] >= httpx.codes.BAD_REQUEST:
        return REFUSED
    if result["code"] == httpx.codes.NOT_MODIFIED:
        return UNTOUCHED
    return NEW if result["code"] == httpx.codes.CREATED else BEFORE


def summary(results: Sequence[Document]) -> str:
    """`12 new, 3 labelled before, 1 refused: b: its reason`; all reasons where there are several."""
    counts = Counter(map(became, results))
    told = ", ".join(f"{counts[state]} {state}" for state in (NEW, BEFORE, UNTOUCHED, REFUSED) if counts[state])
    refused = [f"{each['example']}: {each['message']}" for each in results if became(each) == REFUSED]
    if len(refused) == 1:
        return f"{told}: {refused[0]}"
    return "\n".join([f"{told}{':' if refused else '.'}" if told else "There was no picture.", *refused])


def _tell(results: list[Document], output: str) -> None:
    if output == "text":
        for result in results:
            if became(result) != REFUSED:
                click.echo(f"{result['example']}: {became(result)}")
        click.echo(summary(results))
        return
    if output == "name":
        for result in results:
            if became(result) == NEW:
                click.echo(result["example"])
    else:
        told = [{**result, "result": became(result)} for result in results]
        click.echo(rendered({"kind": "LabelResults", "results": told}, output))
    # Whoever reads the names or the document with a program is told the rest beside it.
    click.echo(summary(results), err=True)


def _parts(document: Document) -> list[Document]:
    """The document in pieces of some pictures each, with their boxes; as it is where it makes no sense."""
    images, annotations = document.get("images"), document.get("annotations")
    if not isinstance(images, list) or not isinstance(annotations, list) or not images:
        # The server says what is wrong with it.
        return [document]
    if not all(isinstance(each, dict) for each in [*images, *annotations]):
        return [document]
    boxes: dict[Any, list[Document]] = {}
    for annotation in annotations:
        boxes.setdefault(annotation.get("image_id"), []).append(annotation)
    pieces = [images[start : start + PICTURES_AT_ONCE] for start in range(0, len(images), PICTURES_AT_ONCE)]
    return [
        {**document, "images": piece, "annotations": [box for image in piece for box in boxes.get(image.get("id"), [])]}
        for piece in pieces
    ]


def _parsed(name: str, data: bytes) -> Document:
    try:
        document = json.loads(data)
    except ValueError as error:
        raise CommandError(f"{name} is no JSON: {error}.") from error
    if not isinstance(document, dict):
        raise CommandError(f"{name} is no COCO document: it is not one JSON object.")
    return document


def _fetch(gm: GlobalManager, examples: str, images: list[Document], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with click.progressbar(images, label="Fetching", file=sys.stderr) as bar:
        for image in bar:
            # A name from elsewhere leads nowhere but into this folder.
            target = folder / Path(str(image["file_name"])).name
            if not target.exists():
                example = image["sedna"]["example"]
                _write(target, b"".join(gm.read(f"{examples}/{example}/picture", params={})))


def _write(path: Path, data: bytes) -> None:
    try:
        new = path.with_name(f".{path.name}.new")
        new.write_bytes(data)
        new.replace(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
