"""Figures for Prometheus under the names of HAProxy's exporter, as dashboards for it ask for them.

Owns the names; the figures are those of the statistics' columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from tenbin.api.haproxy import info
from tenbin.api.haproxy.roster import roster
from tenbin.api.haproxy.rows import rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tenbin.api.haproxy.port import Sight
    from tenbin.api.haproxy.rows import Row

CONTENT_TYPE = "text/plain; version=0.0.4"
_SCOPES = {0: "frontend", 1: "backend", 2: "server"}
_STATES = {0: ("DOWN", "UP"), 1: ("DOWN", "UP"), 2: ("DOWN", "UP", "MAINT", "DRAIN", "NOLB")}
_SECONDS = frozenset(
    {"qtime", "ctime", "rtime", "ttime", "qtime_max", "ctime_max", "rtime_max", "ttime_max", "check_duration"}
)


def render(sight: Sight, query: str = "") -> str:
    """Return the text; `scope=` of the query leaves parts out, `no-maint` servers in maintenance."""
    asked = parse_qs(query, keep_blank_values=True)
    wanted = set(asked.get("scope", [])) - {"", "*"}
    found = [row for row in rows(sight, roster(sight)) if not ("no-maint" in asked and _maintained(row))]
    lines: list[str] = []
    if not wanted or "global" in wanted:
        lines += _process(sight)
    for kind, name in _SCOPES.items():
        if not wanted or name in wanted:
            lines += _kind([row for row in found if row.kind == kind], kind)
    return "\n".join(lines) + "\n"


def _maintained(row: Row) -> bool:
    return str(row.values.get("status", "")).startswith("MAINT")


def _process(sight: Sight) -> Iterator[str]:
    items = {item.name: item for item in info.items(sight)}
    for name, metric, kind in _PROCESS:
        item = items[name]
        yield from (f"# HELP haproxy_process_{metric} {item.about}.", f"# TYPE haproxy_process_{metric} {kind}")
        yield f"haproxy_process_{metric} {item.value}"
    version = escape(str(items["Version"].value))
    yield "# HELP haproxy_process_build_info Build info."
    yield "# TYPE haproxy_process_build_info gauge"
    yield f'haproxy_process_build_info{{version="{version}"}} 1'


def _kind(found: Sequence[Row], kind: int) -> Iterator[str]:
    prefix = f"haproxy_{_SCOPES[kind]}"
    yield from _states(found, prefix, kind)
    for column, metric, shape, about in _METRICS:
        samples = [(row, row.values[column]) for row in found if isinstance(row.values.get(column), int)]
        if samples:
            yield from (f"# HELP {prefix}_{metric} {about}.", f"# TYPE {prefix}_{metric} {shape}")
            for row, value in samples:
                shown = int(value) / 1000 if column in _SECONDS else value
                yield f"{prefix}_{metric}{{{_labels(row)}}} {shown}"
    responses = [row for row in found if "hrsp_2xx" in row.values]
    if responses:
        yield f"# HELP {prefix}_http_responses_total HTTP answers by class of status."
        yield f"# TYPE {prefix}_http_responses_total counter"
        for row in responses:
            for code in ("1xx", "2xx", "3xx", "4xx", "5xx", "other"):
                yield f'{prefix}_http_responses_total{{{_labels(row)},code="{code}"}} {row.values[f"hrsp_{code}"]}'


def _states(found: Sequence[Row], prefix: str, kind: int) -> Iterator[str]:
    if not found:
        return
    yield f"# HELP {prefix}_status Status, 1 for the one that holds."
    yield f"# TYPE {prefix}_status gauge"
    for row in found:
        word = str(row.values.get("status", "")).partition(" ")[0]
        now = "UP" if word in {"OPEN", "no"} else "DOWN" if word in {"STOP", "PAUSED"} else word
        for state in _STATES[kind]:
            yield f'{prefix}_status{{{_labels(row)},state="{state}"}} {int(state == now)}'


def _labels(row: Row) -> str:
    labels = f'proxy="{escape(row.proxy)}"'
    return f'{labels},server="{escape(row.name)}"' if row.kind == 2 else labels


def escape(text: str) -> str:
    """Return a text as the value of a label."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


