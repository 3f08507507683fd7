"""The current context of $KUBECONFIG: which server, whom to believe, by which token, in which namespace.

So that whoever has a kubeconfig for kubectl needs nothing more for `sedna`. Read by the rules of kubectl: of several
files the first one that names a thing counts, and a path is meant from its own file.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sedna.api.yaml12 import YamlError, load_documents
from sedna.cli.errors import CommandError


@dataclass(frozen=True)
class KubeContext:
    """What a context says that concerns us."""

    name: str
    server: str
    authority: str = ""
    """Certificates in PEM; "" for those that this host believes anyway."""
    token: str = field(default="", repr=False)
    namespace: str = ""


def current(environment: Mapping[str, str]) -> KubeContext | None:
    """Return the current context; None where $KUBECONFIG names no file that has one. Raises CommandError."""
    paths = [Path(text) for text in environment.get("KUBECONFIG", "").split(os.pathsep) if text]
    # kubectl, too, takes files that are not there (yet) for empty ones.
    files = [(path, _read(path)) for path in paths if path.exists()]
    name = next((str(content["current-context"]) for _, content in files if content.get("current-context")), "")
    if not name:
        return None
    try:
        return _context(name, files)
    except (TypeError, AttributeError, ValueError) as error:
        raise CommandError(f"the context {name} of {paths[0]} cannot be understood: {error}.") from error


def _context(name: str, files: list[tuple[Path, dict[str, Any]]]) -> KubeContext:
    _, context = _named(files, "contexts", name, "context")
    place, cluster = _named(files, "clusters", str(context.get("cluster") or ""), "cluster")
    home, user = _named(files, "users", str(context.get("user") or ""), "user")
    server = str(cluster.get("server") or "")
    if not server:
        raise ValueError("its cluster has no server")
    token = str(user.get("token") or "")
    if not token and user.get("tokenFile"):
        token = _text(home, str(user["tokenFile"])).strip()
    authority = ""
    if data := cluster.get("certificate-authority-data"):
        authority = _decoded(str(data))
    elif file := cluster.get("certificate-authority"):
        authority = _text(place, str(file))
    return KubeContext(name, server.rstrip("/"), authority, token, str(context.get("namespace") or ""))


def _named(files: list[tuple[Path, dict[str, Any]]], group: str, name: str, inner: str) -> tuple[Path, dict[str, Any]]:
    for path, content in files:
        for one in content.get(group) or []:
            if one.get("name") == name:
                return path, one.get(inner) or {}
    return Path(), {}


def _read(path: Path) -> dict[str, Any]:
    try:
        documents = load_documents(path.read_bytes())
    except OSError as error:
        raise CommandError(f"KUBECONFIG: {path} cannot be read: {error.strerror}.") from error
    except YamlError as error:
        raise CommandError(f"KUBECONFIG: {path} is not YAML: {error}.") from error
    content = documents[0] if documents else {}
    if not isinstance(content, dict):
        raise CommandError(f"KUBECONFIG: {path} is not a kubeconfig.")
    return content


def _text(beside: Path, name: str) -> str:
    path = beside.parent / name
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeError) as error:
        raise CommandError(f"KUBECONFIG: {path}, which {beside} names, cannot be read: {error}.") from error


def _decoded(data: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode("ascii")
    except (binascii.Error, UnicodeError):
        raise ValueError("certificate-authority-data is not base64 of PEM") from None
