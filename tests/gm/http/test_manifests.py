"""`POST /manifests`: one file, an answer for each document in it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.gm.http.doors import BASE, MODELS, Door, dataset, model, node

YAML = "application/yaml"


def submit(door: Door, *documents: Any, expect: int, method: str = "POST", query: str = "") -> Any:
    text = yaml.safe_dump_all(documents)
    response = door.client.open(f"/manifests{query}", method=method, data=text, content_type=YAML)
    assert response.status_code == expect, response.get_data(as_text=True)
    return response.get_json()


def codes(answer: Any) -> list[int]:
    return [result["code"] for result in answer["results"]]


def test_each_document_is_made(door: Door) -> None:
    answer = submit(door, node(), dataset(), model(), expect=201)
    assert codes(answer) == [201, 201, 201]
    assert answer["message"] == "3 of 3 documents were accepted."
    assert answer["results"][1] == {
        "document": 2,
        "code": 201,
        "kind": "Dataset",
        "namespace": "default",
        "name": "d",
        "message": "created",
    }
    door.get(f"{MODELS}/m")


def test_twice_is_409_for_post_and_unchanged_for_put(door: Door) -> None:
    submit(door, model(), expect=201)
    again = submit(door, model(), model("n"), expect=409)
    assert codes(again) == [409, 201]
    assert again["results"][0]["status"]["reason"] == "AlreadyExists"
    put = submit(door, model(), model("n", spec={"format": "h5"}), model("o"), expect=201, method="PUT")
    assert [result["message"] for result in put["results"]] == ["unchanged", "changed", "created"]
    assert submit(door, model(), expect=200, method="PUT")["results"][0]["message"] == "unchanged"


def test_one_that_fails_neither_hides_nor_stops_the_others(door: Door) -> None:
    answer = submit(
        door,
        model("good"),
        model("bad", spec={"url": 7}),
        {"apiVersion": "sedna.io/v1alpha1", "kind": "Nothing", "metadata": {"name": "x"}},
        "text",
        {"kind": "Model"},
        {"apiVersion": "v1"},
        ["list"],
        expect=422,
    )
    assert codes(answer) == [201, 422, 404, 400, 422, 422, 400]
    assert answer["message"] == "1 of 7 documents were accepted."
    assert answer["results"][1]["status"]["details"]["causes"][0]["field"] == "spec.url"
    door.get(f"{MODELS}/good")


def test_what_is_not_yaml_at_all_is_400_and_nothing_is_made(door: Door) -> None:
    text = yaml.safe_dump(model()) + "---\nkind: [\n"
    refused = door.post("/manifests", expect=400, data=text, content_type=YAML)
    assert "line" in refused["message"]
    door.get(f"{MODELS}/m", 404)


@pytest.mark.parametrize("text", ["", "---\n---\n", "# nothing"])
def test_an_empty_file_is_400(door: Door, text: str) -> None:
    door.post("/manifests", expect=400, data=text, content_type=YAML)


def test_the_namespace_of_the_query_is_for_documents_without_one(door: Door) -> None:
    own = model("own", metadata={"namespace": "mine"})
    submit(door, model(), own, node(), expect=201, query="?namespace=theirs")
    found = [item["metadata"]["namespace"] for item in door.get(f"{BASE}/models")["items"]]
    assert found == ["mine", "theirs"]


def test_warnings_and_rehearsals_work_as_for_single_resources(door: Door) -> None:
    odd = model(spec={"colour": "red"})
    answer = submit(door, odd, expect=201, query="?dryRun=All")
    assert answer["results"][0]["warnings"] == ['unknown field "spec.colour"']
    door.get(f"{MODELS}/m", 404)
    submit(door, odd, expect=422, query="?fieldValidation=Strict")


def test_a_list_as_kubectl_writes_it_is_taken_apart(door: Door) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": [model("a"), model("b")]}
    assert codes(submit(door, listed, expect=201)) == [201, 201]


def test_an_immutable_field_is_refused_by_put_too(door: Door) -> None:
    submit(door, model(metadata={"finalizers": ["f"]}), expect=201)
    door.delete(f"{MODELS}/m")
    refused = submit(door, model(metadata={"finalizers": ["f", "g"]}), expect=422, method="PUT")
    assert "metadata.finalizers" in refused["results"][0]["message"]


def messages(answer: Any) -> list[str]:
    return [result["message"] for result in answer["results"]]


def apply(door: Door, *documents: Any, expect: int = 200, query: str = "") -> list[str]:
    return messages(submit(door, *documents, expect=expect, method="PATCH", query=query))


def drop(door: Door, *documents: Any, expect: int = 200, query: str = "") -> list[str]:
    return messages(submit(door, *documents, expect=expect, method="DELETE", query=query))


def test_patch_makes_changes_or_leaves_alone_and_says_which(door: Door) -> None:
    assert apply(door, model(), dataset(), expect=201) == ["created", "created"]
    version = door.get(f"{MODELS}/m")["metadata"]["resourceVersion"]
    assert apply(door, model(), dataset()) == ["unchanged", "unchanged"]
    assert door.get(f"{MODELS}/m")["metadata"]["resourceVersion"] == version
    assert apply(door, model(spec={"format": "h5"}), model("n"), expect=201) == ["configured", "created"]
    assert door.get(f"{MODELS}/m")["spec"]["format"] == "h5"


def test_patch_leaves_what_others_wrote_and_takes_back_what_it_gave(door: Door) -> None:
    """A job's controller holds it by a finalizer; a PUT of the manifest would take it away, again and again."""
    kept = model(metadata={"labels": {"kept": "0"}})
    apply(door, model(metadata={"labels": {"kept": "0", "mine": "1"}}), expect=201)
    held = door.get(f"{MODELS}/m")
    held["metadata"]["finalizers"] = ["sedna.io/job"]
    held["metadata"]["labels"]["theirs"] = "2"
    door.put(f"{MODELS}/m", held)
    assert apply(door, kept) == ["configured"]
    found = door.get(f"{MODELS}/m")["metadata"]
    assert (found["finalizers"], found["labels"]) == (["sedna.io/job"], {"kept": "0", "theirs": "2"})
    assert apply(door, kept) == ["unchanged"]


