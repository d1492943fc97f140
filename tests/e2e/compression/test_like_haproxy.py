"""HAProxy beside Tenbin, with the same file: both compress the same answers, say the same of them, and count alike."""

from __future__ import annotations

import zlib
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from support.reference import HAPROXY
from support.runtime_api import haproxy_on, tenbin_on
from support.scripted import ScriptedServer
from tenbin.testing.client import Client, Response, request_bytes
from tenbin.testing.ports import Lease

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.runtime_api import Api
    from support.scripted import Peer

TEXT = """
global
  stats socket {socket} mode 600 level admin
defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
  compression type text/html text/plain
frontend web
  bind 127.0.0.1:%(port)d
  compression algo gzip
  use_backend own if { path_beg /own }
  use_backend same if { path_beg /same }
  default_backend app
backend app
  server s 127.0.0.1:%(server)d
backend own
  compression algo deflate raw-deflate
  compression type application/json text/html
  compression offload
  server s 127.0.0.1:%(server)d
backend same
  compression algo identity
  server s 127.0.0.1:%(server)d
"""
LINES = (
    "Content-Type: text/html", "Content-Type: text/html; charset=utf-8", "Content-Type: TEXT/PLAIN", "X: y",
    "Content-Type: image/png", "Content-Type: multipart/x", "Content-Type: application/json",
    'Content-Type: text/html\r\nETag: "a"', 'Content-Type: text/html\r\nETag: W/"a"',
    "Content-Type: text/html\r\nETag: a", 'Content-Type: text/html\r\nETag: "a"\r\nETag: "b"',
    "Content-Type: text/html\r\nVary: Origin", "Content-Type: text/html\r\nVary: accept-encoding",
    "Content-Type: text/html\r\nContent-Encoding: br", "Content-Type: text/html\r\nAccept-Ranges: bytes",
    "Content-Type: text/html\r\nCache-Control: max-age=1, no-transform",
)  # fmt: skip
ACCEPTED = (
    None, "", "gzip", "GZIP", "deflate", "identity", "*", "br", "gzip;q=0", "gzip;q=0.2, deflate;q=0.3",
    "gzip, deflate", "deflate, gzip", "br;q=1.0, *;q=0.1", "x-gzip", "gzip ;q=0.1",
)  # fmt: skip
AGENTS = ("Mozilla/4.0 (compatible; MSIE 5.0)", "Mozilla/4.0 (compatible; MSIE 7.0; Windows)", "Mozilla/5.0")
BODY = b"<p>The scales are even.</p>" * 100


def serve(peer: Peer) -> None:
    """Answers as the request says, and tells what it was told."""
    while head := peer.read_head().decode():
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        fields = {name.lower(): value for name, value in fields.items()}
        lines = LINES[int(fields.get("x-lines", "0"))]
        status = fields.get("x-status", "200 OK")
        told = f"X-Told: {fields.get('accept-encoding', 'none')}"
        body, framing = BODY, f"Content-Length: {len(BODY)}"
        if "x-chunked" in fields:
            body, framing = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY), "Transfer-Encoding: chunked"
        if "x-empty" in fields:
            body, framing = b"", "Content-Length: 0"
        peer.send(f"HTTP/1.1 {status}\r\n{lines}\r\n{framing}\r\n{told}\r\n\r\n".encode() + body)


def requests() -> list[tuple[str, str, list[tuple[str, str]]]]:
    gzip = ("Accept-Encoding", "gzip")
    plain = [("GET", "/", [gzip, ("X-Lines", str(index))]) for index in range(len(LINES))]
    accepted = [
        ("GET", path, [("Accept-Encoding", text)] if text is not None else [])
        for path in ("/", "/own", "/same")
        for text in ACCEPTED
    ]
    own = [("GET", "/own", [("Accept-Encoding", "deflate"), ("X-Lines", str(index))]) for index in range(len(LINES))]
    statuses = ("201 Created", "202 Accepted", "203 Other", "206 Partial", "404 Not Found", "500 No", "302 Found")
    others = [
        *(("GET", "/", [gzip, ("X-Status", status)]) for status in statuses),
        *(("GET", "/", [gzip, ("User-Agent", agent)]) for agent in AGENTS),
        ("GET", "/", [gzip, ("X-Chunked", "1")]),
        ("GET", "/", [gzip, ("X-Empty", "1")]),
    ]
    return [*plain, *accepted, *own, *others]


def seen(answer: Response) -> tuple[object, ...]:
    """What does not depend on how well it was compressed."""
    body = answer.body
    coding = answer.header("content-encoding")
    if coding == "gzip":
        body = zlib.decompress(body, 31)
    elif coding == "deflate":
        body = zlib.decompress(body, -15)
    return answer.status, sorted(answer.headers), body


@pytest.fixture
def both(tmp_path: Path) -> Iterator[list[tuple[int, Api]]]:
    with ExitStack() as stack:
        server = stack.enter_context(ScriptedServer(serve))
        lease = Lease(2)
        stack.callback(lease.release)
        found = []
        for port, start in zip(lease.ports, (haproxy_on, tenbin_on), strict=True):
            folder = tmp_path / start.__name__
            folder.mkdir()
            api = stack.enter_context(start(TEXT % {"port": port, "server": server.port}, folder))
            found.append((port, api))
        yield found


@pytest.mark.skipif(not HAPROXY, reason="needs haproxy")
def test_heads_bodies_and_counts_are_equal(both: list[tuple[int, Api]]) -> None:
    answers: list[list[tuple[object, ...]]] = []
    for port, _ in both:
        with Client(("127.0.0.1", port), 10.0) as client:
            mine = []
            for method, target, headers in requests():
                client.send(request_bytes(method, target, headers))
                mine.append(seen(client.read_response(method)))
            answers.append(mine)
    for request, theirs, ours in zip(requests(), *answers, strict=True):
        assert ours == theirs, request
    counts: list[list[int]] = []
    for _, api in both:
        rows = api.stat()
        names = [("web", "FRONTEND"), *((name, "BACKEND") for name in ("app", "own", "same"))]
        counts.append([int(rows[name][column]) for column in ("comp_in", "comp_byp", "comp_rsp") for name in names])
        assert all(0 < int(rows[name]["comp_out"]) < int(rows[name]["comp_in"]) for name in names[:3])
    # HAProxy counts the end of a chunked body as a byte of it; there is one.
    assert [abs(theirs - ours) for theirs, ours in zip(*counts, strict=True)] == [1, 1, *[0] * 10]
