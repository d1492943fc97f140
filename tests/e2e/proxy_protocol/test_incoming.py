"""Whom a PROXY header names is the client: for conditions, headers, the log and limits; a bad header is the end."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import announce
from support.kernel import cpu_seconds
from support.scripted import ScriptedServer
from tenbin.testing import Client, Response, Tenbin, config_text, wait_for
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support import StartTenbin
    from support.scripted import Peer
    from support.servers import Servers

CLIENT = ("203.0.113.7", 4711)
CLIENT6 = ("2001:db8::7", 4711)
HEADERS = {
    "v1": announce.v1(CLIENT),
    "v2": announce.v2(CLIENT),
    "v2 with a checksum": announce.v2(CLIENT, checksum=True),
    "v2 with TLVs": announce.v2(
        CLIENT, tlvs={announce.UNIQUE_ID: b"x" * 100, announce.AUTHORITY: b"a.test", 0xEE: b""}
    ),
}
ALL = {"address": "{listen}", "proxy_protocol": True}


def front(routes: list[dict[str, object]] | None = None, **more: object) -> dict[str, object]:
    return {"listen": [ALL], **({"routes": routes} if routes else {}), **more}


@pytest.fixture(scope="module")
def web(trio: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenbin]:
    """A listener that expects a header of everyone, and one that does of a single network."""
    file = tmp_path_factory.mktemp("log") / "access.log"
    routes: list[dict[str, object]] = [
        {
            "when": 'source in "203.0.113.0/24" and source_port == 4711',
            "request": {"set_header": {"X-Known": "{source}"}},
        },
        {"when": "tls", "request": {"set_header": {"X-TLS": "{tls.version} {tls.sni} {tls.client.name}"}}},
        {"backend": "app"},
    ]
    listen = [ALL, {"address": "{listen2}", "proxy_protocol": {"from": ["127.0.0.2", "127.0.1.0/24"]}}]
    text = config_text(
        trio.first(1),
        frontend={"listen": listen, "routes": routes},
        timeouts={"header": "1s"},
        log={"access": str(file), "format": "json"},
    )
    with Tenbin(text) as tenbin:
        yield tenbin


def echo(client: Client, header: bytes) -> dict[str, str]:
    client.send(header + request_bytes("GET", "/echo"))
    return dict(client.read_response().json()["headers"])


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_whom_the_header_names_is_the_client(web: Tenbin, header: bytes) -> None:
    with web.client() as client:
        got = echo(client, header)
        assert (got["x-forwarded-for"], got["x-known"]) == (CLIENT[0], CLIENT[0])
        assert client.get("/echo").status == 200, "one header a connection, not a request"


def test_ipv6_too(web: Tenbin) -> None:
    for header in (announce.v1(CLIENT6, ("2001:db8::1", 80)), announce.v2(CLIENT6, ("2001:db8::1", 80))):
        with web.client() as client:
            assert echo(client, header)["x-forwarded-for"] == CLIENT6[0]


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_a_header_in_pieces(web: Tenbin, header: bytes) -> None:
    with web.client() as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(0, len(header), 7):
            client.send(header[i : i + 7])
        assert echo(client, b"")["x-forwarded-for"] == CLIENT[0]


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", announce.v2(None)], ids=["UNKNOWN", "LOCAL"])
def test_a_sender_that_speaks_for_itself_is_the_client(web: Tenbin, header: bytes) -> None:
    with web.client(source="127.0.0.9") as client:
        assert echo(client, header)["x-forwarded-for"] == "127.0.0.9"


def test_tls_that_the_sender_has_terminated_is_the_clients(web: Tenbin) -> None:
    tlvs = {announce.AUTHORITY: b"shop.test", announce.SSL: announce.ssl(b"TLSv1.3", b"anna")}
    with web.client() as client:
        got = echo(client, announce.v2(CLIENT, tlvs=tlvs))
    assert got["x-tls"] == "1.3 shop.test anna"
    assert got["x-forwarded-proto"] == "https"
    with web.client() as client:
        got = echo(client, announce.v2(CLIENT))
    assert "x-tls" not in got
    assert got["x-forwarded-proto"] == "http"


WRONG = {
    "a request": request_bytes("GET", "/"),
    "a line without its form": b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
    "a line without an end": b"PROXY TCP4 " + b"1" * 200,
    "a wrong checksum": announce.v2(CLIENT, checksum=True)[:-1] + b"\0",
    "a TLV that is not whole": announce.SIGNATURE + b"\x21\x11\0\x0e" + bytes(12) + b"\x01\0",
    "a wrong command": announce.SIGNATURE + b"\x2f\x11\0\x0c" + bytes(12),
    "much too long": announce.SIGNATURE + b"\x21\x11\xff\xff" + bytes(100),
    "TLS": b"\x16\x03\x01\0\x05\x01\0\0\x01\0",
}


@pytest.mark.parametrize("header", WRONG.values(), ids=WRONG)
def test_anything_else_is_the_end(web: Tenbin, header: bytes) -> None:
    before = errors(web)
    with web.client() as client:
        client.send(header)
        assert ended(client), "not a byte of an answer"
    wait_for(lambda: errors(web) == before + 1, 5, "it is counted")


def test_a_header_that_does_not_come_is_not_waited_for(web: Tenbin) -> None:
    before = errors(web)
    with web.client() as silent, web.client() as half:
        half.send(announce.v2(CLIENT)[:20])
        assert ended(half)
        assert ended(silent)
    wait_for(lambda: errors(web) == before + 2, 5, "both are counted")
    with web.client() as client:
        client.send(announce.v1(CLIENT)[:20])
        client.socket.shutdown(socket.SHUT_WR)
        assert ended(client)
    wait_for(lambda: errors(web) == before + 3, 5, "a broken one is counted")
    web.client().close()
    with web.client() as client:
        assert echo(client, HEADERS["v2"])["x-known"] == CLIENT[0]
    assert errors(web) == before + 3, "who only looks whether somebody listens has done nothing wrong"


def test_waiting_for_the_rest_of_a_header_costs_nothing(web: Tenbin) -> None:
    used = cpu_seconds(web.dataplane_pid)
    clients = [web.client() for _ in range(20)]
    for client in clients:
        client.send(announce.v2(CLIENT)[:20])
    for client in clients[10:]:
        client.socket.shutdown(socket.SHUT_WR)
    for client in clients:
        assert ended(client)
        client.close()
    assert cpu_seconds(web.dataplane_pid) - used < 0.5, "what was seen does not wake the same connection again"


def test_only_these_networks(web: Tenbin) -> None:
    address = web.address_of("listen2")
    for source in ("127.0.0.2", "127.0.1.9"):
        with Client(address, source=source) as client:
            assert echo(client, HEADERS["v2"])["x-forwarded-for"] == CLIENT[0]
        with Client(address, source=source) as client:
            client.send(request_bytes("GET", "/echo"))
            assert ended(client), "required of them"
    with Client(address, source="127.0.0.3") as client:
        assert echo(client, b"")["x-forwarded-for"] == "127.0.0.3"
    with Client(address, source="127.0.0.3") as client:
        client.send(HEADERS["v1"] + request_bytes("GET", "/echo"))
        assert client.read_response().status == 400, "nobody else can name a client"


def test_the_log_names_the_client_and_the_culprit(web: Tenbin) -> None:
    with web.client() as client:
        client.send(announce.v1(("198.51.100.77", 99)) + request_bytes("GET", "/api/fast?logged"))
        assert client.read_response().status == 200
    with web.client(source="127.0.0.66") as client:
        client.send(b"nonsense")
        assert ended(client)
    file = _access_log(web)

    def found() -> bool:
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        good = [line for line in lines if line.get("target") == "/api/fast?logged"]
        bad = [line for line in lines if line["client"].startswith("127.0.0.66:")]
        reasons = [line.get("reason") for line in bad]
        return [line["client"] for line in good] == ["198.51.100.77:99"] and reasons == ["bad-proxy-header"]

    wait_for(found, 5, file.read_text)
    wait_for(lambda: "has no good PROXY header" in web.log(), 5, web.log)


def test_limits_are_those_of_whom_the_header_names(start_tenbin: StartTenbin, trio: Servers) -> None:
    limits = {"per_source": {"connections": 1, "requests": "100/1m"}}
    tenbin = start_tenbin(config_text(trio.first(1), frontend=front(limits=limits)))
    with tenbin.client() as first, tenbin.client() as second, tenbin.client() as other:
        assert _ask(first, announce.v2(CLIENT)).status == 200
        refused = _ask(second, announce.v2((CLIENT[0], 99)))
        assert (refused.status, refused.header("tenbin-reason")) == (429, "source-connections")
        assert _ask(other, announce.v2(("203.0.113.8", 99))).status == 200, "the sender itself is not limited"
    traffic = tenbin.status()["frontends"][0]["traffic"]
    assert traffic["source_connections_refused"] == 1
    tenbin2 = start_tenbin(config_text(trio.first(1), frontend=front(limits={"per_source": {"requests": "2/1m"}})))
    with tenbin2.client() as client:
        statuses = [_ask(client, announce.v1(CLIENT)).status, *(client.get("/api/fast").status for _ in range(2))]
        assert statuses == [200, 200, 429]
    with tenbin2.client() as client:
        assert _ask(client, announce.v1(("203.0.113.8", 1))).status == 200


def test_connections_without_requests(start_tenbin: StartTenbin) -> None:
    def script(peer: Peer) -> None:
        peer.send(b"ready ")
        peer.send(peer.read())

    routes: list[dict[str, object]] = [
        {"when": 'source == "203.0.113.7"', "backend": "app"},
        {"when": 'sni == "db.test"', "backend": "app"},
        {"deny": True},
    ]
    with ScriptedServer(script) as server:
        text = config_text({"only": server.port}, frontend=front(routes, mode="tcp", timeouts={"header": "1s"}))
        tenbin = start_tenbin(text)
        for header in (*HEADERS.values(), announce.v2(("203.0.113.9", 1), tlvs={announce.AUTHORITY: b"db.test"})):
            with tenbin.client() as client:
                client.send(header + b"hello")
                assert client.read_to_end() == b"ready hello", "all behind the header, and nothing of it"
        with tenbin.client() as client:
            client.send(announce.v2(("203.0.113.9", 1)) + b"hello")
            assert ended(client)
        with tenbin.client() as client:
            client.send(WRONG["a wrong command"])
            assert ended(client)
        assert len(server.peers) == len(HEADERS) + 1


def errors(tenbin: Tenbin) -> int:
    counted = tenbin.status()["frontends"][0]["traffic"]["errors"]
    return int(sum(counted.get(reason, 0) for reason in ("bad-proxy-header", "proxy-header-timeout")))


def ended(client: Client) -> bool:
    """Whether the connection ends, however it does, without an answer."""
    try:
        return client.socket.recv(1) == b""
    except ConnectionResetError:
        return True


def _ask(client: Client, header: bytes) -> Response:
    client.send(header + request_bytes("GET", "/api/fast"))
    return client.read_response()


def _access_log(tenbin: Tenbin) -> Path:
    line = next(line for line in tenbin.file.read_text().splitlines() if "access:" in line)
    return Path(line.split("access:")[1].strip())
