"""Keys and certificates, as PEM: an authority that edges trust once, and certificates of the server that it signs.

No file is touched here; `sedna_gm.certificates.keeping` calls, and lays down what comes.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Hosts at the edge live for long, and an authority that ends takes the trust of all of them with it.
AUTHORITY_LIFE = timedelta(days=20 * 365)
SERVER_LIFE = timedelta(days=365)
# A small host without a battery for its clock begins its day in the past; it shall believe the certificate, too.
_BACKDATED = timedelta(days=1)
# What a common name may have at most (RFC 5280, ub-common-name); clients read the alternative names anyway.
_COMMON_NAME = 64
# As OpenSSL compares names. An underscore is no letter of host names, but inventories have it.
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*")


class NameUnusable(ValueError):
    """What was given is neither a host name nor an IP address."""


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, both PEM."""

    certificate: bytes
    key: bytes


def make_key() -> bytes:
    """Return a new private key, ECDSA on P-256: small, fast, and known to every TLS library."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def make_authority(key: bytes, now: datetime) -> bytes:
    """Return the certificate of an authority that signs itself."""
    private = _read_key(key)
    # Two authorities of one name would be taken for each other by whoever searches by name.
    subject = _common_name(f"Sedna authority {x509.random_serial_number() % 16**8:08x}")
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (_usage(signs_certificates=True), True),
        (x509.SubjectKeyIdentifier.from_public_key(private.public_key()), False),
    ]
    begin, end = now - _BACKDATED, now + AUTHORITY_LIFE
    return _sign(_build(subject, subject, private.public_key(), extensions, begin, end), private)


def make_server(authority: Pair, names: Sequence[str], now: datetime) -> Pair:
    """Return a new key of the server and its certificate for these names, signed by the authority.

    Raises NameUnusable, or ValueError for an authority that cannot be read.
    """
    signer = x509.load_pem_x509_certificate(authority.certificate)
    signing = _read_key(authority.key)
    key = make_key()
    public = _read_key(key).public_key()
    own_identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.SubjectAlternativeName([general_name(name) for name in names]), False),
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signs_certificates=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(public), False),
        (own_identifier, False),
    ]
    # A certificate that outlives its authority would promise what nobody can check.
    end = min(now + SERVER_LIFE, signer.not_valid_after_utc)
    # Whoever believes the authority, however far behind its clock is, believes each new certificate, too.
    begin = signer.not_valid_before_utc
    subject = _common_name(names[0][:_COMMON_NAME])
    return Pair(_sign(_build(subject, signer.subject, public, extensions, begin, end), signing), key)


def general_name(name: str) -> x509.GeneralName:
    """Return a host name or an IP address as certificates hold it. Raises NameUnusable."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        lowered = name.lower()
    if not _NAME.fullmatch(lowered):
        raise NameUnusable(f"{name!r} is neither a host name nor an IP address")
    return x509.DNSName(lowered)


def spelled(name: str) -> str:
    """Return a host name or an IP address as it is compared. Raises NameUnusable."""
    return str(general_name(name).value).lower()


def _build(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    extensions: Sequence[tuple[x509.ExtensionType, bool]],
    begin: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder


def _sign(builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey) -> bytes:
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _read_key(key: bytes) -> ec.EllipticCurvePrivateKey:
    private = serialization.load_pem_private_key(key, password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey):
        raise ValueError("the key is not one that this program has made")
    return private


def _common_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
