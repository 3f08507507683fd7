"""What is wrong with certificates, as sentences: those that we made, and those that an operator brought.

Values in, sentences out; who calls has read the files and knows the time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from sedna_gm.certificates.making import SERVER_LIFE, Pair, spelled

# Edges must be told of a new authority before the old one ends, and some are visited once a year.
AUTHORITY_NOTICE = timedelta(days=365)


def unusable(pair: Pair) -> str:
    """Why nobody can serve with this pair, whatever the time and the names; "" if it fits."""
    try:
        certificate = _first(pair.certificate)
    except ValueError:
        return "the certificate is not a certificate in PEM"
    try:
        key = serialization.load_pem_private_key(pair.key, password=None)
    except (ValueError, TypeError):
        # TypeError: it is locked by a passphrase, and nobody is there to type it.
        return "the key is not a private key in PEM without a passphrase"
    if _plain(key.public_key()) != _plain(certificate.public_key()):
        return "the key does not fit the certificate"
    return ""


def faults(pair: Pair, names: Collection[str], now: datetime) -> Iterator[str]:
    """All that keeps clients from believing this pair: it does not fit, is over or not begun, or lacks names."""
    problem = unusable(pair)
    if problem:
        yield problem
        return
    certificate = _first(pair.certificate)
    if now >= certificate.not_valid_after_utc:
        yield f"the certificate is over since {_day(certificate.not_valid_after_utc)}"
    if now < certificate.not_valid_before_utc:
        yield f"the certificate does not count before {_day(certificate.not_valid_before_utc)}"
    missing = [name for name in names if not _names_it(certificate, name)]
    if missing:
        yield f"the certificate does not name {', '.join(missing)}"


def renewal(pair: Pair, authority: bytes, names: Collection[str], now: datetime) -> str:
    """Why a certificate of ours is to be made anew; "" while it is good."""
    problem = next(faults(pair, names, now), "")
    if problem:
        return problem
    certificate = _first(pair.certificate)
    if names and set(names_in(pair.certificate)) != set(map(spelled, names)):
        return "the names have changed"
    issuer = x509.load_pem_x509_certificate(authority)
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return "the certificate is not from the authority in ca.crt"
    # Not by its two dates: it begins with its authority. And one that ends with it gets no longer by a renewal.
    grows = certificate.not_valid_after_utc < issuer.not_valid_after_utc
    if grows and certificate.not_valid_after_utc - now < SERVER_LIFE / 3:
        return f"less than a third of its life was left, until {_day(certificate.not_valid_after_utc)}"
    return ""


def notice(authority: bytes, now: datetime) -> str:
    """A warning about an authority that ends within a year; "" while it does not."""
    end = x509.load_pem_x509_certificate(authority).not_valid_after_utc
    if end - now >= AUTHORITY_NOTICE:
        return ""
    return f"the authority {'is over since' if end <= now else 'ends on'} {_day(end)}"


def names_in(certificate: bytes) -> list[str]:
    """Return the names and addresses that a certificate is for."""
    return [_text(name) for name in _alternative_names(_first(certificate))]


def end_of(certificate: bytes) -> datetime:
    """Return until when a certificate counts."""
    return _first(certificate).not_valid_after_utc


def _first(pem: bytes) -> x509.Certificate:
    # An operator's file may hold the chain behind the server's own certificate.
    return x509.load_pem_x509_certificates(pem)[0]


def _names_it(certificate: x509.Certificate, name: str) -> bool:
    wanted = spelled(name)
    # A wildcard stands for one label, as clients take it.
    starred = f"*.{wanted.partition('.')[2]}"
    return any(_text(one) in (wanted, starred) for one in _alternative_names(certificate))


def _alternative_names(certificate: x509.Certificate) -> list[x509.GeneralName]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return []
    return list(found.value)


def _text(name: x509.GeneralName) -> str:
    return str(name.value).lower()


def _plain(public: object) -> bytes:
    written: bytes = public.public_bytes(  # type: ignore[attr-defined]  # every kind of public key has it
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return written


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")
