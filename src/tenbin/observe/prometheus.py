"""The status in Prometheus' text format, written by hand because scrapes of thousands of servers must be cheap.

Owns the metric names, which are stable: `tenbin_*`, base units, `_total` for counters. Percentiles are gauges with a
`quantile` label (1 is the maximum), for they cover the last minute only and a summary's count and sum would not fit
them. What is not known is absent rather than 0, so that no counter seems to restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.observe.condition import Condition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tenbin.observe.certificates import CertificateStatus
    from tenbin.observe.figures import (
        FrontendTraffic,
        ListenerTraffic,
        Phases,
        ProcessFigures,
        ServerTraffic,
        Times,
        Work,
    )
    from tenbin.observe.status import BackendStatus, ServerStatus, Status

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Number = int | float
Sample = tuple[str, Number]


def render(status: Status) -> str:
    """Return the whole page."""
    page = _Page()
    _process(page, status)
    _frontends(page, status)
    _backends(page, status)
    _servers(page, [server for backend in status.backends for server in backend.servers])
    _certificates(page, status)
    return page.text()


def escape(value: str) -> str:
    """Return a label's value as the format wants it."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class _Page:
    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, name: str, kind: str, about: str, samples: Iterable[Sample]) -> None:
        """Add one metric; a sample's labels come without braces."""
        self._lines.append(f"# HELP {name} {about}\n# TYPE {name} {kind}")
        self._lines += [f"{name}{{{labels}}} {value}" if labels else f"{name} {value}" for labels, value in samples]

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"


def _process(page: _Page, status: Status) -> None:
    page.add("tenbin_dataplane_up", "gauge", "Whether the data plane answers.", [("", int(status.attached))])
    page.add("tenbin_generation", "gauge", "Generation of the snapshot in force.", [("", status.generation)])
    page.add("tenbin_stats_age_seconds", "gauge", "Age of the figures on this page.", [("", status.age)])
    page.add("tenbin_connections_limit", "gauge", "Client connections allowed at once.", [("", status.max_connections)])
    if status.process is None:
        return
    version = f'version="{escape(status.process.version)}"'
    page.add("tenbin_build_info", "gauge", "Version of the data plane.", [(version, 1)])
    for name, kind, about, value in _PROCESS:
        page.add(f"tenbin_{name}", kind, about, [("", value(status.process))])


def _frontends(page: _Page, status: Status) -> None:
    counted = [
        (f'frontend="{escape(entry.name)}"', entry.traffic) for entry in status.frontends if entry.traffic is not None
    ]
    for name, kind, about, value in _FRONTEND:
        page.add(f"tenbin_frontend_{name}", kind, about, [(labels, value(traffic)) for labels, traffic in counted])
    page.add(
        "tenbin_frontend_errors_total",
        "counter",
        "Answers that Tenbin made itself, by tenbin-reason.",
        [
            (f'{labels},reason="{escape(reason)}"', count)
            for labels, traffic in counted
            for reason, count in traffic.errors.items()
        ],
    )
    page.add(
        "tenbin_frontend_source_refused_total",
        "counter",
        "Connections and requests beyond a limit of their source.",
        [
            (f'{labels},limit="{limit}"', count)
            for labels, traffic in counted
            for limit, count in (
                ("connections", traffic.source_connections_refused),
                ("requests", traffic.source_requests_refused),
            )
        ],
    )
    _responses(page, "tenbin_frontend", [(labels, traffic.responses) for labels, traffic in counted])
    _durations(page, "tenbin_frontend", [(labels, traffic.phases) for labels, traffic in counted])
    limits = [(f'frontend="{escape(entry.name)}"', entry.max_connections) for entry in status.frontends]
    about = "Client connections allowed at once, 0 for no limit of its own."
    page.add("tenbin_frontend_connections_limit", "gauge", about, limits)
    listeners = [
        (f'frontend="{escape(frontend.name)}",address="{escape(entry.address)}"', entry.traffic)
        for frontend in status.frontends
        for entry in frontend.listeners
        if entry.traffic is not None
    ]
    for name, kind, about, figure in _LISTENER:
        page.add(f"tenbin_listener_{name}", kind, about, [(labels, figure(entry)) for labels, entry in listeners])


