"""The PROXY header that checks send, byte for byte as HAProxy's checks send it."""

from __future__ import annotations

import pytest

from tenbin.health.probe import preamble


def test_version_2_says_local() -> None:
    assert preamble.local() == b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"


@pytest.mark.parametrize(
    ("source", "destination", "line"),
    [
        (("127.0.0.1", 40001), ("127.0.0.2", 80), b"PROXY TCP4 127.0.0.1 127.0.0.2 40001 80\r\n"),
        (("::1", 65535), ("2001:db8:0:0::7", 1), b"PROXY TCP6 ::1 2001:db8::7 65535 1\r\n"),
        (("::ffff:10.0.0.1", 5), ("::ffff:10.0.0.2", 6), b"PROXY TCP4 10.0.0.1 10.0.0.2 5 6\r\n"),
        (("fe80::1%eth0", 5), ("fe80::2%eth0", 6), b"PROXY TCP6 fe80::1 fe80::2 5 6\r\n"),
        (("127.0.0.1", 5), ("::1", 6), b"PROXY UNKNOWN\r\n"),
        (("", 0), ("/run/app.sock", 0), b"PROXY UNKNOWN\r\n"),
    ],
)
def test_version_1_tells_the_ends(source: tuple[str, int], destination: tuple[str, int], line: bytes) -> None:
    assert preamble.line(source, destination) == line


def test_the_longest_line_is_within_the_107_bytes_that_readers_expect() -> None:
    end = ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535)
    assert len(preamble.line(end, end)) <= 107
