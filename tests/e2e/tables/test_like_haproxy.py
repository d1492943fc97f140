"""The same tables, rules and requests in HAProxy and here: the same entries with the same counts, the same servers."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.plane import serving
from support.scripted import Peer, ScriptedServer
from tenbin import model
from tenbin.model import Act, Const, Duration, Fetch, Match, Rule, Rules, Stored, Verb
from tenbin.plan import wire
from tenbin.testing import Lease, wait_for
from unit.plan import samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tenbin.dataplane.process import ProcessDataplane

HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(HAPROXY is None, reason="no haproxy (Debian: haproxy)")

_COUNTED = """conn_cnt conn_rate conn_cur sess_cnt sess_rate http_req_cnt http_req_rate http_err_cnt http_err_rate
http_fail_cnt http_fail_rate gpc0 gpt0"""
COUNTED = _COUNTED.split()
RATES = [name for name in COUNTED if name.endswith("_rate")]
STORED = tuple(Stored(name, 60_000 if name in RATES else 0) for name in COUNTED)

CFG = """global
  stats socket {folder}/s.sock level admin
defaults
  mode http
  timeout client 3s
  timeout server 500ms
  timeout connect 500ms
  timeout http-request 500ms
  timeout tarpit 100ms
  retries 0
frontend web
  bind 127.0.0.1:{port}
  tcp-request connection track-sc0 src table clients
  http-request track-sc1 path table paths
  http-request sc-inc-gpc0(0) if {{ path /gpc }}
  http-request sc-set-gpt0(1) 7 if {{ path /gpt }}
  http-request deny if {{ path /deny }}
  http-request deny deny_status 503 if {{ path /deny503 }}
  http-request tarpit if {{ path /tarpit }}
  http-request return status 404 if {{ path /return }}
  http-request redirect location /x if {{ path /redirect }}
  http-response track-sc2 str(answers) table answers
  use_backend none if {{ path /none }}
  use_backend down if {{ path /down }}
  use_backend stuck if {{ path -m beg /stuck }}
  default_backend app
backend app
  server s 127.0.0.1:{server}
backend none
backend down
  server s 127.0.0.1:{closed}
backend stuck
  balance roundrobin
  stick-table type string len 20 size 1k expire 60s
  stick on hdr(x-user)
  stick store-response res.hdr(x-session)
  stick match hdr(x-session)
  server s1 127.0.0.1:{server}
  server s2 127.0.0.1:{other}
backend clients
  stick-table type ip size 1k expire 60s store {stored}
backend paths
  stick-table type string len 10 size 1k expire 60s store {stored}
backend answers
  stick-table type string size 1k store {stored}
