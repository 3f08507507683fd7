"""The overlay is the whole difference between what the quick start prints and what the demo submits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from showing import manifests, serving
from showing.places import EXAMPLE

from sedna.api.validating import validate
from sedna.api.yaml12 import load_documents

VARIABLES = {"WORKER_NODE": "edge-node", "IMAGE": serving.IMAGE, "RUN": "/demo/run", "DATA": "/demo/data-1"}


def printed(name: str) -> dict[str, Any]:
    return dict(load_documents((EXAMPLE / "manifests" / f"{name}.yaml").read_text())[0])


@pytest.fixture(scope="module")
def overlay() -> dict[str, Any]:
    return dict(load_documents((EXAMPLE / "overlay.yaml").read_text())[0])


@pytest.fixture(scope="module")
def filled() -> dict[str, dict[str, Any]]:
    made = manifests.filled(EXAMPLE / "manifests", [EXAMPLE / "overlay.yaml"], VARIABLES)
    return dict(zip(manifests.ORDER, made, strict=True))


def leaves(change: Any, base: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Every value that the overlay sets, with the printed one (None where there is none)."""
    if isinstance(change, Mapping):
        for key, value in change.items():
            yield from leaves(value, base.get(key) if isinstance(base, Mapping) else None, (*path, key))
    elif isinstance(change, list):
        for entry in change:
            same = [e for e in base or [] if e.get("name") == entry["name"]]
            for key, value in entry.items():
                if key != "name":
                    yield from leaves(value, same[0].get(key) if same else None, (*path, entry["name"], key))
    else:
        yield path, change, base


@pytest.mark.parametrize("name", manifests.ORDER)
def test_the_overlay_names_only_differences(overlay: dict[str, Any], name: str) -> None:
    for path, new, old in leaves(overlay[name], printed(name)):
        assert new != old, f"{'.'.join(path)} is the same in the quick start"


@pytest.mark.parametrize("name", manifests.ORDER)
def test_every_filled_manifest_is_valid_without_a_warning_of_its_own(
    filled: dict[str, dict[str, Any]], name: str
) -> None:
    warnings = validate(filled[name], strictness="Strict").warnings
    assert all("DirectoryorCreate" in warning for warning in warnings)


def test_without_an_overlay_the_manifests_stay_as_printed(tmp_path: Path) -> None:
    (tmp_path / "overlay.yaml").write_text("{}")
    made = manifests.filled(EXAMPLE / "manifests", [tmp_path / "overlay.yaml"], {})

    assert made == [printed(name) for name in manifests.ORDER]
    assert made[-1]["spec"]["trainSpec"]["trigger"]["timer"] == {"start": "02:00", "end": "20:00"}


def test_what_the_overlay_does_not_name_stays_as_the_quick_start_has_it(filled: dict[str, dict[str, Any]]) -> None:
    job = filled["job"]["spec"]
    assert manifests.parameter(filled["job"], "trainSpec", "class_names") == "person,helmet,helmet-on,helmet-off"
    assert manifests.parameter(filled["job"], "deploySpec", "video_url") == "file://video/video.mp4"
    assert job["deploySpec"]["hardExampleMining"] == printed("job")["spec"]["deploySpec"]["hardExampleMining"]
    assert job["deploySpec"]["model"]["hotUpdateEnabled"] is True
    assert job["dataset"]["trainProb"] == 0.8


def test_the_shells_variables_and_the_demos_folders_are_filled_in(filled: dict[str, dict[str, Any]]) -> None:
    assert filled["dataset"]["spec"]["nodeName"] == "edge-node"
    assert filled["dataset"]["spec"]["url"] == "/demo/run/dataset/train_data/train_data.txt"
    assert "$" not in str(filled)


def test_all_stages_look_at_pictures_of_one_size(filled: dict[str, dict[str, Any]]) -> None:
    sizes = {
        manifests.parameter(filled["job"], stage, "input_shape") for stage in ("trainSpec", "evalSpec", "deploySpec")
    }
    assert len(sizes) == 1


def test_a_round_starts_with_one_more_sample_than_the_threshold(filled: dict[str, dict[str, Any]]) -> None:
    assert manifests.samples_per_round(filled["job"]) == 96


def test_an_overlay_for_a_manifest_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    (tmp_path / "overlay.yaml").write_text("jobb: {}")
    with pytest.raises(ValueError, match="jobb"):
        manifests.filled(EXAMPLE / "manifests", [tmp_path / "overlay.yaml"], {})


def test_named_entries_are_merged_by_name_and_new_ones_come_last() -> None:
    base = [{"name": "a", "value": "1"}, {"name": "b", "value": "2", "more": {"x": 1}}]
    change = [{"name": "b", "value": "3"}, {"name": "c", "value": "4"}]

    assert manifests.merge(base, change) == [
        {"name": "a", "value": "1"},
        {"name": "b", "value": "3", "more": {"x": 1}},
        {"name": "c", "value": "4"},
    ]


def test_null_takes_a_field_away() -> None:
    assert manifests.merge({"timer": {"start": "02:00"}, "condition": 1}, {"timer": None}) == {"condition": 1}


values = st.recursive(
    st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.text(max_size=4), inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(st.text(max_size=4), values, max_size=4)


@given(mappings)
def test_nothing_laid_over_changes_nothing(base: dict[str, Any]) -> None:
    assert manifests.merge(base, {}) == base


@given(mappings, mappings)
def test_laying_over_twice_is_laying_over_once(base: dict[str, Any], change: dict[str, Any]) -> None:
    once = manifests.merge(base, change)
    assert manifests.merge(once, change) == once
