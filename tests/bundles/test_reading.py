"""What a bundle is made from: targets, locks, settings; and the program that the playbook runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.tags import Tag

from sedna.bundles.errors import BundleProblem
from sedna.bundles.locks import pins_for, requirements_text
from sedna.bundles.settings import read_settings
from sedna.bundles.targets import Target
from tests.house.project import ROOT

NEW = Target("3.11", "x86_64")
SETTINGS = {
    "project": "/checkout",
    "bundle": "bundle",
    "lock": "hosts.lock",
    "pythons": ["3.10", "3.11"],
    "image_pythons": ["3.11"],
    "machines": ["x86_64", "aarch64"],
    "images": [{"name": "a/demo", "tag": "v1", "source": "worker", "lock": "requirements.lock"}],
}


@pytest.mark.parametrize(
    ("marker", "holds"),
    [
        ('python_version < "3.11"', False),
        ('python_full_version >= "3.11"', True),
        # Debian 12 has 3.11.2; whoever has a later one is not hurt by a wheel too many.
        ('python_full_version < "3.11.3"', True),
        ('python_full_version >= "3.11.4"', True),
        ('sys_platform == "win32"', False),
        ('platform_machine == "aarch64"', False),
        ('platform_python_implementation == "PyPy"', False),
        ('extra == "s3"', False),
    ],
)
def test_a_condition_is_judged_for_the_host(marker: str, holds: bool) -> None:
    assert NEW.meets(Marker(marker)) is holds


def test_a_condition_on_extras_holds_with_them() -> None:
    assert NEW.meets(Marker('extra == "s3" and python_version < "3.12"'), frozenset({"gm", "s3"}))


def test_a_host_takes_wheels_as_old_as_it_likes_and_none_too_new() -> None:
    assert {Tag("cp311", "cp311", "manylinux_2_35_x86_64"), Tag("cp38", "abi3", "manylinux1_x86_64")} <= NEW.tags
    assert Tag("py3", "none", "any") in NEW.tags
    assert Tag("cp311", "cp311", "manylinux_2_36_x86_64") not in NEW.tags
    assert Tag("cp310", "cp310", "manylinux_2_17_x86_64") not in NEW.tags


@pytest.mark.parametrize("wrong", [("3", "x86_64"), ("3.11.2", "x86_64"), ("2.7", "x86_64"), ("3.11", "riscv64")])
def test_a_target_that_is_none_is_refused(wrong: tuple[str, str]) -> None:
    with pytest.raises(BundleProblem):
        Target(*wrong)


def test_a_lock_is_read_as_make_lock_writes_it() -> None:
    for target in (Target("3.10", "x86_64"), Target("3.12", "aarch64")):
        pins = {pin.name: pin for pin in pins_for(ROOT / "requirements-hosts.lock", target)}
        assert {"flask", "jeepney", "s3fs", "pip", "pydantic-core"} <= pins.keys()
        assert ("exceptiongroup" in pins) == (target.python == "3.10")
        assert all(len(digest) == 64 for pin in pins.values() for digest in pin.hashes)


@given(st.lists(st.tuples(st.from_regex(r"[a-z]{1,9}", fullmatch=True), st.integers(0, 99)), unique_by=lambda e: e[0]))
def test_what_a_lock_says_is_said_again(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[str, int]]
) -> None:
    lock = tmp_path_factory.mktemp("lock") / "a.lock"
    lock.write_text("".join(f"{name}==1.{n} \\\n    --hash=sha256:{n:064x}\n    # via x\n" for name, n in entries))
    pins = pins_for(lock, NEW)
    assert [(pin.name, str(pin.version)) for pin in pins] == [(name, f"1.{n}") for name, n in entries]
    lock.write_text(requirements_text(pins, hashes=True))
    assert pins_for(lock, NEW) == pins


@pytest.mark.parametrize("text", ["flask>=3 --hash=sha256:00", "flask==3", "not a requirement ==="])
def test_a_lock_that_locks_nothing_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.lock").write_text(text)
    with pytest.raises(BundleProblem, match=r"a\.lock"):
        pins_for(tmp_path / "a.lock", NEW)


def test_a_lock_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BundleProblem, match="make lock"):
        pins_for(tmp_path / "a.lock", NEW)


def test_settings_begin_at_the_checkout() -> None:
    settings = read_settings(json.dumps(SETTINGS))
    assert settings.bundle == Path("/checkout/bundle")
    assert settings.images[0].source == Path("/checkout/worker")
    assert [str(target) for target in settings.targets] == [
        "3.10-x86_64", "3.10-aarch64", "3.11-x86_64", "3.11-aarch64",
    ]  # fmt: skip
    assert {target.python for target in settings.image_targets} == {"3.11"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        # What YAML makes of an unquoted 3.10.
        ({"pythons": [3.1]}, "pythons: .*in quotes"),
        ({"pythons": []}, "pythons"),
        ({"machines": "x86_64"}, "machines"),
        ({"bundle": ""}, "bundle"),
        ({"images": None}, "images"),
        ({"images": [{"name": "demo", "tag": 1, "source": "worker"}]}, r"images\[0\]\.tag"),
        ({"images": [{"name": "../demo", "tag": "v1", "source": "worker"}]}, r"images\[0\].*no image name"),
        ({"images": [{"name": "demo", "tag": "v1", "folder": "worker"}]}, r"images\[0\]: must be a mapping of"),
        ({"python": "3.11"}, "python: not known"),
    ],
)
def test_a_mistake_in_the_settings_names_its_key(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(BundleProblem, match=complaint):
        read_settings(json.dumps(SETTINGS | change))


def test_settings_that_are_no_mapping_are_refused() -> None:
    with pytest.raises(BundleProblem, match="no mapping"):
        read_settings("- a")


def test_the_program_says_last_whether_it_changed_anything(root: Path) -> None:
    words = {"project": str(root / "project"), "bundle": str(root / "bundle"), "lock": str(root / "hosts.lock")}
    text = json.dumps(SETTINGS | words | {"images": [], "machines": ["x86_64"]})

    def run(*arguments: str) -> list[str]:
        command = [sys.executable, "-m", "sedna.bundles", *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT)
        return done.stdout.splitlines()

    assert run("--dry-run")[-1] == "changed"
    assert run()[-1] == "changed"
    assert run("--make")[-1] == run("--dry-run")[-1] == "unchanged"


def test_a_problem_is_one_sentence_and_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sedna.bundles"], input="{}", capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert (done.returncode, done.stderr) == (
        1,
        "Error: project: must be a text (in quotes, if it looks like a number)\n",
    )


def test_a_control_machine_needs_what_ansible_has_and_nothing_more() -> None:
    code = "import sedna.bundles.__main__, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"pydantic", "click", "httpx", "numpy", "watchdog", "sedna_gm", "sedna_lc"} & set(loaded.stdout.split())