def _backends(page: _Page, status: Status) -> None:
    all_backends = [(f'backend="{escape(entry.name)}"', entry) for entry in status.backends]
    about = "Whether the backend has a server that gets new work."
    page.add("tenbin_backend_up", "gauge", about, [(labels, int(entry.up)) for labels, entry in all_backends])
    about = "Servers that get new work, backups apart."
    page.add(
        "tenbin_backend_active_servers", "gauge", about, [(labels, entry.active) for labels, entry in all_backends]
    )
    about = "Backup servers that would get new work."
    page.add(
        "tenbin_backend_backup_servers", "gauge", about, [(labels, entry.backups) for labels, entry in all_backends]
    )
    about = "Servers, whatever their state."
    page.add("tenbin_backend_servers", "gauge", about, [(labels, len(entry.servers)) for labels, entry in all_backends])
    _outages(page, "tenbin_backend", all_backends)
    counted = [(labels, entry.traffic) for labels, entry in all_backends if entry.traffic is not None]
    denied = [(labels, entry.denied) for labels, entry in counted]
    page.add("tenbin_backend_denied_total", "counter", "Requests refused by a route.", denied)
    _work(page, "tenbin_backend", counted)


def _servers(page: _Page, servers: Sequence[ServerStatus]) -> None:
    labelled = [(f'backend="{escape(entry.backend)}",server="{escape(entry.name)}"', entry) for entry in servers]
    for name, kind, about, value in _SERVER:
        page.add(f"tenbin_server_{name}", kind, about, [(labels, value(entry)) for labels, entry in labelled])
    words = [(condition, f',state="{condition}"') for condition in Condition]
    page.add(
        "tenbin_server_state",
        "gauge",
        "1 for the state that the server is in.",
        [
            (labels + suffix, int(entry.condition is condition))
            for labels, entry in labelled
            for condition, suffix in words
        ],
    )
    _outages(page, "tenbin_server", labelled)
    _checks(page, labelled)
    counted = [(labels, entry.traffic) for labels, entry in labelled if entry.traffic is not None]
    for name, kind, about, figure in _SERVER_TRAFFIC:
        page.add(f"tenbin_server_{name}", kind, about, [(labels, figure(entry)) for labels, entry in counted])
    _work(page, "tenbin_server", counted)


def _checks(page: _Page, labelled: Sequence[tuple[str, ServerStatus]]) -> None:
    checked = [(labels, entry.check) for labels, entry in labelled if entry.check is not None]
    page.add(
        "tenbin_server_checks_total",
        "counter",
        "Finished health checks.",
        [
            (f'{labels},result="{result}"', count)
            for labels, check in checked
            for result, count in (("passed", check.passed_total), ("failed", check.failed_total))
        ],
    )
    about = "How long the last health check took."
    durations = [(labels, check.duration) for labels, check in checked]
    page.add("tenbin_server_check_duration_seconds", "gauge", about, durations)
    statuses = [(f'{labels},status="{escape(check.status)}"', 1) for labels, check in checked]
    page.add("tenbin_server_check_status", "gauge", "1 for the result of the last health check.", statuses)


def _certificates(page: _Page, status: Status) -> None:
    about = "When a certificate that clients see ends, in unix time."
    page.add(
        "tenbin_certificate_expiry_seconds",
        "gauge",
        about,
        [
            (f'listener="{escape(listener)}",{_identity(one)}', int(one.not_after.timestamp()))
            for one in status.certificates
            for listener in one.listeners
        ],
    )
    about = "When a certificate that a server sees ends, in unix time."
    page.add(
        "tenbin_server_certificate_expiry_seconds",
        "gauge",
        about,
        [
            (f'backend="{escape(backend)}",server="{escape(server)}",{_identity(one)}', int(one.not_after.timestamp()))
            for one in status.certificates
            for backend, _, server in (name.partition("/") for name in one.servers)
        ],
    )


def _identity(certificate: CertificateStatus) -> str:
    names = ",".join(certificate.names)
    return f'certificate="{escape(certificate.file)}",names="{escape(names)}",key="{escape(certificate.key)}"'


def _outages(page: _Page, prefix: str, labelled: Sequence[tuple[str, ServerStatus | BackendStatus]]) -> None:
    known = [(labels, entry) for labels, entry in labelled if entry.changed is not None]
    about = "Times that it stopped serving."
    page.add(f"{prefix}_downs_total", "counter", about, [(labels, entry.downs) for labels, entry in known])
    about = "How long it did not serve, in all."
    page.add(
        f"{prefix}_downtime_seconds_total", "counter", about, [(labels, entry.downtime) for labels, entry in known]
    )


def _work(page: _Page, prefix: str, counted: Sequence[tuple[str, Work]]) -> None:
    for name, kind, about, value in _WORK:
        page.add(f"{prefix}_{name}", kind, about, [(labels, value(entry)) for labels, entry in counted])
    _responses(page, prefix, [(labels, entry.responses) for labels, entry in counted])
    _durations(page, prefix, [(labels, entry.phases) for labels, entry in counted])


def _responses(page: _Page, prefix: str, counted: Iterable[tuple[str, dict[str, int]]]) -> None:
    page.add(
        f"{prefix}_responses_total",
        "counter",
        "HTTP answers by class of status.",
        [(f'{labels},code="{name}"', count) for labels, entry in counted for name, count in entry.items()],
    )


