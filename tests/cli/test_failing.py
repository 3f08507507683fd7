"""Exit codes and messages of the `sedna` command: what, where, what to do, and never a traceback."""

from __future__ import annotations

import socket

import click
import httpx
import pytest
from click.testing import CliRunner

from sedna.cli.client import GlobalManager
from sedna.cli.connecting import Parts
from sedna.cli.errors import Refused, Unreachable
from sedna.cli.main import sedna
from tests.cli.conftest import Run
from tests.cli.fake_gm import FakeGM


def test_nobody_at_the_address_is_3_and_names_the_way_out() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        server = f"http://127.0.0.1:{unused.getsockname()[1]}"
        result = CliRunner().invoke(sedna, ["get", "ds", "--server", server])
    assert result.exit_code == 3
    assert server in result.stderr
    assert "sedna up" in result.stderr


def test_a_connection_that_breaks_is_3() -> None:
    def breaks(request: httpx.Request) -> httpx.Response:
        raise httpx.RemoteProtocolError("peer closed connection", request=request)

    result = CliRunner().invoke(sedna, ["get", "ds"], obj=Parts(transport=httpx.MockTransport(breaks)))
    assert result.exit_code == 3
    assert "peer closed connection" in result.stderr


def test_a_server_that_is_no_address_is_told(run: Run) -> None:
    result = CliRunner().invoke(sedna, ["get", "ds", "--server", "localhost:9000"])
    assert (result.exit_code, "http://host:9000" in result.stderr) == (1, True)


def test_the_environment_names_the_server(run: Run, gm: FakeGM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEDNA_SERVER", "http://gm.example:9000/")
    run("get", "ds")
    assert gm.requests[-1].url.host == "gm.example"
    run("get", "ds", "--server", "http://other.example:9000")
    assert gm.requests[-1].url.host == "other.example"


def test_server_and_namespace_may_stand_before_the_command(
    run: Run, gm: FakeGM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEDNA_SERVER", "http://environment.example:9000")
    run("--server", "http://before.example:9000", "-n", "there", "get", "ds")
    assert gm.requests[-1].url.host == "before.example"
    assert "/namespaces/there/" in gm.requests[-1].url.path
    run("--server", "http://before.example:9000", "-n", "there", "get", "ds", "--server", "http://after.example:9000")
    assert gm.requests[-1].url.host == "after.example"
    assert "/namespaces/there/" in gm.requests[-1].url.path


@pytest.mark.parametrize("words", [("get",), ("get", "nothing"), ("applly",), ("get", "ds", "-o", "pdf")])
def test_a_wrong_command_line_is_2(run: Run, gm: FakeGM, words: tuple[str, ...]) -> None:
    assert run(*words).exit_code == 2
    assert not gm.requests


def test_an_unknown_kind_is_answered_with_the_known_ones(run: Run) -> None:
    assert "incrementallearningjobs (ilj, il)" in run("get", "pods").stderr


def test_a_single_cause_that_the_message_holds_is_not_repeated() -> None:
    cause = {"field": "spec.url", "message": "is required"}
    status = {"message": "Dataset x is invalid: spec.url is required", "details": {"causes": [cause]}}
    assert Refused(status, 422).message == status["message"]


def test_causes_are_lines_below_a_headline_and_stand_there_once() -> None:
    causes = [{"field": "spec.url", "message": "is required"}, {"field": "spec.format", "message": "must be text"}]
    message = 'Dataset "x" is invalid: spec.url: is required; spec.format: must be text'
    told = Refused({"message": message, "details": {"causes": causes}}, 422).message
    assert told == 'Dataset "x" is invalid:\n  spec.url: is required\n  spec.format: must be text'


def test_a_refusal_is_still_an_answer_when_it_says_nothing() -> None:
    assert Refused({}, 500).message == "the server answered 500 without saying why"


def test_not_found_is_none_and_everything_else_is_raised(gm: FakeGM) -> None:
    client = GlobalManager("http://gm", transport=gm.transport)
    assert client.find("/apis/sedna.io/v1alpha1/namespaces/default/models/none") is None
    gm.answers["GET", "/x"] = httpx.Response(403, json={"kind": "Status", "message": "no", "code": 403})
    with pytest.raises(Refused, match="no"):
        client.find("/x")


def test_the_exception_tree_has_the_documented_codes() -> None:
    assert (Refused.exit_code, Unreachable.exit_code, click.UsageError.exit_code) == (1, 3, 2)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_for_our_command(run: Run, shell: str) -> None:
    assert "_SEDNA_COMPLETE" in run("completion", shell).stdout


@pytest.mark.parametrize("name", sorted(sedna.commands))
def test_every_command_explains_itself_in_a_line_that_fits(name: str) -> None:
    text = sedna.commands[name].get_short_help_str(limit=200)
    assert text.endswith(".")
    assert len(text) < 60


@pytest.mark.parametrize("server", ["http://128.0.1:0no]d", "http://gm:nine"])
def test_a_server_address_that_is_none_is_told_without_a_traceback(server: str) -> None:
    done = CliRunner().invoke(sedna, ["--server", server, "get", "ilj"])
    assert done.exit_code == 1
    assert f"{server!r} is no server address" in done.output
