"""Answers of Tenbin's own to calls of gRPC: their status stands where trailers would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.multiplexed import Multiplexed
from support.servers import Servers
from tenbin.testing import Tenbin, config_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUTES = [{"path": "/denied", "deny": 403}, {"path": "/app", "backend": "app"}]


@pytest.fixture(scope="module")
def tenbin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenbin]:
    """In front of a server that does not run."""
    folder: Path = tmp_path_factory.mktemp("none")
    with Servers(folder) as servers:
        config = config_text({"none": servers.port("none")}, {"check": False}, {"routes": ROUTES})
        with Tenbin(config) as tenbin:
            yield tenbin


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [("/denied", "7", "denied"), ("/nowhere", "12", "no-route"), ("/app", "14", "connect-failed")],
)
def test_a_call_gets_a_status_of_grpc(tenbin: Tenbin, path: str, status: str, reason: str) -> None:
    with Multiplexed(tenbin.address) as client:
        kind = ("content-type", "application/grpc+proto")
        stream = client.wait(client.ask(path, kind, ("te", "trailers"), method="POST", body=b""))
    fields = dict(stream.headers)
    assert (stream.status, stream.ended, stream.body) == (200, True, b"")
    assert (fields["grpc-status"], fields["tenbin-reason"], fields["content-type"]) == (
        status,
        reason,
        "application/grpc",
    )
    assert fields["grpc-message"]


def test_other_requests_get_their_status(tenbin: Tenbin) -> None:
    with Multiplexed(tenbin.address) as client:
        stream = client.get("/app", ("content-type", "text/plain"))
    assert (stream.status, dict(stream.headers)["tenbin-reason"]) == (502, "connect-failed")
    assert b"Reason: connect-failed" in stream.body
