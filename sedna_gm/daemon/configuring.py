"""From `gm.yml` to settings; `sedna.daemons.configuring` reads, and here is what only the GlobalManager knows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sedna.api.trees import check_store
from sedna.api.urls import check_scheme
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
    if not settings.artifacts.folder.startswith("/"):
        yield f"artifacts.folder: {settings.artifacts.folder!r} is not absolute"
    try:
        check_store(settings.artifacts.store)
        if settings.artifacts.store:
            check_scheme(settings.artifacts.store)
    except ValueError as error:
        yield f"artifacts.store: {error}"
