"""Checks over TLS against real servers: every way that a handshake ends, and what is shown to whom."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import trustme

from tenbin.health.probe import Probes
from tenbin.health.result import CheckStatus, Outcome
from tenbin.model import TlsSuite
from unit.health.support import http
from unit.health.ways import (
    NAME,
    authority,
    checked,
    client_certificate,
    issued,
    listening,
    quiet,
    reached,
    refusing,
    saying,
    serving,
    trusted,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_a_tcp_check_is_a_handshake(tmp_path: Path) -> None:
    async with listening(quiet, serving()) as port:
        assert await checked(reached(port, tls=trusted(tmp_path))) == Outcome(CheckStatus.L6OK, None, "TLSv1.3")


async def test_an_http_check_asks_within_tls_by_the_servers_name(tmp_path: Path) -> None:
    seen: list[bytes] = []
    async with listening(saying(OK, seen=seen), serving()) as port:
        assert await checked(reached(port, http(), tls=trusted(tmp_path))) == Outcome(CheckStatus.L7OK, 200, "200 OK")
    assert f"\r\nHost: {NAME}:{port}\r\n".encode() in seen[0]


async def test_the_name_is_asked_for(tmp_path: Path) -> None:
    asked: list[str | None] = []
    context = serving()
    context.sni_callback = lambda _tls, name, _context: asked.append(name)
    async with listening(quiet, context) as port:
        assert (await checked(reached(port, tls=trusted(tmp_path)))).status is CheckStatus.L6OK
    assert asked == [NAME]


async def test_without_a_name_the_certificate_must_hold_the_address(tmp_path: Path) -> None:
    asked: list[str | None] = []
    good, other = serving(issued("127.0.0.1")), serving(issued("127.0.0.2", NAME))
    good.sni_callback = lambda _tls, name, _context: asked.append(name)
    nameless = trusted(tmp_path, sni="")
    async with listening(quiet, good) as port:
        assert (await checked(reached(port, tls=nameless))).status is CheckStatus.L6OK
    async with listening(quiet, other) as port:
        expected = Outcome(CheckStatus.L6RSP, None, "the certificate is not for 127.0.0.1")
        assert await checked(reached(port, tls=nameless)) == expected
    assert asked == [None]


async def test_a_certificate_for_another_name(tmp_path: Path) -> None:
    async with listening(quiet, serving(issued("other.example"))) as port:
        expected = Outcome(CheckStatus.L6RSP, None, f"the certificate is not for {NAME}")
        assert await checked(reached(port, http(), tls=trusted(tmp_path))) == expected


async def test_a_certificate_that_has_expired(tmp_path: Path) -> None:
    async with listening(quiet, serving(issued(NAME, days=-1))) as port:
        expected = Outcome(CheckStatus.L6RSP, None, "the certificate has expired")
        assert await checked(reached(port, tls=trusted(tmp_path))) == expected


async def test_an_unknown_authority(tmp_path: Path) -> None:
    async with listening(quiet, serving(trustme.CA().issue_cert(NAME))) as port:
        named = await checked(reached(port, tls=trusted(tmp_path)))
        systems = await checked(reached(port, tls=trusted(tmp_path, ca="")))
    assert named.status is systems.status is CheckStatus.L6RSP
    assert "an unknown authority has signed the certificate" in named.text
    assert "an unknown authority has signed the certificate" in systems.text


async def test_a_certificate_of_its_own_may_be_trusted_by_itself(tmp_path: Path) -> None:
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
    command = f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={NAME}"
    files = ["-addext", f"subjectAltName=DNS:{NAME}", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)  # noqa: ASYNC221 - before anything else
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with listening(quiet, context) as port:
        known = await checked(reached(port, tls=trusted(tmp_path, ca=str(certificate))))
        unknown = await checked(reached(port, tls=trusted(tmp_path)))
    assert known.status is CheckStatus.L6OK
    assert unknown.text == "the certificate is signed by itself, and not a trusted one"


async def test_nothing_is_verified_where_nobody_wants_it(tmp_path: Path) -> None:
    async with listening(quiet, serving(trustme.CA().issue_cert("other.example"))) as port:
        assert (await checked(reached(port, tls=trusted(tmp_path, verify=False)))).status is CheckStatus.L6OK


async def test_a_client_certificate_is_shown(tmp_path: Path) -> None:
    context = serving()
    context.verify_mode = ssl.CERT_REQUIRED
    authority().configure_trust(context)
    without = trusted(tmp_path)
    with refusing(context) as port:
        known = await checked(reached(port, http(), tls=replace(without, certificate=client_certificate(tmp_path))))
        unknown = await checked(reached(port, http(), tls=without))
    assert known.status is CheckStatus.L7OK
    assert unknown == Outcome(CheckStatus.L6RSP, None, "the server wants a client certificate (alert 116)")


async def test_versions_and_suites_are_kept_to(tmp_path: Path) -> None:
    old = serving()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    name = "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
    with refusing(old) as port:
        assert (await checked(reached(port, tls=trusted(tmp_path)))).text == "TLSv1.2"
        newer = await checked(reached(port, tls=trusted(tmp_path, suite=TlsSuite(("1.3",)))))
        assert newer == Outcome(CheckStatus.L6RSP, None, "no common version of TLS")
        suited = await checked(reached(port, tls=trusted(tmp_path, suite=TlsSuite(("1.2", "1.3"), (name,)))))
        assert suited.status is CheckStatus.L6OK
        unsuited = await checked(reached(port, tls=trusted(tmp_path, suite=TlsSuite((), ("TLS_AES_128_GCM_SHA256",)))))
        assert unsuited == newer


async def test_suites_that_requests_would_not_speak_do_not_pass(tmp_path: Path) -> None:
    weak = serving()
    weak.maximum_version = ssl.TLSVersion.TLSv1_2
    weak.set_ciphers("ECDHE-ECDSA-AES128-SHA256")
    with refusing(weak) as port:
        outcome = await checked(reached(port, tls=trusted(tmp_path)))
    assert outcome == Outcome(CheckStatus.L6RSP, None, "the server found nothing in common (alert 40)")


async def test_a_server_without_tls(tmp_path: Path) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()

    async with listening(greet) as port:
        expected = Outcome(CheckStatus.L6RSP, None, "the server does not speak TLS")
        assert await checked(reached(port, tls=trusted(tmp_path))) == expected


async def test_a_server_that_closes_during_the_handshake(tmp_path: Path) -> None:
    async def leave(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1000)

    async with listening(leave) as port:
        outcome = await checked(reached(port, tls=trusted(tmp_path)))
    assert outcome.status is CheckStatus.L6RSP
    assert outcome.text in {"closed during TLS", "connection reset by peer"}


async def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    async with listening(quiet) as port:
        silent = await checked(reached(port, tls=trusted(tmp_path), timeout=80))
    async with listening(saying(), serving()) as port:
        mute = await checked(reached(port, http(), tls=trusted(tmp_path), timeout=500))
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        refused = await checked(reached(held.getsockname()[1], tls=trusted(tmp_path)))
    assert silent == Outcome(CheckStatus.L6TOUT, None, "no TLS handshake in time")
    assert mute.status is CheckStatus.L7TOUT
    assert refused == Outcome(CheckStatus.L4CON, None, "connection refused")


async def test_an_answer_may_end_without_a_word_of_tls(tmp_path: Path) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nall is fine")
        await writer.drain()
        held = writer.get_extra_info("socket")
        held.shutdown(socket.SHUT_WR)
        await reader.read()

    async with listening(cut, serving()) as port:
        assert (await checked(reached(port, http(body="is fine"), tls=trusted(tmp_path)))).status is CheckStatus.L7OK


@pytest.mark.parametrize("held", [None, "no certificate"])
async def test_files_that_cannot_be_used_say_nothing_of_the_server(tmp_path: Path, held: str | None) -> None:
    file = tmp_path / "lost.pem"
    if held:
        file.write_text(held)
    async with listening(quiet, serving()) as port:
        outcome = await checked(reached(port, tls=trusted(tmp_path, ca=str(file))))
    assert outcome.status is CheckStatus.SOCKERR
    assert not outcome.status.conclusive
    assert outcome.text.startswith(f"{file}: "[:190])


async def test_files_that_were_put_right_are_read_again(tmp_path: Path) -> None:
    probes, settings = Probes(), trusted(tmp_path)
    good = tmp_path / "authority.pem"
    right = good.read_bytes()
    good.write_bytes(b"")
    async with listening(quiet, serving()) as port:
        assert (await probes(reached(port, tls=settings))).status is CheckStatus.SOCKERR
        good.write_bytes(right)
        assert (await probes(reached(port, tls=settings))).status is CheckStatus.L6OK
        good.write_bytes(trustme.CA().cert_pem.bytes())
        assert (await probes(reached(port, tls=settings))).status is CheckStatus.L6OK
        assert (await probes(reached(port, tls=replace(settings, stamp="2")))).status is CheckStatus.L6RSP


async def test_many_checks_share_what_was_read(tmp_path: Path) -> None:
    probes = Probes()
    async with listening(quiet, serving(issued("127.0.0.1"))) as port:
        targets = [reached(port, tls=trusted(tmp_path, ca="", verify=False, sni=f"s{n}.example")) for n in range(50)]
        outcomes = await asyncio.gather(*(probes(target) for target in targets))
    assert {outcome.status for outcome in outcomes} == {CheckStatus.L6OK}
