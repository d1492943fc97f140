"""Checks that go by TLS and gRPC, seen from the status and the log of a whole Tenbin."""

from __future__ import annotations

import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import TYPE_CHECKING

import grpc  # type: ignore[import-untyped]
import trustme
from grpc_health.v1 import health, health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

from tenbin.testing import config_text, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support import StartTenbin
    from support.servers import Servers

QUICK = {"every": "150ms", "fall": 2, "rise": 2}


@contextmanager
def secured(context: ssl.SSLContext) -> Iterator[int]:
    """A server that shakes hands and waits for the end; yields its port."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            try:
                with context.wrap_socket(self.request, server_side=True) as stream:
                    stream.recv(1)
            except OSError:
                return

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_a_certificate_that_expires_takes_its_server_out(
    start_tenbin: StartTenbin, trio: Servers, tmp_path: Path
) -> None:
    authority, now = trustme.CA(), datetime.now(tz=UTC)  # noqa: TID251 - certificates are of this time
    good, expired = (
        authority.issue_cert("app.example"),
        authority.issue_cert("app.example", not_before=now - timedelta(days=9), not_after=now - timedelta(days=1)),
    )
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    good.configure_cert(context)
    with secured(context) as port:
        tls = {"ca": str(tmp_path / "ca.pem"), "sni": "app.example"}
        check = {"tcp": True, "port": port, "tls": tls, **QUICK}
        tenbin = start_tenbin(config_text(trio.first(1), {"check": check}))
        tenbin.wait_health("app/server1", "up")
        assert tenbin.server("app/server1")["check"]["status"] == "L6OK"
        assert tenbin.get("/").server == "server1"
        expired.configure_cert(context)
        tenbin.wait_health("app/server1", "down")
        assert tenbin.server("app/server1")["check"]["status"] == "L6RSP"
        wait_for(
            lambda: "server app/server1 is DOWN: L6RSP the certificate has expired (2 of 2 checks)" in tenbin.log()
        )


def test_grpcs_health_service_decides(start_tenbin: StartTenbin) -> None:
    server, servicer = grpc.server(ThreadPoolExecutor(2)), health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    states = health_pb2.HealthCheckResponse.ServingStatus
    servicer.set("shop.Cart", states.SERVING)
    tenbin = start_tenbin(config_text({"only": port}, {"check": {"grpc": "shop.Cart", **QUICK}}))
    tenbin.wait_health("app/only", "up")
    servicer.set("shop.Cart", states.NOT_SERVING)
    tenbin.wait_health("app/only", "down")
    assert "L7STS NOT_SERVING" in tenbin.log()
    servicer.set("shop.Cart", states.SERVING)
    tenbin.wait_health("app/only", "up")
    server.stop(None).wait()
    tenbin.wait_health("app/only", "down")
    assert tenbin.server("app/only")["check"]["status"] == "L4CON"
