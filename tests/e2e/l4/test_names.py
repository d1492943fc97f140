"""Connections go by what a TLS client says first, and their servers get every byte of it."""

from __future__ import annotations

import socket
import ssl
import threading
from typing import TYPE_CHECKING

import pytest
import trustme
import yaml

from support import announce
from support.kernel import cpu_seconds
from support.scripted import ScriptedServer
from tenbin.testing import Client, ExchangeError, Tenbin, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.scripted import Peer

AUTHORITY = trustme.CA()
NAMES = ("db.test", "mail.test", "other.test")


def speaking_tls(name: str) -> ScriptedServer:
    """A server with a certificate for every name, that says its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*NAMES).configure_cert(context)
    context.set_alpn_protocols(["h2", "http/1.1", "dot"])

    def script(peer: Peer) -> None:
        with context.wrap_socket(peer.socket, server_side=True) as secured:
            data = secured.recv(1024)
            secured.sendall(name.encode() + b" " + data)

    return ScriptedServer(script)


def speaking_plainly(peer: Peer) -> None:
    peer.send(b"plain " + peer.read())


@pytest.fixture(scope="module")
def tenbin() -> Iterator[Tenbin]:
    with (
        speaking_tls("db") as db,
        speaking_tls("mail") as mail,
        speaking_tls("dns") as dns,
        ScriptedServer(speaking_plainly) as plain,
    ):
        routes = [
            {"when": 'sni == "db.test"', "backend": "db"},
            {"when": 'sni.endswith(".test") and "dot" in alpn', "backend": "dns"},
            {"when": 'sni == "mail.test"', "backend": "mail"},
            {"when": "sni", "deny": True},
            {"backend": "plain"},
        ]
        ports = {"db": db.port, "mail": mail.port, "dns": dns.port, "plain": plain.port}
        backends: dict[str, object] = {name: {"servers": {"only": f"127.0.0.1:{port}"}} for name, port in ports.items()}
        two = {"one": f"127.0.0.1:{db.port}", "two": f"127.0.0.1:{mail.port}"}
        backends["hashed"] = {"balance": {"hash": "sni"}, "servers": two}
        frontends = {
            "names": {"mode": "tcp", "listen": "{listen}", "routes": routes},
            "hashed": {"mode": "tcp", "listen": "{listen2}", "backend": "hashed"},
            "told": {
                "mode": "tcp",
                "listen": [{"address": "{listen3}", "proxy_protocol": True}],
                "routes": routes,
            },
        }
        text = yaml.safe_dump({"timeouts": {"header": "1s"}, "frontends": frontends, "backends": backends})
        with Tenbin(text) as instance:
            yield instance


def ask(
    tenbin: Tenbin, name: str | None, *protocols: str, place: str = "listen", before: bytes = b"", piece: int = 0
) -> str:
    """Return which server answered over TLS; the client's bytes leave in pieces of this size, if one is given."""
    context = ssl.create_default_context()
    AUTHORITY.configure_trust(context)
    context.check_hostname = False
    if protocols:
        context.set_alpn_protocols(protocols)
    with socket.create_connection(tenbin.address_of(place), 5) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.sendall(before)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        secured = context.wrap_bio(incoming, outgoing, server_hostname=name)

        def exchange(step: object) -> object:
            while True:
                try:
                    return step()  # type: ignore[operator]
                except ssl.SSLWantReadError:
                    send(outgoing.read())
                    data = raw.recv(65536)
                    if not data:
                        incoming.write_eof()
                    incoming.write(data)
                finally:
                    send(outgoing.read())

        def send(data: bytes) -> None:
            for start in range(0, len(data), piece or len(data) or 1):
                raw.sendall(data[start : start + (piece or len(data))])

        exchange(secured.do_handshake)
        exchange(lambda: secured.write(b"hello"))
        answer = exchange(lambda: secured.read(100))
        assert isinstance(answer, bytes)
        server, _, data = answer.partition(b" ")
        assert data == b"hello"
        return server.decode()


