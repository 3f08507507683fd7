"""What TAB offers, asked as click's scripts ask, from a GlobalManager that may be away."""

from __future__ import annotations

import httpx
import pytest
from click.shell_completion import ShellComplete

from sedna.cli.connecting import Parts
from sedna.cli.main import sedna
from tests.cli.fake_gm import FakeGM


def offered(transport: httpx.BaseTransport, line: str) -> list[str]:
    *words, begun = line.split(" ")
    shell = ShellComplete(sedna, {"obj": Parts(transport=transport)}, "sedna", "_SEDNA_COMPLETE")
    return [item.value for item in shell.get_completions(words, begun)]


@pytest.fixture
def stored(gm: FakeGM) -> FakeGM:
    gm.put("IncrementalLearningJob", "demo")
    gm.put("IncrementalLearningJob", "other", namespace="there")
    gm.put("Worker", "demo-train-1")
    gm.put("Dataset", "samples")
    return gm


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("get il", ["ilj", "il"]),
        ("describe da", ["datasets"]),
        ("describe ilj d", ["demo"]),
        ("describe ilj/d", ["ilj/demo"]),
        ("delete ds ", ["samples"]),
        ("delete ds/samples ds", ["ds"]),
        ("get ilj -n there ", ["other"]),
        ("-n there get ilj ", ["other"]),
        ("logs d", ["demo", "demo-train-1"]),
        ("logs wk/", ["wk/demo-train-1"]),
        ("get nothing ", []),
    ],
)
def test_kinds_and_then_names_are_offered(stored: FakeGM, line: str, words: list[str]) -> None:
    assert offered(stored.transport, line) == words


def test_a_server_that_is_away_offers_nothing_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = []

    def away(request: httpx.Request) -> httpx.Response:
        seconds.append(max(request.extensions["timeout"].values()))
        raise httpx.ReadTimeout("silence", request=request)

    assert offered(httpx.MockTransport(away), "describe ilj d") == []
    assert capsys.readouterr() == ("", "")
    assert seconds == [1.0]
