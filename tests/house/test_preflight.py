"""What a host is refused for, with made-up hosts: a sentence for each fault, all at once, none on a good host."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.house.project import ROOT

pytestmark = pytest.mark.skipif(sys.version_info < (3, 11), reason="ansible-core 2.19 wants Python 3.11")

WHEELHOUSE = {"path": "wheelhouses/3.11-x86_64.tar", "sha256": "0" * 64, "pip": "pip.whl"}
DEBIAN_12 = {
    "ansible_facts": {
        "distribution": "Debian",
        "distribution_version": "12.5",
        "distribution_major_version": "12",
        "service_mgr": "systemd",
        "systemd": {"version": 252},
    }
}
PROBED = {
    "python": "3.11",
    "machine": "x86_64",
    "root": True,
    "venv": True,
    "free_mb": 9000,
    "installed": False,
    "leftovers": [],
}

Problems = Callable[..., list[str]]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle for Debian 12."""
    (tmp_path / "wheelhouses").mkdir()
    (tmp_path / WHEELHOUSE["path"]).touch()
    record = {"release": "1.0-0123abcd", "sedna": "1.0", "wheelhouses": {"3.11-x86_64": WHEELHOUSE}}
    (tmp_path / "bundle.yml").write_text(yaml.safe_dump(record))
    return tmp_path


@cache
def load_filters() -> None:
    """Let Ansible find its filters, once in a process."""
    from ansible.plugins.loader import init_plugin_loader

    init_plugin_loader()


def evaluate(name: str, role: str, **variables: Any) -> Any:
    """The value of a role's variable, as Ansible finds it."""
    from ansible.parsing.dataloader import DataLoader
    from ansible.template import Templar, trust_as_template

    load_filters()
    loader = DataLoader()
    found: dict[str, Any] = {"role_path": str(ROOT / "roles" / role), "playbook_dir": str(ROOT / "playbooks")}
    for each in ("sedna_common", role):
        for file in ("defaults", "vars"):
            path = str(ROOT / "roles" / each / file / "main.yml")
            found |= loader.load_from_file(path, trusted_as_template=True)
    return Templar(loader, variables=found | variables).template(trust_as_template(f"{{{{ {name} }}}}"))


@pytest.fixture
def problems(bundle: Path) -> Problems:
    """Return what is wrong with a host: Debian 12, but for the facts, probed things and variables that are said."""

    def ask(facts: dict[str, Any] | None = None, probed: dict[str, Any] | None = None, **variables: Any) -> list[str]:
        said = {
            "ansible_facts": {**DEBIAN_12["ansible_facts"], **(facts or {})},
            "__sedna_common_probe": {"stdout": json.dumps({**PROBED, **(probed or {})})},
            "sedna_common_bundle_dir": str(bundle),
            **variables,
        }
        return list(evaluate("__sedna_common_problems", "sedna_common", **said))

    return ask


def gm_problems(**variables: Any) -> list[str]:
    """Return what is wrong with the GlobalManager's variables; names that Ansible alone knows are left out."""
    return list(evaluate("__sedna_gm_problems", "sedna_gm", __sedna_gm_unknown=[], **variables))


def test_a_good_host_is_refused_nothing(problems: Problems) -> None:
    assert problems() == []


@pytest.mark.parametrize(
    ("name", "version"), [("Ubuntu", "22.04"), ("Ubuntu", "24.04")], ids=["ubuntu-22.04", "ubuntu-24.04"]
)
def test_ubuntu_is_known_by_its_whole_version(problems: Problems, name: str, version: str) -> None:
    facts = {"distribution": name, "distribution_version": version, "distribution_major_version": version[:2]}
    assert problems(facts) == []


@pytest.mark.parametrize(
    ("name", "version"), [("Debian", "11"), ("Ubuntu", "20.04"), ("Fedora", "40")], ids=["debian", "ubuntu", "fedora"]
)
def test_another_system_is_refused_by_its_name(problems: Problems, name: str, version: str) -> None:
    facts = {"distribution": name, "distribution_version": version, "distribution_major_version": version[:2]}
    (said,) = problems(facts)
    assert said.startswith(f"{name} {version} is not supported")


