"""The `kubernetes` package from PyPI: an independent reading of the same conventions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, dynamic, watch

from tests.gm.clients.servers import Server, printed

WHERE = {"group": "sedna.io", "version": "v1alpha1"}
MODEL: dict[str, Any] = {
    "apiVersion": "sedna.io/v1alpha1",
    "kind": "Model",
    "metadata": {"name": "m", "labels": {"colour": "red"}},
    "spec": {"url": "/models/m", "format": "pb"},
}


@pytest.fixture
def api(server: Server) -> Iterator[client.ApiClient]:
    configuration = client.Configuration(host=server.url)
    with client.ApiClient(configuration) as api:
        yield api


@pytest.fixture
def objects(api: client.ApiClient) -> client.CustomObjectsApi:
    return client.CustomObjectsApi(api)


def load(name: str) -> Any:
    # As a user would, by YAML 1.1, in which the quick start's `end: 20:00` is a number: quoted here.
    return yaml.safe_load(printed(name).replace("20:00", '"20:00"'))


def test_the_quick_starts_manifests_are_custom_objects(objects: client.CustomObjectsApi, namespace: str) -> None:
    for name, plural in [
        ("dataset.yaml", "datasets"),
        ("initial-model.yaml", "models"),
        ("deploy-model.yaml", "models"),
        ("job.yaml", "incrementallearningjobs"),
    ]:
        objects.create_namespaced_custom_object(**WHERE, namespace=namespace, plural=plural, body=load(name))
    here = {**WHERE, "namespace": namespace, "plural": "incrementallearningjobs"}
    for event in watch.Watch().stream(objects.list_namespaced_custom_object, **here, timeout_seconds=60):
        if event["object"].get("status", {}).get("phase") == "Waiting":
            break
    else:
        pytest.fail("the job was never taken up")
    objects.delete_namespaced_custom_object(**here, name="helmet-detection-demo")


def test_custom_objects_from_birth_to_death(objects: client.CustomObjectsApi, namespace: str) -> None:
    here = {**WHERE, "namespace": namespace, "plural": "models"}
    made = objects.create_namespaced_custom_object(**here, body=MODEL)
    assert objects.get_namespaced_custom_object(**here, name="m") == made
    assert objects.list_namespaced_custom_object(**here, label_selector="colour=red")["items"] == [made]
    patch = {"spec": {"format": "h5"}}
    patched = objects.patch_namespaced_custom_object(
        **here, name="m", body=patch, _content_type="application/merge-patch+json"
    )
    assert patched["spec"]["format"] == "h5"
    steps = [
        {"op": "test", "path": "/spec/format", "value": "h5"},
        {"op": "replace", "path": "/spec/url", "value": "/x"},
    ]
    stepped = objects.patch_namespaced_custom_object(
        **here, name="m", body=steps, _content_type="application/json-patch+json"
    )
    assert stepped["spec"]["url"] == "/x"
    with pytest.raises(client.ApiException) as conflict:
        objects.replace_namespaced_custom_object(**here, name="m", body=made)
    assert conflict.value.status == 409
    status = {"status": {"metrics": [{"key": "precision", "value": "0.5"}]}}
    objects.patch_namespaced_custom_object_status(
        **here, name="m", body=status, _content_type="application/merge-patch+json"
    )
    assert objects.get_namespaced_custom_object_status(**here, name="m")["status"] == status["status"]
    assert objects.list_cluster_custom_object(**WHERE, plural="models", field_selector="metadata.name=m")["items"]
    deleted = objects.delete_namespaced_custom_object(**here, name="m", body=client.V1DeleteOptions())
    assert deleted["status"] == "Success"
    with pytest.raises(client.ApiException) as gone:
        objects.get_namespaced_custom_object(**here, name="m")
    assert gone.value.status == 404


def test_a_watch_goes_on_where_the_list_ended(objects: client.CustomObjectsApi, namespace: str) -> None:
    here = {**WHERE, "namespace": namespace, "plural": "models"}
    objects.create_namespaced_custom_object(**here, body=MODEL)
    version = objects.list_namespaced_custom_object(**here)["metadata"]["resourceVersion"]
    objects.create_namespaced_custom_object(**here, body={**MODEL, "metadata": {"name": "n"}})
    objects.delete_namespaced_custom_object(**here, name="m")
    seen = []
    watcher = watch.Watch()
    for event in watcher.stream(
        objects.list_namespaced_custom_object, **here, resource_version=version, timeout_seconds=60
    ):
        seen.append((event["type"], event["object"]["metadata"]["name"]))
        if len(seen) == 2:
            watcher.stop()
    assert seen == [("ADDED", "n"), ("DELETED", "m")]


def test_the_dynamic_client_finds_its_way_by_discovery(api: client.ApiClient, namespace: str, tmp_path: Path) -> None:
    found = dynamic.DynamicClient(api, cache_file=str(tmp_path / "discovery")).resources
    models = found.get(api_version="sedna.io/v1alpha1", kind="Model")
    made = models.create(namespace=namespace, body=MODEL)
    assert made.metadata.resourceVersion
    assert models.get(namespace=namespace, name="m").spec.format == "pb"
    patch = {"spec": {"format": "h5"}}
    models.patch(namespace=namespace, name="m", body=patch, content_type="application/merge-patch+json")
    assert [item.spec.format for item in models.get(namespace=namespace).items] == ["h5"]
    models.delete(namespace=namespace, name="m")
    jobs = found.get(api_version="sedna.io/v1alpha1", kind="IncrementalLearningJob")
    assert (jobs.name, jobs.short_names) == ("incrementallearningjobs", ["ilj", "il"])


def test_the_core_client_reads_namespaces_events_and_pods(api: client.ApiClient, namespace: str) -> None:
    core = client.CoreV1Api(api)
    assert core.read_namespace(namespace).status.phase == "Active"
    assert core.list_namespaced_event(namespace).items == []
    assert core.list_namespaced_pod(namespace).items == []
    assert client.VersionApi(api).get_code().major == "1"
    made = core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=namespace)))
    assert made.metadata.name == namespace


def test_paging_and_mass_deletion(objects: client.CustomObjectsApi, namespace: str) -> None:
    here = {**WHERE, "namespace": namespace, "plural": "models"}
    for number in range(5):
        objects.create_namespaced_custom_object(**here, body={**MODEL, "metadata": {"name": f"m{number}"}})
    names: list[str] = []
    token: str | None = None
    while True:
        following = {"_continue": token} if token else {}
        page = objects.list_namespaced_custom_object(**here, limit=2, **following)
        names += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue")
        if not token:
            break
    assert names == [f"m{number}" for number in range(5)]
    objects.delete_collection_namespaced_custom_object(**here)
    assert objects.list_namespaced_custom_object(**here)["items"] == []
