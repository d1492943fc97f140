"""Active health checks: what to ask of a server and how often."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenbin.model.tls import Protocol, SendProxy, ServerTls
    from tenbin.model.values import Duration


class AsServer(Enum):
    """What a check does as requests to the same server do."""

    AS_SERVER = "as_server"


@dataclass(frozen=True, slots=True)
class TcpCheck:
    """Passes when a connection opens; with TLS, when its handshake succeeds."""


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """Passes when the answer's status is in one of the inclusive `statuses` ranges and its body holds `body`.

    `body` is a text that the first 64 KiB must contain ("" for any). `headers` are sent as written; Host defaults
    to the server's address.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    statuses: tuple[tuple[int, int], ...]
    body: str


@dataclass(frozen=True, slots=True)
class GrpcCheck:
    """Passes when grpc.health.v1.Health/Check says SERVING of the `service`, "" for the whole server.

    `headers` are sent as metadata; a Host among them is the authority.
    """

    service: str
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ExecCheck:
    """Passes when the program ends with 0; it gets TENBIN_BACKEND, TENBIN_SERVER, TENBIN_ADDRESS and TENBIN_PORT."""

    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PythonCheck:
    """Passes when the coroutine function's Result says so; `file` is absolute, `function` takes one server."""

    file: str
    function: str


Probe = TcpCheck | HttpCheck | GrpcCheck | ExecCheck | PythonCheck


@dataclass(frozen=True, slots=True)
class Check:
    """A probe and its pace.

    `every` between checks while nothing changes, `fast` while a server is between up and down, `down` while it is
    down. `rise` passes in a row bring a server up, `fall` failures take it down. `jitter` is a fraction 0-0.5 of
    the interval. `port` 0 and `host` "" mean the server's own.

    `tls` and `send_proxy` None for none. An own `tls` without `sni` takes the name of the server that it meets.
    """

    probe: Probe
    every: Duration
    fast: Duration
    down: Duration
    timeout: Duration
    rise: int
    fall: int
    jitter: float
    port: int
    host: str
    tls: ServerTls | AsServer | None = AsServer.AS_SERVER
    send_proxy: SendProxy | AsServer | None = AsServer.AS_SERVER
    protocol: Protocol | AsServer = AsServer.AS_SERVER
