"""Who calls, and whom they believe: from options, variables and $KUBECONFIG, and never to the wrong server."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from sedna.cli import contexts
from sedna.cli.connecting import Parts
from sedna.cli.errors import CommandError
from sedna.cli.main import sedna
from sedna.cli.proving import access
from sedna_gm.certificates import keeping
from tests.cli.conftest import Run
from tests.cli.fake_gm import FakeGM

TOKEN = "abcdefgh1234." + "s" * 43
OTHER = "otherid12345." + "t" * 43


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    keeping.create(folder, ["127.0.0.1"], None, datetime.now(timezone.utc))
    return folder


def kubeconfig(path: Path, server: str = "https://gm.example:9000", namespace: str = "", **cluster: Any) -> Path:
    context = {"cluster": "c", "user": "u", **({"namespace": namespace} if namespace else {})}
    content = {
        "current-context": "site",
        "contexts": [{"name": "other", "context": {}}, {"name": "site", "context": context}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": {"token": TOKEN}}],
    }
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = kubeconfig(tmp_path / "kubeconfig")
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


def test_a_kubeconfig_is_all_that_is_needed(run: Run, gm: FakeGM, named: Path) -> None:
    assert run("get", "ds").exit_code == 0
    assert gm.requests[-1].url.host == "gm.example"
    assert gm.requests[-1].headers["Authorization"] == f"Bearer {TOKEN}"


def test_its_token_goes_to_its_own_server_only(run: Run, gm: FakeGM, named: Path) -> None:
    run("get", "ds", "--server", "https://other.example:9000")
    assert "Authorization" not in gm.requests[-1].headers
    run("get", "ds", "--server", "https://gm.example:9000/")
    assert gm.requests[-1].headers["Authorization"] == f"Bearer {TOKEN}"


def test_its_namespace_counts_until_another_is_said(
    run: Run, gm: FakeGM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "kubeconfig", namespace="mine")))
    run("get", "ds")
    assert "/namespaces/mine/" in gm.requests[-1].url.path
    for words in (("get", "ds", "-n", "default"), ("-n", "default", "get", "ds")):
        run(*words)
        assert "/namespaces/default/" in gm.requests[-1].url.path
    monkeypatch.setenv("SEDNA_NAMESPACE", "said")
    run("get", "ds")
    assert "/namespaces/said/" in gm.requests[-1].url.path


def test_a_token_file_beats_the_kubeconfig(
    run: Run, gm: FakeGM, named: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(f"{OTHER}\n")
    for words in (
        ("get", "ds", "--token-file", str(tmp_path / "token")),
        ("--token-file", str(tmp_path / "token"), "get", "ds"),
    ):
        run(*words)
        assert gm.requests[-1].headers["Authorization"] == f"Bearer {OTHER}"
    monkeypatch.setenv("SEDNA_TOKEN_FILE", str(tmp_path / "token"))
    run("get", "ds")
    assert gm.requests[-1].headers["Authorization"] == f"Bearer {OTHER}"


def test_no_variable_takes_a_token_itself(run: Run, gm: FakeGM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEDNA_TOKEN", TOKEN)
    run("get", "ds", "--server", "https://gm.example:9000")
    assert "Authorization" not in gm.requests[-1].headers


def test_a_token_is_never_sent_where_others_can_read_it(
    run: Run, gm: FakeGM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setenv("SEDNA_TOKEN_FILE", str(tmp_path / "token"))
    result = run("get", "ds", "--server", "http://gm.example:9000")
    assert result.exit_code == 1
    assert "is not sent to http://gm.example:9000" in result.stderr
    assert gm.requests == []
    for loopback in ("http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000"):
        run("get", "ds", "--server", loopback)
        assert gm.requests[-1].headers["Authorization"] == f"Bearer {TOKEN}"


def test_no_option_takes_a_token_itself() -> None:
    for command in sedna.commands.values():
        names = [name for option in command.params for name in option.opts]
        assert "--token" not in names
        assert "--password" not in names


@pytest.mark.parametrize("content", ["", "two words", "two\nlines", "ä"], ids=["empty", "words", "lines", "letters"])
def test_what_is_no_token_is_told_and_not_quoted(run: Run, gm: FakeGM, tmp_path: Path, content: str) -> None:
    (tmp_path / "token").write_text(content, encoding="utf-8")
    result = run("get", "ds", "--token-file", str(tmp_path / "token"))
    assert result.exit_code == 1
    assert str(tmp_path / "token") in result.stderr
    assert not content or content not in result.stderr
    assert gm.requests == []


def answering(code: int, reason: str) -> Parts:
    status = {"kind": "Status", "code": code, "reason": reason, "message": f"{reason}, says the server."}
    return Parts(transport=httpx.MockTransport(lambda _: httpx.Response(code, json=status)))


def test_401_says_how_to_say_who_one_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = CliRunner().invoke(sedna, ["get", "ds"], obj=answering(401, "Unauthorized"))
    assert result.exit_code == 1
    assert "--token-file" in result.stderr
    assert "sedna-gm token create" in result.stderr
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setenv("SEDNA_TOKEN_FILE", str(tmp_path / "token"))
    result = CliRunner().invoke(sedna, ["get", "ds"], obj=answering(401, "Unauthorized"))
    assert f"The token of {tmp_path / 'token'} is not taken (any more)" in result.stderr
    assert TOKEN not in result.stderr


def test_403_says_whose_role_it_is(named: Path) -> None:
    result = CliRunner().invoke(sedna, ["get", "ds"], obj=answering(403, "Forbidden"))
    assert "The token of the context site in KUBECONFIG may not do that" in result.stderr
    assert "Forbidden, says the server." in result.stderr


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"kind": "Status", "message": "reached", "code": 404}'
        self.send_response(404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def secure(authority: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "gm.crt", authority / "gm.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"https://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_server_is_believed_by_an_authority_that_is_named(
    secure: str, authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doubted = CliRunner().invoke(sedna, ["get", "ds", "--server", secure])
    assert doubted.exit_code == 3
    assert "--ca FILE or SEDNA_CA" in doubted.stderr
    named = CliRunner().invoke(sedna, ["get", "ds", "--server", secure, "--ca", str(authority / "ca.crt")])
    assert "reached" in named.stderr
    data = base64.b64encode((authority / "ca.crt").read_bytes()).decode()
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "k", secure, **{"certificate-authority-data": data})))
    assert "reached" in CliRunner().invoke(sedna, ["get", "ds"]).stderr
    (tmp_path / "beside.crt").write_bytes((authority / "ca.crt").read_bytes())
    kubeconfig(tmp_path / "k", secure, **{"certificate-authority": "beside.crt"})
    assert "reached" in CliRunner().invoke(sedna, ["get", "ds"]).stderr


def test_a_file_that_holds_no_certificates_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("nothing")
    for name in ("ca", "missing"):
        result = run("get", "ds", "--server", "https://gm.example", "--ca", str(tmp_path / name))
        assert (result.exit_code, "cannot be used as certificates in PEM" in result.stderr) == (1, True)


def test_of_several_files_the_first_that_names_a_thing_counts(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.write_text(yaml.safe_dump({"users": [{"name": "u", "user": {"tokenFile": "token"}}]}))
    (tmp_path / "token").write_text(f"{OTHER}\n")
    second = kubeconfig(tmp_path / "second")
    found = contexts.current({"KUBECONFIG": f"{first}:{tmp_path / 'missing'}:{second}"})
    assert found is not None
    assert (found.server, found.token) == ("https://gm.example:9000", OTHER)
    assert OTHER not in repr(found)


@pytest.mark.parametrize(
    "content",
    ["[]", "a: [", "{current-context: x}", "{current-context: x, contexts: 7}", "{current-context: x, contexts: [7]}"],
)
def test_a_kubeconfig_that_cannot_be_used_is_named_unless_the_server_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    environment = {"KUBECONFIG": str(path)}
    with pytest.raises(CommandError, match="kubeconfig"):
        access(None, None, None, environment)
    assert access("http://127.0.0.1:1", None, None, environment).proof.token == ""


def test_without_anything_it_is_the_system_on_this_machine() -> None:
    found = access(None, None, None, {})
    assert (found.server, found.proof.token, found.namespace) == ("http://127.0.0.1:9000", "", "default")


_SCALARS = st.one_of(st.none(), st.integers(), st.text(max_size=8), st.just("x"))
_TREES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["name", "context", "cluster", "user", "server", "token", "certificate-authority-data"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(
    st.fixed_dictionaries({"contexts": _TREES, "clusters": _TREES, "users": _TREES, "current-context": st.just("x")})
)
def test_any_kubeconfig_gets_an_answer_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, content: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "any-kubeconfig"
    path.write_text(yaml.safe_dump(content, allow_unicode=False))
    try:
        access(None, None, None, {"KUBECONFIG": str(path)})
    except CommandError as error:
        assert error.message