@pytest.mark.parametrize(
    ("facts", "probed", "words"),
    [
        ({"service_mgr": "docker-init"}, {}, "PID 1 is docker-init and not systemd"),
        ({}, {"root": False}, "do not run as root"),
        ({}, {"venv": False}, "has no module venv"),
        ({}, {"free_mb": 100}, "Only 100 MB are free"),
        ({}, {"python": "3.9"}, "this host is 3.9-x86_64"),
        ({}, {"machine": "aarch64"}, "this host is 3.11-aarch64"),
    ],
    ids=["systemd", "root", "venv", "disk", "python", "machine"],
)
def test_what_a_host_lacks_is_said(problems: Problems, facts: Any, probed: Any, words: str) -> None:
    (said,) = problems(facts, probed)
    assert words in said


def test_a_full_disk_does_not_matter_where_the_release_is_installed(problems: Problems) -> None:
    assert problems({}, {"free_mb": 3, "installed": True}) == []


def test_a_missing_bundle_is_refused(problems: Problems, tmp_path: Path) -> None:
    (said,) = problems(sedna_common_bundle_dir=str(tmp_path / "elsewhere"))
    assert "There is no bundle in" in said


def test_a_bundle_that_lost_a_file_is_refused(problems: Problems, bundle: Path) -> None:
    (bundle / WHEELHOUSE["path"]).unlink()
    (said,) = problems()
    assert "is named by bundle.yml, but missing" in said


@pytest.mark.parametrize("number", [0, -1])
def test_keeping_no_release_is_refused(problems: Problems, number: int) -> None:
    (said,) = problems(sedna_common_keep_releases=number)
    assert "has to stay" in said


def test_all_that_is_wrong_is_said_at_once(problems: Problems) -> None:
    facts = {"distribution": "Ubuntu", "distribution_version": "20.04", "distribution_major_version": "20"}
    found = problems({**facts, "service_mgr": "init"}, {"python": "3.8", "free_mb": 1}, sedna_common_keep_releases=0)
    assert len(found) == 5


def test_the_gms_own_defaults_are_refused_nothing() -> None:
    assert gm_problems() == []
    assert gm_problems(sedna_gm_data_dir="/srv/sedna/") == []
    own = {"sedna_gm_listen": "127.0.0.1:9000", "sedna_gm_settings": {"auth": "none"}}
    assert gm_problems(sedna_gm_database="memory", sedna_gm_tls="none", **own) == []


@pytest.mark.parametrize("listen", ["0.0.0.0:9000", "10.0.0.1:9000", "[::]:9000", "gm.example:9000"])
def test_a_door_without_tls_or_without_authentication_stays_on_loopback(listen: str) -> None:
    (said,) = gm_problems(sedna_gm_tls="none", sedna_gm_listen=listen)
    assert "everybody on the way could read tokens" in said
    (said,) = gm_problems(sedna_gm_settings={"auth": "none"}, sedna_gm_listen=listen)
    assert "leave auth in sedna_gm_settings out" in said


@pytest.mark.parametrize("listen", ["127.0.0.1:9000", "[::1]:9000", "localhost:9000"])
def test_on_loopback_a_door_may_be_open(listen: str) -> None:
    assert gm_problems(sedna_gm_tls="none", sedna_gm_settings={"auth": "none"}, sedna_gm_listen=listen) == []


def test_a_database_that_forgets_its_tokens_would_let_nobody_in() -> None:
    (said,) = gm_problems(sedna_gm_database="memory")
    assert "keeps no tokens" in said


def test_certificates_that_are_to_be_brought_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "gm.crt").touch()
    (said,) = gm_problems(sedna_gm_tls="given", sedna_gm_tls_certificate=str(tmp_path / "gm.crt"))
    assert said.startswith("sedna_gm_tls_key has to name a file")


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, "https://127.0.0.1:9000"),
        ({"sedna_gm_listen": "10.0.0.1:9100"}, "https://10.0.0.1:9100"),
        ({"sedna_gm_listen": "[::]:9000"}, "https://[::1]:9000"),
        ({"sedna_gm_listen": "127.0.0.1:9000", "sedna_gm_tls": "none"}, "http://127.0.0.1:9000"),
        ({"sedna_gm_url": "https://gm.example:9000/"}, "https://gm.example:9000"),
    ],
    ids=["any", "one", "any of IPv6", "plain", "said"],
)
def test_the_gms_host_reaches_it_where_it_listens(variables: Any, url: str) -> None:
    assert evaluate("__sedna_gm_url", "sedna_gm", inventory_hostname="cloud", **variables) == url


def test_what_the_host_is_asked_by_is_a_name_of_its_certificate() -> None:
    said = {"inventory_hostname": "cloud", "ansible_host": "10.0.0.1", "sedna_gm_listen": "192.0.2.1:9000"}
    names = evaluate("__sedna_gm_tls_names", "sedna_gm", **said)
    assert names == ["cloud", "10.0.0.1", "localhost", "127.0.0.1", "192.0.2.1"]


