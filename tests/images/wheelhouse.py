"""Wheels for tests: whole ones as far as pip can tell, with one tiny module each."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement

from sedna.images.environments import library_requirements


def make_wheel(
    folder: Path, name: str, version: str = "1.0", requires: Iterable[str] = (), tag: str = "py3-none-any"
) -> Path:
    """Write a wheel whose module says its version."""
    module, info = name.replace("-", "_").lower(), f"{name.replace('-', '_')}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    files = {
        f"{module}.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items())
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name.replace('-', '_')}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return wheel


def make_wheelhouse(folder: Path) -> Path:
    """Write stand-ins for what the library needs, so that an environment can be made without any index."""
    for text in library_requirements():
        requirement = Requirement(text)
        if requirement.marker is None:
            make_wheel(folder, requirement.name, "9999")
    return folder


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
