"""The columns of HAProxy's statistics: their order, and what typed outputs tell of each (management manual, 9.1).

Owns names and tags. Names are never reordered: monitoring reads them by place. Up to version 2.7 the fixed ones end
with `agg_check_status`; those of modules follow after one named `-`.
"""

from __future__ import annotations

from dataclasses import dataclass

PREFIX = 103
"""Fixed columns before version 2.8."""


@dataclass(frozen=True, slots=True)
class Column:
    """`tags` are origin, nature and scope, such as MCP; `kind` is u32, u64, s32 or str."""

    name: str
    tags: str
    kind: str


def _columns(text: str) -> tuple[Column, ...]:
    return tuple(Column(*entry.split(":")) for entry in text.split())


FIXED = _columns(
    "pxname:KNS:str svname:KNS:str qcur:MGP:u32 qmax:MMP:u32 scur:MGP:u32 smax:MMP:u32 slim:CLP:u32 stot:MCP:u64 "
    "bin:MCP:u64 bout:MCP:u64 dreq:MCP:u64 dresp:MCP:u64 ereq:MCP:u64 econ:MCP:u64 eresp:MCP:u64 wretr:MCP:u64 "
    "wredis:MCP:u64 status:SGP:str weight:MaP:u32 act:SGP:u32 bck:SGP:u32 chkfail:MCP:u64 chkdown:MCP:u64 "
    "lastchg:MAP:u32 downtime:MCP:u32 qlimit:CLS:u32 pid:KGP:u32 iid:KGS:u32 sid:KGS:u32 throttle:SaP:u32 "
    "lbtot:MCP:u64 tracked:CNS:str type:CGS:u32 rate:MRP:u32 rate_lim:CLP:u32 rate_max:MMP:u32 check_status:MOP:str "
    "check_code:MOP:u32 check_duration:MDP:u64 hrsp_1xx:MCP:u64 hrsp_2xx:MCP:u64 hrsp_3xx:MCP:u64 hrsp_4xx:MCP:u64 "
    "hrsp_5xx:MCP:u64 hrsp_other:MCP:u64 hanafail:MCP:u64 req_rate:MRP:u32 req_rate_max:MMP:u32 req_tot:MCP:u64 "
    "cli_abrt:MCP:u64 srv_abrt:MCP:u64 comp_in:MCP:u64 comp_out:MCP:u64 comp_byp:MCP:u64 comp_rsp:MCP:u64 "
    "lastsess:MAP:s32 last_chk:MOP:str last_agt:MOP:str qtime:MaP:u32 ctime:MaP:u32 rtime:MaP:u32 ttime:MaP:u32 "
    "agent_status:MOP:str agent_code:MOP:u32 agent_duration:MDP:u64 check_desc:MOP:str agent_desc:MOP:str "
    "check_rise:CGS:u32 check_fall:CGS:u32 check_health:CGS:u32 agent_rise:CGS:u32 agent_fall:CGS:u32 "
    "agent_health:CGS:u32 addr:CGS:str cookie:CNS:str mode:CGS:str algo:CGS:str conn_rate:MRP:u32 "
    "conn_rate_max:MMP:u32 conn_tot:MCP:u64 intercepted:MCP:u64 dcon:MCP:u64 dses:MCP:u64 wrew:MCP:u64 "
    "connect:MCP:u64 reuse:MCP:u64 cache_lookups:MCP:u64 cache_hits:MCP:u64 srv_icur:MGP:u32 src_ilim:CLP:u32 "
    "qtime_max:MMP:u32 ctime_max:MMP:u32 rtime_max:MMP:u32 ttime_max:MMP:u32 eint:MCP:u64 idle_conn_cur:MGP:u32 "
    "safe_conn_cur:MGP:u32 used_conn_cur:MGP:u32 need_conn_est:MGP:u32 uweight:MaP:u32 agg_server_status:MGP:u32 "
    "agg_server_check_status:MGP:u32 agg_check_status:MGP:u32 srid:KGP:u32 sess_other:MCP:u64 h1sess:MCP:u64 "
    "h2sess:MCP:u64 h3sess:MCP:u64 req_other:MCP:u64 h1req:MCP:u64 h2req:MCP:u64 h3req:MCP:u64 proto:CNS:str "
    "priv_idle_cur:MGP:u32 reqbin:MCP:u64 reqbout:MCP:u64 resbin:MCP:u64 resbout:MCP:u64 cache_hint_hits:MCP:u64"
)
"""All columns of current versions."""

MODULES = _columns(
    "ssl_sess:MCP:u64 ssl_reused_sess:MCP:u64 ssl_failed_handshake:MCP:u64 h2_open_connections:MGP:u64 "
    "h2_total_connections:MCP:u64 h1_open_connections:MGP:u64 h1_total_connections:MCP:u64 h1_total_streams:MCP:u64"
)
"""What modules add, as far as Tenbin counts it."""

_BACKEND_TAGS = {"act": "MGP", "bck": "MGP", "rate": "MGP", "rate_max": "MGP"}
ORIGINS = {"M": "Metric", "S": "Status", "K": "Key", "C": "Config", "P": "Product"}
NATURES = {
    "A": "Age",
    "a": "Avg",
    "C": "Counter",
    "D": "Duration",
    "G": "Gauge",
    "L": "Limit",
    "M": "Max",
    "m": "Min",
    "N": "Name",
    "O": "Output",
    "R": "Rate",
    "T": "Time",
}
SCOPES = {"C": "Cluster", "P": "Process", "S": "Service", "s": "System"}
OBJECTS = {0: ("F", "Frontend"), 1: ("B", "Backend"), 2: ("S", "Server"), 3: ("L", "Listener")}


def fixed(version: tuple[int, int]) -> tuple[Column, ...]:
    """Return the fixed columns of a version."""
    return FIXED if version >= (2, 8) else FIXED[:PREFIX]


def tags_of(column: Column, kind: int) -> str:
    """Return a column's tags in rows of this kind (0 frontend, 1 backend, 2 server)."""
    return _BACKEND_TAGS.get(column.name, column.tags) if kind == 1 else column.tags
