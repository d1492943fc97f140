"""`show info`: the process in HAProxy's words (management manual, 9.3).

Owns names, order, tags and meanings. What Tenbin has no counterpart of is 0, for readers look values up by name.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tenbin
from tenbin.api.haproxy.roster import version_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenbin.api.haproxy.port import Sight

RELEASED = "2026/11/01"


@dataclass(frozen=True, slots=True)
class Item:
    """One line, at its place among all that there could be; `tags` as of a column."""

    place: int
    name: str
    value: int | str
    tags: str
    kind: str
    about: str


def version_text(version: tuple[int, int]) -> str:
    """Return the version that is told: HAProxy's whose behaviour is meant, and ours."""
    return f"{version[0]}.{version[1]}.0-tenbin{tenbin.__version__}"


def duration(seconds: float) -> str:
    """Return `0d 0h00m05s`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}d {hours}h{minutes:02}m{rest:02}s"


def items(sight: Sight) -> list[Item]:
    """Return all lines in order."""
    values = _values(sight)
    newer = version_of(sight.config) >= (2, 7)
    lines = enumerate(_lines(newer=newer))
    return [
        Item(place, name, values.get(name, 0 if kind != "str" else ""), tags, kind, about)
        for place, (name, tags, kind, about) in lines
        if name not in _SILENT or name in values
    ]


def _lines(*, newer: bool) -> Iterator[tuple[str, str, str, str]]:
    for line in _LINES.strip().splitlines():
        name, tags, kind, about = line.split("|")
        if name.startswith("+"):
            if newer:
                yield name[1:], tags, kind, about
        else:
            yield ("TotalSplicedBytesOut" if newer and name == "TotalSplicdedBytesOut" else name), tags, kind, about


def _values(sight: Sight) -> dict[str, int | str]:
    config, status = sight.config, sight.status
    compat, process = config.compat, status.process
    limit = (compat.maxconn if compat is not None else 0) or config.limits.connections
    file = sight.file
    most = (file.compat.maxconn if file.compat is not None else 0) or file.limits.connections
    version = version_text(version_of(config))
    values: dict[str, int | str] = {
        "Name": "HAProxy",
        "Version": version,
        "Build info": version,
        "Release_date": RELEASED,
        "Nbthread": status.threads,
        "Nbproc": 1,
        "Process_num": 1,
        "Pid": os.getpid(),
        "Maxconn": limit,
        "Hard_maxconn": most,
        "ConnRateLimit": config.limits.rates.connections,
        "SessRateLimit": config.limits.rates.sessions,
        "SslRateLimit": config.limits.rates.handshakes,
        "CompressBpsRateLim": 0,
        "node": compat.node if compat is not None and compat.node else os.uname().nodename,
        "Listeners": sum(len(frontend.listeners) for frontend in config.frontends),
        "Start_time_sec": int(sight.started),
        "Tainted": "0",
        "Idle_pct": 100,
    }
    if compat is not None and compat.description:
        values["description"] = compat.description
    values |= _traffic(sight)
    if process is None:
        return values
    busy = min(process.cpu / max(process.uptime * max(process.threads, 1), 1), 1)
    return values | {
        "Uptime": duration(process.uptime),
        "Uptime_sec": int(process.uptime),
        "Memmax_MB": process.memory_limit >> 20,
        "Memmax_bytes": process.memory_limit,
        "PoolAlloc_MB": process.memory_used >> 20,
        "PoolUsed_MB": process.memory_used >> 20,
        "PoolAlloc_bytes": process.memory_used,
        "PoolUsed_bytes": process.memory_used,
        "Ulimit-n": process.descriptors_limit,
        "Maxsock": process.descriptors_limit,
        "CurrConns": process.connections,
        "CumConns": process.connections_total,
        "CumReq": process.requests,
        "Jobs": process.connections + int(values["Listeners"]),
        "DroppedLogs": process.log_dropped,
        "MaxconnReached": process.accept_pauses,
        "Idle_pct": math.floor(100 * (1 - busy)),
        "BootTime_ms": 0,
    }


def _traffic(sight: Sight) -> dict[str, int | str]:
    fronts = [one.traffic for one in sight.status.frontends if one.traffic is not None]
    listeners = [one.traffic for front in sight.status.frontends for one in front.listeners if one.traffic is not None]
    handshakes = sum(one.handshakes for one in listeners)
    resumed = sum(one.resumed for one in listeners)
    rate = sum(one.rate_connections for one in fronts)
    highest = max((one.rate_connections_max for one in fronts), default=0)
    return {
        "ConnRate": rate,
        "MaxConnRate": highest,
        "SessRate": rate,
        "MaxSessRate": highest,
        "CumSslConns": handshakes,
        "SslFrontendSessionReuse_pct": 100 * resumed // handshakes if handshakes else 0,
        "SslCacheLookups": handshakes,
        "SslCacheMisses": handshakes - resumed,
        "TotalBytesOut": sum(one.bytes_out for one in fronts),
    }


_SILENT = frozenset({"description", "ZlibMemUsage", "MaxZlibMemUsage"})
"""Lines that are left out unless there is something to tell."""
_LINES = """
Name|POS|str|Product name
Version|POS|str|Product version
Release_date|POS|str|Date of the release
Nbthread|CGS|u32|Threads that were started
Nbproc|CGS|u32|Worker processes, always 1
Process_num|KGP|u32|Number of this worker process, always 1
Pid|SGP|u32|Id of the process that was started
Uptime|MDP|str|How long the data plane has run (days, hours, minutes, seconds)
Uptime_sec|MDP|u32|How long the data plane has run (seconds)
Memmax_MB|CLP|u32|Memory above which no new work is taken (MB), 0 for no limit
PoolAlloc_MB|MGP|u32|Memory in use (MB)
PoolUsed_MB|MGP|u32|Memory in use (MB)
PoolFailed|MCP|u32|Allocations that failed, always 0
Ulimit-n|CLP|u32|Descriptors that the data plane may open
Maxsock|CLP|u32|Sockets that the data plane may open
Maxconn|CLP|u32|Client connections at once at most
Hard_maxconn|CLP|u32|Client connections at once at most, by the configuration
CurrConns|MGP|u32|Client connections now
CumConns|MCP|u32|Client connections since the start
CumReq|MCP|u32|Requests since the start
MaxSslConns|MMP|u32|TLS connections at once at most, 0 for no limit
CurrSslConns|MGP|u32|TLS connections now, not counted
CumSslConns|MCP|u32|TLS handshakes with clients since the start
Maxpipes|CLP|u32|Pipes at once at most, 0 for no limit
PipesUsed|MGP|u32|Pipes in use, not counted
PipesFree|MGP|u32|Pipes that wait, not counted
ConnRate|MRP|u32|Client connections in the last second
ConnRateLimit|CLP|u32|Client connections a second at most, 0 for no limit
MaxConnRate|MMP|u32|Most client connections in one second
SessRate|MRP|u32|Sessions in the last second
SessRateLimit|CLP|u32|Sessions a second at most, 0 for no limit
MaxSessRate|MRP|u32|Most sessions in one second
SslRate|MRP|u32|TLS handshakes in the last second, not counted
SslRateLimit|CLP|u32|TLS handshakes a second at most, 0 for no limit
MaxSslRate|MMP|u32|Most TLS handshakes in one second, not counted
SslFrontendKeyRate|MGP|u32|Keys made for clients in the last second, not counted
SslFrontendMaxKeyRate|MMP|u32|Most keys made for clients in one second, not counted
SslFrontendSessionReuse_pct|MGP|u32|Handshakes with clients that took up an earlier session, percent
SslBackendKeyRate|MRP|u32|Keys made for servers in the last second, not counted
SslBackendMaxKeyRate|MMP|u32|Most keys made for servers in one second, not counted
SslCacheLookups|MCP|u32|Handshakes that could have taken up an earlier session
SslCacheMisses|MCP|u32|Handshakes that did not take up an earlier session
CompressBpsIn|MRP|u32|Bytes given to compression in the last second, not counted
CompressBpsOut|MRP|u32|Bytes that came of compression in the last second, not counted
CompressBpsRateLim|CLP|u32|Bytes a second that compression may make, 0 for no limit
ZlibMemUsage|MGP|u32|Memory of compression, not counted apart
MaxZlibMemUsage|CLP|u32|Memory that compression may use, not limited apart
Tasks|MGP|u32|Tasks, not counted
Run_queue|MGP|u32|Tasks that wait for a thread, not counted
Idle_pct|MaP|u32|Share of time that threads wait, since the start
node|COS|str|Name of this node
description|COS|str|Description of this node
Stopping|MGP|u32|1 while it drains
Jobs|MGP|u32|Client connections and listeners
Unstoppable Jobs|MGP|u32|Work that is not waited for, always 0
Listeners|MGP|u32|Listeners
ActivePeers|MGP|u32|Peers, always 0
ConnectedPeers|MGP|u32|Peers that are connected, always 0
DroppedLogs|MGP|u32|Lines of logs that were lost
BusyPolling|MGP|u32|1 if threads never sleep, always 0
FailedResolutions|MGP|u32|Names that could not be resolved, not counted
TotalBytesOut|MGP|u64|Bytes sent to clients since the start
TotalSplicdedBytesOut|MGP|u64|Bytes sent through pipes since the start, not counted apart
BytesOutRate|MRP|u64|Bytes sent to clients in the last second, not counted
DebugCommandsIssued|MGP|u32|Commands for debugging that were given, always 0
CumRecvLogs|MCP|u32|Lines of logs that were received, always 0
Build info|POS|str|Product version
Memmax_bytes|CLP|u32|Memory above which no new work is taken (bytes), 0 for no limit
PoolAlloc_bytes|MGP|u64|Memory in use (bytes)
PoolUsed_bytes|MGP|u64|Memory in use (bytes)
Start_time_sec|MDP|u32|When the data plane was started (seconds since 1970)
Tainted|SGP|str|Experimental features in use, always 0
+TotalWarnings|MCP|u32|Warnings since the start, not counted
+MaxconnReached|MCP|u32|Times that accepting paused
+BootTime_ms|MDP|u32|How long the start took, not measured
+Niced_tasks|MGP|u32|Tasks with another priority, always 0
"""
