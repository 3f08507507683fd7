"""`sedna image`: builds worker images on this host, and lists those that are installed."""

from __future__ import annotations

from pathlib import Path

import click

from sedna.cli.connecting import current_time, warn
from sedna.cli.errors import CommandError
from sedna.cli.tables import simple_table
from sedna.images import references
from sedna.images.building import build as build_image
from sedna.images.records import ImageProblem, installed

SYSTEM_IMAGES = Path("/var/lib/sedna/images")


def _default_images_dir() -> Path:
    """The folder of a `sedna up` that is started here, else the host's own."""
    return Path("images").absolute() if Path("lc.yml").is_file() else SYSTEM_IMAGES


_images_dir = click.option(
    "--images-dir",
    envvar="SEDNA_IMAGES_DIR",
    show_envvar=True,
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Where images are installed. Default: ./images in a folder of `sedna up`, else {SYSTEM_IMAGES}.",
)


@click.group("image")
def image() -> None:
    """Build and list worker images.

    A worker image is a folder with user code and the Python environment that runs it.
    """


@image.command("build")
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("-t", "--tag", "reference", required=True, metavar="NAME:TAG", help="What manifests call it.")
@click.option("--python", metavar="PATH", help="Share this interpreter instead of making an environment.")
@_images_dir
def build(source: Path, reference: str, python: str | None, images_dir: Path | None) -> None:
    """Install the code in SOURCE as an image.

    requirements.txt says what its environment holds; image.yml may say more: app (files to take), ignore,
    command, env, python. Building again what has not changed does nothing.
    """
    try:
        parsed = references.parse(reference)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        built = build_image(
            source.absolute(),
            parsed,
            (images_dir or _default_images_dir()).absolute(),
            now=current_time(),
            python=python,
            say=lambda text: click.echo(text, err=True),
        )
    except ImageProblem as problem:
        raise CommandError(f"{problem}.") from problem
    except OSError as error:
        raise CommandError(f"cannot install the image: {error.filename or ''}: {error.strerror}.") from error
    for text in built.warnings:
        warn(text)
    click.echo(f"{parsed} {'built' if built.changed else 'unchanged'} in {built.folder}")


@image.command("list")
@_images_dir
def list_images(images_dir: Path | None) -> None:
    """List the installed images."""
    folder = images_dir or _default_images_dir()
    rows = [[r.reference.name, r.reference.tag, r.python, r.built_at] for r in installed(folder)]
    if not rows:
        click.echo(f"There are none in {folder}.", err=True)
        return
    for line in simple_table(("NAME", "TAG", "PYTHON", "BUILT"), rows):
        click.echo(line)
