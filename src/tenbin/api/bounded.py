"""A uvicorn server that slow, stalled and many clients cannot hold up.

Owns what uvicorn leaves open: a deadline for a request's head, an end for clients that do not read their answer, a
bound on what is discarded, a bound on connections, and JSON for the errors that arise below the application. Its
timers are the event loop's.
"""

from __future__ import annotations

import logging
import os
import socket
from typing import TYPE_CHECKING, Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from tenbin.api.guard import error_body
from tenbin.dataplane import doors

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

    from tenbin.api.server import Limits

DISCARD_LIMIT = 16 * 1024 * 1024
"""Bytes of one request that are read, most of them thrown away, so that its sender can read why it was refused."""


def make_server(app: Any, limits: Limits) -> BoundedServer:
    """Make a server for an ASGI application; it logs nothing, catches no signals and runs in the caller's loop."""
    logging.getLogger("uvicorn.error").addHandler(logging.NullHandler())
    logging.getLogger("uvicorn.error").propagate = False
    protocol = type("BoundedProtocolWithLimits", (BoundedProtocol,), {"limits": limits})
    config = uvicorn.Config(
        app,
        loop="none",
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=limits.idle_time,
        h11_max_incomplete_event_size=limits.head,
    )
    return BoundedServer(config)


class BoundedServer(uvicorn.Server):
    """uvicorn's server in two steps instead of one, so that its start can be awaited and its end be forced."""

    async def begin(self, listening: socket.socket) -> None:
        """Accept on a socket that listens already."""
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        await self.startup(sockets=[listening])

    async def run_until_told(self, listening: socket.socket) -> None:
        """Serve until `should_exit`, then let requests end."""
        await self.main_loop()
        await self.shutdown(sockets=[listening])

    def abort(self) -> None:
        """End what is still open."""
        self.force_exit = True
        for task in list(self.server_state.tasks):
            task.cancel()
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()


class BoundedProtocol(H11Protocol):
    """One connection; `limits` is set by `make_server`."""

    limits: Limits

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clocks, or turn away one connection too many."""
        super().connection_made(transport)
        self._head_timer: asyncio.TimerHandle | None = None
        self._received = 0
        self._unsent = 0
        self._since = self.loop.time()
        self._stall_timer = self.loop.call_later(self.limits.stall_time, self._check_progress)
        if not self._may_enter(transport):
            transport.abort()
        elif len(self.connections) > self.limits.clients and not self._make_room():
            self._answer(503, "too many connections to the admin API", "try again, or use the unix socket")
        else:
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stall_timer.cancel()
        self._head_is_here()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes, and watch how long a head and how much a body takes."""
        if self.transport.is_closing():
            return
        self._received += len(data)
        if self._received > DISCARD_LIMIT:
            self.transport.abort()
            return
        before = self.cycle
        if not _under_way(before) and self._head_timer is None:
            self._expect_head()
        super().data_received(data)
        if self.cycle is not before:
            self._received = 0
            self._head_is_here()

    def on_response_complete(self) -> None:
        """Go on to the next request; a body that is still coming has as long as a head."""
        self._since = self.loop.time()
        if self.conn.their_state is h11.SEND_BODY:
            self._expect_head()
        super().on_response_complete()
        if self._has_part_of_a_head() and not _under_way(self.cycle):
            self._expect_head()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._answer(400, msg.rstrip("."), "speak HTTP/1.1 to this port")

    def _may_enter(self, transport: asyncio.Transport) -> bool:
        """Over the unix socket, this user and root; the file's mode says the same until somebody changes it."""
        sock = transport.get_extra_info("socket")
        return sock.family != socket.AF_UNIX or doors.peer(sock)[1] in {0, os.geteuid()}

    def _make_room(self) -> bool:
        """End the connection that has asked nothing for longest, if that is long enough."""
        now = self.loop.time()
        others = [one for one in self.connections if isinstance(one, BoundedProtocol) and one is not self]
        idle = [one for one in others if one.asks_nothing(now)]
        if not idle:
            return False
        oldest = min(idle, key=lambda one: one._since)  # noqa: SLF001 - of this class
        oldest.transport.abort()
        return True

    def asks_nothing(self, now: float) -> bool:
        """Tell whether it has been open for a while without a request under way."""
        waiting = not _under_way(self.cycle) and not self.transport.is_closing()
        return waiting and now - self._since >= self.limits.room_after

    def _has_part_of_a_head(self) -> bool:
        return self.conn.their_state is h11.IDLE and self.conn.trailing_data[0] != b""

    def _expect_head(self) -> None:
        self._head_is_here()
        self._head_timer = self.loop.call_later(self.limits.head_time, self._too_slow)

    def _head_is_here(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if not self._has_part_of_a_head():
            self.transport.close()  # nothing was asked, or what was asked has been answered
            return
        self._answer(408, "the request did not arrive in time", "send it at once")

    def _check_progress(self) -> None:
        unsent = self.transport.get_write_buffer_size()
        if unsent and unsent == self._unsent:
            self.transport.abort()
            return
        self._unsent = unsent
        self._stall_timer = self.loop.call_later(self.limits.stall_time, self._check_progress)

    def _answer(self, status: int, error: str, hint: str) -> None:
        if self.transport.is_closing():
            return
        body = error_body(error, hint)
        head = (
            f"HTTP/1.1 {status} {_PHRASES[status]}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        if self._may_answer():
            self.transport.write(head.encode() + body)
        self.transport.close()

    def _may_answer(self) -> bool:
        answered = self.conn.their_state is h11.SEND_BODY
        return not answered and not _under_way(self.cycle)


def _under_way(cycle: RequestResponseCycle | None) -> bool:
    """Tell whether a request is being answered; uvicorn's type hides that there is none at first."""
    return cycle is not None and not cycle.response_complete


_PHRASES = {400: "Bad Request", 408: "Request Timeout", 503: "Service Unavailable"}
