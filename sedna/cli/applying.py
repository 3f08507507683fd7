"""`sedna apply`: makes the server hold what manifests say, and tells for each document what that took."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import click

from sedna.api import merging
from sedna.api.kinds import Kind
from sedna.cli import manifests
from sedna.cli.client import MERGE_PATCH, GlobalManager, path_of
from sedna.cli.connecting import connected
from sedna.cli.errors import CommandError, Refused, Unreachable
from sedna.cli.naming import kind_named


@dataclass(frozen=True)
class Wish:
    """One manifest with its kind and place in the API worked out."""

    kind: Kind
    namespace: str | None
    name: str
    raw: dict[str, Any]
    place: str

    @property
    def title(self) -> str:
        """`dataset.sedna.io/incremental-dataset`, as kubectl writes it."""
        return title(self.kind, self.name)


def title(kind: Kind, name: str) -> str:
    """Return how result lines name a resource."""
    return f"{kind.singular}.{kind.group}/{name}" if kind.group else f"{kind.singular}/{name}"


@click.command("apply")
@click.option(
    "-f",
    "--filename",
    "sources",
    multiple=True,
    required=True,
    metavar="FILE",
    help="A manifest file, a folder of them, or - for standard input; may be given several times.",
)
@click.option("--dry-run", is_flag=True, help="Let the server check everything and keep nothing.")
@click.option(
    "--validate",
    type=click.Choice(["Strict", "Warn", "Ignore"]),
    default="Strict",
    show_default=True,
    help="What the server does about fields it does not know.",
)
@connected
def apply(gm: GlobalManager, namespace: str, sources: tuple[str, ...], dry_run: bool, validate: str) -> None:
    """Create or update resources.

    Every document gets one line: created, configured or unchanged. A document that is refused does not keep
    the others from being submitted; the exit code is 1 when any was refused.
    """
    params = {"fieldValidation": validate, "fieldManager": "sedna"} | ({"dryRun": "All"} if dry_run else {})
    refused = count = 0
    for manifest in (manifest for source in sources for manifest in manifests.read(source)):
        count += 1
        try:
            wish = _wish(manifest, namespace)
            outcome = _submitted(gm, wish, params)
        except Unreachable:
            raise
        except CommandError as refusal:
            refused += 1
            click.echo(f"Error: {refusal.message}", err=True)
        else:
            click.echo(f"{wish.title} {outcome}{' (dry run)' if dry_run else ''}")
    if refused:
        click.echo(f"{refused} of {count} documents refused.", err=True)
        click.get_current_context().exit(CommandError.exit_code)
    if not count:
        raise CommandError(f"{', '.join(sources)}: no document in it.")


def submit(gm: GlobalManager, wish: Wish, params: dict[str, str]) -> str:
    """Create or update one resource; returns `created`, `configured` or `unchanged`."""
    wanted = merging.annotated(wish.raw)
    live = gm.find(path_of(wish.kind, wish.namespace, wish.name))
    if live is None:
        try:
            gm.ask("POST", path_of(wish.kind, wish.namespace), params=params, body=wanted)
        except Refused as refusal:
            if refusal.reason != "AlreadyExists":
                raise
            # Somebody created it between our look and our POST: from here on it is an update.
            live = gm.ask("GET", path_of(wish.kind, wish.namespace, wish.name))
        else:
            return "created"
    patch = merging.patch_for(wish.raw, live)
    if not patch:
        return "unchanged"
    gm.ask("PATCH", path_of(wish.kind, wish.namespace, wish.name), params=params, body=patch, content_type=MERGE_PATCH)
    return "configured"


def _submitted(gm: GlobalManager, wish: Wish, params: dict[str, str]) -> str:
    try:
        return submit(gm, wish, params)
    except Refused as refusal:
        raise CommandError(f"{wish.place}: {wish.title}: {refusal.message}") from refusal


def _wish(manifest: manifests.Manifest | CommandError, namespace: str) -> Wish:
    if isinstance(manifest, CommandError):
        raise manifest
    raw = copy.deepcopy(manifest.raw)
    metadata = raw.get("metadata")
    if not isinstance(raw.get("kind"), str):
        raise CommandError(f"{manifest.place}: kind is missing.")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        raise CommandError(f"{manifest.place}: metadata.name is missing (or is not text).")
    try:
        kind = kind_named(raw["kind"])
    except click.UsageError as error:
        raise CommandError(f"{manifest.place}: {error.message}") from error
    if not kind.namespaced:
        return Wish(kind, None, metadata["name"], raw, manifest.place)
    metadata.setdefault("namespace", namespace)
    return Wish(kind, str(metadata["namespace"]), metadata["name"], raw, manifest.place)
