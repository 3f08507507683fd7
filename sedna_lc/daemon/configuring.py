"""From `lc.yml` to settings; `sedna.daemons.configuring` reads, and here is what only the LocalController knows."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sedna.api.names import check_dns_label, check_dns_subdomain, check_label_key, check_label_value
from sedna.api.pods import check_absolute
from sedna.api.urls import is_loopback
from sedna.daemons import configuring
from sedna_lc.errors import SettingsInvalid
from sedna_lc.settings import MetricsSettings, PathRule, Settings
from sedna_lc.users import find_user


def load(path: Path) -> Settings:
    """Return the settings in a file. Raises SettingsInvalid, one line for each problem."""
    try:
        return configuring.load(path, Settings, _unusable)
    except configuring.Misconfigured as problem:
        raise SettingsInvalid(str(problem)) from None


def _unusable(settings: Settings) -> Iterator[str]:
    """Say what types cannot."""
    try:
        check_dns_subdomain(settings.node_name)
    except ValueError as problem:
        yield f"nodeName: {problem}"
    for key, value in settings.labels.items():
        try:
            check_label_key(key)
            check_label_value(value)
        except ValueError as problem:
            yield f"labels.{key}: {problem}"
    if not _is_address(settings.gm):
        yield f"gm: {settings.gm!r} is not a URL such as http://gm.example:9000"
    try:
        host, _ = configuring.split_address(settings.listen)
        if not is_loopback(host):
            yield f"listen: {host} is not an address on loopback, and nobody but this host's workers may report"
    except ValueError as problem:
        yield f"listen: {problem}"
    yield from _unusable_metrics(settings.metrics)
    folders = (settings.state_dir, settings.images_dir, settings.credentials_dir)
    for key, folder in zip(("stateDir", "imagesDir", "credentialsDir"), folders, strict=True):
        if not Path(folder).is_absolute():
            yield f"{key}: {folder!r} is not an absolute path"
    if settings.keep_rounds < 1:
        yield f"keepRounds: {settings.keep_rounds} is less than 1, and a round needs its own outputs"
    yield from _unusable_host_paths(settings.host_paths or ())
    for key, path in (("caFile", settings.ca_file), ("joinTokenFile", settings.join_token_file)):
        if path is not None and not Path(path).is_absolute():
            yield f"{key}: {path!r} is not an absolute path"
    if settings.systemd.user is not None:
        try:
            find_user(settings.systemd.user)
        except KeyError:
            yield f"systemd.user: there is no user {settings.systemd.user} on this host"
    if settings.timezone is not None:
        try:
            ZoneInfo(settings.timezone)
        except (ValueError, OSError, LookupError):
            yield f"timezone: {settings.timezone!r} is not a zone such as Europe/Berlin"


def _unusable_metrics(metrics: MetricsSettings) -> Iterator[str]:
    if metrics.token_file is not None and not Path(metrics.token_file).is_absolute():
        yield f"metrics.tokenFile: {metrics.token_file!r} is not an absolute path"
    if metrics.listen is None:
        if metrics.token_file is not None:
            yield "metrics.listen: is missing; a token without an address lets nobody in"
        return
    try:
        host, _ = configuring.split_address(metrics.listen)
    except ValueError as problem:
        yield f"metrics.listen: {problem}"
        return
    if metrics.token_file is None and not is_loopback(host):
        yield (
            f"metrics.tokenFile: is missing; everybody who reaches {metrics.listen} would read what runs here: name a "
            "file with a token that the scraper shows, or listen on 127.0.0.1"
        )


def _is_address(text: str) -> bool:
    try:
        url = urlsplit(text)
        # Reading the port is what finds one that is no number.
        return url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
    except ValueError:
        return False


def _unusable_host_paths(rules: Sequence[PathRule]) -> Iterator[str]:
    names: set[str] = set()
    paths: dict[str, str] = {}
    for number, rule in enumerate(rules):
        key = f"hostPaths[{number}]"
        try:
            check_dns_label(rule.name)
        except ValueError as problem:
            yield f"{key}.name: {problem}"
        if rule.name in names:
            yield f"{key}.name: there is an earlier rule {rule.name}"
        names.add(rule.name)
        try:
            path = posixpath.normpath(check_absolute(rule.path))
        except ValueError as problem:
            yield f"{key}.path: {problem}"
            continue
        if (other := paths.setdefault(path, rule.name)) != rule.name:
            yield f"{key}.path: {path} is the path of rule {other} already"
