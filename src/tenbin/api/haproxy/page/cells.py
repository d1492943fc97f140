"""The cells of a row on the page, and what each tells when it is pointed at.

Owns the order of columns and the wording of numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tenbin.api.haproxy.rows import Row

GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Queue", ("Cur", "Max", "Limit")),
    ("Session rate", ("Cur", "Max", "Limit")),
    ("Sessions", ("Cur", "Max", "Limit", "Total", "LbTot", "Last")),
    ("Bytes", ("In", "Out")),
    ("Denied", ("Req", "Resp")),
    ("Errors", ("Req", "Conn", "Resp")),
    ("Warnings", ("Retr", "Redis")),
    ("Server", ("Status", "LastChk", "Wght", "Act", "Bck", "Chk", "Dwn", "Dwntme", "Thrtle")),
)
_COLUMNS = (
    "qcur",
    "qmax",
    "qlimit",
    "rate",
    "rate_max",
    "rate_lim",
    "scur",
    "smax",
    "slim",
    "stot",
    "lbtot",
    "lastsess",
    "bin",
    "bout",
    "dreq",
    "dresp",
    "ereq",
    "econ",
    "eresp",
    "wretr",
    "wredis",
    "status",
    "last",
    "weight",
    "act",
    "bck",
    "chkfail",
    "chkdown",
    "downtime",
    "throttle",
)
_TEXTS = frozenset({"status", "last", "act", "bck"})
_LIMITS = frozenset({"qlimit", "rate_lim", "slim"})
_RESPONSES = (
    ("HTTP requests", "req_tot"),
    ("1xx", "hrsp_1xx"),
    ("2xx", "hrsp_2xx"),
    ("3xx", "hrsp_3xx"),
    ("4xx", "hrsp_4xx"),
    ("5xx", "hrsp_5xx"),
    ("other", "hrsp_other"),
    ("intercepted", "intercepted"),
    ("average queue time (ms)", "qtime"),
    ("average connect time (ms)", "ctime"),
    ("average response time (ms)", "rtime"),
    ("average total time (ms)", "ttime"),
)
_TIPS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "rate": (("connection rate", "conn_rate"), ("request rate", "req_rate")),
    "rate_max": (("most connections", "conn_rate_max"), ("most requests", "req_rate_max")),
    "scur": (("used connections", "used_conn_cur"), ("idle connections", "srv_icur")),
    "stot": _RESPONSES,
    "bout": (("compression in", "comp_in"), ("compression out", "comp_out"), ("bypassed", "comp_byp")),
    "econ": (("connects", "connect"), ("reuses", "reuse")),
    "eresp": (("client aborts", "cli_abrt"), ("server aborts", "srv_abrt")),
    "last": (("check", "check_desc"), ("found", "last_chk"), ("level", "check_health")),
}


def cells(row: Row) -> Iterator[tuple[str, str, bool]]:
    """Yield text, what it tells when pointed at, and whether it is a text."""
    for column in _COLUMNS:
        yield _text(row, column), _tip(row, column), column in _TEXTS


def _text(row: Row, column: str) -> str:
    values = row.values
    value = values.get(column)
    match column:
        case "last":
            return _last_check(values)
        case "status":
            changed = values.get("lastchg")
            return f"{_span(int(changed))} {value}" if isinstance(changed, int) and row.kind else str(value)
        case "lastsess":
            return "" if value is None else "?" if value == -1 else _span(int(value))
        case "downtime":
            return "" if value is None else _span(int(value))
        case "act" | "bck" if row.kind == 2:
            return ("Y" if value else "-") if row.values.get("act") is not None else ""
        case "throttle":
            return "-" if value is None and row.kind == 2 else f"{value}%" if value is not None else ""
    if value is None:
        return "-" if column in _LIMITS else ""
    if column == "rate_lim" and value == 0:
        return "-"
    return grouped(value) if isinstance(value, int) else value


def _last_check(values: Mapping[str, int | str]) -> str:
    status = values.get("check_status")
    if not status:
        return f"via {values['tracked']}" if values.get("tracked") else ""
    code = f"/{values['check_code']}" if "check_code" in values else ""
    return f"{status}{code} in {values.get('check_duration', 0)}ms"


def _tip(row: Row, column: str) -> str:
    found = ((name, row.values.get(key)) for name, key in _TIPS.get(column, ()))
    return ", ".join(f"{name}: {value}" for name, value in found if value not in (None, ""))


def grouped(number: int) -> str:
    """Return a number with its thousands apart."""
    return f"{number:,}".replace(",", "\u202f")


def _span(seconds: int) -> str:
    """The two largest units of a time."""
    units = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
    for place, (unit, size) in enumerate(units):
        if seconds >= size and place < 3:
            smaller, rest = units[place + 1], seconds % size
            return f"{seconds // size}{unit}{rest // smaller[1]}{smaller[0]}"
    return f"{seconds}s"
