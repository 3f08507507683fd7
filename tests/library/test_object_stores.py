"""Which URLs are opened at all: daemons read everything, so what is not on the list is not tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from sedna.common.object_stores import ObjectStore, open_file_system
from sedna.common.remote_errors import SchemeUnsupported
from sedna.common.remotes import fetch_objects, send_objects


@pytest.mark.parametrize(
    "url",
    [
        "local://etc/shadow",
        "LOCAL://etc/shadow",
        "file://etc/shadow",
        "file:///etc/shadow",
        "dir://etc/shadow::file://etc",
        "simplecache::file://etc/shadow",
        "filecache::local://etc/shadow",
        "reference://etc/shadow",
        "root://etc/shadow",
        "sftp://host/etc/shadow",
        "://etc/shadow",
    ],
)
def test_no_url_makes_a_daemon_read_its_own_host(url: str, tmp_path: Path) -> None:
    with pytest.raises(SchemeUnsupported, match="known are s3://bucket/key, and paths of a node"):
        open_file_system(url, None)
    with pytest.raises(SchemeUnsupported):
        ObjectStore(url)
    with pytest.raises(SchemeUnsupported):
        fetch_objects(url, tmp_path / "copy")
    with pytest.raises(SchemeUnsupported):
        send_objects(Path(__file__), url)
    assert not any(tmp_path.iterdir())


def test_a_chain_behind_s3_is_a_key_and_no_other_store() -> None:
    # What stands behind the scheme is never given to fsspec as a URL.
    system = open_file_system("memory://bucket/key::file:///etc/shadow", None)
    with pytest.raises(FileNotFoundError):
        system.info("bucket/key::file:///etc/shadow")