def test_patch_rehearses_each_answer_and_changes_nothing(door: Door) -> None:
    apply(door, model(), expect=201)
    rehearsed = apply(door, model(spec={"format": "h5"}), model("n"), expect=201, query="?dryRun=All")
    assert rehearsed == ["configured", "created"]
    assert apply(door, model(), query="?dryRun=All") == ["unchanged"]
    assert door.get(f"{MODELS}/m")["spec"]["format"] == "pb"
    door.get(f"{MODELS}/n", 404)


def test_put_rehearses_each_answer_too(door: Door) -> None:
    submit(door, model(), expect=201)
    both = submit(door, model(), model(spec={"format": "h5"}), expect=200, method="PUT", query="?dryRun=All")
    assert messages(both) == ["unchanged", "changed"]


def test_patch_and_kubectl_take_turns(door: Door) -> None:
    """The note of what was applied is kubectl's own."""
    apply(door, model(metadata={"labels": {"mine": "1"}}), expect=201)
    note = door.get(f"{MODELS}/m")["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
    assert yaml.safe_load(note)["metadata"] == {"labels": {"mine": "1"}, "name": "m", "namespace": "default"}


@pytest.mark.parametrize(
    ("manifest", "code"),
    [
        (model(spec={"url": 7}), 422),
        ({"apiVersion": "sedna.io/v1alpha1", "kind": "Model", "metadata": {"generateName": "m-"}}, 400),
        ({"apiVersion": "sedna.io/v1alpha1", "kind": "Model", "metadata": {"name": "m", "annotations": "a"}}, 422),
        ({"apiVersion": "sedna.io/v1alpha1", "kind": "Model"}, 400),
        ({"kind": "Model"}, 422),
        ("text", 400),
        (model(metadata={"resourceVersion": "7"}), 409),
    ],
)
def test_patch_refuses_each_by_itself(door: Door, manifest: Any, code: int) -> None:
    submit(door, model(), expect=201)
    answer = submit(door, manifest, model("good"), expect=code, method="PATCH")
    assert codes(answer) == [code, 201]


def test_delete_removes_what_is_named_and_misses_nothing(door: Door) -> None:
    submit(door, model(), dataset(), expect=201)
    assert drop(door, model(), dataset(), query="?dryRun=All") == ["deleted", "deleted"]
    assert drop(door, model(), dataset(), model("n")) == ["deleted", "deleted", "absent"]
    assert drop(door, model(), dataset()) == ["absent", "absent"]


def test_delete_tells_what_was_deleted_before_and_is_still_held(door: Door) -> None:
    submit(door, model(metadata={"finalizers": ["sedna.io/job"]}), expect=201)
    assert drop(door, model()) == ["deleted"]
    assert drop(door, model()) == ["leaving"]


def test_delete_looks_in_the_documents_namespace_then_in_the_querys(door: Door) -> None:
    submit(door, model(), model("own", metadata={"namespace": "mine"}), expect=201, query="?namespace=theirs")
    assert drop(door, model(), model("own", metadata={"namespace": "mine"})) == ["absent", "deleted"]
    assert drop(door, model(), query="?namespace=theirs") == ["deleted"]


def test_delete_of_a_document_without_a_name_is_refused(door: Door) -> None:
    answer = submit(door, {"apiVersion": "sedna.io/v1alpha1", "kind": "Model"}, expect=400, method="DELETE")
    assert "metadata.name" in answer["results"][0]["message"]
