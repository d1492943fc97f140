"""HTTPS in front, servers behind that speak HTTP: who comes without TLS is sent there, and servers are told of it."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from http.client import HTTPSConnection
from typing import TYPE_CHECKING

import pytest
import yaml
from websockets.asyncio.client import connect

from support.certificates import make_certificate, trusting
from tenbin.testing import Tenbin, fetch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.servers import Servers
    from tenbin.testing.client import Headers


def configuration(servers: dict[str, int], certificate: Path) -> str:
    """Two binds, a redirect of all that is not HTTPS, headers for servers, and WebSockets by their Upgrade header."""
    first, *others = (f"127.0.0.1:{port}" for port in servers.values())
    told = {
        "X-Forwarded-Proto": "{scheme}",
        "X-Real-IP": "{source}",
        "X-TLS-Version": "TLSv{tls.version}",
    }
    value = {
        "frontends": {
            "web": {
                "listen": ["{listen}", {"address": "{listen2}", "tls": str(certificate)}],
                "routes": [
                    {"when": "not tls", "redirect": {"scheme": "https"}},
                    {"request": {"set_header": told}},
                    {"when": 'header("upgrade").lower() == "websocket"', "backend": "sockets"},
                    {"backend": "app"},
                ],
            }
        },
        "backends": {
            "app": {"servers": others},
            "sockets": {"balance": "ip_hash", "timeouts": {"tunnel": "1h"}, "servers": [first]},
        },
    }
    return yaml.safe_dump(value, sort_keys=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certs") / "server.pem")


@pytest.fixture(scope="module")
def tenbin(trio: Servers, certificate: Path) -> Iterator[Tenbin]:
    with Tenbin(configuration(trio.ports, certificate)) as running:
        yield running


def secure(
    tenbin: Tenbin, tls: ssl.SSLContext, target: str, headers: dict[str, str] | None = None
) -> tuple[int, Headers, bytes]:
    """Send one GET by HTTPS to localhost."""
    client = HTTPSConnection("localhost", tenbin.address_of("listen2")[1], context=tls, timeout=10)
    try:
        client.request("GET", target, headers=headers or {})
        answer = client.getresponse()
        return answer.status, tuple(answer.getheaders()), answer.read()
    finally:
        client.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_secure_answer_knows_protocol_and_version(tenbin: Tenbin, certificate: Path, version: ssl.TLSVersion) -> None:
    tls = trusting(certificate)
    tls.minimum_version = tls.maximum_version = version
    status, _, body = secure(tenbin, tls, "/api/secure")
    data = json.loads(body)
    assert status == 200
    assert data["protocol"] == "https"
    assert re.fullmatch(r"TLSv1\.[23]", data["tls_version"])
    assert data["tls_version"] == version.name.replace("_", ".")


def test_what_comes_without_tls_is_sent_to_https(tenbin: Tenbin) -> None:
    answer = fetch(tenbin.address, "/api/secure?of=all", ("Host", "localhost"))
    assert answer.status in {301, 302, 307, 308}
    assert answer.header("location") == "https://localhost/api/secure?of=all"
    assert not answer.server, "no server was asked"


def test_servers_are_told_what_is_true_and_not_what_clients_say(tenbin: Tenbin, certificate: Path) -> None:
    lies = {"X-Forwarded-Proto": "http", "X-TLS-Version": "SSLv3", "X-Real-IP": "192.0.2.1"}
    _, _, body = secure(tenbin, trusting(certificate), "/api/whoami", lies)
    told = json.loads(body)["headers"]
    assert (told["x-forwarded-proto"], told["x-real-ip"]) == ("https", "127.0.0.1")
    assert told["x-tls-version"] == "TLSv1.3"


def test_websockets_go_to_servers_of_their_own(tenbin: Tenbin, certificate: Path) -> None:
    url = f"wss://localhost:{tenbin.address_of('listen2')[1]}/ws"

    async def talk() -> None:
        async with connect(url, ssl=trusting(certificate)) as peer:
            for message in ("hello", "x" * 100_000):
                await peer.send(message)
                assert await asyncio.wait_for(peer.recv(), 5) == message
            status = await asyncio.to_thread(tenbin.status)
            assert status["backends"][1]["traffic"]["current"] == 1

    asyncio.run(talk())
    assert tenbin.get("/ws").status in {301, 302, 307, 308}


def test_a_client_that_knows_nothing_of_the_certificate_refuses_it(tenbin: Tenbin) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        secure(tenbin, ssl.create_default_context(), "/api/secure")
