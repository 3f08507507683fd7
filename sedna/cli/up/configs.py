"""The configuration files of a `sedna up` folder: written once, the user's from then on.

`sedna.cli.up.command` asks for a Setup; what an existing file says wins over our defaults, and an option that
contradicts it is an error rather than a silent change.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sedna.api.names import check_dns_subdomain
from sedna.api.urls import is_loopback
from sedna.cli.errors import CommandError

HOST = "127.0.0.1"
DEFAULT_PORT = 9000
DEFAULT_LC_PORT = 9100
DEFAULT_NODE = "edge-node"
_HEADER = "# Written by `sedna up` and yours from now on: it is not overwritten.\n# `{check}` checks it.\n"


@dataclass(frozen=True)
class Setup:
    """What a folder's daemons are and where they listen."""

    folder: Path
    server: str
    gm_listen: str
    lc_listen: str
    node: str
    asks: bool = False
    """Whether the GlobalManager asks everybody for a credential."""

    @property
    def gm_config(self) -> Path:
        """The GlobalManager's file."""
        return self.folder / "gm.yml"

    @property
    def lc_config(self) -> Path:
        """The LocalController's file."""
        return self.folder / "lc.yml"

    @property
    def images(self) -> Path:
        """Where worker images are installed."""
        return self.folder / "images"

    @property
    def logs(self) -> Path:
        """Where both daemons log."""
        return self.folder / "logs"

    @property
    def kubeconfig(self) -> Path:
        """What makes kubectl talk to this GlobalManager."""
        return self.folder / "kubeconfig"


