"""gRPC checks against grpcio's own health service, and against servers that answer what they should not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import grpc  # type: ignore[import-untyped]
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc  # type: ignore[import-untyped]
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived
from hypothesis import given
from hypothesis import strategies as st

from tenbin.health.probe import grpc as probe
from tenbin.health.probe.answer import GarbageError
from tenbin.health.result import CheckStatus, Outcome
from tenbin.model import GrpcCheck
from unit.health.support import at_leisure
from unit.health.ways import NAME, checked, issued, listening, quiet, reached, saying, serving, trusted

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator
    from pathlib import Path

    from tenbin.model import ServerTls
    from unit.health.ways import Serve

pytestmark = pytest.mark.anyio
States = health_pb2.HealthCheckResponse.ServingStatus


@contextmanager
def serving_grpc(*, healthy: bool = True, tls: bool = False) -> Iterator[tuple[int, health.HealthServicer]]:
    """A server of grpcio; yields its port and its health service."""
    server = grpc.server(ThreadPoolExecutor(2))
    servicer = health.HealthServicer()
    if healthy:
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    if tls:
        certificate = issued(NAME)
        chain = b"".join(blob.bytes() for blob in certificate.cert_chain_pems)
        credentials = grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port, servicer
    finally:
        server.stop(None).wait()


def service(name: str = "", *headers: tuple[str, str]) -> GrpcCheck:
    return GrpcCheck(name, headers)


async def asked(port: int, name: str = "", tls: ServerTls | None = None) -> Outcome:
    return await checked(reached(port, service(name), tls=tls))


@pytest.mark.parametrize("secure", [False, True])
async def test_what_a_server_says_of_itself_and_its_services(tmp_path: Path, *, secure: bool) -> None:
    tls = trusted(tmp_path) if secure else None
    with serving_grpc(tls=secure) as (port, servicer):
        assert await asked(port, tls=tls) == Outcome(CheckStatus.L7OK, 0, "SERVING")
        servicer.set("shop.Cart", States.NOT_SERVING)
        servicer.set("shop.Till", States.UNKNOWN)
        servicer.set("shop." + "x" * 200, States.SERVING)
        assert await asked(port, "shop.Cart", tls) == Outcome(CheckStatus.L7STS, 0, "NOT_SERVING")
        assert await asked(port, "shop.Till", tls) == Outcome(CheckStatus.L7STS, 0, "UNKNOWN")
        assert (await asked(port, "shop." + "x" * 200, tls)).status is CheckStatus.L7OK
        unknown = await asked(port, "shop.Nothing", tls)
        assert unknown == Outcome(CheckStatus.L7STS, 5, "NOT_FOUND: the server knows no such service")
        servicer.enter_graceful_shutdown()
        assert (await asked(port, tls=tls)).text == "NOT_SERVING"


async def test_a_server_without_a_health_service() -> None:
    with serving_grpc(healthy=False) as (port, _):
        outcome = await asked(port)
    assert (outcome.status, outcome.code) == (CheckStatus.L7STS, 12)
    assert outcome.text.startswith("UNIMPLEMENTED: ")


async def test_headers_are_metadata() -> None:
    seen: dict[str, str] = {}

    class Witness(health.HealthServicer):  # type: ignore[misc]  # grpcio is untyped
        def Check(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802 - gRPC's name
            seen.update(context.invocation_metadata())
            seen["deadline"] = str(context.time_remaining() < 20)
            return super().Check(request, context)

    server = grpc.server(ThreadPoolExecutor(1))
    health_pb2_grpc.add_HealthServicer_to_server(Witness(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    outcome = await checked(reached(port, service("", ("X-Token", "open"), ("User-Agent", "me"))))
    server.stop(None).wait()
    assert outcome.status is CheckStatus.L7OK
    assert (seen["x-token"], seen["user-agent"], seen["deadline"]) == ("open", "me", "True")


async def test_servers_that_do_not_speak_grpc(tmp_path: Path) -> None:
    async with listening(saying(), serving(None, "http/1.1")) as port:
        outcome = await asked(port, tls=trusted(tmp_path))
    assert outcome.status is CheckStatus.L6RSP
    async with listening(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        assert await asked(port) == Outcome(CheckStatus.L7RSP, None, "not HTTP/2")
    async with listening(quiet) as port:
        silent = await checked(reached(port, service(), timeout=80))
    assert silent == Outcome(CheckStatus.L7TOUT, None, "no answer in time")


GRPC = (":status", "200"), ("content-type", "application/grpc+proto")
DONE = [("grpc-status", "0")]


def answering(
    head: list[tuple[str, str]], body: bytes | None = None, trailers: list[tuple[str, str]] | None = None
) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        connection.initiate_connection()
        while data := await reader.read(16_384):
            if any(isinstance(event, RequestReceived) for event in connection.receive_data(data)):
                connection.send_headers(1, head, end_stream=body is None)
                if body is not None:
                    connection.send_data(1, body, end_stream=trailers is None)
                if trailers is not None:
                    connection.send_headers(1, trailers, end_stream=True)
            writer.write(connection.data_to_send())

    return serve


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (answering([*GRPC], b"\0\0\0\0\2\x08\1", DONE), Outcome(CheckStatus.L7OK, 0, "SERVING")),
        (answering([*GRPC], b"\0\0\0\0\0", DONE), Outcome(CheckStatus.L7STS, 0, "UNKNOWN")),
        (answering([*GRPC], b"\0\0\0\0\2\x08\3", DONE), Outcome(CheckStatus.L7STS, 0, "SERVICE_UNKNOWN")),
        (answering([*GRPC], b"\0\0\0\0\2\x08\7", DONE), Outcome(CheckStatus.L7STS, 0, "7")),
        (
            answering([*GRPC, ("grpc-status", "16"), ("grpc-message", "no\ttoken")]),
            Outcome(CheckStatus.L7STS, 16, r"UNAUTHENTICATED: no\ttoken"),
        ),
        (answering([*GRPC, ("grpc-status", "99")]), Outcome(CheckStatus.L7STS, 99, "99")),
        (
            answering([(":status", "503")], b"down"),
            Outcome(CheckStatus.L7STS, 503, "HTTP status 503, not an answer of gRPC"),
        ),
        (answering([(":status", "200")], b"hello"), Outcome(CheckStatus.L7RSP, None, "not an answer of gRPC")),
        (answering([*GRPC], b"\0\0\0\0\2\x08\1"), Outcome(CheckStatus.L7RSP, None, "no grpc-status")),
        (answering([*GRPC], b"", DONE), Outcome(CheckStatus.L7RSP, None, "not one whole message")),
        (answering([*GRPC], b"\0\0\0\0\7\x08\1", DONE), Outcome(CheckStatus.L7RSP, None, "not one whole message")),
        (answering([*GRPC], b"\0\0\0\0\1\x08", DONE), Outcome(CheckStatus.L7RSP, None, "bad message")),
        (answering([*GRPC], b"\0\0\0\0\2\x12\1", DONE), Outcome(CheckStatus.L7RSP, None, "bad message")),
        (
            answering([*GRPC], b"\1\0\0\0\2\x08\1", DONE),
            Outcome(CheckStatus.L7RSP, None, "a compressed message, which nobody asked for"),
        ),
    ],
)
async def test_every_answer_has_its_verdict(answer: Serve, outcome: Outcome) -> None:
    async with listening(answer) as port:
        assert await asked(port) == outcome


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=256))
@at_leisure
def test_the_question_is_what_protobuf_makes(name: str) -> None:
    message = health_pb2.HealthCheckRequest(service=name).SerializeToString()
    assert probe._question(name) == b"\0" + len(message).to_bytes(4, "big") + message


@given(st.integers(0, 3))
@at_leisure
def test_the_answer_is_read_as_protobuf_reads_it(state: int) -> None:
    assert probe._serving(health_pb2.HealthCheckResponse(status=state).SerializeToString()) == state


@given(st.binary(max_size=30))
@at_leisure
def test_whatever_comes_is_a_state_or_garbage(message: bytes) -> None:
    with suppress(GarbageError):
        assert probe._serving(message) >= 0
