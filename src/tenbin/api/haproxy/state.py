"""`show servers state` and `show servers conn` (management manual, 9.3).

Owns the columns and the numbers that stand for states.
"""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tenbin.api.haproxy.roster import roster
from tenbin.api.haproxy.standing import operation
from tenbin.model import Address, Admin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenbin.api.haproxy.port import Sight
    from tenbin.api.haproxy.roster import Entry
    from tenbin.model import Server
    from tenbin.observe.status import ServerStatus

_COLUMNS = (
    "be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
    "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state "
    "bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr "
    "srv_agent_addr srv_agent_port"
)
_CHECKS = (
    "UNK",
    "INI",
    "START",
    "CHECKED",
    "HANA",
    "SOCKERR",
    "L4OK",
    "L4TOUT",
    "L4CON",
    "L6OK",
    "L6TOUT",
    "L6RSP",
    "L7TOUT",
    "L7RSP",
    "L57DATA",
    "L7OK",
    "L7OKC",
    "L7STS",
    "PROCERR",
    "PROCTOUT",
    "PROCOK",
)
_FORCED, _INHERITED, _CONFIGURED, _FORCED_DRAIN, _INHERITED_DRAIN, _RESOLUTION = 1, 2, 4, 8, 16, 32
_UNKNOWN, _NEUTRAL, _FAILED, _PASSED, _CONDITIONAL = range(5)
_UNCHECKED = 2
"""The level of a server that nobody checks."""
_SET_UP, _ENABLED, _PAUSED, _AGENT = 2, 4, 8, 16


def servers_state(sight: Sight, backend: str = "") -> str:
    """Return the version, the header, and a line for each server."""
    lines = ["1", f"# {_COLUMNS}"]
    lines += [_state(sight, entry, server, status) for entry, server, status in _servers(sight, backend)]
    return "".join(f"{line}\n" for line in lines)


def servers_conn(sight: Sight, backend: str = "") -> str:
    """Return the header and a line for each server; connections are counted over all threads."""
    threads = max(sight.status.threads, 1)
    head = (
        "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb idle_lim "
        f"idle_cur idle_per_thr[{threads}]"
    )
    lines = [head]
    for entry, server, status in _servers(sight, backend):
        host, port = _where(status)
        traffic = status.traffic
        used, most, idle = (traffic.current, traffic.max, traffic.idle) if traffic else (0, 0, 0)
        purge = entry.backend.pool.idle_timeout.ms if entry.backend is not None else 0
        place = f"{entry.name}/{server.name} {entry.number}/{server.number or status.number} {host} {port}"
        shares = " ".join(str(share) for share in _shares(idle, threads))
        lines.append(f"{place} - {purge} {used} {most} {most} 0 {idle} {status.max_idle or -1} {idle} {shares}")
    return "".join(f"{line}\n" for line in lines)


def stamp(sight: Sight) -> str:
    """Return the time of day as logs have it: `21/Nov/2026:13:32:39.172`."""
    uptime = sight.status.process.uptime if sight.status.process is not None else 0.0
    now = datetime.fromtimestamp(sight.started + uptime, UTC).astimezone()
    return f"{now:%d/%b/%Y:%H:%M:%S}.{now.microsecond // 1000:03}"


def admin_bits(sight: Sight, status: ServerStatus) -> int:
    """Return `srv_admin_state`."""
    bits = 0
    if status.admin is Admin.MAINT:
        bits |= _FORCED | (_CONFIGURED if _is_disabled(status) else 0)
    if status.admin is Admin.DRAIN:
        bits |= _FORCED_DRAIN
    led = sight.state.overlay.of(status.id).led
    if led is Admin.MAINT:
        bits |= _INHERITED
    if led is Admin.DRAIN:
        bits |= _INHERITED_DRAIN
    return bits | (_RESOLUTION if status.resolved is None else 0)


def _is_disabled(status: ServerStatus) -> bool:
    """Return whether the file says so, and nobody has said otherwise."""
    return status.file_admin is Admin.MAINT and not status.overrides


def _state(sight: Sight, entry: Entry, server: Server, status: ServerStatus) -> str:
    host, port = _where(status)
    check = status.check
    result, code, standing, level = _UNKNOWN, 1, 0, _UNCHECKED
    if _is_disabled(status):
        standing, level = _PAUSED, 0
    if check is not None:
        code = _CHECKS.index(check.status) if check.status in _CHECKS else 0
        result = _result(check.status)
        standing = _SET_UP | _ENABLED | (_PAUSED if status.admin is Admin.MAINT else 0)
        level = check.level
    fields = (
        entry.number,
        entry.name,
        server.number or status.number,
        server.name,
        host,
        operation(sight.state, status),
        admin_bits(sight, status),
        status.weight,
        status.file_weight,
        int(status.changed or 0),
        code,
        result,
        level,
        standing,
        _agent(server),
        0,
        0,
        _name(server),
        port,
        "-",
        int(server.tls is not None),
        (server.check or (entry.backend.check if entry.backend else None)).port if check is not None else 0,  # type: ignore[union-attr]
        "-",
        server.agent.host or "-" if server.agent is not None else "-",
        server.agent.port if server.agent is not None else 0,
    )
    return " ".join(str(field) for field in fields)


def _agent(server: Server) -> int:
    if server.agent is None:
        return 0
    return _AGENT | _SET_UP | (_ENABLED if server.agent.enabled else 0)


def _result(status: str) -> int:
    if status == "L7OKC":
        return _CONDITIONAL
    if status in {"INI", "UNK"}:
        return _UNKNOWN
    return _PASSED if status.endswith("OK") else _NEUTRAL if status == "CHECKED" else _FAILED


def _where(status: ServerStatus) -> tuple[str, int]:
    address = status.resolved or status.address
    host, separator, port = address.rpartition(":")
    if separator and port.isdigit():
        return host.strip("[]"), int(port)
    return "-", 0


def _name(server: Server) -> str:
    if not isinstance(server.address, Address):
        return "-"
    try:
        ipaddress.ip_address(server.address.host)
    except ValueError:
        return server.address.host
    return "-"


def _shares(count: int, threads: int) -> list[int]:
    return [count // threads + (place < count % threads) for place in range(threads)]


def _servers(sight: Sight, backend: str) -> Iterator[tuple[Entry, Server, ServerStatus]]:
    for entry in roster(sight):
        if entry.backend is None or entry.backend_status is None or backend not in ("", entry.name):
            continue
        for server, status in zip(entry.backend.servers, entry.backend_status.servers, strict=True):
            yield entry, server, status
