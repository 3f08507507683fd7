"""No name that a manifest, or a GlobalManager, may say leads out of its folder here or becomes another's."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sedna.api.pods import check_absolute
from sedna.api.validating import parse
from sedna.api.workers import ModelReference, Worker
from sedna_lc.artifacts.caching import CONTENT
from sedna_lc.errors import Never
from sedna_lc.gm.checking import is_usable
from sedna_lc.models.slots import ModelSlot
from sedna_lc.places import Places, sample_list
from sedna_lc.reconcile.providing import folder_name
from sedna_lc.runners.errors import UnitRefused
from sedna_lc.runners.names import job_target, worker_unit
from sedna_lc.runners.systemd.unitfiles import render_service
from tests.lc.runners.worlds import make_spec
from tests.lc.workers import make_worker

PLACES = Places(Path("/s"), Path("/i"))
PIECES = ["..", ".", "/", "\\", "\0", "\n", "a", "ä", "-", "etc", "*", "%n", "$(x)", " ", "x" * 255]
hostile = st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text(max_size=12)


def is_below(path: str | Path, folder: str | Path) -> bool:
    return os.path.normpath(path).startswith(f"{folder}/")


@given(hostile, hostile, hostile)
def test_what_passes_the_gate_stays_in_its_folder_and_has_a_unit_of_its_own(name: str, space: str, uid: str) -> None:
    resource = {"metadata": {"name": name, "namespace": space, "uid": uid}}
    if not is_usable(resource):
        return
    worker = make_worker()
    worker = worker.model_copy(
        update={"metadata": worker.metadata.model_copy(update={"name": name, "namespace": space})}
    )
    for path in (PLACES.spool_folder(worker), PLACES.versions_folder(space, name), PLACES.hot_update_file(worker)):
        assert is_below(path, "/s")
        assert len(path.relative_to("/s").parts) > 2
    assert "/" not in uid
    assert uid not in ("", ".", "..")
    for unit in (worker_unit(space, name), job_target(space, name)):
        assert "/" not in unit
        assert "\n" not in unit
        assert len(os.fsencode(unit)) < 220


@pytest.mark.parametrize("metadata", [None, [], {}, {"name": 1}, {"name": "a"}, {"name": "a", "uid": "../b"}])
def test_what_has_no_usable_names_is_left_alone(metadata: Any) -> None:
    assert not is_usable({"metadata": metadata})


def test_what_names_a_worker_as_usual_passes() -> None:
    metadata = {"name": "j-train-1", "namespace": "default", "uid": "4d4e6f0e-9f3b-4d0e-8f5a-1f0f5c2f9e11"}
    assert is_usable({"metadata": metadata})
    assert is_usable({"metadata": {**metadata, "namespace": "team-a"}})


@given(hostile, hostile)
def test_kind_and_format_are_words(kind: str, file_format: str) -> None:
    content = make_worker().model_dump(mode="json", by_alias=True)
    content["spec"]["job"]["kind"], content["spec"]["dataset"]["format"] = kind, file_format
    try:
        worker = parse(Worker, content)
    except ValidationError:
        return
    assert is_below(PLACES.hot_update_file(worker), "/s/model-hot-update/default")
    assert is_below(sample_list(worker) or "", "/output/data/train/1")


@pytest.mark.parametrize("name", ["../x", "..", "a/b", "a\0b", "A", "", "x" * 300])
@pytest.mark.parametrize("place", ["job", "dataset"])
def test_names_that_are_no_names_are_refused_where_a_worker_is_read(place: str, name: str) -> None:
    content = copy.deepcopy(make_worker().model_dump(mode="json", by_alias=True))
    content["spec"][place]["name"] = name
    with pytest.raises(ValidationError):
        parse(Worker, content)


@given(hostile.map(lambda text: f"/{text}"))
def test_a_path_of_a_manifest_brings_no_detour_and_no_line_of_its_own(path: str) -> None:
    try:
        checked = check_absolute(path)
    except ValueError:
        return
    assert ".." not in checked.split("/")
    assert checked.isprintable() or all(character >= " " and character != "\x7f" for character in checked)


@pytest.mark.parametrize("value", ["/app\nExecStartPre=+/bin/sh -c id", "/app\r", "/app\0"])
def test_no_value_becomes_a_line_of_its_own_in_a_file_that_systemd_reads_as_root(value: str) -> None:
    spec = make_spec("sedna-worker-default-w", ("/bin/true",), working_directory=value)
    with pytest.raises(UnitRefused, match="WorkingDirectory"):
        render_service(spec, "nobody", sandbox=True)


@pytest.mark.parametrize(
    "sha256", ["../../etc", "..", "/etc/cron.d/x", "", "0" * 63, "0" * 65, "g" * 64, "0" * 63 + "\n"]
)
def test_the_place_of_a_model_is_named_by_nothing_but_a_sha256(tmp_path: Path, sha256: str) -> None:
    (tmp_path / "m").write_text("model")
    slot = ModelSlot(tmp_path / "a" / "b" / "slots")
    reference = ModelReference(name="m", url=str(tmp_path / "m"), sha256=sha256)
    assert slot.find(reference) is None
    assert slot.versions(sha256) == []
    if sha256:
        with pytest.raises(Never, match="which is none"):
            slot.place(reference)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m"]


@given(hostile)
def test_a_fetched_folder_is_called_what_a_folder_can_be_called(url: str) -> None:
    name = folder_name(f"s3://bucket/{url}")
    assert "/" not in name
    assert "\0" not in name
    assert name not in ("", ".", "..")
    assert len(name.encode()) < 256


def test_a_fetched_folder_is_called_as_where_it_comes_from() -> None:
    assert folder_name("s3://bucket/models/base_model/") == "base_model"
    assert folder_name("/") == CONTENT
