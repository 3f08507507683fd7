"""Asks the GlobalManager one thing and prints the answer as JSON: `status` (-1 for none), `json`, `msg`, `id`, `fits`.

Runs on the host's own Python: `ask.py [options] PATH`. The credential is read here, from
a file of the host: so no secret goes through Ansible, its arguments, its logs and the machine that it runs on. A
kubeconfig is read as `sedna-gm token create --kubeconfig` writes it, with one server and one token.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Callable


def content(path: str) -> str:
    """What a file says; nothing, if it is not there."""
    if not path or not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def value_of(text: str, key: str) -> str:
    """The first value that a kubeconfig gives a key, as YAML or as JSON; nothing, if there is none."""
    found = re.search(rf"""["']?\b{key}["']?:\s*["']?([^\s"',}}]+)""", text)
    return found[1] if found else ""


def keys_of(text: str) -> list[str]:
    """A node's keys, in what its LocalController keeps, the likeliest first; none, if it has not joined."""
    kept = json.loads(text) if text.strip() else {}
    return [kept[name] for name in ("current", "next", "previous") if kept.get(name)]


def authority_of(kubeconfig: str) -> str:
    """The certificates that a kubeconfig trusts, as PEM; nothing, if it names none."""
    inside = value_of(kubeconfig, "certificate-authority-data")
    if inside:
        return base64.b64decode(inside).decode()
    return content(value_of(kubeconfig, "certificate-authority"))


def answer_to(request: urllib.request.Request, authority: str, seconds: float) -> tuple[int, str, str]:
    """Status, body and a word of explanation; -1 where nobody answers."""
    trusting = ssl.create_default_context(cadata=authority or None)
    # A proxy for the internet knows nothing about hosts of this site.
    handlers = [urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusting)]
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=seconds) as answer:
            return answer.status, answer.read().decode(errors="replace"), "OK"
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode(errors="replace"), str(refusal)
    except (OSError, ValueError) as problem:
        return -1, "", str(getattr(problem, "reason", "") or problem)


def parsed(text: str) -> object:
    """A body as JSON; an empty mapping for anything else."""
    try:
        return json.loads(text)
    except ValueError:
        return {}


def main(words: list[str], read_body: Callable[[], bytes]) -> dict[str, object]:
    """Ask, and return what is printed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path")
    parser.add_argument("--server", default="")
    parser.add_argument("--ca", default="", help="PEM; with none, what the kubeconfig or else the host trusts")
    parser.add_argument("--kubeconfig", default="")
    parser.add_argument("--node-key", default="")
    parser.add_argument("--method", default="GET")
    parser.add_argument("--type", default="application/json")
    parser.add_argument("--body", action="store_true", help="send what comes on standard input")
    parser.add_argument("--seconds", type=float, default=5)
    said = parser.parse_args(words)
    body = read_body() if said.body else b""
    kubeconfig = content(said.kubeconfig)
    server = said.server or value_of(kubeconfig, "server") or "http://127.0.0.1:9000"
    authority = content(said.ca) or authority_of(kubeconfig)
    credentials = [value_of(kubeconfig, "token")] if kubeconfig else keys_of(content(said.node_key))
    headers = {"Accept": "application/json"}
    if body:
        headers["Content-Type"] = said.type
    url = server.rstrip("/") + said.path
    for credential in credentials or [""]:
        if credential:
            headers["Authorization"] = f"Bearer {credential}"
        request = urllib.request.Request(url, body or None, headers, method=said.method)
        status, text, explained = answer_to(request, authority, said.seconds)
        if status != 401:
            break
    answer = parsed(text)
    message = answer.get("message") if isinstance(answer, dict) and status >= 400 else ""
    return {
        "status": status,
        "json": answer,
        "msg": message or explained,
        "url": url,
        # The public half: enough to revoke it.
        "id": credential.partition(".")[0],
        "fits": value_of(kubeconfig, "server") == server and authority_of(kubeconfig) == authority,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1:], sys.stdin.buffer.read)))
