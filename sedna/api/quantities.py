"""Kubernetes quantities, `2Gi` of memory and `500m` of a core, as plain numbers for systemd."""

from __future__ import annotations

import re
from decimal import Decimal

_SHAPE = re.compile(r"^(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?P<suffix>[a-zA-Z]*|[eE][+-]?[0-9]+)$")
_FACTORS = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}


def parse_quantity(text: str) -> Decimal:
    """Return the exact number that a quantity stands for; ValueError says what a right one looks like."""
    match = _SHAPE.match(text)
    if match is None:
        raise ValueError(f"{text!r} is not a quantity: write a number and a suffix, such as 2Gi, 500M or 250m")
    number, suffix = Decimal(match["number"]), match["suffix"]
    if suffix in _FACTORS:
        return number * _FACTORS[suffix]
    # An exponent may be as long as its writer likes; a machine's memory may not.
    if re.fullmatch(r"[eE][+-]?[0-9]{1,2}", suffix):
        return number.scaleb(int(suffix[1:]))
    known = ", ".join(name for name in _FACTORS if name)
    raise ValueError(f"{text!r} has the unknown suffix {suffix!r}: the known ones are {known}")


def memory_bytes(text: str) -> int:
    """Return whole bytes, rounded up as Kubernetes does: half a byte cannot be given."""
    amount = parse_quantity(text)
    whole = int(amount)
    return whole if whole == amount else whole + 1


def cpu_cores(text: str) -> float:
    """Return cores, `500m` being 0.5."""
    return float(parse_quantity(text))


def size_text(size: int) -> str:
    """Return a number of bytes as a person reads it, in powers of a thousand: `812 B`, `1.4 MB`, `40 MB`."""
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        # 999.5 is shown as 1000, which is one of the next unit.
        if amount < 999.5:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}" if unit != "B" and amount < 9.95 else f"{amount:.0f} {unit}"
