"""The rows of HAProxy's statistics, from the one status that every other output is made of.

Owns what each column means for frontends, servers and backends, in HAProxy's terms. Times become milliseconds. A
column that says nothing of an object is left out of its row, as HAProxy leaves it empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.api.haproxy.standing import FULL_SHARE, rounded, share_of_start, status_of, tracked
from tenbin.model import HashKey, Policy, ServerId, StickyCookie
from tenbin.observe.figures import RESPONSE_CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tenbin.api.haproxy.port import Sight
    from tenbin.api.haproxy.roster import Entry
    from tenbin.model import Backend, Config, Frontend, Server
    from tenbin.observe.checks import CheckSummary
    from tenbin.observe.figures import Averages, Compressed, FrontendTraffic, Work
    from tenbin.observe.status import BackendStatus, FrontendStatus, ServerStatus

Values = dict[str, int | str]


@dataclass(frozen=True, slots=True)
class Row:
    """One line: `kind` 0 frontend, 1 backend, 2 server; `values` by column."""

    kind: int
    iid: int
    sid: int
    proxy: str
    name: str
    values: Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Scope:
    """Which rows are wanted.

    `kinds` is a sum of 1 frontends, 2 backends, 4 servers; `proxy` and `sid` are numbers (-1: all); `proxies` names
    (None: all), `part` a text that names hold. `up`: only servers that work; `no_maint`: none in maintenance.
    `private`: addresses, cookies and algorithms are told.
    """

    kinds: int = 7
    proxy: int = -1
    sid: int = -1
    proxies: frozenset[str] | None = None
    part: str = ""
    up: bool = False
    no_maint: bool = False
    private: bool = True

    def takes(self, entry: Entry) -> bool:
        """Return whether rows of this proxy are wanted."""
        named = self.proxies is None or entry.name in self.proxies
        return named and self.part in entry.name and self.proxy in (-1, entry.number)


def rows(sight: Sight, entries: tuple[Entry, ...], scope: Scope | None = None) -> Iterator[Row]:
    """Yield the rows of every proxy: frontend, servers, backend."""
    scope = scope or Scope()
    for entry in entries:
        if not scope.takes(entry):
            continue
        if entry.frontend is not None and entry.frontend_status is not None and scope.kinds & 1 and scope.sid <= 0:
            yield Row(0, entry.number, 0, entry.name, "FRONTEND", _frontend(sight, entry))
        if entry.backend is None or entry.backend_status is None:
            continue
        if scope.kinds & 4:
            yield from _servers(sight, entry, scope)
        if scope.kinds & 2 and scope.sid <= 0:
            yield Row(1, entry.number, 0, entry.name, "BACKEND", _backend(entry, scope))


def _servers(sight: Sight, entry: Entry, scope: Scope) -> Iterator[Row]:
    assert entry.backend is not None  # noqa: S101 - the caller looked
    assert entry.backend_status is not None  # noqa: S101
    for server, status in zip(entry.backend.servers, entry.backend_status.servers, strict=True):
        sid = server.number or status.number
        if scope.sid not in (-1, sid):
            continue
        text = status_of(sight.state, server, status)
        if (scope.up and text.startswith(("DOWN", "MAINT"))) or (scope.no_maint and text.startswith("MAINT")):
            continue
        values: Values = {"pxname": entry.name, "svname": server.name, "status": text}
        values |= {"pid": 1, "iid": entry.number, "sid": sid, "srid": 0, "type": 2, "mode": entry.mode}
        values |= _server(entry, (server, status), private=scope.private)
        yield Row(2, entry.number, sid, entry.name, server.name, values)


def _frontend(sight: Sight, entry: Entry) -> Values:
    frontend, status = entry.frontend, entry.frontend_status
    assert frontend is not None  # noqa: S101 - the caller looked
    assert status is not None  # noqa: S101
    values: Values = {
        "pxname": entry.name,
        "svname": "FRONTEND",
        "slim": _frontend_limit(sight.config, frontend),
        "status": sight.frontends.get(entry.name, "OPEN"),
        "pid": 1,
        "iid": entry.number,
        "sid": 0,
        "type": 0,
        "rate_lim": frontend.limits.session_rate,
        "mode": entry.mode,
        "cache_lookups": 0,
        "cache_hits": 0,
    }
    traffic = status.traffic
    return values if traffic is None else values | _frontend_traffic(entry, status, traffic)


def _frontend_traffic(entry: Entry, status: FrontendStatus, traffic: FrontendTraffic) -> Values:
    values: Values = {
        "scur": traffic.current,
        "smax": traffic.max,
        # A connection that was turned away before it said anything is no session.
        "stot": max(0, traffic.total - traffic.denied_connections),
        "bin": traffic.bytes_in,
        "bout": traffic.bytes_out,
        "dreq": traffic.denied,
        "dresp": traffic.denied_responses,
        "ereq": traffic.request_errors,
        "rate": traffic.rate_connections,
        "rate_max": traffic.rate_connections_max,
        "conn_rate": traffic.rate_connections,
        "conn_rate_max": traffic.rate_connections_max,
        "conn_tot": traffic.total,
        "dcon": traffic.denied_connections + traffic.source_connections_refused,
        "dses": traffic.denied_sessions,
        "intercepted": traffic.intercepted,
        "wrew": traffic.failed_rewrites,
        "eint": traffic.internal_errors,
        **_compressed(traffic.compressed),
        **_listened(status, traffic),
    }
    if entry.mode == "http":
        values |= _responses(traffic.responses) | {
            "req_rate": traffic.rate_requests,
            "req_rate_max": traffic.rate_requests_max,
            # HAProxy counts those as well whose head never became one.
            "req_tot": traffic.requests + traffic.request_errors,
        }
    else:
        # Connections are no requests, which HAProxy says with zeros; those that turn out to be ones of HTTP have some.
        values |= {
            "req_rate": 0,
            "req_rate_max": 0,
            "req_tot": traffic.requests and traffic.requests + traffic.request_errors,
        }
        del values["intercepted"]
    return values


def _listened(status: FrontendStatus, traffic: FrontendTraffic) -> Values:
    """What listeners count and HAProxy tells of frontends."""
    found = [listener.traffic for listener in status.listeners if listener.traffic is not None]
    sessions = sum(one.http2_connections for one in found)
    streams = sum(one.http2_streams for one in found)
    return {
        "ssl_sess": sum(one.handshakes for one in found),
        "ssl_reused_sess": sum(one.resumed for one in found),
        "ssl_failed_handshake": sum(one.handshake_errors for one in found),
        "sess_other": 0,
        "h1sess": max(traffic.total - sessions, 0),
        "h2sess": sessions,
        "h3sess": 0,
        "req_other": 0,
        "h1req": max(traffic.requests - streams, 0),
        "h2req": streams,
        "h3req": 0,
        "h2_open_connections": 0,
        "h2_total_connections": sessions,
        "h1_open_connections": traffic.current,
        "h1_total_connections": max(traffic.total - sessions, 0),
        "h1_total_streams": max(traffic.requests - streams, 0),
    }


def _server(entry: Entry, of: tuple[Server, ServerStatus], *, private: bool) -> Values:
    server, status = of
    backend = entry.backend
    assert backend is not None  # noqa: S101 - the caller looked
    values: Values = {
        "weight": status.weight,
        "uweight": status.weight,
        "act": int(not server.backup),
        "bck": int(server.backup),
        "lastchg": int(status.changed or 0),
        **_checked(status),
        **_asked(status),
    }
    if status.max_connections:
        values["slim"] = status.max_connections
    if server.max_queue:
        values["qlimit"] = server.max_queue
    if backend.pool.max_idle:
        values["src_ilim"] = backend.pool.max_idle
    follows = tracked(server)
    if follows:
        values["tracked"] = follows
    if private:
        values["addr"] = status.resolved or status.address
        if server.cookie:
            values["cookie"] = server.cookie
    traffic = status.traffic
    if traffic is None:
        return values
    check = backend.check_of(server)
    if status.check is not None and check is not None and check.observe is not None:
        values["hanafail"] = status.check.suspicions
    share = share_of_start(status)
    if share < FULL_SHARE and status.weight:
        values["throttle"] = (100 * status.weight * share + FULL_SHARE - 1) // (FULL_SHARE * status.weight)
        values["weight"] = rounded(status.weight * share)
    idle = traffic.idle
    values |= {"srv_icur": idle, "idle_conn_cur": 0, "safe_conn_cur": idle}
    values |= {"used_conn_cur": traffic.current, "need_conn_est": traffic.max}
    values |= _work(traffic, http=entry.mode == "http")
    if entry.mode == "http":
        # Requests of a server are those that it answered.
        values["req_tot"] = sum(traffic.responses.values())
    return values


def _checked(status: ServerStatus) -> Values:
    check = status.check
    if check is None:
        return {}
    values: Values = {
        "chkfail": check.failed_alive,
        "chkdown": check.downs,
        "downtime": int(status.downtime),
        "check_status": check.status,
        # Requests that tell of a server take no time, which HAProxy counts from below 0.
        "check_duration": round(check.duration * 1000) if check.status != "HANA" else 0xFFFF_FFFF_FFFF_FFFF,
        "check_desc": check.description,
        "last_chk": _last_words(check),
        "check_rise": check.rise,
        "check_fall": check.fall,
        "check_health": check.level,
    }
    if check.status in {"L7OK", "L7OKC", "L7STS"}:
        values["check_code"] = check.code or 0
    elif check.status.startswith("PROC"):
        # A program that was killed has no code, which HAProxy tells as the greatest number.
        values["check_code"] = (check.code or 0) if (check.code or 0) >= 0 else 0xFFFF_FFFF
    return values


def _last_words(check: CheckSummary) -> str:
    """What HAProxy says of a check, where ours says more."""
    text = check.text
    place = text[text.find(" at step ") :] if " at step " in text else ""
    match check.status:
        case "L4OK" | "L6OK":
            return text if text == "(tcp-check)" else ""
        case "PROCOK" | "PROCERR" | "PROCTOUT":
            return ""
        case "L4TOUT" | "L6TOUT" | "L7TOUT":
            return place
        case "L6RSP":
            # An answer that a rule of the check calls so was no handshake.
            is_answer = text.startswith("TCPCHK") or check.code is not None
            said = text if is_answer else f"SSL handshake failure{place}"
            return said if text else ""
        case "L4CON":
            return text[:1].upper() + text[1:]
        case _:
            return text


def _asked(status: ServerStatus) -> Values:
    """What the agent beside a server says."""
    agent = status.agent
    if agent is None:
        return {}
    values: Values = {
        "agent_status": agent.status,
        "agent_duration": round(agent.duration * 1000),
        "agent_desc": agent.description,
        "last_agt": agent.text,
        "agent_rise": agent.rise,
        "agent_fall": agent.fall,
        "agent_health": agent.level,
    }
    if agent.code is not None and agent.status.startswith("L7"):
        values["agent_code"] = agent.code
    return values


def _backend(entry: Entry, scope: Scope) -> Values:
    backend, status = entry.backend, entry.backend_status
    assert backend is not None  # noqa: S101 - the caller looked
    assert status is not None  # noqa: S101
    values: Values = {
        "pxname": entry.name,
        "svname": "BACKEND",
        "slim": entry.full_connections,
        "status": "UP" if status.up or not backend.servers else "DOWN",
        "weight": _weight_in_force(status) if status.active else _backup_weight(backend, status),
        "uweight": status.weight if status.active else _backup_weight(backend, status),
        "act": status.active,
        "bck": status.backups,
        "chkdown": status.downs,
        "lastchg": int(status.changed or 0),
        "pid": 1,
        "iid": entry.number,
        "sid": 0,
        "type": 1,
        "mode": entry.mode,
        "cache_lookups": 0,
        "cache_hits": 0,
        "agg_server_status": 0,
        "agg_server_check_status": 0,
        "agg_check_status": 0,
    }
    if backend.servers:
        values["downtime"] = int(status.downtime)
    if scope.private:
        values["algo"] = algorithm(backend)
        if isinstance(backend.sticky, StickyCookie):
            values["cookie"] = backend.sticky.name
    traffic = status.traffic
    if traffic is None:
        return values
    values |= {"dreq": traffic.denied, **_compressed(traffic.compressed)}
    values |= _work(traffic, http=entry.mode == "http")
    # A session counts once for its backend, however many servers were tried.
    values["stot"] = traffic.requests if entry.mode == "http" else traffic.total + traffic.unreached
    return values


def _work(traffic: Work, *, http: bool) -> Values:
    """What servers and backends have in common. A try that failed is a session and a connection, as HAProxy counts."""
    values: Values = {
        "qcur": traffic.queue,
        "qmax": traffic.queue_max,
        "scur": traffic.current,
        "smax": traffic.max,
        "stot": traffic.total + traffic.connect_errors,
        "bin": traffic.bytes_in,
        "bout": traffic.bytes_out,
        "dresp": traffic.denied_responses,
        "econ": traffic.unreached,
        "eresp": traffic.unanswered,
        "wretr": traffic.repeats,
        "wredis": traffic.redispatches,
        "lbtot": traffic.balanced,
        "rate": traffic.rate,
        "rate_max": traffic.rate_max,
        "cli_abrt": traffic.client_aborts,
        "srv_abrt": traffic.server_aborts,
        "lastsess": -1 if traffic.last_used is None else traffic.last_used,
        "wrew": traffic.failed_rewrites,
        "eint": traffic.internal_errors,
        "connect": traffic.connects + traffic.connect_errors,
        "reuse": traffic.reuses,
        **_times(traffic.averages),
    }
    if http:
        values |= _responses(traffic.responses) | {"req_tot": traffic.requests}
    return values


def _times(averages: Averages) -> Values:
    seconds = {
        "qtime": averages.queue,
        "ctime": averages.connect,
        "rtime": averages.first_byte,
        "ttime": averages.total,
        "qtime_max": averages.queue_max,
        "ctime_max": averages.connect_max,
        "rtime_max": averages.first_byte_max,
        "ttime_max": averages.total_max,
    }
    return {name: round(value * 1000) for name, value in seconds.items()}


def _responses(counts: Mapping[str, int]) -> Values:
    return {f"hrsp_{name}": counts[name] for name in RESPONSE_CLASSES}


def _compressed(found: Compressed) -> Values:
    return {
        "comp_in": found.bytes_in,
        "comp_out": found.bytes_out,
        "comp_byp": found.bypassed,
        "comp_rsp": found.answers,
    }


def _frontend_limit(config: Config, frontend: Frontend) -> int:
    process = config.compat.maxconn if config.compat is not None else 0
    return frontend.limits.connections or process or config.limits.connections


def _weight_in_force(status: BackendStatus) -> int:
    """What slow start leaves of the weight of the active servers."""
    return rounded(sum(one.weight * share_of_start(one) for one in status.servers if one.usable and not one.backup))


def _backup_weight(backend: Backend, status: BackendStatus) -> int:
    """Without an active server, backups carry the work: all of them, or the first."""
    weights = [server.weight for server in status.servers if server.usable and server.backup]
    return sum(weights if backend.all_backups else weights[:1])


_ALGORITHMS = {"round_robin": "roundrobin", "least_conn": "leastconn", "ip_hash": "source", "random": "unknown"}
_HASHES = {
    HashKey.SOURCE: "source",
    HashKey.URI: "uri",
    HashKey.PARAMETER: "url_param",
    HashKey.HEADER: "hdr",
    HashKey.RDP_COOKIE: "rdp-cookie",
}


def algorithm(backend: Backend) -> str:
    """Return what HAProxy calls a backend's way to choose."""
    policy = str(backend.balance.policy)
    if backend.balance.policy is Policy.HASH:
        return _HASHES.get(backend.balance.form, "hash")
    return _ALGORITHMS.get(policy, policy.replace("_", "-"))


def server_id(row: Row) -> ServerId:
    """Return the name of a row's server."""
    return ServerId(row.proxy, row.name)
