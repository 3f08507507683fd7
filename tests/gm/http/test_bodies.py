"""Bad input gets a clear answer, and never a 5xx."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sedna.api.yaml12 import load_documents
from sedna_gm.errors import GMError
from sedna_gm.http import bodies
from sedna_gm.http.answers import dump_yaml, warning_headers
from tests.gm.http.doors import BASE, MODELS, Door, model

YAML = "application/yaml"
LIMIT = 3 * 1024 * 1024


@pytest.mark.parametrize("media", [YAML, "text/yaml", "application/x-yaml", "application/json"])
def test_a_body_may_be_yaml_or_json(door: Door, media: str) -> None:
    text = json.dumps(model()) if "json" in media else yaml.safe_dump(model())
    made = door.post(MODELS, data=text, content_type=f"{media}; charset=utf-8")
    assert made["spec"]["url"] == "/models/m"


def test_answers_are_yaml_for_who_asks_for_yaml(door: Door) -> None:
    door.post(MODELS, model(metadata={"annotations": {"time": "20:00", "octal": "0o17", "many": "a\nb\n", "no": "no"}}))
    response = door.get(f"{MODELS}/m", headers={"Accept": YAML})
    assert response.mimetype == YAML
    (document,) = load_documents(response.data)
    assert document == yaml.safe_load(response.data) == door.get(f"{MODELS}/m")
    response = door.client.get(f"{MODELS}/x", headers={"Accept": YAML})
    assert yaml.safe_load(response.data)["reason"] == "NotFound"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_yaml_of_ours_reads_the_same_by_both_rules(value: Any) -> None:
    written = dump_yaml({"value": value})
    assert load_documents(written) == [{"value": value}]
    assert yaml.safe_load(written) == {"value": value}


def test_not_yaml_is_400_with_line_and_column(door: Door) -> None:
    refused = door.post(MODELS, expect=400, data="kind: Model\nmetadata: [", content_type=YAML)
    assert "line 2, column" in refused["message"]
    refused = door.post(MODELS, expect=400, data='{"kind": "Model",\n "metadata": ]', content_type="application/json")
    assert "line 2, column 14" in refused["message"]


@pytest.mark.parametrize(
    ("data", "media"),
    [
        (b"", "application/json"),
        (b"", YAML),
        (b"# nothing\n", YAML),
        (b"\xff\xfe\x00", "application/json"),
        (b"\xff\xfe\x00", YAML),
        (b"[1, 2]", "application/json"),
        (b'"text"', "application/json"),
        (b"null", "application/json"),
        (b'{"a": 1, "a": 2}', "application/json"),
        (b"a: 1\na: 2", YAML),
        (b'{"a": NaN}', "application/json"),
        (b'{"a": 1e999}', "application/json"),
        (b"a: .inf", YAML),
        (b"a: !!set {x}", YAML),
        (b"a: !!python/object:os.system {}", YAML),
        (b"a: !!binary aGk=", YAML),
        (b"a: &x [*x]", YAML),
        (b"[" * 100_000, "application/json"),
        (b"[" * 100_000, YAML),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "application/json"),
        (b'{"a": ' + b"1" * 10_000 + b"}", "application/json"),
        (b"a: " + b"1" * 10_000, YAML),
        (b"{}\n---\n{}", YAML),
        (json.dumps({"spec": {str(number): 1 for number in range(30_000)}}).encode(), "application/json"),
    ],
    ids=range(24),
)
def test_what_cannot_be_read_is_a_bad_request(door: Door, data: bytes, media: str) -> None:
    assert door.post(MODELS, expect=400, data=data, content_type=media)["reason"] == "BadRequest"


@pytest.mark.parametrize(
    "media", ["application/x-www-form-urlencoded", "text/plain", "application/vnd.kubernetes.protobuf"]
)
def test_another_media_type_says_which_to_name(door: Door, media: str) -> None:
    refused = door.post(MODELS, expect=415, data=b"kind: Model", content_type=media)
    assert "Content-Type: application/yaml" in refused["message"]


def test_a_body_of_no_type_is_json_except_from_a_browsers_page(door: Door) -> None:
    door.post(MODELS, data=json.dumps(model()))
    page = {"Origin": "http://localhost"}
    door.post(MODELS, expect=415, data=json.dumps(model("n")), headers=page)
    door.post("/manifests", expect=415, data=json.dumps(model("n")), headers=page)


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
@pytest.mark.parametrize("extra", [0, 1])
def test_a_body_over_three_mebibytes_is_413(door: Door, announced: bool, extra: int) -> None:
    text = json.dumps(model()).encode()
    text += b" " * (LIMIT + extra - len(text))
    if announced:
        answer = door.client.post(MODELS, data=text, content_type="application/json")
    else:
        answer = door.client.post(
            MODELS,
            input_stream=io.BytesIO(text),
            content_type="application/json",
            environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
        )
    assert answer.status_code == (413 if extra else 201)
    assert not extra or answer.get_json()["reason"] == "RequestEntityTooLarge"


def test_wrong_values_are_422_with_every_cause(door: Door) -> None:
    raw = model(spec={"url": 7, "format": None}, metadata={"name": "Not_A_Label", "labels": {"a": 1}})
    refused = door.post(MODELS, raw, 422)
    assert refused["reason"] == "Invalid"
    fields = {cause["field"] for cause in refused["details"]["causes"]}
    assert {"metadata.name", "metadata.labels.a", "spec.url", "spec.format"} <= fields
    assert all(cause["message"] and cause["reason"] for cause in refused["details"]["causes"])


@pytest.mark.parametrize("accept", ["text/html", "application/vnd.kubernetes.protobuf", "application/json;q=0"])
def test_a_form_we_do_not_have_is_406(door: Door, accept: str) -> None:
    door.post(MODELS, model())
    assert door.get(f"{MODELS}/m", 406, headers={"Accept": accept})["reason"] == "NotAcceptable"


def test_a_browsers_wishes_end_in_json(door: Door) -> None:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    assert door.get(MODELS, headers={"Accept": accept})["kind"] == "ModelList"


def test_warnings_fit_a_header() -> None:
    headers = warning_headers(['say "a\\b"', "two\r\nlines", "größer 漢", "x" * 1000, *map(str, range(1000))])
    assert headers[0] == '299 - "say \\"a\\\\b\\""'
    assert all("\n" not in header and "\r" not in header for header in headers)
    assert headers[2].encode("latin-1").decode() == '299 - "größer 漢"'
    assert sum(map(len, headers)) <= 4096


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200), st.sampled_from(["application/json", YAML]))
def test_no_bytes_whatever_break_the_reader(data: bytes, media: str) -> None:
    try:
        bodies.decode_documents(data, media)
    except GMError as error:
        assert error.code in (400, 415)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["name", "spec", "kind", "metadata", "status", "labels", "url"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(
    st.sampled_from(["models", "datasets", "incrementallearningjobs", "workers"]),
    st.dictionaries(
        st.sampled_from(["apiVersion", "kind", "metadata", "spec", "status", "extra"]), JSON_VALUES, max_size=6
    ),
    st.sampled_from(["Strict", "Warn", "Ignore"]),
)
def test_no_manifest_whatever_is_answered_with_a_5xx(door: Door, plural: str, raw: Any, strictness: str) -> None:
    response = door.client.post(f"{BASE}/namespaces/default/{plural}?fieldValidation={strictness}", json=raw)
    assert response.status_code in (201, 400, 409, 422), response.get_data(as_text=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(JSON_VALUES)
def test_no_patch_whatever_is_answered_with_a_5xx(door: Door, patch: Any) -> None:
    door.client.post(MODELS, json=model())
    for media in ("application/merge-patch+json", "application/json-patch+json"):
        for below in ("", "/status"):
            response = door.client.patch(f"{MODELS}/m{below}", data=json.dumps(patch), content_type=media)
            assert response.status_code in (200, 400, 409, 422), response.get_data(as_text=True)
