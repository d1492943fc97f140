"""The data plane's figures in the units people and monitoring use: seconds, bytes, counts.

Owns the stable names of what is counted; `tenbin.plan.wire` may change with the data plane, these may not. Counters
start at 0 with the data plane and survive its restart; `max` values are since then, rates over the last second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenbin.plan import wire

RESPONSE_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "other")


@dataclass(frozen=True, slots=True)
class Times:
    """Mean and percentiles in seconds over the sliding last minute; all 0 when `samples` is 0."""

    samples: int
    mean: float
    p50: float
    p90: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Phases:
    """Where the time of requests went; `total` runs from the head's first byte to the answer's last."""

    queue: Times
    connect: Times
    first_byte: Times
    total: Times


@dataclass(frozen=True, slots=True)
class Averages:
    """Seconds: means over about the last 1024 requests, and the longest so far."""

    queue: float
    connect: float
    first_byte: float
    total: float
    queue_max: float
    connect_max: float
    first_byte_max: float
    total_max: float


@dataclass(frozen=True, slots=True)
class Compressed:
    """Of compression: bytes in and out, bytes that were left as they were, answers."""

    bytes_in: int
    bytes_out: int
    bypassed: int
    answers: int


@dataclass(frozen=True, slots=True)
class ListenerTraffic:
    """Client connections of one listening address; `denied` and `request_errors` count what came on them.

    `handshakes` are those of TLS that ended well, `resumed` those of them that took up an earlier session;
    `proxy_errors` are connections without a sound PROXY header; `glitches` count against a budget of HTTP/2.
    """

    current: int
    max: int
    total: int
    denied: int
    request_errors: int
    bytes_in: int
    bytes_out: int
    handshakes: int
    resumed: int
    handshake_errors: int
    proxy_errors: int
    http2_connections: int
    http2_streams: int
    glitches: int


@dataclass(frozen=True, slots=True)
class FrontendTraffic:
    """The client side. `current`, `max` and `total` are connections; `errors` are Tenbin's own answers by reason.

    `source_connections_refused` and `source_requests_refused` were beyond the limits of their source.
    """

    current: int
    max: int
    total: int
    requests: int
    bytes_in: int
    bytes_out: int
    denied: int
    request_errors: int
    intercepted: int
    source_connections_refused: int
    source_requests_refused: int
    headers_dropped: int
    responses: dict[str, int]
    rate_connections: int
    rate_connections_max: int
    rate_requests: int
    rate_requests_max: int
    phases: Phases
    errors: dict[str, int]
    denied_connections: int
    denied_sessions: int
    denied_responses: int
    failed_rewrites: int
    internal_errors: int
    compressed: Compressed


@dataclass(frozen=True, slots=True)
class Work:
    """What servers and backends have in common.

    `current` is work in progress, `total` how often one was chosen, `last_used` seconds ago (None: never).
    `connects` are connections that were opened, `reuses` requests that went on a pooled one. `balanced` says how often
    the policy chose it, `unreached` how many requests ended for want of a server or a connection to it,
    `unanswered` for want of an answer; `repeats` are retries but for those that went elsewhere unsent.
    """

    current: int
    max: int
    total: int
    requests: int
    queue: int
    queue_max: int
    bytes_in: int
    bytes_out: int
    connect_errors: int
    response_errors: int
    retries: int
    redispatches: int
    client_aborts: int
    server_aborts: int
    responses: dict[str, int]
    connects: int
    reuses: int
    rate: int
    rate_max: int
    last_used: int | None
    phases: Phases
    averages: Averages
    denied_responses: int
    failed_rewrites: int
    internal_errors: int
    balanced: int
    unreached: int
    repeats: int
    unanswered: int


@dataclass(frozen=True, slots=True)
class BackendTraffic(Work):
    """Sums over a backend's servers and what belongs to none of them; `denied` were refused by a route."""

    denied: int
    compressed: Compressed


@dataclass(frozen=True, slots=True)
class ServerTraffic(Work):
    """One server. `ejected` seconds remain of a passive ejection, `throttle` is its slow-start percentage.

    `failures` are requests whose end spoke against it, which is what passive checks and ejection count; `idle`
    connections wait in its pool.
    """

    ejected: float
    throttle: int
    failures: int
    idle: int


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """The data plane as a process: `uptime` and `cpu` in seconds, `resident` and memory in bytes."""

    pid: int
    version: str
    uptime: float
    threads: int
    connections: int
    connections_max: int
    connections_total: int
    requests: int
    cpu: float
    resident: int
    descriptors: int
    log_dropped: int
    events_dropped: int
    accept_pauses: int
    descriptors_limit: int
    descriptor_waits: int
    idle_closed: int
    memory_used: int
    memory_limit: int
    memory_refused: int
    panics: int


def process_figures(stats: wire.ProcessStats) -> ProcessFigures:
    """Convert what the data plane says of itself."""
    return ProcessFigures(
        pid=stats.pid,
        version=stats.version,
        uptime=stats.uptime / 1000,
        threads=stats.threads,
        connections=stats.connections,
        connections_max=stats.connections_max,
        connections_total=stats.connections_total,
        requests=stats.requests,
        cpu=stats.cpu / 1_000_000,
        resident=stats.resident,
        descriptors=stats.descriptors,
        log_dropped=stats.log_dropped,
        events_dropped=stats.events_dropped,
        accept_pauses=stats.accept_pauses,
        descriptors_limit=stats.descriptors_limit,
        descriptor_waits=stats.descriptor_waits,
        idle_closed=stats.idle_closed,
        memory_used=stats.memory_used,
        memory_limit=stats.memory_limit,
        memory_refused=stats.memory_refused,
        panics=stats.panics,
    )