def _durations(page: _Page, prefix: str, counted: Iterable[tuple[str, Phases]]) -> None:
    about = "Times of requests by phase over the last minute; quantile 1 is the maximum."
    sampled = [entry for labels, phases in counted for entry in _sampled(labels, phases)]
    samples = (sample for labels, times in sampled for sample in _quantiles(labels, times))
    page.add(f"{prefix}_duration_seconds", "gauge", about, samples)
    about = "Mean times of requests by phase over the last minute."
    page.add(f"{prefix}_duration_mean_seconds", "gauge", about, ((labels, times.mean) for labels, times in sampled))


def _sampled(labels: str, phases: Phases) -> Iterator[tuple[str, Times]]:
    for phase, times in (
        ("queue", phases.queue),
        ("connect", phases.connect),
        ("first_byte", phases.first_byte),
        ("total", phases.total),
    ):
        if times.samples:
            yield f'{labels},phase="{phase}"', times


def _quantiles(labels: str, times: Times) -> Iterator[Sample]:
    yield f'{labels},quantile="0.5"', times.p50
    yield f'{labels},quantile="0.9"', times.p90
    yield f'{labels},quantile="0.99"', times.p99
    yield f'{labels},quantile="1"', times.max


_PROCESS: tuple[tuple[str, str, str, Callable[[ProcessFigures], Number]], ...] = (
    ("process_uptime_seconds", "gauge", "Since the data plane started.", lambda p: p.uptime),
    ("process_cpu_seconds_total", "counter", "CPU time of the data plane.", lambda p: p.cpu),
    ("process_resident_memory_bytes", "gauge", "Resident memory of the data plane.", lambda p: p.resident),
    ("process_open_fds", "gauge", "Open descriptors of the data plane.", lambda p: p.descriptors),
    ("process_threads", "gauge", "Worker threads of the data plane.", lambda p: p.threads),
    ("connections", "gauge", "Client connections now.", lambda p: p.connections),
    ("connections_max", "gauge", "Most client connections at once.", lambda p: p.connections_max),
    ("connections_total", "counter", "Client connections accepted.", lambda p: p.connections_total),
    ("requests_total", "counter", "Requests.", lambda p: p.requests),
    (
        "access_log_dropped_total",
        "counter",
        "Access-log lines lost to a slow reader or a full disk.",
        lambda p: p.log_dropped,
    ),
    ("events_dropped_total", "counter", "Events the control plane did not take.", lambda p: p.events_dropped),
    ("accept_pauses_total", "counter", "Times accepting paused for want of descriptors.", lambda p: p.accept_pauses),
    ("process_max_fds", "gauge", "Descriptors that the data plane may open.", lambda p: p.descriptors_limit),
    (
        "descriptor_waits_total",
        "counter",
        "Connections to servers that waited for a descriptor.",
        lambda p: p.descriptor_waits,
    ),
    ("idle_closed_total", "counter", "Idle clients closed for want of descriptors.", lambda p: p.idle_closed),
    ("memory_used_bytes", "gauge", "Memory in use, as measured against the limit.", lambda p: p.memory_used),
    ("memory_limit_bytes", "gauge", "Memory above which no new work is taken; 0: none.", lambda p: p.memory_limit),
    ("memory_refused_total", "counter", "Requests refused for want of memory.", lambda p: p.memory_refused),
    ("panics_total", "counter", "Internal errors that cost one connection.", lambda p: p.panics),
)
_FRONTEND: tuple[tuple[str, str, str, Callable[[FrontendTraffic], Number]], ...] = (
    ("connections", "gauge", "Client connections now.", lambda f: f.current),
    ("connections_max", "gauge", "Most client connections at once.", lambda f: f.max),
    ("connections_total", "counter", "Client connections accepted.", lambda f: f.total),
    ("requests_total", "counter", "Requests.", lambda f: f.requests),
    ("received_bytes_total", "counter", "Bytes from clients.", lambda f: f.bytes_in),
    ("sent_bytes_total", "counter", "Bytes to clients.", lambda f: f.bytes_out),
    ("denied_total", "counter", "Requests refused by a route or a limit of their source.", lambda f: f.denied),
    (
        "request_errors_total",
        "counter",
        "Requests that were malformed, late or broken off.",
        lambda f: f.request_errors,
    ),
    ("intercepted_total", "counter", "Requests that a route answered itself.", lambda f: f.intercepted),
    (
        "headers_dropped_total",
        "counter",
        "Headers of requests left out for an underscore in their name.",
        lambda f: f.headers_dropped,
    ),
    ("connection_rate", "gauge", "Connections in the last second.", lambda f: f.rate_connections),
    ("connection_rate_max", "gauge", "Most connections in one second.", lambda f: f.rate_connections_max),
    ("request_rate", "gauge", "Requests in the last second.", lambda f: f.rate_requests),
    ("request_rate_max", "gauge", "Most requests in one second.", lambda f: f.rate_requests_max),
)
_LISTENER: tuple[tuple[str, str, str, Callable[[ListenerTraffic], Number]], ...] = (
    ("connections", "gauge", "Client connections now.", lambda t: t.current),
    ("connections_total", "counter", "Client connections accepted.", lambda t: t.total),
    ("received_bytes_total", "counter", "Bytes from clients.", lambda t: t.bytes_in),
    ("sent_bytes_total", "counter", "Bytes to clients.", lambda t: t.bytes_out),
    ("denied_total", "counter", "Requests refused by a route or a limit of their source.", lambda t: t.denied),
    (
        "request_errors_total",
        "counter",
        "Requests that were malformed, late or broken off.",
        lambda t: t.request_errors,
    ),
    ("tls_handshakes_total", "counter", "TLS handshakes that ended well.", lambda t: t.handshakes),
    ("tls_resumed_total", "counter", "TLS handshakes that took up an earlier session.", lambda t: t.resumed),
    ("tls_handshake_errors_total", "counter", "TLS handshakes that failed.", lambda t: t.handshake_errors),
    ("proxy_errors_total", "counter", "Connections without a sound PROXY header.", lambda t: t.proxy_errors),
    ("http2_connections_total", "counter", "Client connections that spoke HTTP/2.", lambda t: t.http2_connections),
    ("http2_streams_total", "counter", "HTTP/2 streams that clients opened.", lambda t: t.http2_streams),
    ("http2_glitches_total", "counter", "Doubtful things that clients did on HTTP/2.", lambda t: t.glitches),
)
_WORK: tuple[tuple[str, str, str, Callable[[Work], Number]], ...] = (
    ("current", "gauge", "Requests or connections in progress.", lambda w: w.current),
    ("current_max", "gauge", "Most requests or connections in progress at once.", lambda w: w.max),
    ("chosen_total", "counter", "Requests or connections given to it.", lambda w: w.total),
    ("requests_total", "counter", "Requests.", lambda w: w.requests),
    ("queue", "gauge", "Requests that wait.", lambda w: w.queue),
    ("queue_max", "gauge", "Most requests that waited at once.", lambda w: w.queue_max),
    ("received_bytes_total", "counter", "Bytes from clients.", lambda w: w.bytes_in),
    ("sent_bytes_total", "counter", "Bytes to clients.", lambda w: w.bytes_out),
    ("connect_errors_total", "counter", "Connections to a server that failed.", lambda w: w.connect_errors),
    ("response_errors_total", "counter", "Answers that were malformed or broken off.", lambda w: w.response_errors),
    ("retries_total", "counter", "Requests that were sent again.", lambda w: w.retries),
    ("redispatches_total", "counter", "Requests that went to another server.", lambda w: w.redispatches),
    ("client_aborts_total", "counter", "Transfers that the client broke off.", lambda w: w.client_aborts),
    ("server_aborts_total", "counter", "Transfers that the server broke off.", lambda w: w.server_aborts),
    ("connects_total", "counter", "Connections opened to servers.", lambda w: w.connects),
    ("reuses_total", "counter", "Requests that went on a pooled connection.", lambda w: w.reuses),
    ("rate", "gauge", "Requests or connections given to it in the last second.", lambda w: w.rate),
    ("rate_max", "gauge", "Most requests or connections given to it in one second.", lambda w: w.rate_max),
)
_SERVER: tuple[tuple[str, str, str, Callable[[ServerStatus], Number]], ...] = (
    ("up", "gauge", "Whether the server gets new work.", lambda s: int(s.usable)),
    ("weight", "gauge", "Weight in force.", lambda s: s.weight),
    ("overridden", "gauge", "Whether runtime changes differ from the file.", lambda s: int(bool(s.overrides))),
    ("connections_limit", "gauge", "Connections allowed at once, 0 for no limit.", lambda s: s.max_connections),
)
_SERVER_TRAFFIC: tuple[tuple[str, str, str, Callable[[ServerTraffic], Number]], ...] = (
    ("ejection_seconds", "gauge", "What remains of an ejection.", lambda t: t.ejected),
    ("throttle_ratio", "gauge", "Slow start: share of its weight in force.", lambda t: t.throttle / 100),
    ("denied_responses_total", "counter", "Answers that a route refused.", lambda t: t.denied_responses),
    ("failures_total", "counter", "Requests whose end spoke against the server.", lambda t: t.failures),
    ("idle_connections", "gauge", "Pooled connections that wait.", lambda t: t.idle),
)
