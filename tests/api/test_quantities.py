"""Quantities mean what Kubernetes means by them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna.api.quantities import cpu_cores, memory_bytes, parse_quantity, size_text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2Gi", 2 * 2**30),
        ("500M", 500 * 10**6),
        ("1.5Ki", 1536),
        ("123", 123),
        ("1e3", 1000),
        ("2E", 2 * 10**18),
        ("100m", 1),  # a tenth of a byte cannot be given: rounded up
    ],
)
def test_memory_is_whole_bytes(text: str, number: int) -> None:
    assert memory_bytes(text) == number


@pytest.mark.parametrize(("text", "cores"), [("500m", 0.5), ("2", 2.0), ("0.25", 0.25), ("1k", 1000.0)])
def test_cpu_is_cores(text: str, cores: float) -> None:
    assert cpu_cores(text) == cores


@pytest.mark.parametrize("text", ["", "Gi", "2Gb", "2 Gi", "-1", "1e999999999", "0x10", "٢", "1.2.3", "2gi"])
def test_a_bad_quantity_says_what_a_right_one_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"quantity|suffix"):
        parse_quantity(text)


@given(st.integers(0, 10**12), st.sampled_from(["", "k", "Ki", "M", "Mi", "G", "Gi", "m"]))
def test_a_quantity_is_its_number_times_its_suffix(number: int, suffix: str) -> None:
    assert parse_quantity(f"{number}{suffix}") == number * parse_quantity(f"1{suffix}")


@given(st.text(max_size=12))
def test_any_text_is_a_quantity_or_a_value_error(text: str) -> None:
    try:
        assert isinstance(parse_quantity(text), Decimal)
    except ValueError:
        pass


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9949, "9.9 kB"), (9950, "10 kB"), (999_499, "999 kB"),
     (999_500, "1.0 MB"), (40_000_000, "40 MB"), (1_500_000_000, "1.5 GB"), (7 * 10**15, "7000 TB")],
)  # fmt: skip
def test_a_size_reads_like_a_persons(size: int, text: str) -> None:
    assert size_text(size) == text