"""

_PATHS = """/200 /404 /429 /500 /501 /503 /505 /deny /deny503 /tarpit /return /redirect /none /down /drop /slow /gpc
/gpt /longer/than/ten"""
PATHS = _PATHS.split()
STUCK = [("/stuck", f"x-user: {user}") for user in "aabcab"] + [
    ("/stuck/session", "x-none: 1"),
    ("/stuck", "x-session: sess1"),
    ("/stuck", "x-session: sess1"),
    ("/stuck", "x-session: sess2"),
]

Entries = dict[str, dict[str, dict[str, str]]]
"""By table, by key: counters that are not 0."""


def script(name: str) -> object:
    def run(peer: Peer) -> None:
        while head := peer.read_head():
            path = head.split(b" ")[1].decode()
            if path == "/drop":
                return
            if path == "/slow":
                peer.hold()
                return
            status = path[1:] if path[1:].isdigit() else "200"
            session = "x-session: sess1\r\n" if path == "/stuck/session" else ""
            peer.send(f"HTTP/1.1 {status} X\r\n{session}x-server: {name}\r\nContent-Length: 2\r\n\r\nok".encode())

    return run


@pytest.fixture
def ports() -> Iterator[dict[str, int]]:
    """Two servers, a port that nobody listens on, and one for each of the contestants."""
    leased = Lease(3)
    with ScriptedServer(script("s1")) as server, ScriptedServer(script("s2")) as other:  # type: ignore[arg-type]
        names = ("closed", "tenbin", "haproxy")
        yield {"server": server.port, "other": other.port, **dict(zip(names, leased.ports, strict=True))}
    leased.release()


def ask(port: int, path: str, line: str = "") -> str:
    """One request on a connection of its own; the status, and the server that answered."""
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n{line or 'x-none: 1'}\r\nConnection: close\r\n\r\n".encode())
        try:
            return _answer(sock)
        except TimeoutError:
            return f"no answer to {path} {line}"


def _answer(sock: socket.socket) -> str:
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := sock.recv(65536):
            data += piece
    server = re.search(rb"x-server: (\S+)", data)
    return data[9:12].decode() + (f" {server[1].decode()}" if server else "")


def odd_requests(port: int) -> None:
    """Two requests on one connection, one that cannot be read, and one that does not come in time."""
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        for _ in range(2):
            sock.sendall(b"GET /twice HTTP/1.1\r\nHost: a\r\n\r\n")
            data = b""
            while not data.endswith(b"ok"):
                data += sock.recv(65536)
    for start in (b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /late"):
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            sock.sendall(start)
            _answer(sock)


def of_haproxy(path: Path, table: str) -> dict[str, dict[str, str]]:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(f"show table {table}\n".encode())
        text = b""
        while piece := sock.recv(65536):
            text += piece
    entries = {}
    for line in filter(None, text.decode().splitlines()[1:]):
        fields = dict(field.split("=", 1) for field in line.split()[1:])
        counts = {name.partition("(")[0]: value for name, value in fields.items()}
        key = counts.pop("key")
        entries[key] = _told(counts)
    return entries


def _told(counts: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in counts.items() if value != "0" and name not in {"use", "exp"}}


async def of_tenbin(plane: ProcessDataplane, table: str) -> dict[str, dict[str, str]]:
    answer = await plane.table(wire.TableQuery(name=table, action="show"))
    assert answer.outcome == "done"
    return {row.key: _told({name: str(value) for name, _, value in row.data}) for row in answer.rows}


def rule(verb: Verb, path: str = "", **fields: object) -> Rule:
    when = Match("eq", Fetch("path"), (path,)) if path else None
    return Rule(when, Act(verb, **fields), "")  # type: ignore[arg-type]


def like_cfg(ports: dict[str, int]) -> model.Config:
    """What the file above says, as the model says it."""
    answer = {status: model.Answer(status) for status in (403, 404, 500, 503)}
    request = (
        rule(Verb.TRACK, number=1, name="paths", value=Fetch("path")),
        rule(Verb.INC_GPC, "/gpc", number=0, name="gpc0"),
        rule(Verb.SET_GPT, "/gpt", number=1, name="gpt0", value=Const(7)),
        rule(Verb.DENY, "/deny", answer=answer[403]),
        rule(Verb.DENY, "/deny503", answer=answer[503]),
        rule(Verb.TARPIT, "/tarpit", answer=answer[500]),
        rule(Verb.RETURN, "/return", answer=answer[404]),
        rule(Verb.REDIRECT, "/redirect", value=Const("/x"), number=302),
    )
    rules = Rules(
        connection=(rule(Verb.TRACK, number=0, name="clients", value=Fetch("source")),),
        request=request,
        answer=(rule(Verb.TRACK, number=2, name="answers", value=Const("answers")),),
    )
    none, down = (
        samples.route(model.ToBackend(name), when=Match("eq", Fetch("path"), (f"/{name}",)))
        for name in ("none", "down")
    )
    stuck = samples.route(model.ToBackend("stuck"), when=Match("beg", Fetch("path"), ("/stuck",)))
    # Whoever has answers of his own has HAProxy's statuses.
    own = tuple((status, model.Answer(status)) for status in (400, 403, 408, 500, 502, 503, 504))
    routes = (none, down, stuck, samples.route(model.ToBackend("app")))
    listen = (f"127.0.0.1:{ports['tenbin']}",)
    web = samples.frontend("web", *routes, listen=listen, rules=rules, header=Duration(500), tarpit=100, answers=own)
    return samples.config((web,), backends(ports), tables=tables())


def backends(ports: dict[str, int]) -> tuple[model.Backend, ...]:
    def stick(key: Fetch, *, match: bool, store: bool, answer: bool = False) -> model.StickRule:
        return model.StickRule(match=match, store=store, answer=answer, key=key, table="stuck", when=None)

    sticks = (
        stick(Fetch("header", ("x-user",)), match=True, store=True),
        stick(Fetch("res.hdr", ("x-session",)), match=False, store=True, answer=True),
        stick(Fetch("header", ("x-session",)), match=True, store=False),
    )
    given = {"server": Duration(500), "connect": Duration(500), "retry": model.Retry(0, (), 0)}
    one, other, down = (
        samples.server(name, address=model.Address("127.0.0.1", ports[port]))
        for name, port in (("s1", "server"), ("s2", "other"), ("s", "closed"))
    )
    return (
        samples.backend("app", one, **given),
        samples.backend("none", **given),
        samples.backend("down", down, **given),
        samples.backend("stuck", one, other, stick=sticks, **given),
    )


def tables() -> tuple[model.Table, ...]:
    def table(name: str, key: model.KeyType, length: int, expire: int, stored: tuple[Stored, ...]) -> model.Table:
        return model.Table(name, key, length=length, size=1024, expire=expire, keep=False, stored=stored)

    return (
        table("clients", model.KeyType.IP, 0, 60_000, STORED),
        table("paths", model.KeyType.STRING, 10, 60_000, STORED),
        table("answers", model.KeyType.STRING, 32, 0, STORED),
        table("stuck", model.KeyType.STRING, 20, 60_000, ()),
    )


@contextlib.contextmanager
def haproxy(folder: Path, ports: dict[str, int]) -> Iterator[Path]:
    text = CFG.format(folder=folder, port=ports["haproxy"], stored=",".join(
        f"{name}(60s)" if name in RATES else name for name in COUNTED), **ports)  # fmt: skip
    file = folder / "haproxy.cfg"
    file.write_text(text)
    process = subprocess.Popen([str(HAPROXY), "-db", "-f", str(file)], stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: (folder / "s.sock").exists() or process.poll() is not None, 10, "HAProxy listens")
        yield folder / "s.sock"
    finally:
        process.kill()
        process.wait()


def talk(port: int) -> list[str]:
    answers = [ask(port, path) for path in PATHS]
    odd_requests(port)
    return answers + [ask(port, path, line) for path, line in STUCK]


def is_busy(clients: dict[str, dict[str, str]]) -> bool:
    """Whether a connection is still counted."""
    return any("conn_cur" in counts for counts in clients.values())


NAMES = ("clients", "paths", "answers", "stuck")


def test_the_same_requests_make_the_same_entries(tmp_path: Path, ports: dict[str, int]) -> None:
    async def here() -> tuple[list[str], Entries]:
        async with serving(tmp_path, like_cfg(ports)) as plane:
            answers = await asyncio.to_thread(talk, ports["tenbin"])
            async with asyncio.timeout(10):
                while is_busy(await of_tenbin(plane, "clients")):
                    continue
            return answers, {name: await of_tenbin(plane, name) for name in NAMES}

    with haproxy(tmp_path, ports) as path:
        expected = talk(ports["haproxy"])
        wait_for(lambda: not is_busy(of_haproxy(path, "clients")), 10, "every connection has ended")
        entries = {name: of_haproxy(path, name) for name in NAMES}
    answers, found = asyncio.run(here())
    assert found == entries
    assert answers == expected