def test_a_name_has_its_servers(tenbin: Tenbin) -> None:
    assert [ask(tenbin, name) for name in ("db.test", "mail.test", "DB.test")] == ["db", "mail", "db"]
    assert ask(tenbin, "mail.test", "h2", "http/1.1") == "mail"


def test_a_protocol_has_its_servers(tenbin: Tenbin) -> None:
    assert ask(tenbin, "mail.test", "h2", "dot") == "dns"
    assert ask(tenbin, "other.test", "dot") == "dns"


def test_a_hello_in_pieces_and_in_several_packets(tenbin: Tenbin) -> None:
    assert ask(tenbin, "db.test", piece=1) == "db"
    # As large as hellos with keys of new kinds, and more.
    many = [f"protocol-{i:050}" for i in range(40)]
    assert ask(tenbin, "mail.test", *many, piece=700) == "mail"


def test_a_name_that_no_route_knows_is_refused(tenbin: Tenbin) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(tenbin, "other.test")


def test_who_speaks_no_tls_has_no_name(tenbin: Tenbin) -> None:
    with Client(tenbin.address) as client:
        client.send(b"SSH-2.0-x")
        assert client.read_to_end() == b"plain SSH-2.0-x"
    with Client(tenbin.address) as client:
        # Nothing within the time for a head: perhaps the server is the one to speak first.
        server_waits = threading.Event()
        wait_for(lambda: _backend(tenbin, "plain")["current"] > 0 or server_waits.is_set(), 5, "it has a server")
        client.send(b"late")
        assert client.read_to_end() == b"plain late"


def test_half_a_hello_is_not_waited_for(tenbin: Tenbin) -> None:
    with Client(tenbin.address) as client:
        client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01")
        assert _ended(client)
    with Client(tenbin.address) as client:
        client.send(b"\x16\x03\x01\x00\x09\x01\x00\x00\x05\x03\x03\x00\x00\x00")
        assert _ended(client), "what cannot be understood here could mean anything at the server"
    with Client(tenbin.address) as client:
        client.send(b"\x16\x03\x01\x40\x00\x01\x01\x00\x00" + bytes(20_000))
        assert _ended(client), "too long"
    errors = next(one for one in tenbin.status()["frontends"] if one["name"] == "names")["traffic"]["errors"]
    assert errors["bad-client-hello"] >= 2
    assert errors["header-timeout"] >= 1


def test_waiting_for_the_rest_of_a_hello_costs_nothing(tenbin: Tenbin) -> None:
    used = cpu_seconds(tenbin.dataplane_pid)
    clients = [Client(tenbin.address) for _ in range(20)]
    for client in clients:
        client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01")
    for client in clients:
        assert _ended(client)
        client.close()
    assert cpu_seconds(tenbin.dataplane_pid) - used < 0.5, "what was seen does not wake the same connection again"


def test_a_name_is_a_key(tenbin: Tenbin) -> None:
    names = [f"host-{i}.test" for i in range(20)]
    first = {name: ask(tenbin, name, place="listen2") for name in names}
    assert {name: ask(tenbin, name, place="listen2") for name in names} == first
    assert set(first.values()) == {"db", "mail"}


def test_behind_a_proxy_header(tenbin: Tenbin) -> None:
    for header in (announce.v1(("203.0.113.7", 1)), announce.v2(("203.0.113.7", 1), checksum=True)):
        assert ask(tenbin, "db.test", place="listen3", before=header) == "db"
        assert ask(tenbin, "mail.test", place="listen3", before=header, piece=50) == "mail"


def _backend(tenbin: Tenbin, name: str) -> dict[str, int]:
    traffic: dict[str, int] = next(one for one in tenbin.status()["backends"] if one["name"] == name)["traffic"]
    return traffic


def _ended(client: Client) -> bool:
    try:
        return client.read_to_end() == b""
    except ExchangeError:
        return True
