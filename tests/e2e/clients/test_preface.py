"""HTTP/2 by prior knowledge, on a port that speaks HTTP/1.1 as well: told apart however the first bytes are cut."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from support.frames import HEADERS, PREFACE, Blocks, FrameReader, headers, opening, request
from tenbin.testing import fetch

if TYPE_CHECKING:
    from e2e.clients.conftest import Doors

RAW = opening() + headers(1, request(b"/api/whoami"))


def status(connection: socket.socket) -> bytes:
    """Read to the first header block."""
    reader = FrameReader()
    while data := connection.recv(65536):
        for frame in reader.feed(data):
            if frame.kind == HEADERS:
                return dict(Blocks().take(frame) or ()).get(b":status", b"")
    return b""


@pytest.mark.parametrize("at", range(1, len(PREFACE) + 10))
def test_cut_behind_each_byte(doors: Doors, at: int) -> None:
    with socket.create_connection(doors.plain, 10) as one:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.sendall(RAW[:at])
        # Another request of ours is answered after Tenbin has seen what there is of this one.
        assert fetch(doors.plain, "/api/whoami").status == 200
        one.sendall(RAW[at:])
        assert status(one) == b"200"


@pytest.mark.parametrize("first", [b"PRI * HTTP/1.1\r\n", b"PRI / HTTP/2.0\r\n", b"PRI\r\n", b"PRX * HTTP/2.0\r\n"])
def test_what_only_begins_alike_is_refused(doors: Doors, first: bytes) -> None:
    with socket.create_connection(doors.plain, 10) as one:
        one.sendall(first + b"Host: a\r\n\r\n")
        assert one.recv(65536).startswith((b"HTTP/1.1 400", b"HTTP/1.1 505", b"HTTP/1.1 405"))
