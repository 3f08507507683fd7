"""Brings what the dashboard uses of others into `sedna_gm/dashboard/vendor`: `make vendor`.

Each archive comes from the npm registry and must have the hash that is written here, which is the one the registry
shows as `dist.integrity`. To take a newer version: change its line, run this, look at what has changed, try the
dashboard's tests. What is brought is kept in the repository, with its licence: nothing is fetched to build or to run.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import sys
import tarfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "sedna_gm" / "dashboard" / "vendor"
REGISTRY = os.environ.get("NPM_REGISTRY", "https://registry.npmjs.org")
LARGEST = 16 * 1024 * 1024


@dataclass(frozen=True)
class Package:
    """One archive, and what of it is taken: path in it -> name below the folder."""

    name: str
    version: str
    integrity: str
    files: dict[str, str]

    @property
    def url(self) -> str:
        """Where the registry keeps it."""
        return f"{REGISTRY.rstrip('/')}/{self.name}/-/{self.name.rpartition('/')[2]}-{self.version}.tgz"


PACKAGES = (
    Package(
        "uplot",
        "1.6.32",
        "sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
        {
            "LICENSE": "uplot/LICENSE",
            "dist/uPlot.iife.min.js": "uplot/uPlot.js",
            "dist/uPlot.min.css": "uplot/uPlot.css",
        },
    ),
    Package(
        "@fontsource/ibm-plex-sans",
        "5.3.0",
        "sha512-CbE4CbbEEZJX860XyUiRpsksXIQR8Rp2XDva2VO53NJox9tVNtusrysd2x5YkUEY3ErQ66W1IiiQL8/wihhw5w==",
        {
            "LICENSE": "plex/LICENSE",
            "files/ibm-plex-sans-latin-400-normal.woff2": "plex/sans-400.woff2",
            "files/ibm-plex-sans-latin-600-normal.woff2": "plex/sans-600.woff2",
        },
    ),
    Package(
        "@fontsource/ibm-plex-mono",
        "5.3.0",
        "sha512-eTgnZjZEGk1QtD3ZstF+Vclo2HLAni8YMy34/DxllwZvyz1lR/1RF/xTiAquOBO7MvqBx8D2Ig2WCPMVfdZu7Q==",
        {"LICENSE": "plex/LICENSE-mono", "files/ibm-plex-mono-latin-400-normal.woff2": "plex/mono-400.woff2"},
    ),
)


def fetch(package: Package) -> bytes:
    """The archive. Exits where it is another one than is written here."""
    with urllib.request.urlopen(package.url, timeout=60) as answer:  # noqa: S310 - what comes is checked by its hash
        archive: bytes = answer.read(LARGEST)
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != package.integrity:
        sys.exit(f"{package.url} is not the archive that .ci/vendor.py names: {found} instead of {package.integrity}.")
    return archive


def main() -> None:
    """Fetch, check, unpack what is named, say so."""
    for package in PACKAGES:
        with tarfile.open(fileobj=io.BytesIO(fetch(package))) as archive:
            for inside, name in package.files.items():
                member = archive.extractfile(f"package/{inside}")
                if member is None:
                    sys.exit(f"{package.name} {package.version} has no file {inside}.")
                path = FOLDER / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(member.read())
        sys.stdout.write(f"{package.name} {package.version}: {', '.join(package.files.values())}\n")


if __name__ == "__main__":
    main()
