"""What is done to both proxies, and how either is configured for it."""

from __future__ import annotations

import contextlib
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from support.scripted import OK, Peer, answering, once

if TYPE_CHECKING:
    from collections.abc import Callable

    Script = Callable[[Peer], None]
    Visit = Callable[[int], None]

GET = b"GET /a?b=c HTTP/1.1\r\nHost: a.test\r\nX-Id: 17\r\n\r\n"
MUCH = b"x" * 1_000_000
HELD: list[socket.socket] = []
"""Connections that stay open until the line is there."""

POST = b"POST /up HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n"


@dataclass(frozen=True)
class Case:
    """`frontend`, `backend` and `options` are HAProxy's lines; `front`, `back`, `log` members of the snapshot."""

    name: str
    visit: Visit
    script: Script | None = None
    mode: str = "http"
    frontend: str = ""
    backend: str = ""
    options: str = ""
    front: dict[str, Any] = field(default_factory=dict)
    back: dict[str, Any] = field(default_factory=dict)
    log: dict[str, Any] = field(default_factory=dict)
    server: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] = field(default_factory=dict)
    form: str = ""
    lines: int = 1


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 5)


def read_all(sock: socket.socket) -> bytes:
    data = b""
    with contextlib.suppress(OSError):
        while piece := sock.recv(65536):
            data += piece
    return data


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def ask(*pieces: bytes) -> Visit:
    """Send, and read until the end."""

    def visit(port: int) -> None:
        with connected(port) as sock:
            for piece in pieces:
                sock.sendall(piece)
            read_all(sock)

    return visit


def closing(data: bytes) -> bytes:
    return data.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)


def leave(data: bytes, wait: bool = True) -> Visit:
    """Send, wait for the first bytes of an answer, and reset."""

    def visit(port: int) -> None:
        sock = connected(port)
        if data:
            sock.sendall(data)
        if wait:
            sock.recv(1)
        reset(sock)

    return visit


def leave_after(data: bytes, seconds: float) -> Visit:
    """Send, get nothing for a while, and reset."""

    def visit(port: int) -> None:
        sock = connected(port)
        sock.sendall(data)
        sock.settimeout(seconds)
        with contextlib.suppress(OSError):
            sock.recv(1)
        reset(sock)

    return visit


def stuck(data: bytes) -> Visit:
    """Send, and take nothing of the answer until the proxy gives up."""

    def visit(port: int) -> None:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", port))
        sock.sendall(data)
        HELD.append(sock)

    return visit


def hello_and_end(port: int) -> None:
    with connected(port) as sock:
        sock.recv(5)


def two(data: bytes, *, left: bool = False) -> Visit:
    """Keep the server busy with one request and send another one, which waits, or leaves while it does."""

    def visit(port: int) -> None:
        with connected(port) as first:
            first.sendall(data)
            first.settimeout(0.1)
            with contextlib.suppress(TimeoutError):
                first.recv(1)
            if left:
                leave_after(data, 0.1)(port)
            else:
                ask(closing(data))(port)
            first.settimeout(5)
            first.recv(65536)

    return visit


def silent(peer: Peer) -> None:
    peer.read_head()
    peer.hold()


def resetting(peer: Peer) -> None:
    peer.read_head()
    peer.reset()


def hang_up(peer: Peer) -> None:
    peer.read()
    peer.reset()


def cut(peer: Peer) -> None:
    peer.read_head()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")


def stalled(peer: Peer) -> None:
    peer.read_head()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
    peer.hold()


def flood(peer: Peer) -> None:
    peer.read_head()
    peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n")
    for _ in range(50):
        peer.send(MUCH)


def talk(peer: Peer) -> None:
    peer.send(b"hello")
    peer.hold()


def const(value: object) -> dict[str, Any]:
    return {"op": "const", "value": value}


def route(action: dict[str, Any]) -> dict[str, Any]:
    return {"routes": [{"action": action}]}


def rule(verb: str, **members: Any) -> dict[str, Any]:
    return {"act": {"verb": verb, **members}}


