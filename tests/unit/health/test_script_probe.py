"""Scripts and greetings: the status, code and text that HAProxy 2.6 shows for the same check of the same server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from tenbin.health.probe import Probes
from tenbin.model import ProtocolCheck, ScriptCheck, Step, StepKind
from unit.health.support import check, target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tenbin.model import Probe

    Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

pytestmark = pytest.mark.anyio


def expect(method: str, pattern: str, **more: object) -> Step:
    return Step(StepKind.EXPECT, method=method, pattern=pattern, **more)  # type: ignore[arg-type]


def send(target: str) -> Step:
    return Step(StepKind.SEND, method="GET", target=target)


def web(*steps: Step, **more: bool) -> ScriptCheck:
    return ScriptCheck(steps, http=True, **more)


def tcp(*steps: Step) -> ScriptCheck:
    return ScriptCheck(steps, http=False)


async def website(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1][1:]
    status = path if path.isdigit() else b"200"
    writer.write(b"HTTP/1.1 " + status + b" Reason\r\nx-a: b\r\nContent-Length: 5\r\n\r\nhello")


async def banner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"+PONG\r\n")
    await reader.read()


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del reader, writer


async def mail(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for line in (b"220 me ESMTP\r\n", b"250-one\r\n250 ok\r\n", b"221 bye\r\n"):
        writer.write(line)
        await reader.readline()


async def database(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    size = int.from_bytes(await reader.readexactly(4), "big")
    asked = await reader.readexactly(size - 4)
    known = asked[4:].split(b"\0")[1] == b"me"
    writer.write(b"R\0\0\0\x0c\0\0\0\x05salt" if known else b"E\0\0\0\x10SFATAL\0C28000\0\0")


async def directory(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readexactly(14)
    writer.write(bytes.fromhex("300c02010161070a010004000400"))


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    del writer
    await reader.read()


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[int]:
    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    listener = await asyncio.start_server(whole, "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1]


CASES: list[tuple[Serve, Probe, tuple[str, int | None, str]]] = [
    (website, web(send("/ok")), ("L7OK", 200, "")),
    (website, web(send("/503")), ("L7STS", 503, "Reason")),
    (website, web(send("/404"), disable_on_404=True), ("L7OKC", 404, "")),
    (website, web(send("/ok"), expect("string", "hello")), ("L7OK", 200, "")),
    (website, web(send("/ok"), expect("string", "bye")), ("L7RSP", 200, "HTTP content check did not match")),
    (
        website,
        web(send("/ok"), expect("string", "hello", negate=True)),
        ("L7RSP", 200, "HTTP check matched unwanted content"),
    ),
    (website, web(send("/ok"), expect("rstring", "hel+")), ("L7OK", 200, "")),
    (website, web(send("/503"), expect("status", "200,500-503")), ("L7OK", 503, "")),
    (website, web(send("/ok"), expect("status", "204", comment="three")), ("L7STS", 200, "Reason comment: three")),
    (website, web(send("/ok"), expect("rstatus", "^5")), ("L7STS", 200, "Reason")),
    (website, web(send("/ok"), expect("status", "200", negate=True)), ("L7STS", 200, "Reason")),
    (website, web(send("/ok"), expect("hdr", "b", header="X-A")), ("L7OK", 200, "")),
    (website, web(send("/ok"), expect("hdr", "c", header="x-a")), ("L7STS", 200, "Reason")),
    (website, web(send("/ok"), expect("status", "200", on_success="fine", ok_status="L7OKC")), ("L7OKC", 200, "fine")),
    (
        website,
        web(send("/ok"), expect("status", "201", on_error="bad", error_status="L7RSP")),
        ("L7RSP", 200, "bad"),
    ),
    (silent, web(send("/ok")), ("L7TOUT", None, "")),
    (silent, tcp(), ("L4OK", None, "")),
    (silent, tcp(Step(StepKind.CONNECT)), ("L4OK", None, "(tcp-check)")),
    (banner, tcp(expect("string", "+PONG")), ("L7OK", 0, "(tcp-check)")),
    (banner, tcp(expect("string", "nothing")), ("L7TOUT", None, " at step 1 of tcp-check (expect string 'nothing')")),
    (banner, tcp(expect("binary", "2b504f4e47")), ("L7OK", 0, "(tcp-check)")),
    (banner, tcp(expect("rstring", "^.PO")), ("L7OK", 0, "(tcp-check)")),
    (banner, tcp(expect("rbinary", "^2B50")), ("L7OK", 0, "(tcp-check)")),
    (
        banner,
        tcp(expect("string", "PONG", negate=True)),
        ("L7RSP", None, "TCPCHK matched unwanted content 'PONG' at step 1"),
    ),
    (closing, tcp(expect("string", "x")), ("L7RSP", None, "TCPCHK got an empty response at step 1")),
    (banner, tcp(Step(StepKind.SEND, data=b"PING\r\n")), ("L7OK", 0, "(tcp-check)")),
    (banner, ProtocolCheck("redis"), ("L7OK", 0, "Redis server is ok")),
    (mail, ProtocolCheck("smtp"), ("L7OK", 221, "bye")),
    (banner, ProtocolCheck("smtp"), ("L7RSP", None, "+PONG")),
    (closing, ProtocolCheck("smtp"), ("L7RSP", None, "TCPCHK got an empty response at step 2")),
    (database, ProtocolCheck("pgsql", user="me"), ("L7OK", 0, "PostgreSQL server is ok")),
    (directory, ProtocolCheck("ldap"), ("L7OK", 0, "")),
    (banner, ProtocolCheck("ssl_hello"), ("L6RSP", None, "")),
]


@pytest.mark.parametrize(("serve", "probe", "shown"), CASES)
async def test_what_is_shown_is_what_haproxy_shows(
    serve: Serve, probe: Probe, shown: tuple[str, int | None, str]
) -> None:
    probes = Probes()
    async with serving(serve) as port:
        outcome = await probes(target("s1", port, check(probe, timeout=500)))
    assert (outcome.status.value, outcome.code, outcome.text) == shown
    probes.close()


async def test_a_connection_is_refused_at_its_step() -> None:
    probes = Probes()
    async with serving(silent) as port:
        pass
    steps = (Step(StepKind.CONNECT, port=port, comment="c1"), expect("string", "z"))
    text = f"Connection refused at step 1 of tcp-check (connect port {port}) comment: 'c1'"
    outcome = await probes(target("s1", port, check(tcp(*steps))))
    assert (outcome.status.value, outcome.text) == ("L4CON", text)
    outcome = await probes(target("s1", port, check(tcp())))
    assert outcome.text == "Connection refused at initial connection step of tcp-check"
    outcome = await probes(target("s1", port, check(web())))
    assert outcome.text == "Connection refused"
