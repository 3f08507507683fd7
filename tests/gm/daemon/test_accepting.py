"""How many connections one address may hold, and who is one address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sedna_gm.daemon.accepting import Counts, host_of, most_of_one_address
from sedna_gm.settings import HttpSettings, Settings, TlsSettings


@pytest.mark.parametrize(
    ("http", "tls", "most"),
    [
        (HttpSettings(), TlsSettings(), 5_000),
        (HttpSettings(max_connections=20), TlsSettings(), 6),
        (HttpSettings(max_connections=2), TlsSettings(), 1),
        (HttpSettings(max_connections_per_address=7), TlsSettings(), 7),
        (HttpSettings(max_connections_per_address=7), TlsSettings(terminated_by_proxy=True), None),
    ],
)
def test_one_address_holds_what_is_said_else_a_third_and_a_proxy_all(
    http: HttpSettings, tls: TlsSettings, most: int | None
) -> None:
    assert most_of_one_address(Settings(http=http, tls=tls)) == most


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::1", "::1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_a_host_does_not_become_many_by_its_ipv6_network(address: str, host: str) -> None:
    assert host_of(address) == host


@given(st.lists(st.tuples(st.booleans(), st.sampled_from("abc"))), st.integers(1, 3))
def test_no_host_holds_more_and_whoever_left_is_forgotten(steps: list[tuple[bool, str]], most: int) -> None:
    counts = Counts(most, lambda: 0.0)
    held = dict.fromkeys("abc", 0)
    for comes, host in steps:
        if comes:
            let_in = counts.take(host)
            assert let_in == (held[host] < most)
            held[host] += let_in
        elif held[host]:
            counts.give_back(host)
            held[host] -= 1
    assert counts._held == {host: number for host, number in held.items() if number}


def test_the_log_tells_of_an_address_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    counts = Counts(1, lambda: now[0])
    for host in ("192.0.2.7", "192.0.2.8"):
        assert counts.take(host)
    told = []
    for moment in (0.0, 1.0, 59.0, 60.0, 61.0):
        now[0] = moment
        caplog.clear()
        assert not counts.take("192.0.2.7")
        told.append(len(caplog.records))
    assert told == [1, 0, 0, 1, 0]
    assert not counts.take("192.0.2.8")
    assert "192.0.2.8 holds 1 connections" in caplog.text


def test_what_the_log_remembers_is_bounded() -> None:
    counts = Counts(1, lambda: 0.0)
    for number in range(3_000):
        host = str(number)
        assert counts.take(host)
        assert not counts.take(host)
        counts.give_back(host)
    assert len(counts._told) <= 1_000
