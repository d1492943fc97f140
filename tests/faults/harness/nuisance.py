"""Clients that mean no good: slow ones, ones that go away in the middle, ones that send nonsense.

They never count as failed, whatever they are answered; nobody else may notice them.
"""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from conformance.rows import read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faults.harness.dice import Dice
    from tenbin.testing.client import Address

_LARGE = b"GET /bytes?n=50000000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
_HALF = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\n" + b"x" * 20_000
_RESET = b"\x01\0\0\0\0\0\0\0"


@contextlib.contextmanager
def slow_clients(address: Address, heads: int, readers: int) -> Iterator[None]:
    """Clients that send half a head and stop, and such as ask for much and do not read; gone with the context."""
    with contextlib.ExitStack() as stack:
        for i in range(heads + readers):
            one = stack.enter_context(socket.create_connection(address, 5))
            one.sendall(b"GET / HTTP/1.1\r\nHost: local" if i < heads else _LARGE)
        yield


def aborting_clients(address: Address, count: int, dice: Dice) -> None:
    """Send a request, whole or in part, take a part of the answer or none, and go: with a reset or properly."""
    for _ in range(count):
        with contextlib.suppress(OSError), socket.create_connection(address, 5) as one:
            request = dice.pick((_LARGE, _HALF))
            one.sendall(request[: dice.below(len(request)) + 1] if dice.below(2) else request)
            one.settimeout(0.02)
            with contextlib.suppress(TimeoutError):
                for _ in range(dice.below(20)):
                    one.recv(16_384)
            if dice.below(2):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)


def bad_requests(address: Address, count: int, dice: Dice) -> None:
    """Send requests of the conformance table, each on a connection of its own, without waiting for what comes."""
    rows = [row.raw for row in read_rows() if row.kind == "req"]
    for _ in range(count):
        with contextlib.suppress(OSError), socket.create_connection(address, 5) as one:
            one.settimeout(0.02)
            one.sendall(dice.pick(rows))
            one.recv(65536)
