"""The demo on an installed system refuses early what would fail late, and touches nothing that is not its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from demo import main
from showing import joining
from showing.joining import JoiningError
from showing.places import Places

from sedna.cli.client import GlobalManager

IMAGE = "helmets:v1"
NODES = "/apis/sedna.io/v1alpha1/nodes"
HERE = "/apis/sedna.io/v1alpha1/namespaces/default"
JOB = {"kind": "IncrementalLearningJob", "metadata": {"name": "demo"}}
MODEL = {"kind": "Model", "metadata": {"name": "base"}}


class FakeServer:
    """A GlobalManager that has some resources, and lets go of a deleted one when it was asked twice more."""

    def __init__(self, standing: dict[str, dict[str, Any]]) -> None:
        self._standing = standing
        self._going: dict[str, int] = {}
        self.deleted: list[str] = []

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if request.method == "DELETE":
            self.deleted.append(path)
            self._going[path] = 2
        elif path in self._going:
            self._going[path] -= 1
            if not self._going[path]:
                del self._standing[path]
        found = self._standing.get(path)
        return httpx.Response(404, json={}) if found is None else httpx.Response(200, json=found)

    def client(self) -> GlobalManager:
        return GlobalManager("http://gm", transport=httpx.MockTransport(self._answer))


def node(ready: str = "True", images: list[str] | None = None) -> dict[str, Any]:
    condition = {"type": "Ready", "status": ready, "message": "nothing heard for 40 s"}
    return {"status": {"conditions": [condition], "images": [IMAGE] if images is None else images}}


def check(found: dict[str, dict[str, Any]]) -> None:
    gm = FakeServer(found).client()
    try:
        joining.check_node(gm, "edge", IMAGE)
    finally:
        gm.close()


def test_a_node_that_is_ready_and_has_the_image_is_taken() -> None:
    check({f"{NODES}/edge": node()})


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param({}, "http://gm knows no node edge; `sedna get nodes`", id="unknown"),
        pytest.param({f"{NODES}/edge": node("Unknown")}, "not Ready: nothing heard for 40 s", id="silent"),
        pytest.param({f"{NODES}/edge": {"status": {}}}, "not Ready: it says nothing", id="mute"),
        pytest.param({f"{NODES}/edge": node(images=["b:1"])}, f"no image {IMAGE}; playbooks/images.yml", id="no image"),
    ],
)
def test_a_node_that_cannot_take_the_job_is_refused_with_the_way_out(
    found: dict[str, dict[str, Any]], said: str
) -> None:
    with pytest.raises(JoiningError, match=said):
        check(found)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Path]:
    """A folder that everybody may enter, as far as it is ours to say."""
    folder = tmp_path / "demo"
    folder.mkdir(mode=0o755)
    yield folder
    folder.chmod(0o755)


def test_a_folder_that_the_workers_user_may_not_enter_is_refused(opened: Path) -> None:
    (opened / "below").mkdir()
    opened.chmod(0o700)
    with pytest.raises(JoiningError, match="/srv/sedna-demo"):
        joining.check_folder(opened / "below")


def clear(standing: dict[str, dict[str, Any]]) -> tuple[int, list[str]]:
    server = FakeServer(standing)
    gm = server.client()
    try:
        return joining.clear(gm, [MODEL, JOB], Path("/srv/demo"), look_seconds=0.001), server.deleted
    finally:
        gm.close()


def test_what_an_earlier_attempt_left_goes_the_job_first() -> None:
    mine = {"spec": {"url": "/srv/demo/run-1/model"}}
    job, model = f"{HERE}/incrementallearningjobs/demo", f"{HERE}/models/base"
    assert clear({job: {"spec": {"outputDir": "/srv/demo/run-1/output"}}, model: mine}) == (2, [job, model])
    assert clear({}) == (0, [])


def test_a_job_of_the_same_name_that_is_somebodys_stays() -> None:
    server = FakeServer({f"{HERE}/incrementallearningjobs/demo": {"spec": {"outputDir": "/srv/demolition/output"}}})
    gm = server.client()
    with pytest.raises(JoiningError, match="delete it if nobody needs it"):
        joining.clear(gm, [MODEL, JOB], Path("/srv/demo"))
    gm.close()
    assert server.deleted == []


def test_each_run_has_a_folder_of_its_own(tmp_path: Path) -> None:
    assert joining.next_run(tmp_path / "absent") == "run-1"
    for name in ("run-2", "run-10", "run-x", "run"):
        (tmp_path / name).mkdir()
    assert joining.next_run(tmp_path) == "run-11"
    assert Places(tmp_path, 1, "run-11").dataset.is_relative_to(tmp_path / "run-11")


@pytest.mark.parametrize("only", [["--server", "http://gm:9000"], ["--node", "edge"]])
def test_server_and_node_go_together(tmp_path: Path, only: list[str]) -> None:
    told = CliRunner().invoke(main, ["--dir", str(tmp_path / "demo"), *only])
    assert told.exit_code == 2
    assert "go together" in told.output
    assert not (tmp_path / "demo").exists()
