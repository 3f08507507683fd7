"""What an operator brings who has an authority of his own: its certificate, and one with its key for the cloud host.

Made with every lab; the scenario `alternative` installs them (sedna_gm_tls: given), the other one makes its own.
"""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from sedna_gm.certificates import making
from sedna_gm.certificates.making import Pair


def write(folder: Path, cloud: tuple[str, str]) -> None:
    """Write ca.crt, gm.crt and gm.key for the cloud host, given by name and address, into a new folder."""
    folder.mkdir(mode=0o700)
    now = datetime.now(timezone.utc)
    signing = making.make_key()
    authority = Pair(making.make_authority(signing, now), signing)
    served = making.make_server(authority, cloud, now)
    for name, content in (("ca.crt", authority.certificate), ("gm.crt", served.certificate), ("gm.key", served.key)):
        (folder / name).write_bytes(content)
