"""`sedna get`: the server's tables, whole resources, and every change until Ctrl-C."""

from __future__ import annotations

import json

import httpx
import pytest
import yaml

from sedna.api import status
from tests.cli.conftest import Run
from tests.cli.fake_gm import FakeGM, table

DATASETS = "/apis/sedna.io/v1alpha1/namespaces/default/datasets"
STOP, BREAK = {"type": "STOP"}, {"type": "BREAK"}


@pytest.fixture
def samples(gm: FakeGM) -> dict[str, object]:
    return gm.put("Dataset", "samples", spec={"format": "txt", "url": "/data/samples.txt"})


def test_a_table_shows_the_servers_columns(run: Run, samples: object) -> None:
    assert run("get", "datasets").stdout.splitlines() == ["NAME      FORMAT", "samples   txt"]


def test_a_cell_of_several_lines_stays_one_row(run: Run, gm: FakeGM) -> None:
    gm.put("Dataset", "samples", spec={"format": "UserCodeFailed: ValueError\n  at line 3\n"})
    assert run("get", "ds").stdout.splitlines()[1:] == ["samples   UserCodeFailed: ValueError at line 3"]


NODES = ("GET", "/apis/sedna.io/v1alpha1/nodes")


def of_nodes(name: str, status: str) -> httpx.Response:
    answer = table([{"metadata": {"name": name}, "spec": {"format": status}}])
    answer["columnDefinitions"][1]["name"] = "Status"
    return httpx.Response(200, json=answer)


@pytest.mark.parametrize(("status", "colour"), [("Ready", 32), ("Waiting", 33), ("NotReady", 31)])
def test_a_terminal_shows_words_of_state_in_the_colour_of_what_they_mean(
    run: Run, gm: FakeGM, status: str, colour: int
) -> None:
    # Who calls a node so means nothing by it.
    gm.answers[NODES] = of_nodes("Failed", status)
    assert run("get", "nodes", color=True).stdout.splitlines()[1] == f"Failed   \x1b[{colour}m{status}\x1b[0m"


def test_where_no_terminal_reads_there_are_no_colours(run: Run, gm: FakeGM) -> None:
    gm.answers[NODES] = of_nodes("edge-1", "Ready")
    assert run("get", "nodes").stdout.splitlines()[1] == "edge-1   Ready"


def test_no_color_takes_the_colours_away(run: Run, gm: FakeGM, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    gm.answers[NODES] = of_nodes("edge-1", "Ready")
    assert run("get", "nodes", color=True).stdout.splitlines()[1] == "edge-1   Ready"


def test_events_come_in_the_order_in_which_they_happened(run: Run, gm: FakeGM) -> None:
    for name, last in (("a", "2026-11-22T14:30:00Z"), ("b", "2026-11-22T14:10:00Z"), ("c", "2026-11-22T14:20:00Z")):
        gm.put("Event", name, lastTimestamp=last)
    assert [line.split()[0] for line in run("get", "events").stdout.splitlines()[1:]] == ["b", "c", "a"]


def test_wide_shows_the_columns_of_lower_priority_too(run: Run, samples: object) -> None:
    assert run("get", "ds", "-o", "wide").stdout.splitlines()[0].split() == ["NAME", "FORMAT", "URL"]


def test_all_namespaces_gets_a_column_for_them(run: Run, gm: FakeGM, samples: object) -> None:
    gm.put("Dataset", "others", namespace="far", spec={})
    lines = run("get", "ds", "-A").stdout.splitlines()
    assert lines[0].split() == ["NAMESPACE", "NAME", "FORMAT"]
    assert {line.split()[0] for line in lines[1:]} == {"default", "far"}


def test_nothing_there_is_said_where_a_script_does_not_read_it(run: Run) -> None:
    result = run("get", "ds")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "none in namespace default" in result.stderr


@pytest.mark.parametrize("words", [("ds", "samples"), ("dataset/samples",), ("Datasets.sedna.io", "samples")])
def test_one_resource_by_any_of_its_names(run: Run, samples: object, words: tuple[str, ...]) -> None:
    result = run("get", *words, "-o", "yaml")
    assert yaml.safe_load(result.stdout)["metadata"]["name"] == "samples", result.output


def test_several_kinds_come_one_after_the_other(run: Run, gm: FakeGM, samples: object) -> None:
    gm.put("Model", "base", spec={"format": "ckpt"})
    lines = run("get", "ds,md").stdout.splitlines()
    assert [line.split()[:1] for line in lines] == [["NAME"], ["samples"], [], ["NAME"], ["base"]]


def test_json_of_a_list_says_what_each_item_is(run: Run, samples: object) -> None:
    document = json.loads(run("get", "ds", "-o", "json").stdout)
    assert document["kind"] == "List"
    assert document["items"][0]["kind"] == "Dataset"


def test_names_can_be_fed_to_delete(run: Run, samples: object) -> None:
    assert run("get", "ds", "-o", "name").stdout == "dataset.sedna.io/samples\n"
    assert run("delete", "dataset.sedna.io/samples").exit_code == 0


def test_selectors_are_the_servers_business(run: Run, gm: FakeGM) -> None:
    run("get", "wk", "-l", "sedna.io/job=demo", "--field-selector", "spec.nodeName=edge-1")
    query = gm.requests[-1].url.params
    assert query["labelSelector"] == "sedna.io/job=demo"
    assert query["fieldSelector"] == "spec.nodeName=edge-1"


def test_yaml_keeps_times_as_texts_for_any_parser(run: Run, gm: FakeGM) -> None:
    gm.put("Model", "m", spec={"end": "20:00"})
    assert yaml.safe_load(run("get", "md", "m", "-o", "yaml").stdout)["spec"]["end"] == "20:00"


def test_w_shows_each_change_under_the_same_columns(run: Run, gm: FakeGM, samples: dict[str, object]) -> None:
    changed = {**samples, "spec": {"format": "csv"}}
    gm.on_watch = [
        [
            {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "8"}}},
            {"type": "MODIFIED", "object": table([changed], "9", columns=False)},
            STOP,
        ]
    ]
    result = run("get", "ds", "-w")
    assert result.exit_code == 0
    assert [line.split() for line in result.stdout.splitlines()] == [
        ["NAME", "FORMAT"],
        ["samples", "txt"],
        ["samples", "csv"],
    ]
    assert len({line.index(line.split()[1]) for line in result.stdout.splitlines()}) == 1


