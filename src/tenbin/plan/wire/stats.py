"""What the data plane counts: one `Stats` is everything at one moment.

Owns the shapes and units; `tenbin.observe` turns them into tables and metrics.
"""

from typing import Literal

from tenbin.plan.wire.expression import Wire


class Times(Wire):
    """Microseconds over the sliding last minute; all 0 without a sample.

    `mean` and percentiles come from histogram buckets and are right to about 7 %.
    """

    count: int = 0
    mean: int = 0
    p50: int = 0
    p90: int = 0
    p99: int = 0
    max: int = 0


class Phases(Wire):
    """Where the time of requests went; `total` is from the first byte of the head to the last of the answer."""

    queue: Times = Times()
    connect: Times = Times()
    first_byte: Times = Times()
    total: Times = Times()


class Averages(Wire):
    """Milliseconds: means over about the last 1024 requests that had this phase, and the longest so far."""

    queue: int = 0
    connect: int = 0
    first_byte: int = 0
    total: int = 0
    queue_max: int = 0
    connect_max: int = 0
    first_byte_max: int = 0
    total_max: int = 0


class ListenerStats(Wire):
    """`current`, `max` and `total` are client connections; `denied` and `request_errors` count what came on them.

    `handshakes` are TLS handshakes that ended well, `resumed` those of them that took up an earlier session.
    """

    address: str
    frontend: str
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


class FrontendStats(Wire):
    """`errors` counts answers that Tenbin made itself, by tenbin-reason; `rate_*` are over the last second.

    `source_*_refused` is what the limits of a source refused.
    `headers_dropped` are header lines of requests that were left out for the underscore in their name.
    `denied_connections` and `denied_sessions` were refused by rules, before and after a handshake; `failed_rewrites`
    are changes of heads that found no room; `compressed` are bytes in, bytes out, bytes that were left, and answers.
    """

    name: str
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
    responses: tuple[int, int, int, int, int, int]
    rate_connections: int
    rate_connections_max: int
    rate_requests: int
    rate_requests_max: int
    phases: Phases
    errors: dict[str, int]
    denied_connections: int = 0
    denied_sessions: int = 0
    denied_responses: int = 0
    failed_rewrites: int = 0
    internal_errors: int = 0
    compressed: tuple[int, int, int, int] = (0, 0, 0, 0)


class ServerStats(Wire):
    """`responses` are 1xx 2xx 3xx 4xx 5xx other; `last_used` is seconds ago, -1 for never.

    `ejected` is how many milliseconds of ejection or fail_timeout remain; `failures` are requests whose end spoke
    against the server, which is what passive checks and ejection count.
    """

    name: str
    address: str | None
    weight: int
    admin: Literal["ready", "drain", "maint"]
    health: Literal["unknown", "starting", "up", "down"]
    ejected: int
    throttle: int
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
    failures: int
    retries: int
    redispatches: int
    client_aborts: int
    server_aborts: int
    denied_responses: int
    responses: tuple[int, int, int, int, int, int]
    connects: int
    reuses: int
    idle: int
    rate: int
    rate_max: int
    last_used: int
    phases: Phases
    averages: Averages = Averages()
    failed_rewrites: int = 0
    internal_errors: int = 0
    balanced: int = 0
    unreached: int = 0
    repeats: int = 0
    unanswered: int = 0


class BackendStats(Wire):
    """The sums over a backend's servers and what belongs to none of them."""

    name: str
    current: int
    max: int
    total: int
    requests: int
    queue: int
    queue_max: int
    bytes_in: int
    bytes_out: int
    denied: int
    connect_errors: int
    response_errors: int
    retries: int
    redispatches: int
    client_aborts: int
    server_aborts: int
    responses: tuple[int, int, int, int, int, int]
    connects: int
    reuses: int
    rate: int
    rate_max: int
    last_used: int
    phases: Phases
    servers: tuple[ServerStats, ...]
    averages: Averages = Averages()
    denied_responses: int = 0
    failed_rewrites: int = 0
    internal_errors: int = 0
    balanced: int = 0
    unreached: int = 0
    repeats: int = 0
    unanswered: int = 0
    compressed: tuple[int, int, int, int] = (0, 0, 0, 0)


class ProcessStats(Wire):
    """The data plane as a process; `cpu` is microseconds of CPU time, `log_dropped` access-log lines lost.

    `descriptor_waits` counts connections to servers that waited for a descriptor, `idle_closed` idle clients that were
    closed for want of them, `memory_refused` requests; `memory_used` and `memory_limit` are bytes, 0 for no limit.
    """

    pid: int
    version: str
    generation: int
    uptime: int
    threads: int
    connections: int
    connections_max: int
    connections_total: int
    requests: int
    cpu: int
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


class Stats(Wire):
    """Everything counted, at one moment."""

    process: ProcessStats
    listeners: tuple[ListenerStats, ...]
    frontends: tuple[FrontendStats, ...]
    backends: tuple[BackendStats, ...]