_PROCESS = (
    ("Nbthread", "nbthread", "gauge"),
    ("Nbproc", "nbproc", "gauge"),
    ("Uptime_sec", "uptime_seconds", "gauge"),
    ("Start_time_sec", "start_time_seconds", "gauge"),
    ("Memmax_bytes", "max_memory_bytes", "gauge"),
    ("PoolAlloc_bytes", "pool_allocated_bytes", "gauge"),
    ("PoolUsed_bytes", "pool_used_bytes", "gauge"),
    ("Ulimit-n", "max_fds", "gauge"),
    ("Maxsock", "max_sockets", "gauge"),
    ("Maxconn", "max_connections", "gauge"),
    ("Hard_maxconn", "hard_max_connections", "gauge"),
    ("CurrConns", "current_connections", "gauge"),
    ("CumConns", "connections_total", "counter"),
    ("CumReq", "requests_total", "counter"),
    ("CumSslConns", "ssl_connections_total", "counter"),
    ("ConnRate", "current_connection_rate", "gauge"),
    ("ConnRateLimit", "limit_connection_rate", "gauge"),
    ("MaxConnRate", "max_connection_rate", "gauge"),
    ("SessRate", "current_session_rate", "gauge"),
    ("MaxSessRate", "max_session_rate", "gauge"),
    ("Listeners", "listeners", "gauge"),
    ("Jobs", "jobs", "gauge"),
    ("DroppedLogs", "dropped_logs_total", "counter"),
    ("Idle_pct", "idle_time_percent", "gauge"),
    ("Stopping", "stopping", "gauge"),
)
_METRICS = (
    ("qcur", "current_queue", "gauge", "Requests that wait"),
    ("qmax", "max_queue", "gauge", "Most requests that waited at once"),
    ("qlimit", "queue_limit", "gauge", "Requests that may wait"),
    ("scur", "current_sessions", "gauge", "Sessions now"),
    ("smax", "max_sessions", "gauge", "Most sessions at once"),
    ("slim", "limit_sessions", "gauge", "Sessions at once at most"),
    ("stot", "sessions_total", "counter", "Sessions"),
    ("rate", "current_session_rate", "gauge", "Sessions in the last second"),
    ("rate_lim", "limit_session_rate", "gauge", "Sessions a second at most"),
    ("rate_max", "max_session_rate", "gauge", "Most sessions in one second"),
    ("conn_rate_max", "connections_rate_max", "gauge", "Most connections in one second"),
    ("conn_tot", "connections_total", "counter", "Connections"),
    ("bin", "bytes_in_total", "counter", "Bytes from clients"),
    ("bout", "bytes_out_total", "counter", "Bytes to clients"),
    ("dreq", "requests_denied_total", "counter", "Requests that were refused by a rule"),
    ("dresp", "responses_denied_total", "counter", "Answers that were refused by a rule"),
    ("ereq", "request_errors_total", "counter", "Requests that were malformed, late or broken off"),
    ("econ", "connection_errors_total", "counter", "Connections to a server that failed"),
    ("eresp", "response_errors_total", "counter", "Answers that were malformed or broken off"),
    ("wretr", "retry_warnings_total", "counter", "Requests that were sent again"),
    ("wredis", "redispatch_warnings_total", "counter", "Requests that went to another server"),
    ("dcon", "denied_connections_total", "counter", "Connections that were refused by a rule"),
    ("dses", "denied_sessions_total", "counter", "Sessions that were refused by a rule"),
    ("wrew", "failed_header_rewriting_total", "counter", "Changes of heads that found no room"),
    ("eint", "internal_errors_total", "counter", "Internal errors"),
    ("connect", "connection_attempts_total", "counter", "Connections opened to servers"),
    ("reuse", "connection_reuses_total", "counter", "Requests that went on a pooled connection"),
    ("weight", "weight", "gauge", "Weight in force"),
    ("uweight", "uweight", "gauge", "Weight that was set"),
    ("act", "active_servers", "gauge", "Servers that get work"),
    ("bck", "backup_servers", "gauge", "Backup servers"),
    ("chkfail", "check_failures_total", "counter", "Checks that failed"),
    ("chkdown", "check_up_down_total", "counter", "Times that it went down"),
    ("lastchg", "check_last_change_seconds", "gauge", "Since its last change"),
    ("downtime", "downtime_seconds_total", "counter", "Time without service"),
    ("throttle", "current_throttle", "gauge", "Slow start, percent"),
    ("lbtot", "loadbalanced_total", "counter", "Times that it was chosen"),
    ("check_code", "check_code", "gauge", "Status of the last check"),
    ("check_duration", "check_duration_seconds", "gauge", "Time of the last check"),
    ("req_rate", "current_http_requests_rate", "gauge", "Requests in the last second"),
    ("req_rate_max", "http_requests_rate_max", "gauge", "Most requests in one second"),
    ("req_tot", "http_requests_total", "counter", "Requests"),
    ("intercepted", "intercepted_requests_total", "counter", "Requests that were answered here"),
    ("cli_abrt", "client_aborts_total", "counter", "Transfers that clients broke off"),
    ("srv_abrt", "server_aborts_total", "counter", "Transfers that servers broke off"),
    ("comp_in", "http_comp_bytes_in_total", "counter", "Bytes given to compression"),
    ("comp_out", "http_comp_bytes_out_total", "counter", "Bytes that came of compression"),
    ("comp_byp", "http_comp_bytes_bypassed_total", "counter", "Bytes that were not compressed"),
    ("comp_rsp", "http_comp_responses_total", "counter", "Answers that were compressed"),
    ("lastsess", "last_session_seconds", "gauge", "Since the last session"),
    ("qtime", "queue_time_average_seconds", "gauge", "Mean time in the queue"),
    ("ctime", "connect_time_average_seconds", "gauge", "Mean time to connect"),
    ("rtime", "response_time_average_seconds", "gauge", "Mean time to the answer"),
    ("ttime", "total_time_average_seconds", "gauge", "Mean time in all"),
    ("qtime_max", "max_queue_time_seconds", "gauge", "Longest time in the queue"),
    ("ctime_max", "max_connect_time_seconds", "gauge", "Longest time to connect"),
    ("rtime_max", "max_response_time_seconds", "gauge", "Longest time to the answer"),
    ("ttime_max", "max_total_time_seconds", "gauge", "Longest time in all"),
    ("srv_icur", "idle_connections_current", "gauge", "Pooled connections that wait"),
    ("src_ilim", "idle_connections_limit", "gauge", "Pooled connections that may wait"),
    ("used_conn_cur", "used_connections_current", "gauge", "Connections in use"),
    ("need_conn_est", "need_connections_current", "gauge", "Connections that will be needed"),
)
