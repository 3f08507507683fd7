"""`sedna-gm token`: gives access and takes it, in the database of a service that may be running.

What is made is shown once, or written to a file that only its owner reads; the database keeps a digest.
"""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sedna.api.names import check_dns_label, check_dns_subdomain
from sedna.api.times import format_time
from sedna.api.tokens import id_of, make_token, sha256_of
from sedna_gm.identity.identities import EVERYWHERE, ROLES

if TYPE_CHECKING:
    from sedna_gm.daemon.commands.databases import Desk
    from sedna_gm.store.credentials import Credential

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SPAN = re.compile(r"([1-9][0-9]{0,6})([smhdw])\Z")
_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,62}\Z")
# A host that is being installed joins within minutes; a day leaves room for one that is sent by mail and a person.
_JOIN_SPAN = timedelta(hours=24)
# What was revoked, used or ran out stays in the list so long, for whoever wonders what became of it.
_REMEMBERED = timedelta(days=30)

_config = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=Path("/etc/sedna/gm.yml"),
    show_default=True,
    help="The settings, as YAML.",
)


def _span(_ctx: click.Context, _param: click.Parameter, text: str | None) -> timedelta | None:
    """A time such as 90d or 24h."""
    if text is None:
        return None
    match = _SPAN.match(text)
    if match is None:
        raise click.BadParameter(f"{text!r} is not a number with a unit, such as 90d, 24h or 30m.")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


@click.group("token")
def token() -> None:
    """Give people and hosts access, list who has it, take it away."""


@token.command()
@_config
@click.argument("person", metavar="[NAME]", required=False)
@click.option("--role", type=click.Choice(ROLES), help="What the person may do.")
@click.option("--namespace", "namespaces", multiple=True, metavar="NS", help="And where. Default: everywhere.")
@click.option("--node", metavar="NAME", help="Make a join token instead, by which this host joins, once.")
@click.option(
    "--expires",
    metavar="TIME",
    callback=_span,
    help="How long it is good, such as 90d. Join tokens: 24h; else for ever.",
)
@click.option("--file", "file", type=click.Path(path_type=Path, dir_okay=False), help="Write it there (0600) instead.")
@click.option("--kubeconfig", type=click.Path(path_type=Path, dir_okay=False), help="Write a kubeconfig there (0600).")
@click.option("--server", metavar="URL", help="Where the kubeconfig's owner reaches the GlobalManager.")
@click.option(
    "--ca", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The CA file for the kubeconfig."
)
def create(
    config: Path,
    person: str | None,
    role: str | None,
    namespaces: tuple[str, ...],
    node: str | None,
    expires: timedelta | None,
    file: Path | None,
    kubeconfig: Path | None,
    server: str | None,
    ca: Path | None,
) -> None:
    """Make a token for the person NAME, or (--node) a join token for a host.

    The token alone goes to stdout, this once. With --file or --kubeconfig it goes there, and its id to stdout.
    """
    _check(person, role, namespaces, node, kubeconfig, server, file)
    if ca is not None and server is None:
        raise click.UsageError("--ca goes into a kubeconfig: name --kubeconfig and --server, too.")
    from sedna_gm.daemon.commands.databases import opened

    with opened(config) as desk:
        secret = make_token()
        made = _credential(secret, person, role, namespaces, node, expires, desk.now)
        desk.credentials.forget(format_time(desk.now - _REMEMBERED))
        _add(desk, made)
    try:
        if kubeconfig is not None:
            _write(kubeconfig, _kubeconfig(secret, made.name, str(server), ca))
        elif file is not None:
            _write(file, f"{secret}\n")
    except OSError as error:
        with opened(config) as desk:
            desk.credentials.revoke(lambda one: one.id == made.id, format_time(desk.now))
        where = kubeconfig or file
        raise click.ClickException(f"{where} cannot be written: {error.strerror}. No token was made.") from None
    click.echo(secret if kubeconfig is None and file is None else made.id)


