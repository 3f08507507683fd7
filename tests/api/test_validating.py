"""A manifest becomes a resource, or its writer hears every reason why not, at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.api.incremental_learning import IncrementalLearningJob
from sedna.api.kinds import KINDS, UnknownKind, by_kind, by_plural
from sedna.api.validating import Invalid, parse, validate
from sedna.api.yaml12 import load_documents
from tests.api.manifests import dataset, job

PRINTED = Path(__file__).parents[2] / "examples" / "helmet_detection" / "manifests"


def causes(raw: dict[str, Any], strictness: Any = "Strict") -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        validate(raw, strictness=strictness)
    return {cause.field: f"{cause.reason}: {cause.message}" for cause in caught.value.causes}


@pytest.mark.parametrize("name", ["dataset", "initial-model", "deploy-model", "job"])
def test_the_quick_starts_manifests_are_valid_as_printed(name: str) -> None:
    text = (PRINTED / f"{name}.yaml").read_text().replace("$WORKER_NODE", "edge-node").replace("$IMAGE", "helmet:v1")
    (raw,) = load_documents(text)
    validated = validate(raw, strictness="Strict")
    expected = ('hostPath type "DirectoryorCreate" is read as "DirectoryOrCreate"',) if name == "job" else ()
    assert validated.warnings == expected
    assert validate(validated.resource.dump()).resource == validated.resource


def test_every_problem_is_told_at_once_with_its_path() -> None:
    raw = job()
    raw["metadata"]["name"] = "Not_A_Label"
    raw["spec"]["trainSpec"]["trigger"]["condition"]["operator"] = "><"
    raw["spec"]["trainSpec"]["template"]["spec"]["containers"][0]["resources"] = {"limits": {"memory": "2Gx"}}
    raw["spec"]["evalSpec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "epochs", "value": 1}]
    raw["spec"]["outpuDir"] = raw["spec"].pop("outputDir")
    assert causes(raw) == {
        "metadata.name": "FieldValueInvalid: 'Not_A_Label' is not a DNS label: at most 63 lower-case letters, "
        "digits and '-', beginning and ending with a letter or digit",
        "spec.trainSpec.trigger.condition.operator": "FieldValueInvalid: '><' is not an operator: "
        "use one of gt, >, ge, >=, eq, =, ==, ne, !=, le, <=, lt, <",
        "spec.trainSpec.template.spec.containers[0].resources.limits.memory": "FieldValueInvalid: '2Gx' has the "
        "unknown suffix 'Gx': the known ones are n, u, m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei",
        "spec.evalSpec.template.spec.containers[0].env[0].value": "FieldValueTypeInvalid: "
        "input should be a valid string, not 1",
        "spec.outputDir": "FieldValueRequired: is required",
        "spec.outpuDir": 'FieldValueUnknown: is not a known field, did you mean "outputDir"?',
    }


def test_an_unknown_field_is_an_error_a_warning_or_nothing() -> None:
    raw = dataset()
    raw["spec"]["colour"] = "red"
    assert "spec.colour" in causes(raw, "Strict")
    warned = validate(raw, strictness="Warn")
    assert warned.warnings == ('unknown field "spec.colour"',)
    assert "colour" not in warned.resource.dump()["spec"]
    assert validate(raw, strictness="Ignore").warnings == ()


def test_a_field_in_snake_case_is_unknown_not_silently_understood() -> None:
    raw = dataset()
    raw["spec"]["node_name"] = raw["spec"].pop("nodeName")
    assert set(causes(raw)) == {"spec.nodeName", "spec.node_name"}


@pytest.mark.parametrize(
    ("change", "field", "part"),
    [
        ({"trainProb": 1.5}, "spec.dataset.trainProb", "less than 1"),
        ({"trainProb": "0.8"}, "spec.dataset.trainProb", "valid number, not '0.8'"),
        ({"trainProb": float("nan")}, "spec.dataset.trainProb", "finite"),
        ({"name": "../etc"}, "spec.dataset.name", "DNS subdomain"),
    ],
)
def test_a_wrong_value_names_its_field(change: dict[str, Any], field: str, part: str) -> None:
    raw = job()
    raw["spec"]["dataset"].update(change)
    assert part in causes(raw)[field]


@pytest.mark.parametrize("path", ["output", "/output/../etc", "/out\0put", ""])
def test_an_output_folder_is_an_absolute_path_without_detours(path: str) -> None:
    raw = job()
    raw["spec"]["outputDir"] = path
    assert "spec.outputDir" in causes(raw)


def test_a_mount_without_its_volume_is_refused() -> None:
    raw = job()
    raw["spec"]["deploySpec"]["template"]["spec"]["containers"][0]["volumeMounts"] = [
        {"name": "he", "mountPath": "/he"}
    ]
    assert "volumes that are not there: he" in causes(raw)["spec.deploySpec.template.spec"]


def test_training_waits_for_samples_and_nothing_else() -> None:
    raw = job()
    raw["spec"]["trainSpec"]["trigger"]["condition"]["metric"] = "precision"
    assert "num_of_samples only" in causes(raw)["spec.trainSpec.trigger"]


@pytest.mark.parametrize("text", ["DirectoryorCreate", "directoryorcreate", "DIRECTORYORCREATE"])
def test_a_host_path_type_is_known_in_any_letter_case(text: str) -> None:
    raw = job()
    spec = raw["spec"]["deploySpec"]["template"]["spec"]
    spec["volumes"] = [{"name": "he", "hostPath": {"path": "/he", "type": text}}]
    validated = validate(raw)
    assert isinstance(validated.resource, IncrementalLearningJob)
    volume = validated.resource.spec.deploy_spec.template.spec.volumes[0]
    assert volume.host_path.type == "DirectoryOrCreate"
    assert validated.warnings == (f'hostPath type "{text}" is read as "DirectoryOrCreate"',)


def test_what_a_plain_host_cannot_do_is_a_warning_not_an_error() -> None:
    raw = job()
    raw["spec"]["trainSpec"]["template"]["spec"]["hostNetwork"] = True
    raw["spec"]["trainSpec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always"
    assert validate(raw).warnings == (
        "spec.trainSpec.template.spec.containers[0].imagePullPolicy: has no effect on a plain host",
        "spec.trainSpec.template.spec.hostNetwork: has no effect on a plain host",
    )


def test_half_a_surrogate_pair_is_refused() -> None:
    raw = dataset()
    raw["spec"]["url"] = "/data/\ud800"
    assert "surrogate" in causes(raw)[""]


@pytest.mark.parametrize(
    "raw", [{}, {"kind": 3}, {"kind": "Dataset"}, {"kind": "Dataset", "apiVersion": "sedna.io/v1alpha1"}]
)
def test_a_manifest_without_the_basics_says_what_is_missing(raw: dict[str, Any]) -> None:
    assert all("is required" in text for text in causes(raw).values())


def test_a_name_that_is_null_is_one_problem_not_two() -> None:
    raw = dataset()
    raw["metadata"]["name"] = None
    with pytest.raises(Invalid) as caught:
        validate(raw)
    assert len(caught.value.causes) == 1


@pytest.mark.parametrize("path", ["gs://bucket/out", "out", "file:///out", "s3://", "s3:///out", "https://host/out"])
def test_w28_an_output_that_is_neither_on_the_node_nor_on_s3_is_refused_not_never_started(path: str) -> None:
    raw = job()
    raw["spec"]["outputDir"] = path
    assert "absolute" in causes(raw)["spec.outputDir"]


@pytest.mark.parametrize("path", ["s3://bucket/../etc", "s3://bucket/a/../../b", "s3://bucket/a\0b"])
def test_an_output_on_s3_has_no_detours(path: str) -> None:
    raw = job()
    raw["spec"]["outputDir"] = path
    assert "may hold neither" in causes(raw)["spec.outputDir"]


@pytest.mark.parametrize("path", ["s3://bucket", "s3://bucket/", "s3://my-bucket.eu/jobs/helmets"])
def test_an_output_may_be_on_s3(path: str) -> None:
    raw = job()
    raw["spec"]["outputDir"] = path
    assert validate(raw).resource.dump()["spec"]["outputDir"] == path


@pytest.mark.parametrize(("kind", "version"), [("Pod", "v1"), ("Dataset", "v1"), ("dataset", "sedna.io/v1alpha1")])
def test_an_unknown_kind_lists_the_known_ones(kind: str, version: str) -> None:
    with pytest.raises(UnknownKind, match=r"sedna\.io/v1alpha1 Dataset, .*IncrementalLearningJob"):
        validate({"kind": kind, "apiVersion": version})


def test_a_stored_resource_of_a_newer_version_is_still_read() -> None:
    raw = dataset()
    raw["status"] = {"numberOfSamples": 3, "shoeSize": 44}
    assert parse(by_kind("Dataset").model, raw).dump()["status"] == {"numberOfSamples": 3}


def test_kinds_are_found_by_every_name_once() -> None:
    names = [name for kind in KINDS for name in (kind.plural, kind.singular, *kind.short_names)]
    assert len(names) == len(set(names))
    assert all(by_plural(kind.plural) is by_kind(kind.name, kind.api_version) is kind for kind in KINDS)


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_any_change_in_any_place_is_accepted_or_refused_with_causes(data: st.DataObject) -> None:
    raw = job()
    holder: Any = raw
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        key = data.draw(st.sampled_from(keys))
        if not isinstance(holder[key], (dict, list)) or not holder[key] or data.draw(st.booleans()):
            break
        holder = holder[key]
    holder[key] = data.draw(_anything)
    try:
        validated = validate(raw)
    except UnknownKind:
        return
    except Invalid as error:
        assert error.causes
        assert all(cause.message for cause in error.causes)
    else:
        assert validate(validated.resource.dump()).resource == validated.resource
