"""Who gets in on real hosts, and who does not: people, nodes, thieves. And that nothing secret is left lying about."""

from __future__ import annotations

import json
import re
import ssl

import httpx
import pytest

from tests.hosts.clouds import Cloud, node_of, settings_of
from tests.hosts.digits import Digits
from tests.hosts.labs import Lab
from tests.hosts.machines import Machine
from tests.hosts.proofs import KUBECONFIG, proof_in
from tests.hosts.test_operators import SERVING, life_of, submit
from tests.hosts.waiting import wait_until

API = "/apis/sedna.io/v1alpha1"
# An id and a secret, as tokens of people, join tokens and node keys are.
TOKEN = re.compile(r"\b[a-z0-9]{8,32}\.([A-Za-z0-9_-]{43})\b")


def answer(host: Machine, path: str, *, method: str = "GET", body: str = "", token: str = "") -> tuple[int, str]:
    """Ask as whoever is in the network of a host, and believes whom the host believes; return status and body."""
    trust = ssl.create_default_context(cadata=host.read("/etc/sedna/ca.crt"))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if body:
        headers["Content-Type"] = "application/merge-patch+json" if method == "PATCH" else "application/yaml"
    url = f"{settings_of(host)['gm']}{path}"
    with httpx.Client(verify=trust, trust_env=False, timeout=30) as client:
        given = client.request(method, url, headers=headers, content=body or None)
    return given.status_code, given.text


def key_of(host: Machine) -> str:
    """The key by which the GlobalManager knows a host; only its root can read it."""
    path = f"{settings_of(host)['stateDir']}/node-key.json"
    assert host.run("stat", "--format=%a %U", path).split() == ["600", "root"]
    return str(json.loads(host.read(path))["current"])


@pytest.mark.kubectl
def test_kubectl_works_at_once_and_nobody_else_gets_an_answer(lab: Lab, cloud: Cloud) -> None:
    edge = lab["edge1"]
    # Exactly what the documentation prints.
    shown = cloud.host.run("env", f"KUBECONFIG={KUBECONFIG}", "kubectl", "get", "nodes")
    assert all(name in shown for name in cloud.nodes)
    assert answer(edge, "/readyz")[0] == 200
    for path in (f"{API}/nodes", f"{API}/namespaces/default/models", "/version", "/openapi/v3", "/manifests"):
        status, body = answer(edge, path)
        assert status == 401, path
        assert json.loads(body)["kind"] == "Status", path
    assert answer(edge, "/manifests", method="POST", body="kind: Model")[0] == 401
    assert answer(edge, f"{API}/nodes", token=f"{'a' * 12}.{'b' * 43}")[0] == 401
    # Without the authority nobody believes it, and without TLS it tells nothing.
    url = str(settings_of(edge)["gm"])
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{url}/readyz", trust_env=False)
    assert httpx.get(f"{url.replace('https', 'http')}/readyz", trust_env=False).status_code == 400


def test_a_stolen_node_key_opens_that_nodes_things_and_no_others(example: Digits, lab: Lab) -> None:
    edge, other = example.edge, lab["edge2"]
    submit(example)
    stolen = key_of(other)
    mine, theirs = node_of(other), node_of(edge)
    assert answer(other, f"{API}/nodes/{mine}", token=stolen)[0] == 200
    assert answer(other, f"{API}/workers?fieldSelector=spec.nodeName%3D{mine}", token=stolen)[0] == 200
    job = f"{API}/namespaces/default/incrementallearningjobs/digits"
    worker = f"{API}/namespaces/default/workers/digits-inference"
    for method, path, body in (
        ("GET", f"{API}/workers", ""),
        ("GET", f"{API}/workers?fieldSelector=spec.nodeName%3D{theirs}", ""),
        ("GET", worker, ""),
        ("GET", f"{worker}/log", ""),
        ("GET", job, ""),
        ("GET", f"{API}/namespaces/default/models", ""),
        ("GET", f"{API}/nodes/{theirs}", ""),
        ("PATCH", f"{API}/nodes/{theirs}/status", '{"status": {"images": []}}'),
        ("PATCH", f"{worker}/status", '{"status": {"phase": "Failed"}}'),
        ("DELETE", job, ""),
        ("POST", "/manifests", "apiVersion: sedna.io/v1alpha1\nkind: Model\nmetadata: {name: mine}\nspec: {}\n"),
    ):
        status, said = answer(other, path, method=method, body=body, token=stolen)
        assert status == 403, (method, path, said)
        assert mine in json.loads(said)["message"], "it names who asked"
    serving = example.cloud.get("Worker", "digits-inference")["status"]["phase"]
    assert serving == "Running"


