"""The real HAProxy and nginx on either side speak the same PROXY protocol."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

import pytest
import trustme

from support import announce
from support.reference import HAPROXY, NGINX, haproxy, nginx
from support.scripted import OK, Peer, ScriptedServer
from tenbin.testing import Client, Response, ResponseReader, config_text, lease
from tenbin.testing.client import request_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from support import StartTenbin
    from support.servers import Servers

needs_haproxy = pytest.mark.skipif(HAPROXY is None, reason="HAProxy is not installed")
needs_nginx = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")

SAYS = ("send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id")
SOURCE = "127.0.0.5"
ALL = [{"address": "{listen}", "proxy_protocol": True}]


@needs_haproxy
@pytest.mark.parametrize("says", SAYS)
@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_haproxy_tells_tenbin(start_tenbin: StartTenbin, trio: Servers, tmp_path: Path, says: str, mode: str) -> None:
    routes = [{"when": f'source == "{SOURCE}"', "backend": "app"}]
    tenbin = start_tenbin(config_text(trio.first(1), frontend={"mode": mode, "listen": ALL, "routes": routes}))
    own = lease()
    port, address = own.ports[0], "{}:{}".format(*tenbin.address)
    ids = " unique-id-format %[uuid()]\n" if "unique-id" in says else ""
    config = f"listen front\n mode {mode}\n{ids} bind 127.0.0.1:{port}\n server only {address} {says}\n"
    with haproxy(config, tmp_path, own.ports), Client(("127.0.0.1", port), source=SOURCE) as client:
        answer = client.get("/echo")
        assert answer.status == 200, answer
        if mode == "http":
            assert dict(answer.json()["headers"])["x-forwarded-for"] == SOURCE
        assert client.get("/echo").status == 200
    own.release()


@needs_haproxy
def test_haproxy_tells_tenbin_of_tls_and_tenbin_tells_on_the_same(start_tenbin: StartTenbin, tmp_path: Path) -> None:
    def script(peer: Peer) -> None:
        if peer.read_until(b"GET /"):
            peer.send(OK)
        peer.hold()

    authority = trustme.CA()
    file = tmp_path / "front.pem"
    authority.issue_cert("shop.test").private_key_and_cert_chain_pem.write_to_path(file)
    (tmp_path / "clients.pem").write_bytes(authority.cert_pem.bytes())
    says = "send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,authority"
    with ScriptedServer(script) as server:
        backend = {"send_proxy": {"version": "v2", "tls": True}}
        routes = [
            {"when": 'tls.version == "1.3" and tls.sni == "shop.test" and tls.client.verified', "backend": "app"},
            {"deny": True},
        ]
        tenbin = start_tenbin(config_text({"only": server.port}, backend, {"listen": ALL, "routes": routes}))
        own = lease(2)
        bind = f"ssl crt {file} ca-file {tmp_path}/clients.pem verify required alpn http/1.1"
        config = "".join(
            f"listen front{i}\n mode tcp\n bind 127.0.0.1:{port} {bind}\n server only 127.0.0.1:{to} {says}\n"
            for i, (port, to) in enumerate(zip(own.ports, (server.port, tenbin.address[1]), strict=True))
        )
        with haproxy(config, tmp_path, own.ports):
            for port in own.ports:
                _get_over_tls(authority, port)
        direct, passed = (
            announce.parse(got).tlvs for peer in server.peers if b"GET /" in (got := bytes(peer.received))
        )
        own.release()
    assert passed[announce.AUTHORITY] == direct[announce.AUTHORITY] == b"shop.test"
    assert passed[announce.ALPN] == direct[announce.ALPN] == b"http/1.1"
    assert passed[announce.SSL][:5] == direct[announce.SSL][:5], "the same bits, and verified"
    inner, known = (announce.parse_tlvs(one[announce.SSL][5:]) for one in (passed, direct))
    assert inner == {kind: known[kind] for kind in (announce.SSL_VERSION, announce.SSL_CN, announce.SSL_CIPHER)}


@needs_haproxy
@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_headers_stand_before_tls_on_both_sides(start_tenbin: StartTenbin, tmp_path: Path, mode: str) -> None:
    authority = trustme.CA()
    file, trusted = tmp_path / "server.pem", tmp_path / "authority.pem"
    authority.issue_cert("shop.test", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(file)
    trusted.write_bytes(authority.cert_pem.bytes())
    own = lease(2)
    front, back = own.ports
    tls = {"certificates": str(file), "client_certificates": {"ca": str(trusted)}}
    listen = [{"address": "{listen}", "proxy_protocol": True, "tls": tls}]
    backend = {"tls": {"ca": str(trusted)}, "send_proxy": {"version": "v2", "tls": True}}
    routes = [{"when": f'source == "{SOURCE}" and tls.sni == "shop.test"', "backend": "app"}, {"deny": True}]
    frontend = {"mode": mode, "listen": listen, "routes": routes}
    tenbin = start_tenbin(config_text({"only": back}, backend, frontend))
    says = 'http-request return status 200 content-type text/plain lf-string "%[src] %[fc_pp_authority]"'
    config = (
        f"listen in\n mode tcp\n bind 127.0.0.1:{front}\n server only 127.0.0.1:{tenbin.address[1]} send-proxy-v2\n"
        f"frontend out\n mode http\n bind 127.0.0.1:{back} accept-proxy ssl crt {file}\n {says}\n"
    )
    with haproxy(config, tmp_path, own.ports):
        assert _get_over_tls(authority, front).body == f"{SOURCE} shop.test".encode()
    own.release()


@needs_haproxy
@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_tenbin_tells_haproxy(start_tenbin: StartTenbin, tmp_path: Path, version: str, mode: str) -> None:
    own = lease()
    says = 'http-request return status 200 content-type text/plain lf-string "%[src]:%[src_port] %[dst]:%[dst_port]"'
    config = f"frontend front\n mode http\n bind 127.0.0.1:{own.ports[0]} accept-proxy\n {says}\n"
    tenbin = start_tenbin(config_text({"only": own.ports[0]}, {"send_proxy": version}, {"mode": mode}))
    with haproxy(config, tmp_path, own.ports), tenbin.client(source=SOURCE) as client:
        for _ in range(2):
            assert client.get("/").body.decode() == _seen(client)
    own.release()


@needs_nginx
@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("mode", ["http", "tcp"])
def test_tenbin_tells_nginx(start_tenbin: StartTenbin, tmp_path: Path, version: str, mode: str) -> None:
    own = lease()
    variables = " ".join(f"$proxy_protocol_{end}addr:$proxy_protocol_{end}port" for end in ("", "server_"))
    config = f'server {{ listen 127.0.0.1:{own.ports[0]} proxy_protocol; return 200 "{variables}"; }}'
    tenbin = start_tenbin(config_text({"only": own.ports[0]}, {"send_proxy": version}, {"mode": mode}))
    with nginx(config, tmp_path, own.ports), tenbin.client(source=SOURCE) as client:
        for _ in range(2):
            assert client.get("/").body.decode() == _seen(client)
    own.release()


def _seen(client: Client) -> str:
    """Return both ends of a client's connection, as the peers were told to write them."""
    return "{}:{} {}:{}".format(*client.socket.getsockname(), *client.address)


def _get_over_tls(authority: trustme.CA, port: int) -> Response:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    authority.issue_cert("anna@example.test", common_name="anna").configure_cert(context)
    context.set_alpn_protocols(["http/1.1"])
    reader = ResponseReader()
    with (
        socket.create_connection(("127.0.0.1", port), 10, (SOURCE, 0)) as raw,
        context.wrap_socket(raw, server_hostname="shop.test") as secured,
    ):
        secured.sendall(request_bytes("GET", "/"))
        while (answer := reader.next_response()) is None:
            reader.feed(secured.recv(65536))
    assert answer.status == 200, answer
    return answer