def prepare(
    folder: Path,
    *,
    port: int | None,
    lc_port: int | None,
    node: str | None,
    check: Callable[[Setup], None] = lambda _: None,
) -> Setup:
    """Write what the folder does not have yet, and return what it says; raises CommandError.

    Nothing is written before everything is found good, `check` included: a slip must not stay in the folder.
    """
    gm_path, lc_path = folder / "gm.yml", folder / "lc.yml"
    _check_name(node)
    try:
        gm = _read(gm_path) or _gm_defaults(folder, port)
        _check_safety(gm_path, gm)
        lc = _read(lc_path) or _lc_defaults(folder, str(gm.get("listen")), lc_port, node)
        setup = Setup(
            folder=folder,
            server=_server(gm_path, gm),
            gm_listen=_listen(gm_path, gm),
            lc_listen=_listen(lc_path, lc),
            node=str(lc.get("nodeName") or ""),
            asks=gm.get("auth", "none") != "none",
        )
        _agree(setup, port, lc_port, node)
        check(setup)
        for part in ("images", "logs", "state"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        _write(gm_path, gm, "sedna-gm check-config --config gm.yml")
        _write(lc_path, lc, "sedna-lc check-config --config lc.yml")
        _open(gm_path, gm)
        if not setup.asks:
            # Where people have tokens, each has a kubeconfig of their own.
            setup.kubeconfig.write_text(_kubeconfig(setup.server), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot use {folder}: {error.filename or ''}: {error.strerror}.") from error
    return setup


def _check_name(node: str | None) -> None:
    try:
        check_dns_subdomain(DEFAULT_NODE if node is None else node)
    except ValueError as error:
        raise CommandError(f"--node {error}.") from error


def _gm_defaults(folder: Path, port: int | None) -> dict[str, Any]:
    return {
        "listen": f"{HOST}:{_or_free(port, DEFAULT_PORT)}",
        # On loopback, for whoever is logged in here: nobody is asked who they are.
        "auth": "none",
        "database": f"sqlite:///{folder / 'state' / 'gm.db'}",
        "logLevel": "INFO",
        "artifacts": {"folder": str(folder / "state" / "artifacts")},
    }


def _lc_defaults(folder: Path, gm_listen: str, port: int | None, node: str | None) -> dict[str, Any]:
    return {
        "nodeName": node or DEFAULT_NODE,
        "gm": f"http://{gm_listen}",
        "listen": f"{HOST}:{_or_free(port, DEFAULT_LC_PORT)}",
        "stateDir": str(folder / "state" / "lc"),
        "imagesDir": str(folder / "images"),
        "credentialsDir": str(folder / "credentials"),
        # A laptop's workers belong to the person who ran the command, not to the system's manager.
        "runner": "process",
        # Nothing keeps such workers from any path; narrower rules say what manifests may name all the same.
        "hostPaths": [{"name": "everything", "path": "/"}],
        # Ctrl-C means that nothing of it goes on.
        "stopWorkersOnExit": True,
    }


def _or_free(port: int | None, default: int) -> int:
    """Return the port to write down: 0 stands for any that is free now."""
    if port != 0:
        return default if port is None else port
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        found: int = probe.getsockname()[1]
        return found


def _read(path: Path) -> dict[str, Any] | None:
    """Return what an existing file says; None when there is none yet."""
    if not path.exists():
        return None
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} is not YAML: {error}.") from error
    if not content or not isinstance(content, dict):
        raise CommandError(f"{path} holds no settings; remove it and `sedna up` writes a new one.")
    return content


def _write(path: Path, content: Mapping[str, Any], check: str) -> None:
    if not path.exists():
        path.write_text(_HEADER.format(check=check) + yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def _check_safety(path: Path, gm: Mapping[str, Any]) -> None:
    """Refuse what would let others of the network in. Raises CommandError."""
    host, _, _ = _listen(path, gm).rpartition(":")
    tls = gm.get("tls")
    has_tls = isinstance(tls, Mapping) and bool(tls.get("certificate") or tls.get("terminatedByProxy"))
    if is_loopback(host.strip("[]")) or (gm.get("auth", "none") != "none" and has_tls):
        return
    raise CommandError(
        f"{path}: listen: others can reach {gm['listen']}, and nobody would be asked who they are. Listen on {HOST}, or"
        " say `auth: required` there, with tls.certificate and tls.key (`sedna-gm certificates create` makes them)."
    )


def _open(path: Path, gm: Mapping[str, Any]) -> None:
    """Let a folder from before there were credentials go on as it was: on loopback, asking nobody."""
    if "auth" in gm:
        return
    text = path.read_text(encoding="utf-8")
    longer = f"{text.rstrip()}\n# Added by `sedna up`, since this file is older than credentials are.\nauth: none\n"
    try:
        is_meant = yaml.safe_load(longer) == {**gm, "auth": "none"}
    except yaml.YAMLError:
        # Such as one mapping in braces.
        is_meant = False
    if not is_meant:
        raise CommandError(f"{path}: auth: is missing; add `auth: none`, which is for loopback only.")
    path.write_text(longer, encoding="utf-8")


def _server(path: Path, gm: Mapping[str, Any]) -> str:
    """Return the URL by which this machine reaches the GlobalManager."""
    host, _, port = _listen(path, gm).rpartition(":")
    tls = gm.get("tls")
    scheme = "https" if isinstance(tls, Mapping) and tls.get("certificate") else "http"
    return f"{scheme}://{HOST if host in ('0.0.0.0', '[::]') else host}:{port}"  # noqa: S104 - what others wrote


def _listen(path: Path, content: Mapping[str, Any]) -> str:
    listen = str(content.get("listen") or "")
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isdigit():
        raise CommandError(f"{path}: listen: {listen!r} is not HOST:PORT.")
    return listen


def _agree(setup: Setup, port: int | None, lc_port: int | None, node: str | None) -> None:
    said = (
        ("--port", port, setup.server.rpartition(":")[2], setup.gm_config),
        ("--lc-port", lc_port, setup.lc_listen.rpartition(":")[2], setup.lc_config),
        ("--node", node, setup.node, setup.lc_config),
    )
    for option, wanted, written, path in said:
        if wanted not in (None, 0) and str(wanted) != written:
            raise CommandError(
                f"{option} {wanted}: {path} already says {written}; change it there, or drop the option."
            )


def _kubeconfig(server: str) -> str:
    """Return a kubeconfig with no user: this GlobalManager listens on loopback and asks for no token."""
    named = {"name": "sedna"}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "sedna",
            "clusters": [{**named, "cluster": {"server": server}}],
            "contexts": [{**named, "context": {"cluster": "sedna", "user": "nobody"}}],
            "users": [{"name": "nobody", "user": {}}],
        },
        sort_keys=False,
    )
