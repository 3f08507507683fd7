"""Whom this node believes to be its GM."""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

from sedna_lc.errors import SettingsInvalid


def trust_of(address: str, ca_file: str | None) -> ssl.SSLContext | None:
    """Return what judges the GM's certificate; None where there is none to judge. Raises SettingsInvalid."""
    if urlsplit(address).scheme != "https":
        return None
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as problem:
        # SSLError is one, too.
        reason = problem.strerror or problem
        raise SettingsInvalid(f"caFile: {ca_file} cannot be used as certificates in PEM: {reason}.") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def explained(problem: str) -> str:
    """Return what OpenSSL says of a certificate, with what a person may do about it."""
    if "CERTIFICATE_VERIFY_FAILED" not in problem:
        return problem
    if "not yet valid" in problem or "expired" in problem:
        return f"{problem}; compare the GM's certificate with this host's clock"
    return f"{problem}; caFile in lc.yml says whose certificates are believed, and gm must name the GM as it does"