def test_w_shows_no_row_twice_and_tells_the_end(run: Run, gm: FakeGM, samples: dict[str, object]) -> None:
    same = table([samples], "9", columns=False)
    gm.on_watch = [[{"type": "MODIFIED", "object": same}, {"type": "DELETED", "object": same}, STOP]]
    lines = [line.split() for line in run("get", "ds", "-w").stdout.splitlines()]
    assert lines[1:] == [["samples", "txt"], ["samples", "txt", "deleted"]]


def test_w_of_nothing_shows_the_header_with_the_first_that_comes(run: Run, gm: FakeGM) -> None:
    one = {"metadata": {"name": "late", "resourceVersion": "2"}, "spec": {"format": "txt"}}
    gm.on_watch = [[{"type": "ADDED", "object": table([one])}, STOP]]
    assert run("get", "ds", "-w").stdout.split() == ["NAME", "FORMAT", "late", "txt"]


def test_a_watch_that_the_server_ends_goes_on_where_it_was(run: Run, gm: FakeGM, samples: object) -> None:
    gm.on_watch = [[{"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "41"}}}], [STOP]]
    run("get", "ds", "-w", "-o", "json")
    watches = [r.url.params["resourceVersion"] for r in gm.requests if r.url.params.get("watch")]
    assert watches == ["1", "41"]


def test_a_watch_that_is_too_old_lists_again(run: Run, gm: FakeGM, samples: object) -> None:
    gone = status.failure(410, "Expired", "too old")
    gm.version = 77
    gm.on_watch = [[{"type": "ERROR", "object": gone}], [STOP]]
    result = run("get", "ds", "-w")
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == ["NAME", "FORMAT", "samples", "txt"]
    assert gm.requests[-1].url.params["resourceVersion"] == "77"


def test_a_watch_outlives_the_server_and_says_so_once(
    run: Run, gm: FakeGM, samples: dict[str, object], waits: list[float]
) -> None:
    changed = table([{**samples, "spec": {"format": "csv"}}], "9", columns=False)
    gm.on_watch = [[BREAK], [BREAK], [BREAK], [{"type": "MODIFIED", "object": changed}, BREAK], [STOP]]
    result = run("get", "ds", "-w")
    assert result.exit_code == 0, result.output
    assert [line.split()[-1] for line in result.stdout.splitlines()] == ["FORMAT", "txt", "csv"]
    assert waits == [1, 2, 4, 1]
    assert result.stderr.count("Trying again") == 2
    watches = [r.url.params["resourceVersion"] for r in gm.requests if r.url.params.get("watch")]
    assert watches == ["1", "1", "1", "1", "9"]


def test_a_watch_of_a_restarted_server_that_forgot_lists_again(
    run: Run, gm: FakeGM, samples: object, waits: list[float]
) -> None:
    gone = status.failure(410, "Expired", "too old")
    gm.on_watch = [[BREAK], [{"type": "ERROR", "object": gone}], [STOP]]
    result = run("get", "ds", "-w", "-o", "name")
    assert result.stdout.split() == ["dataset.sedna.io/samples"] * 2
    assert waits == [1]


def test_a_watch_that_never_began_is_an_error(run: Run, gm: FakeGM) -> None:
    gm.answers["GET", DATASETS] = httpx.Response(403, json=status.failure(403, "Forbidden", "no"))
    assert run("get", "ds", "-w").exit_code == 1


def test_w_of_two_kinds_is_refused(run: Run) -> None:
    assert run("get", "ds,md", "-w").exit_code == 2


def test_what_is_not_there_is_said_in_the_servers_words(run: Run, gm: FakeGM) -> None:
    result = run("get", "ds", "none")
    assert (result.exit_code, result.stderr) == (1, "Error: none not found\n")


def test_another_server_at_the_address_is_not_taken_for_a_gm(run: Run, gm: FakeGM) -> None:
    gm.answers["GET", DATASETS] = httpx.Response(200, text="<html>It works!</html>")
    result = run("get", "ds")
    assert result.exit_code == 1
    assert "Is this address a Sedna GlobalManager?" in result.stderr
    gm.answers["GET", DATASETS] = httpx.Response(502, text="<html>Bad gateway</html>")
    assert "answered 502: <html>Bad gateway" in run("get", "ds").stderr
