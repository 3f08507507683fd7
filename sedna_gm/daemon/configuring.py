"""From `gm.yml` to settings; `sedna.daemons.configuring` reads, and here is what only the GlobalManager knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sedna.api.trees import check_store
from sedna.api.urls import check_scheme, is_loopback
from sedna.daemons import configuring
from sedna_gm.settings import Settings, TlsSettings

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_SQLITE = "sqlite:///"


def load(path: Path) -> Settings:
    """The settings in a file. Raises `sedna.daemons.configuring.Misconfigured`."""
    return configuring.load(path, Settings, _unusable)


def _unusable_tls(tls: TlsSettings) -> Iterator[str]:
    for key, path in (("certificate", tls.certificate), ("key", tls.key)):
        if path is not None and not path.startswith("/"):
            yield f"tls.{key}: {path!r} is not absolute"
    if (tls.certificate is None) != (tls.key is None):
        yield f"tls.{'certificate' if tls.certificate is None else 'key'}: is missing; a certificate needs its key"


def _unguarded(settings: Settings) -> Iterator[str]:
    """What would let somebody in, or their secrets out."""
    if settings.auth == "required" and settings.database == "memory":
        yield "auth: required needs a database in a file, where `sedna-gm token` writes; or say auth: none, on loopback"
    try:
        host, _ = configuring.split_address(settings.listen)
    except ValueError:
        # Told already.
        return
    if is_loopback(host):
        return
    if settings.auth == "none":
        yield (
            f"auth: none lets everybody who reaches {settings.listen} do everything: listen on 127.0.0.1, or leave "
            "`auth: required` and make tokens with `sedna-gm token create`"
        )
    if settings.tls.certificate is None and not settings.tls.terminated_by_proxy:
        yield (
            f"tls.certificate: is missing; tokens would pass in the clear to {settings.listen}: `sedna-gm certificates "
            "create` makes one, or say tls.terminatedByProxy: true where a proxy in front speaks TLS"
        )


def _unusable(settings: Settings) -> Iterator[str]:
    """What types cannot say."""
    try:
        configuring.split_address(settings.listen)
    except ValueError as error:
        yield f"listen: {error}"
    if settings.log_level not in LOG_LEVELS:
        yield f"logLevel: {settings.log_level!r} is not one of {', '.join(LOG_LEVELS)}"
    database = settings.database
    if database != "memory" and not (database.startswith(f"{_SQLITE}/") and len(database) > len(_SQLITE) + 1):
        yield f"database: {database!r} is neither memory nor sqlite:////ABSOLUTE/PATH"
    yield from _unusable_tls(settings.tls)
    most, of_one = settings.http.max_connections, settings.http.max_connections_per_address
    if of_one is not None and not 0 < of_one < most:
        yield (
            f"http.maxConnectionsPerAddress: {of_one} is not between 1 and {most - 1}, one less than "
            "http.maxConnections: one address could keep out all others"
        )
    yield from _unguarded(settings)
    if settings.audit.file is not None and not settings.audit.file.startswith("/"):
        yield f"audit.file: {settings.audit.file!r} is not absolute"
    if settings.backup.folder is not None and not settings.backup.folder.startswith("/"):
        yield f"backup.folder: {settings.backup.folder!r} is not absolute"
    advise, give_up = settings.failures.advise_after, settings.failures.give_up_after
    if advise > give_up:
        yield (
            f"failures.adviseAfter: {advise} is more than failures.giveUpAfter, {give_up}: jobs would give up without "
            "saying what to do"
        )
    if not settings.artifacts.folder.startswith("/"):
        yield f"artifacts.folder: {settings.artifacts.folder!r} is not absolute"
    try:
        check_store(settings.artifacts.store)
        if settings.artifacts.store:
            check_scheme(settings.artifacts.store)
    except ValueError as error:
        yield f"artifacts.store: {error}"
