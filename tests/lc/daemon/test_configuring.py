"""Settings are read once and whole; every problem names file and key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from sedna.daemons.configuring import split_address
from sedna_lc.daemon.choosing import choose
from sedna_lc.daemon.configuring import load
from sedna_lc.daemon.describing import describer, host_timezone
from sedna_lc.daemon.main import main
from sedna_lc.errors import SettingsInvalid
from sedna_lc.settings import DEFAULT_HOST_PATHS, PathRule, Settings

MINIMUM = "nodeName: edge\ngm: http://gm:9000\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lc.yml"
    path.write_text(MINIMUM)
    return path


def test_the_least_that_must_be_said(file: Path) -> None:
    assert load(file) == Settings(node_name="edge", gm="http://gm:9000")


def test_everything_that_can_be_said(file: Path) -> None:
    file.write_text(
        MINIMUM
        + "labels: {zone: a}\nlisten: '[::1]:9101'\nstateDir: /s\nimagesDir: /i\nrunner: systemd\n"
        + "credentialsDir: /c\nhostPaths: [{name: data, path: /data}, {name: tapes, path: /t, readOnly: true}]\n"
        + "stopWorkersOnExit: true\ntimezone: Europe/Berlin\nheartbeatSeconds: 5\nsafetyPollSeconds: 1.5\n"
        + "logLevel: DEBUG\nsystemd: {user: nobody, sandbox: false}\n"
    )
    settings = load(file)
    assert (settings.labels, settings.listen, settings.runner) == ({"zone": "a"}, "[::1]:9101", "systemd")
    assert settings.credentials_dir == "/c"
    assert settings.host_paths == (PathRule("data", "/data"), PathRule("tapes", "/t", read_only=True))
    assert (settings.systemd.user, settings.systemd.sandbox, settings.safety_poll_seconds) == ("nobody", False, 1.5)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("nodename: x", "nodename: is not a setting; did you mean nodeName?"),
        ("colour: x", "colour: is not a setting; known are"),
        ("labels: [a]", "labels: a mapping of texts was expected"),
        ("labels: {a: 1}", "labels: a mapping of texts was expected"),
        ("labels: {'a b': c}", "labels.a b:"),
        ("runner: docker", "runner: 'docker' is not one of auto, process, systemd"),
        ("stopWorkersOnExit: 1", "stopWorkersOnExit: true or false was expected"),
        ("metrics: {listen: 0.0.0.0:9101}", "metrics.tokenFile: is missing"),
        ("metrics: {listen: '9101'}", "metrics.listen: "),
        ("metrics: {tokenFile: /t}", "metrics.listen: is missing"),
        ("metrics: {listen: 127.0.0.1:9101, tokenFile: t}", "metrics.tokenFile: 't' is not an absolute path"),
        ("heartbeatSeconds: 0", "heartbeatSeconds: a number above 0"),
        ("heartbeatSeconds: true", "heartbeatSeconds: a number was expected"),
        ("timezone: Mars/Olympus", "timezone: 'Mars/Olympus' is not a zone"),
        ("stateDir: relative", "stateDir: 'relative' is not an absolute path"),
        ("credentialsDir: relative", "credentialsDir: 'relative' is not an absolute path"),
        ("hostPaths: /data", "hostPaths: a list was expected, not '/data'"),
        ("hostPaths: {data: /data}", "hostPaths: a list was expected, not {"),
        ("hostPaths: [/data]", "hostPaths[0]: a mapping was expected, not '/data'"),
        ("hostPaths: [{name: data}]", "hostPaths[0].path: is missing"),
        ("hostPaths: [{name: d, path: /d, readonly: true}]", "hostPaths[0].readonly: is not a setting; did you mean"),
        ("hostPaths: [{name: d, path: /d, readOnly: 1}]", "hostPaths[0].readOnly: true or false was expected"),
        ("hostPaths: [{name: The Data, path: /d}]", "hostPaths[0].name: 'The Data' is not a DNS label"),
        ("hostPaths: [{name: d, path: data}]", "hostPaths[0].path: 'data' is not absolute"),
        ("hostPaths: [{name: d, path: /srv/../etc}]", "hostPaths[0].path: '/srv/../etc' may hold neither '..'"),
        ("hostPaths: [{name: d, path: /a}, {name: d, path: /b}]", "hostPaths[1].name: there is an earlier rule d"),
        ("hostPaths: [{name: a, path: /d}, {name: b, path: /d/}]", "hostPaths[1].path: /d is the path of rule a"),
        ("listen: 9100", "listen: a text was expected"),
        ("listen: localhost", "listen: 'localhost' is not HOST:PORT"),
        ("systemd: yes", "systemd: a mapping was expected"),
        ("systemd: {user: nobody-here}", "systemd.user: there is no user nobody-here on this host"),
        ("systemd: {users: x}", "systemd.users: is not a setting; did you mean user?"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_key(file: Path, line: str, told: str) -> None:
    file.write_text(f"{MINIMUM}{line}\n")
    with pytest.raises(SettingsInvalid) as caught:
        load(file)
    assert f"{file}: {told}" in str(caught.value)


@pytest.mark.parametrize("listen", ["0.0.0.0:9100", "192.0.2.1:9100", "[::]:9100", "edge.example:9100"])
def test_w101_the_door_opens_on_loopback_only(file: Path, listen: str) -> None:
    file.write_text(f"{MINIMUM}listen: '{listen}'\n")
    with pytest.raises(SettingsInvalid, match="is not an address on loopback"):
        load(file)


@pytest.mark.parametrize("gm", ["http://128.0.1:0no]d", "http://gm:nine", "http://gm:0", "https://", "gm:9000"])
def test_an_address_of_the_gm_that_is_none_is_told(file: Path, gm: str) -> None:
    file.write_text(f"nodeName: edge\ngm: '{gm}'\n")
    with pytest.raises(SettingsInvalid, match=r"gm: .* is not a URL such as"):
        load(file)


def test_all_problems_are_said_at_once(file: Path) -> None:
    file.write_text("gm: ftp://x\ncolour: x\nrunner: y\n")
    with pytest.raises(SettingsInvalid) as caught:
        load(file)
    assert len(str(caught.value).splitlines()) == 3
    file.write_text("nodeName: 'A B'\ngm: nowhere\nlisten: x\n")
    with pytest.raises(SettingsInvalid) as caught:
        load(file)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("content", "told"),
    [("a: [", "is not YAML"), ("- a", "one mapping"), ("a: 1\na: 2", "is not YAML"), ("", "nodeName: is missing")],
)
def test_what_is_no_configuration_is_said(file: Path, content: str, told: str) -> None:
    file.write_text(content)
    with pytest.raises(SettingsInvalid, match=told):
        load(file)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="cannot be read: No such file"):
        load(tmp_path / "nothing.yml")


def test_check_config_says_yes_or_why_not(file: Path) -> None:
    good = CliRunner().invoke(main, ["check-config", "--config", str(file)])
    assert (good.exit_code, good.output) == (0, f"{file}: OK\n")
    file.write_text("nodeName: edge\n")
    bad = CliRunner().invoke(main, ["check-config", "--config", str(file)])
    assert (bad.exit_code, bad.output) == (78, f"Error: {file}: gm: is missing\n")


def test_the_default_rules_could_stand_in_the_file(file: Path) -> None:
    rules = [{"name": rule.name, "path": rule.path} for rule in DEFAULT_HOST_PATHS]
    file.write_text(f"{MINIMUM}hostPaths: {json.dumps(rules)}\n")
    assert load(file).host_paths == DEFAULT_HOST_PATHS


def test_no_path_at_all_may_be_open(file: Path) -> None:
    file.write_text(f"{MINIMUM}hostPaths: []\n")
    assert load(file).host_paths == ()


@pytest.mark.parametrize("listen", ["127.0.0.1", ":9100", "h:", "h:x", "h:99999"])
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        split_address(listen)


def test_auto_means_systemd_only_where_it_is_and_we_may(tmp_path: Path) -> None:
    auto = Settings(node_name="e", gm="http://g")
    assert choose(auto, tmp_path, user=0) == "systemd"
    assert choose(auto, tmp_path, user=1000) == "process"
    assert choose(auto, tmp_path / "nothing", user=0) == "process"
    assert choose(Settings(node_name="e", gm="http://g", runner="process"), tmp_path, user=0) == "process"


def test_the_hosts_zone_is_found(tmp_path: Path) -> None:
    zone = tmp_path / "usr/share/zoneinfo/Europe/Berlin"
    zone.parent.mkdir(parents=True)
    zone.touch()
    link = tmp_path / "localtime"
    link.symlink_to(zone)
    assert host_timezone(link, "") == "Europe/Berlin"
    assert host_timezone(link, "Asia/Tokyo") == "Asia/Tokyo"
    assert host_timezone(tmp_path / "nothing", "") == "UTC"


def test_the_host_is_described(tmp_path: Path) -> None:
    described = describer(tmp_path, "process", "http://127.0.0.1:9000", None)()
    assert described.runner == "process"
    assert "127.0.0.1" in described.addresses
    assert set(described.capacity) == {"cpu", "memory"}
    assert set(described.versions) == {"python", "sedna", "kernel"}


def test_a_node_tells_the_release_that_its_unit_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEDNA_RELEASE", "0.1.0-0123abcd")
    described = describer(tmp_path, "process", "http://127.0.0.1:9000", None)()
    assert described.versions["release"] == "0.1.0-0123abcd"
