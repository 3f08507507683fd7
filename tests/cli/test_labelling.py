"""`sedna label`: COCO out, pictures beside it, and COCO in, each picture with its result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
from click.testing import Result

from tests.cli.conftest import Run
from tests.cli.fake_gm import FakeGM

EXAMPLES = "/apis/sedna.io/v1alpha1/namespaces/default/incrementallearningjobs/demo/hardexamples"


def image(number: int, name: str) -> dict[str, Any]:
    return {"id": number, "file_name": f"{name}.jpg", "sedna": {"example": name, "labelled": False}}


def document(*names: str) -> dict[str, Any]:
    images = [image(number, name) for number, name in enumerate(names, 1)]
    boxes = [{"image_id": each["id"], "category_id": 1, "bbox": [0, 0, 5, 5]} for each in images]
    return {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "helmet"}]}


def test_an_export_goes_where_it_is_sent_and_says_how_much_it_is(run: Run, gm: FakeGM, tmp_path: Path) -> None:
    gm.answers[("GET", f"{EXAMPLES}/export")] = httpx.Response(200, json=document("a", "b"))
    gm.answers[("GET", f"{EXAMPLES}/a/picture")] = httpx.Response(200, content=b"picture a")
    gm.answers[("GET", f"{EXAMPLES}/b/picture")] = httpx.Response(200, content=b"picture b")
    result = run("label", "export", "demo", "-o", str(tmp_path / "coco.json"), "--pictures", str(tmp_path / "p"))
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "coco.json").read_text()) == document("a", "b")
    assert (tmp_path / "p" / "b.jpg").read_bytes() == b"picture b"
    assert "2 pictures and 2 boxes" in result.stderr


def test_an_export_without_a_file_is_for_the_next_program(run: Run, gm: FakeGM) -> None:
    gm.answers[("GET", f"{EXAMPLES}/export")] = httpx.Response(200, json=document("a"))
    assert json.loads(run("label", "export", "demo").stdout) == document("a")


def test_a_picture_with_a_path_for_a_name_stays_in_the_folder(run: Run, gm: FakeGM, tmp_path: Path) -> None:
    wicked = document("a")
    wicked["images"][0]["file_name"] = "../../outside.jpg"
    gm.answers[("GET", f"{EXAMPLES}/export")] = httpx.Response(200, json=wicked)
    gm.answers[("GET", f"{EXAMPLES}/a/picture")] = httpx.Response(200, content=b"x")
    assert run("label", "export", "demo", "--pictures", str(tmp_path / "p" / "q")).exit_code == 0
    assert [path.name for path in tmp_path.rglob("*.jpg")] == ["outside.jpg"]
    assert (tmp_path / "p" / "q" / "outside.jpg").exists()


def test_an_import_tells_each_picture_that_was_refused_and_fails(run: Run, gm: FakeGM, tmp_path: Path) -> None:
    results = [
        {"example": "a", "code": 201, "message": "labelled"},
        {"example": "b", "code": 409, "message": "Node edge: ann has labelled it."},
    ]
    gm.answers[("POST", f"{EXAMPLES}/import")] = httpx.Response(200, json={"kind": "LabelResults", "results": results})
    (tmp_path / "coco.json").write_text(json.dumps(document("a", "b")))
    result = run("label", "import", "demo", str(tmp_path / "coco.json"))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == ["a: new", "1 new, 1 refused: b: Node edge: ann has labelled it."]


def imported(run: Run, gm: FakeGM, tmp_path: Path, *words: str, codes: tuple[int, ...] = (201, 200, 201)) -> Result:
    results = [{"example": f"e{n}", "code": code, "message": f"m{n}"} for n, code in enumerate(codes)]
    gm.answers[("POST", f"{EXAMPLES}/import")] = httpx.Response(200, json={"kind": "LabelResults", "results": results})
    (tmp_path / "coco.json").write_text(json.dumps(document(*[each["example"] for each in results])))
    return run("label", "import", "demo", str(tmp_path / "coco.json"), *words)


def test_an_import_tells_new_pictures_from_those_that_were_labelled_before(
    run: Run, gm: FakeGM, tmp_path: Path
) -> None:
    result = imported(run, gm, tmp_path)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["e0: new", "e1: labelled before", "e2: new", "2 new, 1 labelled before."]


def test_pictures_that_came_back_as_they_went_out_are_told_and_no_failure(run: Run, gm: FakeGM, tmp_path: Path) -> None:
    result = imported(run, gm, tmp_path, codes=(201, 304))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == ["e0: new", "e1: left out as exported", "1 new, 1 left out as exported."]
    assert gm.sent("POST")[-1].url.params["untouched"] == "leave"
    imported(run, gm, tmp_path, "--untouched", "take")
    assert gm.sent("POST")[-1].url.params["untouched"] == "take"


def test_each_refusal_of_several_has_a_line_with_its_reason(run: Run, gm: FakeGM, tmp_path: Path) -> None:
    result = imported(run, gm, tmp_path, codes=(201, 422, 409))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == ["e0: new", "1 new, 2 refused:", "e1: m1", "e2: m2"]


def test_a_program_gets_the_new_names_or_every_result(run: Run, gm: FakeGM, tmp_path: Path) -> None:
    assert imported(run, gm, tmp_path, "-o", "name").stdout.split() == ["e0", "e2"]
    told = json.loads(imported(run, gm, tmp_path, "-o", "json").stdout)["results"]
    assert [each["result"] for each in told] == ["new", "labelled before", "new"]


def test_many_pictures_go_in_pieces_each_with_its_own_boxes(run: Run, gm: FakeGM) -> None:
    results = {"kind": "LabelResults", "results": []}
    gm.answers[("POST", f"{EXAMPLES}/import")] = httpx.Response(200, json=results)
    run("label", "import", "demo", "-", stdin=json.dumps(document(*[f"e{n}" for n in range(24)])).encode())
    sent = [json.loads(request.content) for request in gm.sent("POST")]
    assert [len(part["images"]) for part in sent] == [10, 10, 4]
    for part in sent:
        assert {box["image_id"] for box in part["annotations"]} == {each["id"] for each in part["images"]}


def test_what_is_no_json_is_said_here(run: Run) -> None:
    result = run("label", "import", "demo", "-", stdin=b"{")
    assert result.exit_code == 1
    assert "is no JSON" in result.stderr
