"""Who the administrator's kubeconfig says that we are, for a process of this machine: `sedna.cli` reads a file of its
own host, and this one lies on another. Used by tests.hosts.clouds, and by tests.machine for its virtual machines.
"""

from __future__ import annotations

import base64
import ssl

import yaml

from sedna.cli.proving import Proof

# Where the role leaves it on the GlobalManager's host.
KUBECONFIG = "/etc/sedna/admin.kubeconfig"


def proof_in(kubeconfig: str) -> Proof:
    """Return whose token a kubeconfig holds, and whom it believes."""
    content = yaml.safe_load(kubeconfig)
    authority = base64.b64decode(content["clusters"][0]["cluster"]["certificate-authority-data"]).decode()
    return Proof(content["users"][0]["user"]["token"], KUBECONFIG, ssl.create_default_context(cadata=authority))
