"""The OpenAPI document is complete in itself and has what kubectl looks for."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sedna.api import openapi
from sedna.api.kinds import KINDS


@pytest.mark.parametrize("group", ["sedna.io", ""])
def test_every_reference_resolves(group: str) -> None:
    document = openapi.document(group)
    references = re.findall(r"'\$ref': '#/components/schemas/([^']+)'", str(document))
    assert references
    assert set(references) <= set(document["components"]["schemas"])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_can_be_explained_and_validated(kind: Any) -> None:
    document = openapi.document(kind.group)
    schema = document["components"]["schemas"][kind.schema_name]
    assert {"group": kind.group, "version": kind.version, "kind": kind.name} in schema[
        "x-kubernetes-group-version-kind"
    ]
    writing = [
        operation
        for path in document["paths"].values()
        for verb, operation in path.items()
        if verb in ("post", "put", "patch") and operation["x-kubernetes-group-version-kind"]["kind"] == kind.name
    ]
    assert writing
    for operation in writing:
        names = {parameter["name"] for parameter in operation["parameters"]}
        assert {"dryRun", "fieldManager", "fieldValidation"} <= names


@pytest.mark.parametrize("group", ["sedna.io", ""])
def test_every_field_has_a_type_or_kubectl_cannot_explain_its_neighbours(group: str) -> None:
    for name, schema in openapi.document(group)["components"]["schemas"].items():
        for field, shape in schema.get("properties", {}).items():
            assert shape.keys() & {"type", "anyOf", "allOf"}, f"{name}.{field}"


def test_what_can_be_read_beside_a_resource_is_listed() -> None:
    paths = openapi.document()["paths"]
    scope = "/apis/sedna.io/v1alpha1/namespaces/{namespace}"
    assert f"{scope}/incrementallearningjobs/{{name}}/rounds" in paths
    assert f"{scope}/workers/{{name}}/log" in paths


def test_the_users_fields_are_described() -> None:
    schemas = openapi.document()["components"]["schemas"]
    for name in ("DatasetSpec", "ModelSpec", "JobDataset", "DeployModel", "TriggerTimer", "Container", "PodSpec"):
        properties = schemas[f"io.sedna.v1alpha1.{name}"]["properties"]
        assert any("description" in schema for schema in properties.values()), name


def test_nothing_of_json_schema_2020_is_left_that_openapi_3_0_does_not_know() -> None:
    def keys(part: Any) -> set[str]:
        if isinstance(part, dict):
            return set(part) | {key for value in part.values() for key in keys(value)}
        if isinstance(part, list):
            return {key for value in part for key in keys(value)}
        return set()

    assert not keys(openapi.document()["components"]["schemas"]) & {"const", "$defs", "prefixItems", "propertyNames"}
    assert "'type': 'null'" not in str(openapi.document())
