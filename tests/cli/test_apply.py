"""`sedna apply`: create or update, a line for every document, and one that is bad stops no other."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from sedna.api import status
from sedna.cli.connecting import Parts
from sedna.cli.main import sedna
from tests.cli.conftest import Run
from tests.cli.fake_gm import FakeGM

DATASET = """\
apiVersion: sedna.io/v1alpha1
kind: Dataset
metadata:
  name: samples
spec:
  url: /data/samples.txt
  format: txt
  nodeName: edge-node
"""
MODEL = """\
apiVersion: sedna.io/v1alpha1
kind: Model
metadata:
  name: base
spec:
  url: /models/base
  format: ckpt
"""


@pytest.fixture
def both(tmp_path: Path) -> Path:
    path = tmp_path / "both.yaml"
    path.write_text(f"{DATASET}---\n{MODEL}")
    return path


def test_every_document_gets_its_line(run: Run, both: Path) -> None:
    result = run("apply", "-f", str(both))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == ["dataset.sedna.io/samples created", "model.sedna.io/base created"]


def test_applying_again_changes_nothing_and_sends_nothing(run: Run, gm: FakeGM, both: Path) -> None:
    run("apply", "-f", str(both))
    before = len(gm.sent("PATCH"))
    result = run("apply", "-f", str(both))
    assert result.stdout.splitlines() == ["dataset.sedna.io/samples unchanged", "model.sedna.io/base unchanged"]
    assert len(gm.sent("PATCH")) == before


def test_a_changed_field_is_patched_and_nothing_else(run: Run, gm: FakeGM) -> None:
    run("apply", "-f", "-", stdin=DATASET.encode())
    result = run("apply", "-f", "-", stdin=DATASET.replace("samples.txt", "more.txt").encode())
    assert result.stdout == "dataset.sedna.io/samples configured\n"
    patch = json.loads(gm.sent("PATCH")[-1].content)
    assert patch["spec"] == {"url": "/data/more.txt"}


def test_a_field_that_left_the_manifest_is_removed(run: Run, gm: FakeGM) -> None:
    run("apply", "-f", "-", stdin=(MODEL + "  credentialName: key\n").encode())
    run("apply", "-f", "-", stdin=MODEL.encode())
    assert json.loads(gm.sent("PATCH")[-1].content)["spec"] == {"credentialName": None}


def test_what_only_the_server_has_is_left_alone(run: Run, gm: FakeGM) -> None:
    run("apply", "-f", "-", stdin=MODEL.encode())
    path = "/apis/sedna.io/v1alpha1/namespaces/default/models/base"
    gm.resources[path]["spec"]["device"] = "defaulted"
    assert run("apply", "-f", "-", stdin=MODEL.encode()).stdout == "model.sedna.io/base unchanged\n"


def test_what_kubectl_applied_is_known(run: Run, gm: FakeGM) -> None:
    applied = {"spec": {"format": "ckpt", "old": 1}}
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(applied)}
    gm.put("Model", "base", metadata={"annotations": annotations}, spec={"format": "ckpt", "url": "x", "old": 1})
    run("apply", "-f", "-", stdin=MODEL.encode())
    assert json.loads(gm.sent("PATCH")[-1].content)["spec"] == {"url": "/models/base", "old": None}


def test_a_folder_is_its_manifests_in_the_order_of_their_names(run: Run, tmp_path: Path) -> None:
    (tmp_path / "2.yml").write_text(MODEL)
    (tmp_path / "1.json").write_text(json.dumps({"kind": "Dataset", "metadata": {"name": "first"}, "spec": {}}))
    (tmp_path / "README.md").write_text("not a manifest")
    assert [line.split()[0] for line in run("apply", "-f", str(tmp_path)).stdout.splitlines()] == [
        "dataset.sedna.io/first",
        "model.sedna.io/base",
    ]


def test_a_list_is_what_it_lists(run: Run) -> None:
    text = json.dumps({"kind": "List", "items": [{"kind": "Model", "metadata": {"name": "a"}}]})
    assert run("apply", "-f", "-", stdin=text.encode()).stdout == "model.sedna.io/a created\n"


def test_times_without_quotes_stay_texts(run: Run, gm: FakeGM) -> None:
    run("apply", "-f", "-", stdin=(MODEL + "  timer: {start: 02:00, end: 20:00}\n").encode())
    assert json.loads(gm.sent("POST")[0].content)["spec"]["timer"] == {"start": "02:00", "end": "20:00"}


def test_a_refused_document_does_not_keep_the_others_from_being_sent(run: Run, gm: FakeGM, both: Path) -> None:
    causes = [
        {"field": "spec.url", "reason": "FieldValueRequired", "message": "is required"},
        {"field": "spec.format", "reason": "FieldValueInvalid", "message": "must be text"},
    ]
    refusal = status.failure(422, "Invalid", "Dataset samples is invalid", {"causes": causes})
    gm.answers["POST", "/apis/sedna.io/v1alpha1/namespaces/default/datasets"] = httpx.Response(422, json=refusal)
    result = run("apply", "-f", str(both))
    assert result.exit_code == 1
    assert result.stdout == "model.sedna.io/base created\n"
    assert f"{both}, document 1: dataset.sedna.io/samples: Dataset samples is invalid" in result.stderr
    assert "  spec.url: is required" in result.stderr
    assert "  spec.format: must be text" in result.stderr
    assert "1 of 2 documents refused" in result.stderr


def test_a_broken_file_does_not_keep_the_others_from_being_sent(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: Model\n  spec: [\n")
    (tmp_path / "b.yaml").write_text(MODEL)
    result = run("apply", "-f", str(tmp_path))
    assert (result.exit_code, result.stdout) == (1, "model.sedna.io/base created\n")
    assert f"{tmp_path / 'a.yaml'}:2:" in result.stderr
    assert "1 of 2 documents refused" in result.stderr


@pytest.mark.parametrize("bad", ["kind: Modle\nmetadata: {name: x}\n", "- a list\n", "kind: Model\n"])
def test_what_is_no_manifest_does_not_keep_the_others_from_being_sent(run: Run, bad: str) -> None:
    result = run("apply", "-f", "-", stdin=f"{DATASET}---\n{bad}---\n{MODEL}".encode())
    assert result.exit_code == 1
    assert result.stdout.splitlines() == ["dataset.sedna.io/samples created", "model.sedna.io/base created"]
    assert "standard input, document 2: " in result.stderr
    assert "1 of 3 documents refused" in result.stderr


def test_nobody_at_the_address_is_told_once(run: Run, gm: FakeGM, both: Path) -> None:
    def unreachable(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    result = CliRunner().invoke(
        sedna, ["apply", "-f", str(both)], obj=Parts(transport=httpx.MockTransport(unreachable))
    )
    assert (result.exit_code, result.stderr.count("cannot reach")) == (3, 1)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("kind: Modle\nmetadata: {name: x}\n", "there is no kind 'Modle'"),
        ("metadata: {name: x}\n", "kind is missing"),
        ("kind: Model\nmetadata: {}\n", "metadata.name is missing"),
        ("- a\n- b\n", "a manifest is a mapping"),
        ("", "no document in it"),
    ],
    ids=["unknown kind", "no kind", "no name", "a list", "empty"],
)
def test_what_is_no_manifest_is_told_with_its_place(run: Run, text: str, complaint: str) -> None:
    result = run("apply", "-f", "-", stdin=text.encode())
    assert result.exit_code == 1
    assert complaint in result.stderr
    assert "Traceback" not in result.output


def test_a_missing_file_is_named(run: Run, tmp_path: Path) -> None:
    result = run("apply", "-f", str(tmp_path / "none.yaml"))
    assert (result.exit_code, "there is no such file" in result.stderr) == (1, True)


def test_the_servers_warnings_reach_the_person(run: Run, gm: FakeGM) -> None:
    warning = {"Warning": '299 - "unknown field \\"spec.colour\\""'}
    gm.answers["POST", "/apis/sedna.io/v1alpha1/namespaces/default/models"] = httpx.Response(
        201, json={}, headers=warning
    )
    result = run("apply", "--validate", "Warn", "-f", "-", stdin=MODEL.encode())
    assert result.stderr == 'Warning: unknown field "spec.colour"\n'
    assert gm.sent("POST")[0].url.params["fieldValidation"] == "Warn"


def test_a_dry_run_is_the_servers(run: Run, gm: FakeGM) -> None:
    result = run("apply", "--dry-run", "-f", "-", stdin=MODEL.encode())
    assert result.stdout == "model.sedna.io/base created (dry run)\n"
    assert gm.sent("POST")[0].url.params["dryRun"] == "All"


def test_the_manifests_own_namespace_wins(run: Run, gm: FakeGM) -> None:
    run("apply", "-n", "there", "-f", "-", stdin=MODEL.encode())
    run("apply", "-n", "there", "-f", "-", stdin=MODEL.replace("name: base", "name: b\n  namespace: here").encode())
    assert [request.url.path.split("/")[5] for request in gm.sent("POST")] == ["there", "here"]