@token.command("list")
@_config
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def list_(config: Path, output: str) -> None:
    """List credentials; of their secrets nothing is known here."""
    from sedna_gm.daemon.commands.databases import opened

    with opened(config) as desk:
        now = format_time(desk.now)
        found = desk.credentials.all()
    if output == "json":
        click.echo(json.dumps([_row(one, now) for one in found], indent=2))
        return
    rows = [("ID", "KIND", "NAME", "ROLE", "NAMESPACES", "STATE", "EXPIRES")]
    rows += [
        (
            one.id,
            one.kind,
            one.name,
            one.role or "-",
            ",".join(one.namespaces) or "-",
            one.state(now),
            one.expires or "-",
        )
        for one in found
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@token.command()
@_config
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--node", metavar="NAME", help="All that this host has: its key, and join tokens that were not used.")
@click.option("--person", metavar="NAME", help="All tokens of this person.")
def revoke(config: Path, ids: tuple[str, ...], node: str | None, person: str | None) -> None:
    """Make credentials good for nothing, at once; what is open through them ends within seconds."""
    if not (ids or node or person):
        raise click.UsageError("Say which: ID, --node NAME or --person NAME.")
    from sedna_gm.daemon.commands.databases import opened

    # Somebody in a hurry may have the whole token at hand.
    wanted = {id_of(one) for one in ids}
    with opened(config) as desk:
        known = {one.id for one in desk.credentials.all()}
        if unknown := sorted(wanted - known):
            raise click.ClickException(f"There is no credential {', '.join(unknown)}: see `sedna-gm token list`.")

        def chosen(one: Credential) -> bool:
            return (
                one.id in wanted
                or (one.kind in ("node", "join") and one.name == node)
                or (one.kind == "person" and one.name == person)
            )

        gone = desk.credentials.revoke(chosen, format_time(desk.now))
        for one in gone:
            _told(desk, "revoke", one)
    if not gone:
        click.echo("Nothing of that was good any more.")
    for one in gone:
        click.echo(f"{one.id}: revoked, {_KINDS[one.kind]} {one.name}.")


_KINDS = {"person": "a token of", "join": "a join token for", "node": "the key of node"}


def _check(
    person: str | None,
    role: str | None,
    namespaces: Iterable[str],
    node: str | None,
    kubeconfig: Path | None,
    server: str | None,
    file: Path | None,
) -> None:
    """Raises click.UsageError for what does not go together."""
    if (person is None) == (node is None):
        raise click.UsageError("Say for whom: the NAME of a person (with --role), or --node NAME.")
    if node is not None and (role or namespaces or kubeconfig):
        raise click.UsageError("A host has no role, no namespaces and no kubeconfig: it gets what is bound to it.")
    if person is not None and role is None:
        raise click.UsageError(f"Say what {person} may do: --role {'|'.join(ROLES)}.")
    if (kubeconfig is None) != (server is None):
        raise click.UsageError("--kubeconfig and --server belong together: a kubeconfig names the server.")
    if kubeconfig is not None and file is not None:
        raise click.UsageError("Either --kubeconfig or --file: a token is written once.")
    try:
        if node is not None:
            check_dns_subdomain(node)
        for namespace in namespaces:
            if namespace != EVERYWHERE:
                check_dns_label(namespace)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    if person is not None and not _PERSON.match(person):
        raise click.UsageError(f"{person[:70]!r} is no name for a person: letters, digits and . _ @ + -, 63 at most.")


def _credential(
    secret: str,
    person: str | None,
    role: str | None,
    namespaces: tuple[str, ...],
    node: str | None,
    expires: timedelta | None,
    now: datetime,
) -> Credential:
    from sedna_gm.store.credentials import Credential

    if node is not None and expires is None:
        expires = _JOIN_SPAN
    until = None if expires is None else format_time(now + expires)
    name, sha256, created = id_of(secret), sha256_of(secret), format_time(now)
    if node is not None:
        return Credential(name, sha256, "join", node, created, expires=until)
    granted = namespaces or (EVERYWHERE,)
    return Credential(name, sha256, "person", str(person), created, str(role), granted, until)


def _add(desk: Desk, made: Credential) -> None:
    """Notes it first: where the audit log cannot be written, nothing is left that is good and that nobody was shown."""
    from sedna_gm.errors import GMError

    _told(desk, "create", made)
    try:
        desk.credentials.add(made)
    except GMError as error:
        _told(desk, "create", made, error.code, error.message)
        raise click.ClickException(f"No token was made: {error.message}") from None


def _row(one: Credential, now: str) -> dict[str, object]:
    told = {
        "id": one.id,
        "kind": one.kind,
        "name": one.name,
        "role": one.role or None,
        "namespaces": list(one.namespaces) or None,
        "created": one.created,
        "expires": one.expires,
        "revoked": one.revoked,
        "used": one.used,
        "state": one.state(now),
    }
    return {field: value for field, value in told.items() if value is not None}


def _told(desk: Desk, verb: str, about: Credential, code: int = 200, reason: str = "") -> None:
    from sedna_gm.identity.auditing import Entry
    from sedna_gm.identity.identities import Identity

    who = os.environ.get("SUDO_USER") or getpass.getuser()
    resource = f"tokens/{about.id} ({about.kind} {about.name}{f', {about.role}' if about.role else ''})"
    desk.note(Entry(Identity("operator", who), verb, code, f"sedna-gm token {verb}", resource, reason=reason))


def _write(path: Path, text: str) -> None:
    from sedna.common.publishing import write_atomically

    write_atomically(path, text.encode(), mode=0o600)


def _kubeconfig(secret: str, name: str, server: str, ca: Path | None) -> str:
    import base64

    import yaml

    cluster = {"server": server}
    if ca is not None:
        cluster["certificate-authority-data"] = base64.b64encode(ca.read_bytes()).decode()
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "sedna",
            "clusters": [{"name": "sedna", "cluster": cluster}],
            "contexts": [{"name": "sedna", "context": {"cluster": "sedna", "user": name}}],
            "users": [{"name": name, "user": {"token": secret}}],
        },
        sort_keys=False,
    )
