"""Frames by the ten thousand, sent as fast as they are taken, until all are out or the other side has had enough."""

from __future__ import annotations

import select
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.frames import GOAWAY, FrameReader
from tenbin.clock import SystemClock

if TYPE_CHECKING:
    from tenbin.testing.client import Address

CLOCK = SystemClock()


@dataclass(slots=True)
class Flooded:
    """What came of it: bytes that were taken, seconds, the error of GOAWAY, and whether the connection was ended."""

    sent: int = 0
    seconds: float = 0.0
    goaway: int = 0
    closed: bool = False

    @property
    def ended(self) -> bool:
        """Whether the other side put an end to it."""
        return self.closed or self.goaway > 0


def flood(address: Address, data: bytes, linger: float = 3.0, longest: float = 60.0) -> Flooded:
    """Send all of it, whatever is answered; then see for so many seconds whether the connection is ended."""
    found, frames, begin = Flooded(), FrameReader(), CLOCK.now()
    view, end = memoryview(data), begin + longest
    with socket.create_connection(address, 5) as one:
        one.setblocking(False)
        poll = select.poll()
        while not found.ended and CLOCK.now() < end:
            writing = found.sent < len(data)
            poll.register(one, select.POLLIN | (select.POLLOUT if writing else 0))
            events = sum(event for _, event in poll.poll(100))
            try:
                if events & ~select.POLLOUT:
                    received = one.recv(1 << 20)
                    found.closed = not received
                    found.goaway = next((f.error for f in frames.feed(received) if f.kind == GOAWAY and f.error), 0)
                if events & select.POLLOUT:
                    found.sent += one.send(view[found.sent : found.sent + (1 << 18)])
            except BlockingIOError:
                continue
            except OSError:
                found.closed = True
            if not writing:
                end = min(end, begin + found.seconds + linger)
            else:
                found.seconds = CLOCK.now() - begin
    return found
