"""Settings are read once and checked whole; each problem names its file and key."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sedna.daemons.configuring import Misconfigured, split_address
from sedna_gm.controllers.incremental_learning.settings import Settings as JobSettings
from sedna_gm.daemon.configuring import load
from sedna_gm.daemon.main import main
from sedna_gm.daemon.wiring import job_settings
from sedna_gm.settings import HttpSettings, Settings


def written(folder: Path, text: str) -> Path:
    path = folder / "gm.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_empty_file_means_every_default(tmp_path: Path) -> None:
    assert load(written(tmp_path, "# nothing chosen\n")) == Settings()


def test_what_is_chosen_is_taken(tmp_path: Path) -> None:
    text = "listen: '[::1]:0'\nauth: none\ndatabase: memory\nlogLevel: DEBUG\nwatchLog: 7\n"
    text += "http: {watchSeconds: 5, answerSeconds: 1.5}\n"
    assert load(written(tmp_path, text)) == Settings(
        listen="[::1]:0",
        auth="none",
        database="memory",
        log_level="DEBUG",
        watch_log=7,
        http=HttpSettings(watch_seconds=5, answer_seconds=1.5),
    )


def test_jobs_give_up_and_advise_as_was_chosen(tmp_path: Path) -> None:
    chosen = job_settings(load(written(tmp_path, "failures: {giveUpAfter: 4, adviseAfter: 2}")))
    assert (chosen.gives_up_after, chosen.advises_after) == (4, 2)
    # The defaults stand in two places: the file's and the controller's own.
    assert job_settings(Settings()) == JobSettings()


def test_a_size_may_be_as_large_as_a_disk(tmp_path: Path) -> None:
    settings = load(written(tmp_path, "artifacts: {maxBytes: 20000000000000, reserveBytes: 5000000000}"))
    assert (settings.artifacts.max_bytes, settings.artifacts.reserve_bytes) == (20 * 10**12, 5 * 10**9)


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    text = "lissten: x\nwatchLog: many\nlogLevel: 7\nhttp: {maxBodyBytes: 0, watchSeconds: true, nonsense: 1}\n1: 2\n"
    path = written(tmp_path, text.replace("1: 2\n", ""))
    with pytest.raises(Misconfigured) as misconfigured:
        load(path)
    lines = str(misconfigured.value).splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    keys = [line.removeprefix(f"{path}: ").split(":")[0] for line in lines]
    assert keys == ["lissten", "watchLog", "logLevel", "http.maxBodyBytes", "http.watchSeconds", "http.nonsense"]
    assert "did you mean listen?" in lines[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("listen: nowhere", "listen: 'nowhere' is not HOST:PORT"),
        ("listen: a:99999", "listen: 'a:99999' is not HOST:PORT"),
        ("logLevel: LOUD", "logLevel: 'LOUD' is not one of"),
        ("database: postgresql://x/y", "database: 'postgresql://x/y' is neither"),
        ("database: sqlite:///relative.db", "database: 'sqlite:///relative.db' is neither"),
        ("database: 'sqlite:////'", "database: 'sqlite:////' is neither"),
        ("auth: maybe", "auth: 'maybe' is not one of required, none"),
        ("auth: none\nlisten: 0.0.0.0:9000", "auth: none lets everybody who reaches 0.0.0.0:9000 do everything"),
        ("listen: edge.example:9000", "tls.certificate: is missing; tokens would pass in the clear"),
        ("database: memory", "auth: required needs a database in a file"),
        ("audit: {file: here}", "audit.file: 'here' is not absolute"),
        ("failures: {giveUpAfter: 0}", "failures.giveUpAfter: a number above 0 was expected"),
        ("failures: {giveUpAfter: 2}", "failures.adviseAfter: 3 is more than failures.giveUpAfter, 2"),
        ("artifacts: {folder: here}", "artifacts.folder: 'here' is not absolute"),
        ("artifacts: {store: bucket}", "artifacts.store: 'bucket' is not a URL such as s3://bucket/prefix"),
        (
            "artifacts: {store: 'local://srv/x'}",
            "artifacts.store: local://srv/x: local:// is not opened here; known are s3://",
        ),
        ("artifacts: {keepSeconds: 99999999999}", "artifacts.keepSeconds: a number"),
        (
            "http: {maxConnections: 20, maxConnectionsPerAddress: 20}",
            "http.maxConnectionsPerAddress: 20 is not between 1 and 19",
        ),
        ("http: 7", "http: a mapping was expected, not 7"),
        ("- a list", "one mapping of settings was expected"),
        ("a: 1\n---\nb: 2", "one mapping of settings was expected"),
        ("listen: [", "is not YAML: line 1, column 10"),
        ("listen: 1\nlisten: 2", "is not YAML: line 2"),
    ],
)
def test_a_problem_says_what_was_expected(tmp_path: Path, text: str, problem: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(Misconfigured) as misconfigured:
        load(path)
    assert str(misconfigured.value).startswith(f"{path}: {problem}")


def test_the_command_says_ok_or_why_not(tmp_path: Path) -> None:
    path = written(tmp_path, "auth: none\ndatabase: memory")
    good = CliRunner().invoke(main, ["check-config", "--config", str(path)])
    assert (good.exit_code, good.output) == (0, f"{tmp_path / 'gm.yml'}: OK\n")
    bad = CliRunner().invoke(main, ["check-config", "--config", str(written(tmp_path, "listen: 7"))])
    assert (bad.exit_code, "gm.yml: listen: a text was expected, not 7" in bad.output) == (78, True)
    missing = CliRunner().invoke(main, ["serve", "--config", str(tmp_path / "nothing.yml")])
    assert (missing.exit_code, "nothing.yml: cannot be read" in missing.output) == (78, True)


@pytest.mark.parametrize(("listen", "expected"), [("0.0.0.0:80", ("0.0.0.0", 80)), ("[::1]:9000", ("::1", 9000))])
def test_addresses(listen: str, expected: tuple[str, int]) -> None:
    assert split_address(listen) == expected


@pytest.mark.parametrize("listen", ["", ":9000", "host", "host:", "host:x", "host:-1", "host:٣"])
def test_what_is_no_split_address(listen: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        split_address(listen)
