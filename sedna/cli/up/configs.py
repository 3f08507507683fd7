"""The configuration files of a `sedna up` folder: written once, the user's from then on.

`sedna.cli.up.command` asks for a Setup; what an existing file says wins over our defaults, and an option that
contradicts it is an error rather than a silent change.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

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
    lc_listen: str
    node: str

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


def prepare(folder: Path, *, port: int | None, lc_port: int | None, node: str | None) -> Setup:
    """Write what the folder does not have yet, and return what it says; raises CommandError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in ("images", "logs", "state"):
            (folder / part).mkdir(exist_ok=True)
        gm = _ensure(folder / "gm.yml", _gm_defaults(folder, port), "sedna-gm check-config --config gm.yml")
        lc_defaults = _lc_defaults(folder, str(gm.get("listen")), lc_port, node)
        lc = _ensure(folder / "lc.yml", lc_defaults, "sedna-lc check-config --config lc.yml")
        setup = Setup(
            folder=folder,
            server=f"http://{_listen(folder / 'gm.yml', gm)}",
            lc_listen=_listen(folder / "lc.yml", lc),
            node=str(lc.get("nodeName") or ""),
        )
        _agree(setup, port, lc_port, node)
        setup.kubeconfig.write_text(_kubeconfig(setup.server), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"cannot use {folder}: {error.filename or ''}: {error.strerror}.") from error
    return setup


def _gm_defaults(folder: Path, port: int | None) -> dict[str, Any]:
    return {
        "listen": f"{HOST}:{_or_free(port, DEFAULT_PORT)}",
        "database": f"sqlite:///{folder / 'state' / 'gm.db'}",
        "logLevel": "INFO",
    }


def _lc_defaults(folder: Path, gm_listen: str, port: int | None, node: str | None) -> dict[str, Any]:
    return {
        "nodeName": node or DEFAULT_NODE,
        "gm": f"http://{gm_listen}",
        "listen": f"{HOST}:{_or_free(port, DEFAULT_LC_PORT)}",
        "stateDir": str(folder / "state" / "lc"),
        "imagesDir": str(folder / "images"),
        # A laptop's workers belong to the person who ran the command, not to the system's manager.
        "runner": "process",
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


def _ensure(path: Path, defaults: dict[str, Any], check: str) -> Mapping[str, Any]:
    if not path.exists():
        text = _HEADER.format(check=check) + yaml.safe_dump(defaults, sort_keys=False)
        path.write_text(text, encoding="utf-8")
        return defaults
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} is not YAML: {error}.") from error
    if not isinstance(content, dict):
        raise CommandError(f"{path} holds no settings; remove it and `sedna up` writes a new one.")
    return content


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
