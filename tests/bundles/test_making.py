"""A bundle holds all that hosts without a network need, for each kind of host, and is made once."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from sedna.bundles.comparing import differences
from sedna.bundles.downloading import Pip
from sedna.bundles.errors import BundleProblem
from sedna.bundles.making import Made, make
from sedna.bundles.projects import source_digest
from sedna.bundles.records import read_bundle
from sedna.bundles.settings import Settings
from sedna.common.digests import file_digest
from sedna.images.requirements import wanted_of
from tests.bundles.conftest import LOCKED
from tests.bundles.projects import ARM, NEW, OLD, image, make_project, make_source, settings_for, write_lock

PIP = Pip(sys.executable)


def made(settings: Settings) -> Made:
    return make(settings, PIP)


def wheels_of(made: Made, target: object) -> set[str]:
    return {"-".join(name.split("-")[:2]) for name in made.bundle.wheelhouses[str(target)].wheels}


def members(archive: Path) -> set[str]:
    with tarfile.open(archive) as opened:
        return {"-".join(name.split("-")[:2]) for name in opened.getnames()}


def test_each_kind_of_host_gets_what_it_needs_whatever_python_makes_the_bundle(bundled: Path) -> None:
    bundle = made(settings_for(bundled, image(bundled / "worker")))
    services = {"sedna_metal-0.9", "pip-24.1", "flask-24.1", "jeepney-24.1", "fsspec-24.1"}
    assert wheels_of(bundle, OLD) == services | {"numpy-2.2", "exceptiongroup-1.3"}
    assert wheels_of(bundle, NEW) == services | {"numpy-2.4"}
    house = bundle.bundle.wheelhouses[str(OLD)]
    assert members(bundled / "bundle" / house.path) == wheels_of(bundle, OLD) | {"requirements.txt"}
    assert house.pip == "pip-24.1-py3-none-any.whl"


def test_machines_of_two_kinds_share_a_bundle(root: Path) -> None:
    bundle = made(settings_for(root, targets=(NEW, ARM))).bundle
    assert "numpy-2.4-cp311-cp311-manylinux_2_28_aarch64.whl" in bundle.wheelhouses[str(ARM)].wheels
    assert "numpy-2.4-cp311-cp311-manylinux_2_28_aarch64.whl" not in bundle.wheelhouses[str(NEW)].wheels


def test_a_wheelhouse_installs_on_a_host_whose_pip_checks_every_hash(bundled: Path) -> None:
    here = type(NEW)(f"{sys.version_info.major}.{sys.version_info.minor}", NEW.machine)
    if here not in (OLD, NEW):
        pytest.skip("the index of the test has no wheels for this Python")
    bundle = made(settings_for(bundled, image(bundled / "worker"))).bundle
    house, folder = bundle.wheelhouses[str(here)], bundled / "host"
    with tarfile.open(bundled / "bundle" / house.path) as archive:
        archive.extractall(folder)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bundled / "venv"], check=True)
    words = ["install", "--isolated", "--no-index", "--no-deps", "--require-hashes", "--find-links", str(folder)]
    python = bundled / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), *words, "-r", str(folder / "requirements.txt")]
    subprocess.run(pip, check=True, capture_output=True)
    ran = subprocess.run(
        [python, "-c", "import flask, sedna; print(sedna.ONE)"], capture_output=True, check=True, cwd=folder
    )
    assert ran.stdout == b"1\n"


def test_an_image_brings_what_only_its_hosts_python_needs(bundled: Path) -> None:
    """pip judges conditions by the Python that runs it, so an older host would miss exceptiongroup."""
    bundle = made(settings_for(bundled, image(bundled / "worker"))).bundle
    environments = bundle.images[0].environments
    both = {"keras-3.3", "pip-24.1"}
    assert members(bundled / "bundle" / environments[str(OLD)].wheels) == both | {"numpy-2.2", "exceptiongroup-1.3"}
    assert members(bundled / "bundle" / environments[str(NEW)].wheels) == both | {"numpy-2.4"}


def test_host_and_bundle_call_an_environment_the_same(bundled: Path) -> None:
    bundle = made(settings_for(bundled, image(bundled / "worker"))).bundle
    on_the_host = wanted_of("keras>=3\n", ["numpy>=1", 'flask>=3; extra == "gm"'])
    assert bundle.images[0].environments[str(NEW)].name == on_the_host.environment("3.11")


def test_two_images_with_the_same_requirements_bring_them_once(bundled: Path) -> None:
    make_source(bundled / "other", "# The same.\nkeras>=3\n")
    bundle = made(settings_for(bundled, image(bundled / "worker"), image(bundled / "other", "a/other:v2"))).bundle
    assert bundle.images[0].environments == bundle.images[1].environments
    assert len(list((bundled / "bundle").glob("image_wheels/*"))) == 1
    assert bundle.images[1].app == "images/a/other_v2/app.tar.gz"


def test_an_images_lock_says_which_version(bundled: Path) -> None:
    lock = write_lock(bundled / "image.lock", bundled / "index", "keras==3.2", *LOCKED[4:])
    bundle = made(settings_for(bundled, image(bundled / "worker", lock=lock), targets=(NEW,))).bundle
    assert "keras-3.2" in members(bundled / "bundle" / bundle.images[0].environments[str(NEW)].wheels)


def test_a_wheel_that_is_not_the_locked_one_is_refused(bundled: Path) -> None:
    lock = bundled / "image.lock"
    lock.write_text(f"keras==3.3 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(BundleProblem, match=r"keras-3\.3.* is not the file that the lock names"):
        made(settings_for(bundled, image(bundled / "worker", lock=lock), targets=(NEW,)))


def test_a_second_run_does_nothing_and_needs_no_index(bundled: Path) -> None:
    settings = settings_for(bundled, image(bundled / "worker"))
    first = read_bundle(settings.bundle)
    before = {path: path.stat().st_mtime_ns for path in (bundled / "bundle").rglob("*.whl")}
    shutil.rmtree(bundled / "index")
    again = made(settings)
    assert (again.bundle, again.changed) == (first, False)
    assert {path: path.stat().st_mtime_ns for path in (bundled / "bundle").rglob("*.whl")} == before


def test_what_the_record_names_is_there_with_its_hash(bundled: Path) -> None:
    bundle = made(settings_for(bundled, image(bundled / "worker"))).bundle
    assert read_bundle(bundled / "bundle") == bundle
    raw = yaml.safe_load((bundled / "bundle" / "bundle.yml").read_text())
    assert {file["path"]: file["sha256"] for file in raw["files"]} == {
        path.relative_to(bundled / "bundle").as_posix(): file_digest(path)
        for path in (bundled / "bundle").rglob("*")
        if path.is_file() and path.name != "bundle.yml"
    }
    assert raw["release"].startswith("0.9-")


def test_changed_code_is_another_release_and_nothing_else_is_fetched(bundled: Path) -> None:
    settings = settings_for(bundled, image(bundled / "worker"))
    first = made(settings)
    (bundled / "project" / "sedna" / "__init__.py").write_text("ONE = 1.0\n")
    shutil.rmtree(bundled / "index")
    second = made(settings)
    assert second.changed
    assert second.bundle.release != first.bundle.release
    assert second.bundle.images == first.bundle.images


def test_another_manual_page_is_another_release(root: Path) -> None:
    project = make_project(root / "with-pages")
    page = project / "man" / "sedna.1"
    page.parent.mkdir()
    page.write_text("one")
    before = source_digest(project)
    page.write_text("two")
    assert source_digest(project) != before


def test_the_same_code_is_the_same_release_wherever_it_was_cloned(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("clone")
    shutil.copytree(root / "project", other / "project")
    shutil.copy2(root / "hosts.lock", other)
    (other / "project" / "sedna" / "__init__.py").chmod(0o600)
    (other / "project" / "stray.py").write_text("")
    there, here = settings_for(other, targets=(NEW,)), settings_for(root, targets=(NEW,))
    assert made(there).bundle.release == made(here).bundle.release


def test_an_interrupted_run_is_gone_on_with(bundled: Path) -> None:
    settings = settings_for(bundled, image(bundled / "worker"))
    first = made(settings)
    (bundled / "bundle" / "bundle.yml").unlink()
    (bundled / "bundle" / ".downloading-left").mkdir()
    torn = next((bundled / "bundle" / "wheels").glob("numpy-2.2*"))
    torn.write_bytes(torn.read_bytes()[:100])
    assert made(settings).bundle == first.bundle
    assert not list((bundled / "bundle").glob(".downloading-*"))


def test_a_torn_archive_of_wheels_is_told_not_taken(bundled: Path) -> None:
    settings = settings_for(bundled, image(bundled / "worker"))
    archive = bundled / "bundle" / made(settings).bundle.images[0].environments[str(NEW)].wheels
    archive.write_bytes(archive.read_bytes()[:-512])
    with pytest.raises(BundleProblem, match="remove it and run this again"):
        made(settings)


def test_what_is_wanted_no_more_is_dropped(bundled: Path) -> None:
    again = made(settings_for(bundled, targets=(NEW,)))
    assert again.changed
    left = {path.name for path in (bundled / "bundle").rglob("*.whl")}
    assert left == set(again.bundle.wheelhouses[str(NEW)].wheels)
    assert sorted(path.name for path in (bundled / "bundle").iterdir()) == ["bundle.yml", "wheelhouses", "wheels"]


def test_a_lock_that_lags_behind_the_project_is_told(root: Path) -> None:
    write_lock(root / "hosts.lock", root / "index", *LOCKED[1:])
    with pytest.raises(BundleProblem, match=r"lacks for 3\.10-x86_64: pip; write it anew with `make lock`"):
        made(settings_for(root))


def test_what_no_index_has_is_told_with_pips_words(root: Path) -> None:
    make_source(root / "odd", "nowhere-to-be-had\n")
    with pytest.raises(BundleProblem, match=r"(?s)not every wheel is to be had for Python 3\.10.*nowhere-to-be-had"):
        made(settings_for(root, image(root / "odd")))
    assert not (root / "bundle" / "bundle.yml").exists()


def test_a_python_without_pip_is_told(root: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / "venv"], check=True)
    with pytest.raises(BundleProblem, match="sedna_bundle_python"):
        make(settings_for(root), Pip(str(root / "venv" / "bin" / "python")))


def test_a_rehearsal_tells_what_is_missing_and_touches_nothing(root: Path) -> None:
    assert differences(settings_for(root)) == [
        f"The wheel of {root}/project would be built, and what is missing downloaded."
    ]
    assert not (root / "bundle").exists()


def test_a_rehearsal_names_what_would_be_done(bundled: Path) -> None:
    root = bundled
    assert differences(settings_for(root, image(root / "worker"))) == []
    (root / "worker" / "train.py").write_text("print('more')\n")
    next((root / "bundle").glob("image_wheels/*/3.10-x86_64.tar")).unlink()
    next((root / "bundle" / "wheels").glob("numpy-2.4*")).write_bytes(b"torn")
    wider = settings_for(root, image(root / "worker"), targets=(OLD, NEW))
    assert differences(wider) == [
        "1 wheels for the services on 3.11-x86_64 would be downloaded.",
        "The code of demo:v1 would be packed.",
        "The wheels of demo:v1 for 3.10-x86_64 would be downloaded.",
    ]
    assert differences(settings_for(root, targets=(OLD,))) == [
        "What is for 3.11-x86_64 would be removed.",
        "demo:v1 would be removed.",
    ]