def test_a_node_whose_key_is_revoked_is_let_in_again_as_its_log_says(example: Digits) -> None:
    cloud, edge = example.cloud, example.edge
    submit(example)
    before, serves = key_of(edge), life_of(edge, SERVING)
    cloud.host.run("sedna-gm", "token", "revoke", "--node", node_of(edge))
    status = lambda: edge.show("sedna-lc", "StatusText")["StatusText"]  # noqa: E731
    told = wait_until("the node says what to do", status, lambda it: "sedna-gm token create --node" in it, seconds=90)
    assert life_of(edge, SERVING) == serves, "workers go on meanwhile"
    found = re.search(r"sedna-gm (token create --node \S+?)`?,? and lay it here as ([^\s;]+)", told)
    assert found, told
    token = cloud.host.run("sedna-gm", *found[1].split()).strip()
    edge.shell(f"umask 077; cat > {found[2]} <<'end'\n{token}\nend")
    wait_until("it has another key", lambda: key_of(edge), lambda it: it not in (before, "None"), seconds=60)
    wait_until("the token is used up", lambda: edge.completed("test", "-e", found[2]).returncode, seconds=60)
    cloud.until_nodes_ready()
    assert life_of(edge, SERVING) == serves


def test_certificates_are_renewed_by_the_timer_and_loaded_without_a_restart(lab: Lab, cloud: Cloud) -> None:
    host = cloud.host
    before = life_of(host, "sedna-gm.service")
    assert "sedna-gm-certificates.service" in host.systemctl("list-timers", "--no-legend", "sedna-*")
    served = presented(host)
    # A key that is lost has to be replaced like one that is old.
    host.shell("rm /etc/sedna/tls/current/gm.key")
    host.systemctl("start", "sedna-gm-certificates.service")
    wait_until("another certificate is served", lambda: presented(host), lambda it: it not in ("", served), seconds=60)
    assert life_of(host, "sedna-gm.service") == before
    assert answer(lab["edge1"], "/readyz")[0] == 200
    done = host.completed(
        "systemd-analyze", "security", "--threshold=30", "--no-pager", "sedna-gm-certificates.service"
    )
    assert done.returncode == 0, done.stdout


def presented(host: Machine) -> str:
    """The certificate that a client is shown."""
    script = "import ssl, sys; print(ssl.get_server_certificate((sys.argv[1], 9000)))"
    return host.run("python3", "-c", script, host.address, check=False)


def test_no_secret_is_in_argv_environment_journal_properties_or_the_audit_log(example: Digits, lab: Lab) -> None:
    cloud = example.cloud
    submit(example)
    secrets = secrets_of(lab, cloud)
    assert any(name.startswith("worker's token on edge1") for name in secrets)
    for host in lab.machines.values():
        places = {
            "argv and environment": host.shell(
                "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n' || true"
            ),
            "properties": host.systemctl("show", "--all", "sedna-*"),
            "journal": host.journal(),
            "settings": host.shell("cat /etc/sedna/*.yml /etc/systemd/system/sedna-*.service"),
        }
        if host is cloud.host:
            places["audit log"] = host.read("/var/lib/sedna-gm/audit.log")
            assert '"verb"' in places["audit log"]
        for place, text in places.items():
            assert not [name for name, secret in secrets.items() if secret in text], f"{place} of {host.name}"
            # Join tokens are used up and forgotten by now; their kind must not be there either.
            assert not TOKEN.findall(text), f"{place} of {host.name}"


def secrets_of(lab: Lab, cloud: Cloud) -> dict[str, str]:
    """What must be nowhere: the secret halves of all tokens, and the keys, each by where it lies."""
    found = {}
    for host in lab.machines.values():
        state = settings_of(host)["stateDir"]
        found[f"node key of {host.name}"] = key_of(host).partition(".")[2]
        # Both are made for the first worker of a host.
        spelled = f"base64 --wrap=0 {state}/door-key; echo; od -An -v -tx1 {state}/door-key | tr -d ' \\n'"
        door = host.shell(f"if test -e {state}/door-key; then {spelled}; fi")
        found |= {f"door key of {host.name}, {number}": text for number, text in enumerate(door.split())}
        handed = host.shell(f"if test -e {state}/tokens; then cat {state}/tokens/*/*; fi").split()
        found |= {f"worker's token on {host.name}, {number}": text for number, text in enumerate(handed)}
    found["administrator's token"] = proof_in(cloud.kubeconfig()).token.partition(".")[2]
    for name in ("ca.key", "gm.key"):
        found[name] = cloud.host.read(f"/etc/sedna/tls/{name}").splitlines()[1]
    return found
