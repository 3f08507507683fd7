"""`sedna image`: builds worker images on this host, lists and removes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from sedna.cli.connecting import current_time, warn
from sedna.cli.errors import CommandError
from sedna.cli.tables import simple_table
from sedna.images import references
from sedna.images.archives import opened
from sedna.images.building import build as build_image
from sedna.images.records import ImageProblem, installed
from sedna.images.references import ImageReference
from sedna.images.removing import prune as prune_images
from sedna.images.removing import remove as remove_image

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
    """Build, list and remove worker images.

    A worker image is a folder with user code and the Python environment that runs it.
    """


@image.command("build")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("-t", "--tag", "reference", required=True, metavar="NAME:TAG", help="What manifests call it.")
@click.option("--python", metavar="PATH", help="Share this interpreter instead of making an environment.")
@click.option(
    "--wheels",
    type=click.Path(exists=True, path_type=Path),
    metavar="PATH",
    help="Make the environment from this folder (or tar archive) of wheels, and ask no package index.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Only tell whether the image would be built, and whether its environment is missing.",
)
@_images_dir
def build(
    source: Path, reference: str, python: str | None, wheels: Path | None, dry_run: bool, images_dir: Path | None
) -> None:
    """Install the code in SOURCE, a folder or a tar archive of one, as an image.

    requirements.txt says what its environment holds; image.yml may say more: app (files to take), ignore,
    command, env, python. Building again what has not changed does nothing.
    """
    parsed = _parsed(reference)
    with _told("install"), ExitStack() as stack:
        built = build_image(
            stack.enter_context(opened(source.absolute())),
            parsed,
            _folder(images_dir),
            now=current_time(),
            python=python,
            wheels=stack.enter_context(opened(wheels.absolute())) if wheels else None,
            dry_run=dry_run,
            say=lambda text: click.echo(text, err=True),
        )
    for text in built.warnings:
        warn(text)
    outcome = "unchanged" if not built.changed else "built (dry run)" if dry_run else "built"
    click.echo(f"{parsed} {outcome} in {built.folder}")
    if dry_run and built.environment_missing:
        click.echo("environment missing")


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


@image.command("remove")
@click.argument("reference", metavar="NAME:TAG")
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@_images_dir
def remove(reference: str, dry_run: bool, images_dir: Path | None) -> None:
    """Remove an image from this host.

    Not while a worker runs from it. Its environment stays until `sedna image prune`: another image may share it.
    """
    parsed = _parsed(reference)
    with _told("remove"):
        removed = remove_image(_folder(images_dir), parsed, dry_run=dry_run)
    click.echo(f"{parsed} {'removed' if removed else 'is not installed'}{' (dry run)' if removed and dry_run else ''}")


@image.command("prune")
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@_images_dir
def prune(dry_run: bool, images_dir: Path | None) -> None:
    """Remove environments and libraries that no image and no worker of this host uses."""
    with _told("prune"):
        removed = prune_images(_folder(images_dir), dry_run=dry_run)
    for folder in removed:
        click.echo(f"{folder} removed{' (dry run)' if dry_run else ''}")
    if not removed:
        click.echo("Nothing to remove.")


def _parsed(reference: str) -> ImageReference:
    try:
        return references.parse(reference)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _folder(images_dir: Path | None) -> Path:
    return (images_dir or _default_images_dir()).absolute()


@contextmanager
def _told(act: str) -> Iterator[None]:
    """Turn what goes wrong with the files of an image into one sentence."""
    try:
        yield
    except ImageProblem as problem:
        raise CommandError(f"{problem}.") from problem
    except OSError as error:
        raise CommandError(f"cannot {act} the image: {error.filename or ''}: {error.strerror}.") from error