def lc_problems(**variables: Any) -> list[str]:
    """Return what is wrong with a LocalController's variables; names that Ansible alone knows are left out."""
    said = {"inventory_hostname": "edge-1", "sedna_lc_gm": "https://gm.example:9000", **variables}
    return list(evaluate("__sedna_lc_problems", "sedna_lc", __sedna_lc_unknown=[], **said))


def test_an_lc_that_dials_by_tls_or_to_itself_is_refused_nothing() -> None:
    for url in ("https://gm.example:9000", "http://127.0.0.1:9000", "http://localhost:9000", "http://[::1]:9000"):
        assert lc_problems(sedna_lc_gm=url) == []


@pytest.mark.parametrize(
    ("listen", "token", "told"),
    [
        ("", "", None),
        ("127.0.0.1:9101", "", None),
        ("[::1]:9101", "", None),
        ("0.0.0.0:9101", "t", None),
        ("0.0.0.0:9101", "", "set sedna_lc_metrics_token"),
        ("", "t", "set sedna_lc_metrics_listen"),
    ],
)
def test_metrics_of_a_node_are_open_to_nobody_without_a_token(listen: str, token: str, told: str | None) -> None:
    found = lc_problems(sedna_lc_metrics_listen=listen, sedna_lc_metrics_token=token)
    assert (found == []) if told is None else (len(found) == 1 and told in found[0])


@pytest.mark.parametrize("url", ["http://gm.example:9000", "http://10.0.0.1:9000", "http://localhost.example:9000"])
def test_a_key_does_not_go_over_the_network_in_the_open(url: str) -> None:
    (said,) = lc_problems(sedna_lc_gm=url)
    assert "say https:// instead" in said


@pytest.mark.parametrize(
    ("status", "key", "must"),
    [
        *((status, "a", False) for status in (200, 404, 503, -1)),
        *((status, "a", True) for status in (401, 403)),
        *((status, "", True) for status in (401, -1)),
        (200, "", False),
    ],
)
def test_a_node_joins_when_its_key_is_not_believed_or_nobody_can_say_and_there_is_none(
    status: int, key: str, must: bool
) -> None:
    knocked = {"stdout": json.dumps({"status": status, "id": key})}
    assert evaluate("__sedna_lc_must_join", "sedna_lc", __sedna_lc_knocked=knocked) is must


@pytest.mark.parametrize("folder", ["/home/sedna", "/root/gm", "/tmp/gm", "/var/tmp/gm"])
def test_data_that_the_sandbox_hides_are_refused(folder: str) -> None:
    (said,) = gm_problems(sedna_gm_data_dir=folder)
    assert f"{folder} is in a folder that the sandbox" in said


@pytest.mark.parametrize(
    ("variables", "key"),
    [
        ({"sedna_gm_database": "sqlite:////srv/gm.db"}, "database"),
        ({"sedna_gm_database": "sqlite:////var/lib/sedna-gm-2/gm.db"}, "database"),
        ({"sedna_gm_database": "sqlite:////var/lib/sedna-gm/../gm.db"}, "database"),
        ({"sedna_gm_settings": {"artifacts": {"folder": "/srv/artifacts"}}}, "artifacts.folder"),
    ],
    ids=["database", "neighbour", "upwards", "artifacts"],
)
def test_data_outside_of_the_folder_that_the_gm_may_write_to_are_refused(variables: Any, key: str) -> None:
    (said,) = gm_problems(**variables)
    assert said.startswith(f"{key} of gm.yml is outside of /var/lib/sedna-gm")


def test_releases_that_run_are_found_by_their_interpreters(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("in_use", ROOT / "roles" / "sedna_common" / "files" / "in_use.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    commands = {
        "1": b"/sbin/init\0",
        "20": b"/opt/sedna/releases/1-a/bin/python\0/opt/sedna/current/bin/sedna-lc\0run\0",
        "21": b"/opt/sedna/releases/1-b/bin/python3.11\0-\0",
        "22": b"cat\0/opt/sedna/releases/1-c/bin/python\0",
        "23": b"",
    }
    for pid, command in commands.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cmdline").write_bytes(command)
    # One that ended between the listing and the reading.
    (tmp_path / "24").mkdir()
    (tmp_path / "self").mkdir()
    assert script.releases_in_use(str(tmp_path), "/opt/sedna/releases") == {"1-a", "1-b"}