def listener_traffic(stats: wire.ListenerStats) -> ListenerTraffic:
    """Convert one listener's figures."""
    return ListenerTraffic(
        current=stats.current,
        max=stats.max,
        total=stats.total,
        denied=stats.denied,
        request_errors=stats.request_errors,
        bytes_in=stats.bytes_in,
        bytes_out=stats.bytes_out,
        handshakes=stats.handshakes,
        resumed=stats.resumed,
        handshake_errors=stats.handshake_errors,
        proxy_errors=stats.proxy_errors,
        http2_connections=stats.http2_connections,
        http2_streams=stats.http2_streams,
        glitches=stats.glitches,
    )


def frontend_traffic(stats: wire.FrontendStats) -> FrontendTraffic:
    """Convert one frontend's figures."""
    return FrontendTraffic(
        current=stats.current,
        max=stats.max,
        total=stats.total,
        requests=stats.requests,
        bytes_in=stats.bytes_in,
        bytes_out=stats.bytes_out,
        denied=stats.denied,
        request_errors=stats.request_errors,
        intercepted=stats.intercepted,
        source_connections_refused=stats.source_connections_refused,
        source_requests_refused=stats.source_requests_refused,
        headers_dropped=stats.headers_dropped,
        responses=_responses(stats.responses),
        rate_connections=stats.rate_connections,
        rate_connections_max=stats.rate_connections_max,
        rate_requests=stats.rate_requests,
        rate_requests_max=stats.rate_requests_max,
        phases=_phases(stats.phases),
        errors=dict(sorted(stats.errors.items())),
        denied_connections=stats.denied_connections,
        denied_sessions=stats.denied_sessions,
        denied_responses=stats.denied_responses,
        failed_rewrites=stats.failed_rewrites,
        internal_errors=stats.internal_errors,
        compressed=Compressed(*stats.compressed),
    )


def backend_traffic(stats: wire.BackendStats) -> BackendTraffic:
    """Convert one backend's figures, without its servers."""
    return BackendTraffic(
        current=stats.current,
        max=stats.max,
        total=stats.total,
        requests=stats.requests,
        queue=stats.queue,
        queue_max=stats.queue_max,
        bytes_in=stats.bytes_in,
        bytes_out=stats.bytes_out,
        connect_errors=stats.connect_errors,
        response_errors=stats.response_errors,
        retries=stats.retries,
        redispatches=stats.redispatches,
        client_aborts=stats.client_aborts,
        server_aborts=stats.server_aborts,
        responses=_responses(stats.responses),
        connects=stats.connects,
        reuses=stats.reuses,
        rate=stats.rate,
        rate_max=stats.rate_max,
        last_used=_last_used(stats.last_used),
        phases=_phases(stats.phases),
        averages=_averages(stats.averages),
        denied_responses=stats.denied_responses,
        failed_rewrites=stats.failed_rewrites,
        internal_errors=stats.internal_errors,
        balanced=stats.balanced,
        unreached=stats.unreached,
        repeats=stats.repeats,
        unanswered=stats.unanswered,
        denied=stats.denied,
        compressed=Compressed(*stats.compressed),
    )


def server_traffic(stats: wire.ServerStats) -> ServerTraffic:
    """Convert one server's figures."""
    return ServerTraffic(
        current=stats.current,
        max=stats.max,
        total=stats.total,
        requests=stats.requests,
        queue=stats.queue,
        queue_max=stats.queue_max,
        bytes_in=stats.bytes_in,
        bytes_out=stats.bytes_out,
        connect_errors=stats.connect_errors,
        response_errors=stats.response_errors,
        retries=stats.retries,
        redispatches=stats.redispatches,
        client_aborts=stats.client_aborts,
        server_aborts=stats.server_aborts,
        responses=_responses(stats.responses),
        connects=stats.connects,
        reuses=stats.reuses,
        rate=stats.rate,
        rate_max=stats.rate_max,
        last_used=_last_used(stats.last_used),
        phases=_phases(stats.phases),
        ejected=stats.ejected / 1000,
        throttle=stats.throttle,
        averages=_averages(stats.averages),
        denied_responses=stats.denied_responses,
        failed_rewrites=stats.failed_rewrites,
        internal_errors=stats.internal_errors,
        balanced=stats.balanced,
        unreached=stats.unreached,
        repeats=stats.repeats,
        unanswered=stats.unanswered,
        failures=stats.failures,
        idle=stats.idle,
    )


_NO_TIMES = Times(0, 0.0, 0.0, 0.0, 0.0, 0.0)


def _times(stats: wire.Times) -> Times:
    if stats.count == 0:
        return _NO_TIMES
    micros = (stats.mean, stats.p50, stats.p90, stats.p99, stats.max)
    return Times(stats.count, *(value / 1e6 for value in micros))


def _phases(stats: wire.Phases) -> Phases:
    return Phases(_times(stats.queue), _times(stats.connect), _times(stats.first_byte), _times(stats.total))


def _averages(stats: wire.Averages) -> Averages:
    return Averages(
        queue=stats.queue / 1000,
        connect=stats.connect / 1000,
        first_byte=stats.first_byte / 1000,
        total=stats.total / 1000,
        queue_max=stats.queue_max / 1000,
        connect_max=stats.connect_max / 1000,
        first_byte_max=stats.first_byte_max / 1000,
        total_max=stats.total_max / 1000,
    )


def _responses(counts: tuple[int, ...]) -> dict[str, int]:
    return dict(zip(RESPONSE_CLASSES, counts, strict=True))


def _last_used(seconds: int) -> int | None:
    return None if seconds < 0 else seconds
