"""What may be a name: names become file names, unit names and URL parts, so the rules are Kubernetes' own."""

from __future__ import annotations

import re

LABEL_LENGTH = 63
SUBDOMAIN_LENGTH = 253
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?\Z")


def check_dns_label(text: str) -> str:
    """Return a text that is a DNS label, or raise ValueError with the rule."""
    if len(text) > LABEL_LENGTH or not _LABEL.match(text):
        raise ValueError(
            f"{text[:80]!r} is not a DNS label: at most {LABEL_LENGTH} lower-case letters, digits and '-', "
            "beginning and ending with a letter or digit"
        )
    return text


def check_dns_subdomain(text: str) -> str:
    """Return a text of DNS labels joined by dots, or raise ValueError with the rule."""
    if len(text) > SUBDOMAIN_LENGTH or not all(_LABEL.match(part) for part in text.split(".")):
        raise ValueError(
            f"{text[:80]!r} is not a DNS subdomain: at most {SUBDOMAIN_LENGTH} lower-case letters, digits, '-' "
            "and '.', each part beginning and ending with a letter or digit"
        )
    return text


def check_label_value(text: str) -> str:
    """Return a text that may be the value of a label, or raise ValueError with the rule."""
    if len(text) > LABEL_LENGTH or not _LABEL_VALUE.match(text):
        raise ValueError(
            f"{text[:80]!r} is not a label value: at most {LABEL_LENGTH} letters, digits, '-', '_' and '.'"
        )
    return text


def check_label_key(text: str) -> str:
    """Return a text that may be the key of a label or annotation, with or without a `prefix/`."""
    prefix, slash, name = text.rpartition("/")
    if slash:
        check_dns_subdomain(prefix)
    if not name:
        raise ValueError(f"{text[:80]!r} is not a label key: there is no name behind the prefix")
    check_label_value(name)
    return text
