"""Resources as rows: Kubernetes' Table, which `kubectl get` prints as it comes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from sedna.api.kinds import Cell, Column, Kind
from sedna.api.times import parse_time
from sedna_gm.http.durations import age
from sedna_gm.store.interface import Resource

IncludeObject = Literal["None", "Metadata", "Object"]

_NAME = Column(
    "Name",
    "string",
    "Name of the resource, unique within its kind and namespace",
    lambda item: str(item["metadata"]["name"]),
)


def table(
    kind: Kind, resources: Iterable[Resource], metadata: Mapping[str, Any], now: datetime, include: IncludeObject
) -> Resource:
    """A Table of resources of one kind, with the ages they have `now`."""
    columns = (*kind.columns, replace(_NAME, priority=1)) if kind.name_is_made else (_NAME, *kind.columns)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": dict(metadata),
        "columnDefinitions": [_definition(column) for column in columns],
        "rows": [_row(columns, resource, now, include) for resource in resources],
    }


def _definition(column: Column) -> Resource:
    return {
        "name": column.name,
        "type": column.type,
        "format": "name" if column.name == _NAME.name else "",
        "description": column.description,
        "priority": column.priority,
    }


def _row(columns: Iterable[Column], resource: Resource, now: datetime, include: IncludeObject) -> Resource:
    row: Resource = {"cells": [_cell(column, resource, now) for column in columns]}
    if include == "Object":
        row["object"] = resource
    elif include == "Metadata":
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": resource["metadata"],
        }
    return row


def _cell(column: Column, resource: Resource, now: datetime) -> Cell:
    value = column.value(resource)
    if column.type != "date" or value is None:
        return value
    try:
        return age((now - parse_time(str(value))).total_seconds())
    except ValueError:
        return "<unknown>"
