"""Real kubectl, unmodified, against the real service."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.gm.clients.edges import answering_node
from tests.gm.clients.servers import Kubectl, Server, printed
from tests.gm.http.doors import worker

pytestmark = pytest.mark.kubectl

QUICK_START = ("dataset.yaml", "initial-model.yaml", "deploy-model.yaml", "job.yaml")
JOB = "helmet-detection-demo"

MODEL = """
apiVersion: sedna.io/v1alpha1
kind: Model
metadata: {name: m}
spec: {url: /models/m, format: pb}
"""


def test_the_quick_starts_four_manifests_are_created_followed_and_deleted(kubectl: Kubectl, server: Server) -> None:
    for name in QUICK_START:
        done = kubectl.run("create", "-f", "-", stdin=printed(name))
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("created\n")
        assert ("DirectoryorCreate" in done.stderr) == (name == "job.yaml")
    kubectl("wait", "--for=jsonpath={.status.phase}=Waiting", "ilj", JOB, "--timeout=60s")
    header, row = kubectl("get", "incrementallearningjob", JOB).splitlines()
    assert header.split()[:3] == ["NAME", "STAGE", "PHASE"]
    assert row.split()[:3] == [JOB, "Train", "Waiting"]
    described = kubectl("describe", "ilj", JOB)
    assert "End:    20:00" in described
    assert "Message:" in described
    for name in reversed(QUICK_START):
        kubectl("delete", "-f", "-", stdin=printed(name))
    assert kubectl("get", "ds,md,ilj") == ""


def test_the_quick_starts_manifests_are_accepted_from_curl_too(server: Server, namespace: str) -> None:
    whole = "\n---\n".join(printed(name) for name in QUICK_START)
    answer = server.http.post(
        f"/manifests?namespace={namespace}", content=whole, headers={"Content-Type": "application/yaml"}
    )
    assert answer.status_code == 201, answer.text
    for plural, name in [("datasets", "dataset.yaml"), ("incrementallearningjobs", "job.yaml")]:
        server.http.delete(
            f"/apis/sedna.io/v1alpha1/namespaces/{namespace}/{plural}/{yaml.safe_load(printed(name))['metadata']['name']}"
        )
        again = server.http.post(
            f"/apis/sedna.io/v1alpha1/namespaces/{namespace}/{plural}",
            content=printed(name),
            headers={"Content-Type": "application/yaml"},
        )
        assert again.status_code in (201, 409), again.text


def test_apply_makes_changes_and_finds_nothing_to_do(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=MODEL).endswith("created\n")
    assert kubectl("apply", "-f", "-", stdin=MODEL).endswith("unchanged\n")
    assert kubectl("apply", "-f", "-", stdin=MODEL.replace("pb", "h5")).endswith("configured\n")
    assert kubectl("get", "md", "m", "-o", "jsonpath={.spec.format}") == "h5"
    removed = MODEL.replace(", format: pb", ", format: pb, credentialName: c")
    kubectl("apply", "-f", "-", stdin=removed)
    kubectl("apply", "-f", "-", stdin=MODEL)
    assert "credentialName" not in kubectl("get", "md", "m", "-o", "yaml")
    assert "nothing" not in kubectl("diff", "-f", "-", stdin=MODEL)


def test_the_quick_starts_job_applied_twice_is_unchanged_typo_included(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=printed("job.yaml")).endswith("created\n")
    kubectl("wait", "--for=jsonpath={.status.phase}=Waiting", "ilj", JOB, "--timeout=60s")
    assert kubectl("apply", "-f", "-", stdin=printed("job.yaml")).endswith("unchanged\n")


def test_get_in_every_form(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=MODEL)
    assert kubectl("get", "md").split()[:2] == ["NAME", "FORMAT"]
    assert "/models/m" in kubectl("get", "models.sedna.io", "m", "-o", "wide")
    assert yaml.safe_load(kubectl("get", "model", "m", "-o", "yaml"))["spec"] == {"url": "/models/m", "format": "pb"}
    assert json.loads(kubectl("get", "md", "-o", "json"))["items"][0]["metadata"]["name"] == "m"
    assert kubectl("get", "md", "-o", "name") == "model.sedna.io/m\n"
    assert kubectl.namespace in kubectl("get", "md", "-A")
    assert "m " in kubectl("get", "sedna")
    assert kubectl("get", "md", "--sort-by=.metadata.name", "-l", "!x", "--field-selector", "metadata.name=m")
    assert kubectl("get", "md", "-l", "x=y") == ""
    assert kubectl("get", "--raw", "/healthz") == "ok\n"
    assert "not found" in kubectl.fails("get", "md", "nobody")
    assert "doesn't have a resource type" in kubectl.fails("get", "nothings")


def test_get_w_shows_each_change_as_a_row(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=MODEL)
    watching = kubectl.start("get", "md", "-w")
    assert watching.stdout is not None
    try:
        assert watching.stdout.readline().startswith("NAME")
        assert watching.stdout.readline().split()[:2] == ["m", "pb"]
        kubectl("patch", "md", "m", "--type=merge", "-p", '{"spec": {"format": "h5"}}')
        assert watching.stdout.readline().split()[:2] == ["m", "h5"]
        kubectl("delete", "md", "m")
        assert watching.stdout.readline().split()[:2] == ["m", "h5"]
    finally:
        watching.terminate()
        watching.wait(30)
        watching.stdout.close()


def test_edit_patch_replace_label_and_annotate(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=MODEL)
    assert kubectl("edit", "md", "m", KUBE_EDITOR="sed -i 's/format: pb/format: onnx/'").endswith("edited\n")
    assert kubectl("get", "md", "m", "-o", "jsonpath={.spec.format}") == "onnx"
    kubectl("patch", "md", "m", "--type=json", "-p", '[{"op": "replace", "path": "/spec/format", "value": "h5"}]')
    refused = kubectl.fails("patch", "md", "m", "-p", '{"spec": {"format": "x"}}')
    assert "merge-patch" in refused
    kubectl("label", "md", "m", "colour=red")
    kubectl("annotate", "md", "m", "note=a sentence")
    assert "colour=red" in kubectl("get", "md", "m", "--show-labels")
    assert kubectl("label", "md", "m", "colour-").endswith("unlabeled\n")
    kubectl("replace", "-f", "-", stdin=MODEL.replace("pb", "ckpt"))
    assert kubectl("get", "md", "m", "-o", "jsonpath={.spec.format}") == "ckpt"
    kubectl("replace", "--force", "-f", "-", stdin=MODEL)
    kubectl("patch", "md", "m", "--subresource=status", "--type=merge", "-p", '{"status": {"metrics": []}}')
    assert kubectl("get", "md", "m", "-o", "jsonpath={.metadata.generation}") == "1"


def test_wait_sees_conditions_and_deletions(kubectl: Kubectl, server: Server) -> None:
    held = MODEL.replace("{name: m}", "{name: m, finalizers: [test/hold]}")
    kubectl("create", "-f", "-", stdin=held)
    waiting = kubectl.start("wait", "--for=jsonpath={.spec.format}=h5", "md/m", "--timeout=60s")
    kubectl("patch", "md", "m", "--type=merge", "-p", '{"spec": {"format": "h5"}}')
    output, _ = waiting.communicate(timeout=60)
    assert "condition met" in output
    deleting = kubectl.start("delete", "md", "m")
    path = f"/apis/sedna.io/v1alpha1/namespaces/{kubectl.namespace}/models"
    server.until(path, lambda model: "deletionTimestamp" in model["metadata"])
    gone = kubectl.start("wait", "--for=delete", "md/m", "--timeout=60s")
    kubectl("patch", "md", "m", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
    for process in (deleting, gone):
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_describe_shows_events_as_sentences(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=MODEL)
    uid = kubectl("get", "md", "m", "-o", "jsonpath={.metadata.uid}")
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "m.1", "namespace": kubectl.namespace},
        "involvedObject": {
            "apiVersion": "sedna.io/v1alpha1",
            "kind": "Model",
            "name": "m",
            "namespace": kubectl.namespace,
            "uid": uid,
        },
        "type": "Normal",
        "reason": "Deployed",
        "message": "The model of round 3 is served.",
        "source": {"component": "sedna-gm"},
        "count": 2,
        "firstTimestamp": "2026-11-22T14:00:00Z",
        "lastTimestamp": "2026-11-22T14:00:00.250000Z",
    }
    kubectl("create", "-f", "-", stdin=json.dumps(event))
    assert kubectl("describe", "md", "m").rstrip().endswith("The model of round 3 is served.")
    assert "model/m" in kubectl("get", "events")
    assert "Deployed" in kubectl("events", "--for", "model/m")


def test_explain_and_api_resources_and_version(kubectl: Kubectl) -> None:
    assert "trigger" in kubectl("explain", "ilj.spec.trainSpec")
    assert "VERSION:    v1alpha1" in kubectl("explain", "dataset", "--recursive")
    assert "incrementallearningjobs" in kubectl("api-resources", "--api-group=sedna.io", "-o", "wide")
    assert "sedna.io/v1alpha1" in kubectl("api-versions")
    assert "+sedna-" in kubectl("version")


def test_artifacts_are_shown_and_explained_and_waited_for(kubectl: Kubectl) -> None:
    job = {"kind": "Test", "name": "j", "uid": "u"}
    spec = {"nodeName": "cloud", "job": job, "model": {"name": "m", "url": "/out/1/m.pb"}}
    manifest = {"apiVersion": "sedna.io/v1alpha1", "kind": "Artifact", "metadata": {"name": "j-model-1"}, "spec": spec}
    kubectl("create", "-f", "-", stdin=json.dumps(manifest))
    waiting = kubectl.start("wait", "--for=jsonpath={.status.phase}=Ready", "art/j-model-1", "--timeout=60s")
    status = {"phase": "Ready", "sizeBytes": 40_000_000, "sentBytes": 40_000_000, "tree": "a" * 64}
    kubectl(
        "patch", "artifact", "j-model-1", "--subresource=status", "--type=merge", "-p", json.dumps({"status": status})
    )
    assert "condition met" in waiting.communicate(timeout=60)[0]
    header, row = kubectl("get", "artifacts").splitlines()
    assert header.split() == ["NAME", "NODE", "WHAT", "PHASE", "SIZE", "SENT", "AGE"]
    assert row.split()[:9] == ["j-model-1", "cloud", "model", "m", "Ready", "40", "MB", "40", "MB"]
    assert "artifacts" in kubectl("api-resources", "--api-group=sedna.io")
    assert "nodeName" in kubectl("explain", "artifact.spec")
    assert "address of the whole content" in kubectl("explain", "artifact.status.tree")
    assert "Tree:" in kubectl("describe", "art", "j-model-1")


def test_what_is_wrong_is_said_so_that_one_can_mend_it(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=MODEL)
    assert "AlreadyExists" in kubectl.fails("create", "-f", "-", stdin=MODEL)
    assert "spec.colour" in kubectl.fails("create", "-f", "-", stdin=MODEL.replace("format", "colour: red, format"))
    warned = kubectl.run(
        "create",
        "-f",
        "-",
        "--validate=warn",
        stdin=MODEL.replace("{name: m}", "{name: other}").replace("pb", "pb, x: 1"),
    )
    assert (warned.returncode, 'unknown field "spec.x"' in warned.stderr) == (0, True), warned.stderr
    job = printed("job.yaml").replace('operator: ">"', 'operator: "=>"').replace("memory: 2Gi", "memory: 2Gigs")
    refused = kubectl.fails("create", "-f", "-", stdin=job)
    assert "spec.trainSpec.trigger.condition.operator" in refused
    assert "2Gigs" in refused
    assert "no matches for kind" in kubectl.fails(
        "create", "-f", "-", stdin=MODEL.replace("kind: Model", "kind: Modell")
    )
    assert "--server-side" in kubectl.fails("apply", "--server-side", "-f", "-", stdin=MODEL)
    assert kubectl("create", "--dry-run=server", "-f", "-", stdin=MODEL.replace("{name: m}", "{name: o}"))
    assert "o" not in kubectl("get", "md", "-o", "name").replace("model", "").split("/")


def test_many_are_listed_in_pages_and_deleted_together(kubectl: Kubectl, tmp_path: Path) -> None:
    many = "---".join(MODEL.replace("{name: m}", f"{{name: m{number}, labels: {{a: b}}}}") for number in range(7))
    kubectl("create", "-f", "-", stdin=many)
    assert len(kubectl("get", "md", "--chunk-size=3", "-o", "name").splitlines()) == 7
    assert len(kubectl("delete", "md", "-l", "a=b").splitlines()) == 7


def test_namespaces_need_not_be_made(kubectl: Kubectl) -> None:
    assert kubectl("get", "ns", "anything", "-o", "jsonpath={.status.phase}") == "Active"


def test_logs_come_from_the_workers_node_line_by_line(kubectl: Kubectl, server: Server, namespace: str) -> None:
    base = "/apis/sedna.io/v1alpha1"
    manifest = worker("w", f"node-of-{namespace}")
    # Of no kind of job that a controller knows, since that one would take a worker of nobody away.
    manifest["spec"]["job"]["kind"] = "Test"
    made = server.http.post(f"{base}/namespaces/{namespace}/workers", json=manifest)
    assert made.status_code == 201, made.text
    with answering_node(server, f"node-of-{namespace}") as say:
        following = kubectl.start("logs", "-f", "--tail=5", "w")
        assert following.stdout is not None
        for line in ("first\n", "second\n"):
            say(line)
            # Only when each line comes before the next one is said, nothing on the way has kept it back.
            assert following.stdout.readline() == line
        say("")
        assert following.wait(60) == 0
        following.stdout.close()
