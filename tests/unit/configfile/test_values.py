"""Durations, sizes, percentages, addresses and networks."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenbin.configfile.native import values
from tenbin.configfile.problem import Mistake
from tenbin.model import Address, Duration


@pytest.mark.parametrize(
    ("text", "ms"),
    [("250ms", 250), ("2s", 2000), ("5m", 300_000), ("1h", 3_600_000), ("1d", 86_400_000), ("1m30s", 90_000),
     ("1.5s", 1500), ("0s", 0), ("365d", 31_536_000_000), ("0.001s", 1)],
)  # fmt: skip
def test_durations(text: str, ms: int) -> None:
    assert values.duration(text) == Duration(ms)


@pytest.mark.parametrize(
    ("value", "hint"),
    [(5, "5s?"), ("30", "30s?"), ("5sec", "write 5s"), ("2 s", "write 2s"), ("3 Minutes", "write 3m"), ("fast", ""),
     ("", ""), (True, ""), (None, ""), ("-1s", ""), ("1s 2s", ""), ("0.5ms", ""), ("366d", ""), ("9" * 30 + "s", ""),
     (float("nan"), ""), (float("inf"), "")],
)  # fmt: skip
def test_no_durations(value: object, hint: str) -> None:
    with pytest.raises(Mistake) as raised:
        values.duration(value)
    assert hint in raised.value.problems[0].hint


@given(st.integers(min_value=0, max_value=values.LONGEST.ms))
def test_a_duration_reads_as_it_is_shown(ms: int) -> None:
    assert values.duration(str(Duration(ms))) == Duration(ms)


@pytest.mark.parametrize(("text", "size"), [(8192, 8192), ("16k", 16384), ("1m", 1 << 20), ("2G", 2 << 30), (0, 0)])
def test_sizes(text: object, size: int) -> None:
    assert values.size(text) == size


@pytest.mark.parametrize("text", ["16kb", "1.5m", "", "k", -1, True, None, "16 k", "9" * 20 + "k"])
def test_no_sizes(text: object) -> None:
    with pytest.raises(Mistake):
        values.size(text)


def test_percentages() -> None:
    assert values.percent("20%") == values.percent("20 %") == values.percent(20) == 20
    for value in (0.2, "20", "x%", None, True):
        with pytest.raises(Mistake):
            values.percent(value)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (":8080", "0.0.0.0", 8080),
        ("*:80", "0.0.0.0", 80),
        ("127.0.0.1:1", "127.0.0.1", 1),
        ("[::1]:65535", "::1", 65535),
        ("[::]:80", "::", 80),
        ("LocalHost:80", "localhost", 80),
        ("[2001:0DB8::0001]:80", "2001:db8::1", 80),
    ],
)
def test_listen_addresses(text: str, host: str, port: int) -> None:
    assert values.listen_address(text) == Address(host, port)


@pytest.mark.parametrize(
    "text",
    ["", ":", "8080", ":0", ":65536", ":-1", ":80a", "::1:80", "[::1]", "[::1", "::1]:80", "a b:80", "-a:80", "a-:80",
     "a..b:80", "1.2.3:80", "256.0.0.1:80", "http://a:80", "unix:/x", "/x", "[a]:80", "é:80", ":٣", 80, None, ["a:80"],
     "a" * 64 + ":80"],
)  # fmt: skip
def test_no_addresses(text: object) -> None:
    with pytest.raises(Mistake):
        values.listen_address(text)
    with pytest.raises(Mistake):
        values.server_address(text)


def test_a_server_needs_a_host_and_may_have_any_name() -> None:
    with pytest.raises(Mistake):
        values.server_address(":80")
    assert values.server_address("no-such-host.invalid:80") == Address("no-such-host.invalid", 80)
    assert values.server_address("db_1:5432") == Address("db_1", 5432)


@given(st.ip_addresses(), st.integers(min_value=1, max_value=65535))
def test_an_address_reads_as_it_is_shown(ip: object, port: int) -> None:
    address = Address(str(ip), port)
    assert values.server_address(str(address)) == address


def test_networks() -> None:
    assert values.network("10.0.0.0/8") == "10.0.0.0/8"
    assert values.network("::1") == "::1/128"
    with pytest.raises(Mistake) as raised:
        values.network("10.1.2.3/8")
    assert raised.value.problems[0].hint == "the network is 10.0.0.0/8"


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none(), st.lists(st.text())))
def test_anything_else_is_a_mistake(value: object) -> None:
    for parse in (values.duration, values.size, values.percent, values.listen_address, values.server_address,
                  values.network, values.host, values.host_pattern, values.text):  # fmt: skip
        with suppress(Mistake):
            parse(value)
