"""Manifests name what the operator has opened to them, by whatever links it is reached, and nothing else."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.api.validating import parse
from sedna.api.workers import Worker
from sedna_lc.allowed import leads_outside, outside
from sedna_lc.daemon.choosing import choose_host_paths
from sedna_lc.places import Places
from sedna_lc.preparing import Problem, not_open, prepare, refused
from sedna_lc.settings import DEFAULT_HOST_PATHS, EVERY_PATH, PathRule, Settings
from sedna_lc.users import WorkerUser
from tests.lc.workers import make_worker, model

STRANGER = WorkerUser("stranger", 54321, 54321, frozenset({54321}))


@pytest.fixture
def places(tmp_path: Path) -> Places:
    rules = (PathRule("data", f"{tmp_path}/data"), PathRule("tapes", f"{tmp_path}/data/tapes", read_only=True))
    (tmp_path / "data" / "tapes").mkdir(parents=True)
    return Places(tmp_path / "state", tmp_path / "images", tmp_path / "keys", rules)


def mounting(path: Path, kind: str = "", **mount: Any) -> Worker:
    volume = {"name": "v", "hostPath": {"path": str(path), "type": kind}}
    worker = make_worker("inference", jobOutputDir="s3://b/o", outputDir="", pod={"volumes": [volume]})
    content = worker.model_dump(by_alias=True, mode="json")
    content["spec"]["template"]["containers"][0]["volumeMounts"] = [{"name": "v", "mountPath": "/v", **mount}]
    return parse(Worker, content)


def told(problems: tuple[Problem, ...]) -> str:
    assert [problem.reason for problem in problems] == ["PathNotAllowed"]
    return problems[0].message


@pytest.mark.parametrize("user", [None, STRANGER])
class TestWhatNoRuleOpensIsRefusedWithTheRulesAndTheRemedy:
    def test_a_volume_that_is_there(self, tmp_path: Path, places: Places, user: WorkerUser | None) -> None:
        (tmp_path / "home").mkdir()
        message = told(refused(mounting(tmp_path / "home", "Directory", readOnly=True), places, user))
        assert f"Volume v cannot be used: {tmp_path}/home lies in no folder that hostPaths in lc.yml opens" in message
        assert f"data ({tmp_path}/data), tapes ({tmp_path}/data/tapes)" in message
        assert "add a rule for it on this host" in message

    def test_a_volume_that_would_be_made(self, tmp_path: Path, places: Places, user: WorkerUser | None) -> None:
        for act in (refused, prepare):
            worker = mounting(tmp_path / "new", "DirectoryOrCreate")
            assert "PathNotAllowed" in [problem.reason for problem in act(worker, places, user)]
        assert not (tmp_path / "new").exists()

    def test_a_link_that_leads_out(self, tmp_path: Path, places: Places, user: WorkerUser | None) -> None:
        (tmp_path / "data" / "way").symlink_to("/usr/share")
        message = told(refused(mounting(tmp_path / "data" / "way", "Directory", readOnly=True), places, user))
        assert f"{tmp_path}/data/way (which is /usr/share)" in message

    def test_an_output_folder(self, tmp_path: Path, places: Places, user: WorkerUser | None) -> None:
        worker = make_worker(jobOutputDir=f"{tmp_path}/out", outputDir=f"{tmp_path}/out/train/1")
        assert "outputDir cannot be used" in told(refused(worker, places, user))
        assert "PathNotAllowed" in [problem.reason for problem in prepare(worker, places, user)]
        assert not (tmp_path / "out").exists()

    def test_writing_where_workers_only_read(self, tmp_path: Path, places: Places, user: WorkerUser | None) -> None:
        tapes = tmp_path / "data" / "tapes"
        message = told(refused(mounting(tapes, "Directory"), places, user))
        assert f"open for reading only, by the rule tapes ({tapes})" in message
        assert "readOnly in its volumeMounts" in message
        assert refused(mounting(tapes, "Directory", readOnly=True), places, user) == ()
        out = make_worker(jobOutputDir=f"{tapes}/out", outputDir=f"{tapes}/out/train/1")
        assert "reading only" in told(refused(out, places, user))
        assert "reading only" in told(refused(mounting(tapes / "new", readOnly=True), places, user))


def test_models_and_datasets_lie_where_a_rule_says(tmp_path: Path, places: Places) -> None:
    dataset = {"name": "d", "url": "/etc/passwd", "format": "txt"}
    models = [model("m", f"file://{tmp_path}/m.pb"), model("n", f"{tmp_path}/data/n.pb"), model("o", "s3://b/o.pb")]
    problems = not_open(make_worker(models=models, dataset=dataset), places)
    assert [problem.message.split(" cannot be used: ")[0] for problem in problems] == ["Model m", "Dataset d"]
    assert {problem.reason for problem in problems} == {"PathNotAllowed"}


def test_what_comes_from_another_node_is_judged_there(tmp_path: Path, places: Places) -> None:
    artifact = {"name": "a", "tree": "0" * 64}
    models = [{**model("m", "/home/somebody/m.pb"), "artifact": artifact}]
    dataset = {"name": "d", "url": "/home/somebody/d.txt", "format": "txt"}
    assert not_open(make_worker(models=models, dataset=dataset, samplesArtifact=artifact), places) == ()


def test_the_hosts_own_folders_stay_closed_whatever_a_rule_says(tmp_path: Path) -> None:
    everywhere = Places(tmp_path / "state", tmp_path / "images")
    assert "the LocalController lets no worker write there" in told(
        refused(mounting(Path("/etc"), "Directory"), everywhere, STRANGER)
    )


def test_the_rule_for_the_nearest_folder_counts(tmp_path: Path) -> None:
    inner = tmp_path / "tapes" / "new"
    inner.mkdir(parents=True)
    rules = (PathRule("a", "/"), PathRule("b", str(tmp_path / "tapes"), read_only=True), PathRule("c", str(inner)))
    for order in (rules, rules[::-1]):
        places = Places(tmp_path, tmp_path, host_paths=order)
        assert outside(tmp_path / "x", places, written=True) is None
        assert "rule b" in (outside(tmp_path / "tapes" / "x", places, written=True) or "")
        assert outside(inner / "x", places, written=True) is None


def test_a_folder_that_a_rule_names_by_a_link_is_open(tmp_path: Path) -> None:
    (tmp_path / "disk2").mkdir()
    (tmp_path / "data").symlink_to("disk2")
    places = Places(tmp_path, tmp_path, host_paths=(PathRule("data", f"{tmp_path}/data"),))
    assert outside(tmp_path / "data" / "x", places) is None
    assert outside(tmp_path / "disk2" / "x", places) is None


def test_an_open_file_is_judged_by_where_its_links_led(tmp_path: Path, places: Places) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "data" / "list.txt").symlink_to(tmp_path / "secret")
    (tmp_path / "data" / "good.txt").write_text("x")
    for name, refusal in (("list.txt", f"{tmp_path}/secret lies in no folder"), ("good.txt", "")):
        descriptor = os.open(tmp_path / "data" / name, os.O_RDONLY)
        try:
            sentence = leads_outside(descriptor, places)
        finally:
            os.close(descriptor)
        assert (sentence or "").startswith(refusal)
        assert bool(sentence) is bool(refusal)


def test_nothing_is_open_without_rules(places: Places) -> None:
    closed = replace(places, host_paths=())
    assert "its rules are none" in (outside(Path("/srv/x"), closed) or "")


@pytest.mark.parametrize("path", ["/data/a\nb", "/data/\x00", "/data/\x7f", "/data/\x1b[2J"])
def test_a_path_with_control_characters_is_refused_whatever_the_rules(path: str) -> None:
    sentence = outside(Path(path), Places(Path("/s"), Path("/i")))
    assert sentence is not None
    assert "control characters" in sentence
    assert path not in sentence


@given(st.lists(st.sampled_from(["..", ".", "a", "etc", "data", ""]), max_size=8).map("/".join))
def test_no_detour_leads_out_of_a_rule(detour: str) -> None:
    places = Places(Path("/s"), Path("/i"), host_paths=(PathRule("data", "/nowhere-1/data"),))
    path = f"/nowhere-1/data/{detour}"
    inside = f"{os.path.normpath(path)}/".startswith("/nowhere-1/data/")
    assert (outside(Path(path), places) is None) is inside


def test_processes_have_every_path_and_units_the_default_rules_unless_the_file_says_otherwise() -> None:
    settings = Settings(node_name="e", gm="http://g")
    assert choose_host_paths(settings, "process") == EVERY_PATH
    assert choose_host_paths(settings, "systemd") == DEFAULT_HOST_PATHS
    own = (PathRule("a", "/a"),)
    assert choose_host_paths(replace(settings, host_paths=own), "process") == own
    assert choose_host_paths(replace(settings, host_paths=()), "systemd") == ()


QUICK_START = "/data/helmet_detection/x.txt /models/base_model /model/x /output/train/1 /incremental_learning/video/"


@pytest.mark.parametrize("path", [*QUICK_START.split(), "/srv/digits", "/dev/video0"])
def test_what_the_quick_start_names_is_open_by_default(path: str) -> None:
    assert outside(Path(path), Places(Path("/s"), Path("/i"), host_paths=DEFAULT_HOST_PATHS), written=True) is None


@pytest.mark.parametrize("path", ["/", "/etc/passwd", "/root/x", "/home/a", "/tmp/x", "/var/lib/sedna/x", "/database"])
def test_what_people_did_not_put_there_for_workers_is_closed_by_default(path: str) -> None:
    assert outside(Path(path), Places(Path("/s"), Path("/i"), host_paths=DEFAULT_HOST_PATHS)) is not None
