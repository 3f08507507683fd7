"""`sedna rollback`: writes the wish where kubectl would, and says at once what cannot be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sedna.cli.connecting import Parts
from sedna.cli.main import sedna
from tests.cli.conftest import NOW, Run
from tests.cli.fake_gm import FakeGM

VERSIONS = [{"round": 2, "state": "Deployed", "url": "/2"}, {"round": 1, "state": "Previous", "url": "/1"}]
DONE = {"asked": "1", "state": "Deployed", "message": "The version that round 1 made is served again."}


def model(gm: FakeGM, **status: Any) -> dict[str, Any]:
    return gm.put("Model", "deploy", spec={"url": "/m", "format": "pb"}, status={"versions": VERSIONS, **status})


@pytest.fixture
def site(gm: FakeGM) -> FakeGM:
    gm.put("IncrementalLearningJob", "demo", spec={"deploySpec": {"model": {"name": "deploy"}}})
    model(gm)
    return gm


def sent(gm: FakeGM) -> dict[str, Any]:
    (patch,) = gm.sent("PATCH")
    assert patch.headers["Content-Type"] == "application/merge-patch+json"
    return dict(json.loads(patch.content)["metadata"]["annotations"])


@pytest.mark.parametrize(("words", "wish"), [((), "previous"), (("--to", "1"), "1")])
def test_the_wish_is_the_annotation_and_names_who_asked(
    run: Run, site: FakeGM, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], wish: str
) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    result = run("rollback", "deploy", *words)
    assert result.exit_code == 0, result.stderr
    assert sent(site) == {"sedna.io/rollback": wish, "sedna.io/rollback-by": "ann"}
    assert result.stdout.startswith("model.sedna.io/deploy: ")


def test_a_round_without_a_version_is_refused_with_those_there_are(run: Run, site: FakeGM) -> None:
    result = run("rollback", "deploy", "--to", "7")
    assert result.exit_code == 1
    assert "no version of round 7; there are those of rounds 2 (Deployed), 1 (Previous)." in result.stderr
    assert site.sent("PATCH") == []


def test_a_model_that_no_job_deploys_to_is_served_by_nobody(run: Run, gm: FakeGM) -> None:
    model(gm)
    result = run("rollback", "deploy")
    assert result.exit_code == 1
    assert "no job in namespace default deploys to model deploy" in result.stderr


def test_a_model_without_versions_says_so(run: Run, site: FakeGM) -> None:
    model(site, versions=[])
    assert "has no versions yet" in run("rollback", "deploy").stderr


class Answering:
    """A controller that has read the wish and comes to an end of it, at the second look."""

    def __init__(self, gm: FakeGM, end: dict[str, Any]) -> None:
        self.gm, self.end, self.looks = gm, end, 0

    def __call__(self, seconds: float) -> None:
        self.looks += 1
        model(self.gm, rollback={"state": "Deploying", "asked": "1"} if self.looks < 2 else self.end)


def invoked(gm: FakeGM, wait: Answering, *words: str) -> Result:
    parts = Parts(transport=gm.transport, now=lambda: NOW, wait=wait)
    return CliRunner().invoke(sedna, list(words), obj=parts)


def test_waiting_ends_when_the_version_is_served(site: FakeGM) -> None:
    wait = Answering(site, DONE)
    result = invoked(site, wait, "rollback", "deploy", "--to", "1", "--wait")
    assert result.exit_code == 0, result.stderr
    assert result.stdout == f"model.sedna.io/deploy: {DONE['message']}\n"
    assert wait.looks == 2


@pytest.mark.parametrize("words", [(), ("--wait",)])
def test_a_program_reads_the_model_as_it_is_then(site: FakeGM, words: tuple[str, ...]) -> None:
    result = invoked(site, Answering(site, DONE), "rollback", "deploy", "--to", "1", "-o", "json", *words)
    found = json.loads(result.stdout)
    assert found["metadata"]["name"] == "deploy"
    assert found["status"].get("rollback") == (DONE if words else None)
    named = invoked(site, Answering(site, DONE), "rollback", "deploy", "--to", "1", "-o", "name")
    assert named.stdout == "model.sedna.io/deploy\n"


@pytest.mark.parametrize("state", ["Failed", "Refused"])
def test_waiting_ends_with_the_reason_when_it_is_not(site: FakeGM, state: str) -> None:
    wait = Answering(site, {"state": state, "asked": "1", "message": "It is not what it should be."})
    result = invoked(site, wait, "rollback", "deploy", "--to", "1", "--wait")
    assert result.exit_code == 1
    assert "It is not what it should be." in result.stderr


def test_waiting_gives_up_and_says_what_is_still_wanted(run: Run, site: FakeGM) -> None:
    result = run("rollback", "deploy", "--to", "1", "--wait", "--timeout", "0")
    assert result.exit_code == 1
    assert "It is still wanted" in result.stderr
