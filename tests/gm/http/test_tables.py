"""What `kubectl get` prints."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.api.kinds import KINDS, by_kind
from sedna_gm.http.durations import age
from sedna_gm.http.media import Form, wanted
from sedna_gm.http.tables import table
from tests.gm.http.doors import MODELS, Door, model

NOW = datetime(2026, 11, 22, 14, 0, tzinfo=timezone.utc)
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io"}


def cells(door: Door, path: str) -> list[Any]:
    answer = door.get(path, headers=TABLE)
    assert answer["kind"] == "Table"
    names = [column["name"] for column in answer["columnDefinitions"]]
    return [dict(zip(names, row["cells"], strict=True)) for row in answer["rows"]]


def test_a_list_and_a_single_resource_are_tables_for_kubectl(door: Door, clock: Any) -> None:
    door.post(MODELS, model())
    clock.forward(3 * 3600)
    (row,) = cells(door, MODELS)
    assert (row["Name"], row["Format"], row["Age"]) == ("m", "pb", "3h")
    assert cells(door, f"{MODELS}/m") == [row]
    assert cells(door, f"{MODELS}?includeObject=None") == [row]


def test_a_row_carries_what_was_asked_for(door: Door) -> None:
    made = door.post(MODELS, model())
    rows = {wish: door.get(f"{MODELS}?includeObject={wish}", headers=TABLE)["rows"][0] for wish in ("None", "Object")}
    assert "object" not in rows["None"]
    assert rows["Object"]["object"] == made
    meta = door.get(MODELS, headers=TABLE)["rows"][0]["object"]
    assert meta == {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made["metadata"]}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_resource_without_any_status_has_a_row_too(kind: Any) -> None:
    bare = {"kind": kind.name, "metadata": {"name": "x"}, "spec": {}}
    answer = table(kind, [bare], {}, NOW, "None")
    assert len(answer["rows"][0]["cells"]) == len(answer["columnDefinitions"])


@pytest.mark.parametrize(
    ("annotation", "status", "phase", "why"),
    [
        ("true", {"phase": "Waiting"}, "Paused", "by annotation"),
        ("TRUE", {"phase": "Running"}, "Running,Paused", "by annotation"),
        ("true", {}, "Paused", "by annotation"),
        ("false", {"phase": "Waiting"}, "Waiting", None),
        ("no", {"phase": "Running", "paused": "edge-1"}, "Paused", "on edge-1"),
        ("true", {"phase": "Running", "paused": "edge-1"}, "Paused", "by annotation, on edge-1"),
    ],
)
def test_a_job_shows_that_it_is_paused_and_to_whom_it_owes_that(
    annotation: str, status: dict[str, Any], phase: str, why: str | None
) -> None:
    kind = by_kind("IncrementalLearningJob")
    job = {"metadata": {"name": "x", "annotations": {"sedna.io/paused": annotation}}, "spec": {}, "status": status}
    answer = table(kind, [job], {}, NOW, "None")
    names = [column["name"] for column in answer["columnDefinitions"]]
    row = dict(zip(names, answer["rows"][0]["cells"], strict=True))
    assert (row["Phase"], row["Paused"]) == (phase, why)


def test_events_show_when_and_what_before_a_name_that_says_nothing() -> None:
    columns = table(by_kind("Event"), [], {}, NOW, "None")["columnDefinitions"]
    narrow = [column["name"] for column in columns if not column["priority"]]
    assert narrow == ["Last Seen", "Type", "Reason", "Object", "Message"]
    assert (columns[-1]["name"], columns[-1]["format"]) == ("Name", "name")


def test_a_time_that_is_none_shows_as_unknown() -> None:
    odd = {"kind": "Model", "metadata": {"name": "x", "creationTimestamp": "yesterday"}}
    assert "<unknown>" in table(by_kind("Model"), [odd], {}, NOW, "None")["rows"][0]["cells"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (119, "119s"), (120, "2m"), (303, "5m3s"), (600, "10m"), (10_799, "179m"), (10_800, "3h"),
     (12_000, "3h20m"), (172_799, "47h"), (172_800, "2d"), (190_000, "2d4h"), (691_200, "8d"), (-1, "0s"),
     (-9, "<invalid>"), (63_072_000, "2y"), (70_000_000, "2y80d"), (320_000_000, "10y")],
)  # fmt: skip
def test_ages_read_like_kubectls(seconds: int, shown: str) -> None:
    assert age(seconds) == shown


@given(st.floats(0, 1e10))
def test_every_age_is_short(seconds: float) -> None:
    assert 2 <= len(age(seconds)) <= 6


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Form.JSON),
        ("*/*", Form.JSON),
        ("application/yaml", Form.YAML),
        ("application/yaml;q=0.5,application/json", Form.JSON),
        ("application/json;as=Table;v=v1;g=meta.k8s.io", Form.TABLE),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", Form.JSON),
        ("application/json;as=APIGroupDiscoveryList;v=v2;g=apidiscovery.k8s.io,application/json", Form.JSON),
        ("application/vnd.kubernetes.protobuf,application/json", Form.JSON),
        ("text/html;q=nonsense,*/*", Form.JSON),
    ],
)
def test_the_best_form_that_we_have_is_taken(accept: str, form: Form) -> None:
    assert wanted(accept, tables=True) is form