CASES = [
    Case("good", ask(closing(GET)), answering()),
    Case("two-requests", ask(GET + closing(GET)), answering(), lines=2),
    Case("server-503", ask(closing(GET)), once(OK.replace(b"200 OK", b"503 Busy"))),
    Case(
        "captures",
        ask(closing(GET)),
        once(OK.replace(b"\r\n\r\n", b'\r\nServer: x{y|z}"\r\n\r\n')),
        frontend="capture request header X-Id len 1\n capture request header None len 9\n"
        " capture response header Server len 20",
        log={
            "captures": [
                {"answer": False, "header": "x-id", "length": 1},
                {"answer": False, "header": "none", "length": 9},
                {"answer": True, "header": "server", "length": 20},
            ]
        },
    ),
    Case("client-gone-in-head", leave(b"GET / HTTP/1.1\r\nHo", wait=False), answering()),
    Case("client-closes-silently", leave(b"", wait=False), answering()),
    Case("says-nothing", ask(b""), answering()),
    Case("head-late", ask(b"GET / HTTP/1.1\r\nHo"), answering()),
    Case("bad-head", ask(b"GET / HTTP/1.1\r\nHost: a\r\nx y: z\r\n\r\n"), answering()),
    Case("server-silent", ask(closing(GET)), silent),
    Case("server-resets", ask(closing(GET)), resetting),
    Case("server-closes", ask(closing(GET)), once(b"")),
    Case("server-babbles", ask(closing(GET)), once(b"HTP/1.1 huh\r\n\r\n")),
    Case("server-cuts-body", ask(closing(GET)), cut),
    Case("server-stalls-in-body", ask(closing(GET)), stalled),
    Case("nobody-listens", ask(closing(GET))),
    Case(
        "queued",
        two(GET),
        silent,
        options="maxconn 1",
        server={"max_connections": 1},
        lines=2,
    ),
    Case(
        "queue-late",
        two(GET),
        silent,
        backend="timeout queue 300ms\n timeout server 3s",
        options="maxconn 1",
        back={"timeouts": {"connect": 900, "server": 3000, "queue": 300, "tunnel": 0}},
        server={"max_connections": 1},
        lines=2,
    ),
    Case(
        "left-in-queue",
        two(GET, left=True),
        silent,
        backend="option abortonclose",
        options="maxconn 1",
        server={"max_connections": 1},
        lines=2,
    ),
    Case(
        "redispatched",
        ask(closing(GET)),
        answering(),
        backend="option redispatch 1\n retries 1\n server s0 127.0.0.1:1",
        back={"retry": {"attempts": 1, "budget": 100}},
        before={"name": "s0", "address": "127.0.0.1:1", "weight": 1, "cookie": "s0"},
    ),
    Case(
        "no-server-up",
        ask(closing(GET)),
        answering(),
        options="disabled",
        server={"admin": "maint"},
    ),
    Case("client-resets-while-waiting", leave_after(GET, 0.1), silent),
    Case("client-resets-in-body", leave(GET), stalled),
    Case("client-takes-nothing", stuck(GET), flood),
    Case("body-late", ask(POST + b"x"), silent),
    Case("client-resets-in-upload", leave_after(POST + b"x", 0.1), silent),
    Case(
        "deny",
        ask(closing(GET)),
        answering(),
        frontend="http-request deny",
        front={"rules": {"request": [rule("deny", answer={"status": 403})]}},
    ),
    Case(
        "tarpit",
        ask(closing(GET)),
        answering(),
        frontend="http-request tarpit",
        front={"rules": {"request": [rule("tarpit", answer={"status": 500})]}, "tarpit": 500},
    ),
    Case(
        "reject",
        ask(closing(GET)),
        answering(),
        frontend="http-request reject",
        front={"rules": {"request": [rule("reject")]}},
    ),
    Case(
        "silent-drop",
        leave_after(GET, 0.2),
        answering(),
        frontend="http-request silent-drop",
        front={"rules": {"request": [rule("silent_drop")]}},
    ),
    Case(
        "redirect",
        ask(closing(GET)),
        answering(),
        frontend="http-request redirect location /x",
        front=route({"kind": "redirect", "location": const("/x"), "code": 302}),
    ),
    Case(
        "return",
        ask(closing(GET)),
        answering(),
        frontend="http-request return status 200",
        front={"rules": {"request": [rule("return", answer={"status": 200})]}},
    ),
    Case(
        "answer-denied",
        ask(closing(GET)),
        answering(),
        frontend="http-response deny",
        front={"rules": {"answer": [rule("deny", answer={"status": 502})]}},
    ),
    Case(
        "log-level-silent",
        ask(GET.replace(b"/a", b"/first") + closing(GET)),
        answering(),
        frontend="http-request set-log-level silent if { path /first }",
        lines=1,
        front={
            "rules": {
                "request": [
                    {
                        "when": {
                            "op": "match",
                            "method": "eq",
                            "input": {"op": "fetch", "name": "path"},
                            "patterns": ["/first"],
                        },
                        "act": {"verb": "set_log_level", "name": "silent", "number": 8},
                    }
                ]
            }
        },
    ),
    Case("early", ask(closing(GET)), answering(), frontend="option logasap", log={"early": True}),
    Case(
        "dontlognull",
        lambda port: (leave(b"", wait=False)(port), ask(closing(GET))(port))[1],
        answering(),
        frontend="option dontlognull",
        log={"null": False},
    ),
    Case(
        "dontlog-normal",
        lambda port: (ask(closing(GET))(port), ask(closing(GET.replace(b"/a", b"/b")))(port))[1],
        lambda peer: peer.send(OK if b"/a" in peer.read_head() else OK.replace(b"200 OK", b"500 Bad")),
        frontend="option dontlog-normal",
        log={"normal": False},
    ),
    Case("tcp-good", ask(b"x"), once(b""), mode="tcp"),
    Case("tcp-server-first", leave(b"", wait=True), talk, mode="tcp"),
    Case("tcp-client-ends", hello_and_end, talk, mode="tcp"),
    Case("tcp-idle", ask(b""), talk, mode="tcp"),
    Case("tcp-nobody-listens", ask(b"x"), mode="tcp"),
    Case("tcp-server-resets", ask(b"x"), hang_up, mode="tcp"),
]
