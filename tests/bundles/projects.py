"""A project and a package index in folders: all that a bundle is made from, with no network anywhere."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from pathlib import Path

from packaging.utils import parse_wheel_filename

from sedna.bundles.settings import ImageSettings, Settings
from sedna.bundles.targets import Target
from sedna.common.digests import file_digest
from sedna.images import references
from tests.images.wheelhouse import make_wheel

OLD, NEW, ARM = Target("3.10", "x86_64"), Target("3.11", "x86_64"), Target("3.11", "aarch64")

# Builds what it is asked for out of the standard library: the real one would be fetched from an index.
BACKEND = '''
import os, pathlib, zipfile

NEEDS = """{needs}"""

def build_wheel(folder, config_settings=None, metadata_directory=None):
    info = "sedna_metal-0.9.dist-info"
    name = "sedna_metal-0.9-py3-none-any.whl"
    code = pathlib.Path("sedna/__init__.py").read_text()
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, text in {{
            "sedna/__init__.py": code,
            info + "/METADATA": "Metadata-Version: 2.1\\nName: sedna-metal\\nVersion: 0.9\\n" + NEEDS,
            info + "/WHEEL": "Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
            info + "/RECORD": "",
        }}.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return name
'''
NEEDS = (
    "numpy>=1",
    'flask>=3; extra == "gm"',
    'jeepney>=0.9; extra == "lc"',
    'fsspec>=1; extra == "s3"',
    'extra-thing>=1; extra == "dev"',
)


def make_project(folder: Path, needs: Iterable[str] = NEEDS) -> Path:
    """Write a checkout that becomes `sedna-metal`."""
    package = folder / "sedna"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("ONE = 1\n")
    lines = "".join(f"Requires-Dist: {need}\n" for need in needs)
    (package / "wheelmaking.py").write_text(BACKEND.format(needs=lines))
    (folder / "pyproject.toml").write_text(
        textwrap.dedent("""\
        [build-system]
        requires = []
        build-backend = "wheelmaking"
        backend-path = ["sedna"]
        """)
    )
    # What lies about in a checkout and must not get in.
    (folder / "build" / "lib" / "sedna").mkdir(parents=True)
    (folder / "build" / "lib" / "sedna" / "old.py").write_text("")
    return folder


def make_index(folder: Path) -> Path:
    """Write the wheels that are to be had."""
    for name in ("pip", "flask", "jeepney", "fsspec", "extra-thing", "joblib"):
        make_wheel(folder, name, "24.1")
    make_wheel(folder, "exceptiongroup", "1.3")
    make_wheel(folder, "keras", "3.2", requires=["numpy", 'exceptiongroup; python_version < "3.11"'])
    make_wheel(folder, "keras", "3.3", requires=["numpy", 'exceptiongroup; python_version < "3.11"'])
    make_wheel(folder, "numpy", "2.2", tag="cp310-cp310-manylinux_2_17_x86_64")
    make_wheel(folder, "numpy", "2.4", tag="cp311-cp311-manylinux_2_28_x86_64")
    make_wheel(folder, "numpy", "2.4", tag="cp311-cp311-manylinux_2_28_aarch64")
    # For a C library that no supported host has.
    make_wheel(folder, "numpy", "2.9", tag="cp311-cp311-manylinux_2_99_x86_64")
    return folder


def write_lock(path: Path, index: Path, *conditions: str) -> Path:
    """Write a lock file; each line is `name==version` with its condition, if it has one."""
    entries = []
    for condition in conditions:
        name, _, version = condition.partition(";")[0].strip().partition("==")
        digests = [
            file_digest(wheel)
            for wheel in sorted(index.glob("*.whl"))
            if parse_wheel_filename(wheel.name)[:2] == (name, parse_wheel_filename(f"x-{version}-py3-none-any.whl")[1])
        ]
        hashes = " \\\n".join(f"    --hash=sha256:{digest}" for digest in digests)
        entries.append(f"{condition} \\\n{hashes}\n    # via something\n")
    path.write_text("# Written by a test.\n" + "".join(entries))
    return path


def make_source(folder: Path, requirements: str = "keras>=3\n") -> Path:
    """Write a worker image's source."""
    folder.mkdir(parents=True)
    (folder / "train.py").write_text("print('training')\n")
    (folder / "requirements.txt").write_text(requirements)
    (folder / "image.yml").write_text("app: [train.py]\n")
    return folder


def settings_for(root: Path, *images: ImageSettings, targets: tuple[Target, ...] = (OLD, NEW)) -> Settings:
    """Say what the bundle of a test shall hold."""
    return Settings(
        bundle=root / "bundle",
        project=root / "project",
        lock=root / "hosts.lock",
        targets=targets,
        images=images,
        image_targets=targets,
    )


def image(source: Path, reference: str = "demo:v1", lock: Path | None = None) -> ImageSettings:
    """Name one image to bring along."""
    return ImageSettings(references.parse(reference), source, lock)
