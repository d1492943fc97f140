"""What is remembered of clients and what files say: `rate(source, "10s")`, `table("clients").conn_cur`, `map(...)`.

Owns how they are written and checked. Tables, tracking and files are made by whoever resolves the configuration:
`Compiled.rates`, `tables` and `lists` tell what is asked for.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from tenbin.configfile.expression.typed import UNKNOWN, Rate, Typed, Use
from tenbin.configfile.expression.vocabulary import Kind
from tenbin.configfile.suggest import did_you_mean
from tenbin.model.expression import Convert, Fetch
from tenbin.model.table import KeyType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.expression.compiler import Compiler

COUNTERS = (
    "conn_cnt", "conn_cur", "conn_rate", "sess_cnt", "sess_rate", "http_req_cnt", "http_req_rate", "http_err_cnt",
    "http_err_rate", "http_fail_cnt", "http_fail_rate", "bytes_in_rate", "bytes_out_rate", "gpc0", "gpc0_rate", "gpc1",
    "gpc1_rate", "gpt0",
)  # fmt: skip
"""What a table's entry can count, as `store` names it."""

RATE = "table_http_req_rate"
"""The converter that a rate of requests comes to; of connections it is `table_conn_rate`."""

MAPS = {
    "exact": "map_str",
    "begin": "map_beg",
    "end": "map_end",
    "domain": "map_dom",
    "regex": "map_reg",
    "ip": "map_ip",
}
"""How a map can be looked up in."""

_PERIOD = re.compile(r"([0-9]+)(ms|s|m|h|d)")
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_KEYS = {Kind.ADDRESS: KeyType.IPV6, Kind.NUMBER: KeyType.INTEGER, Kind.TEXT: KeyType.STRING}
_GET = frozenset(("gpc0", "gpc1", "gpt0"))


def rate(compiler: Compiler, node: ast.Call) -> Typed:
    """Compile `rate(key, period)`: how often the key came within the period."""
    hint = 'such as rate(source, "10s") > 100'
    if len(node.args) != 2:
        return compiler.wrong(node, f"`rate` takes a key and a length of time, not {len(node.args)}", hint=hint)
    key = _key(compiler, node.args[0])
    period = node.args[1]
    text = period.value if isinstance(period, ast.Constant) and isinstance(period.value, str) else ""
    match = _PERIOD.fullmatch(text)
    if not match or not int(match[1]):
        compiler.wrong(period, "not a length of time", expected='such as "10s" or "1m"', hint=hint)
        return UNKNOWN
    if key.kind is Kind.UNKNOWN:
        return UNKNOWN
    name = f"rate({' '.join(compiler.parsed.text(node.args[0]).split())}, {text})"
    compiler.rated(Rate(name, key.expression, _KEYS[key.kind], int(match[1]) * _UNITS[match[2]]))
    return Typed(Convert(RATE, key.expression, (name,)), Kind.NUMBER)


def counter(compiler: Compiler, asked: ast.Attribute, args: Sequence[ast.expr]) -> Typed:
    """Compile `table(name[, key]).counter`, and `table(name).gpc(1)` with `args`; the key is the client's address."""
    call = asked.value
    if not isinstance(call, ast.Call):
        raise TypeError("the caller has looked")
    name = call.args[0] if call.args else None
    if not isinstance(name, ast.Constant) or not isinstance(name.value, str) or len(call.args) > 2:
        return compiler.wrong(call, "`table` takes the name of a table, and a key", hint=_EXAMPLE)
    counted = asked.attr
    arrays = ("gpc", "gpc_rate", "gpt")
    if counted not in (*COUNTERS, *arrays):
        hint = did_you_mean(counted, (*COUNTERS, *arrays)) or "a table counts what its `store` says"
        return compiler.wrong(
            asked, f"no table counts `{counted}`", expected=f"one of {', '.join(COUNTERS)}", hint=hint
        )
    index: tuple[int, ...] = ()
    if counted in arrays:
        number = args[0].value if len(args) == 1 and isinstance(args[0], ast.Constant) else None
        if not isinstance(number, int) or isinstance(number, bool):
            return compiler.wrong(asked, f"`{counted}` is several", hint=f'such as table("{name.value}").{counted}(0)')
        index = (number,)
    start, end = compiler.parsed.span(name)
    compiler.used_table(Use(name.value, start, end))
    if len(call.args) == 2:
        key = _key(compiler, call.args[1])
        return Typed(Convert(f"table_{counted}", key.expression, (*index, name.value)), Kind.NUMBER)
    fetch = f"src_get_{counted}" if counted in (*_GET, "gpc", "gpt") else f"src_{counted}"
    return Typed(Fetch(fetch, (*index, name.value)), Kind.NUMBER)


def lookup(compiler: Compiler, node: ast.Call) -> Typed:
    """Compile `map(file, key[, default[, how]])`: what a file says of a key."""
    hint = 'such as map("hosts.map", host, "none") == "app"'
    if not 2 <= len(node.args) <= 4:
        return compiler.wrong(
            node, f"`map` takes a file, a key and what to take without one, not {len(node.args)}", hint=hint
        )
    literal = [one.value if isinstance(one, ast.Constant) else None for one in node.args]
    file, default, how = literal[0], literal[2:3], literal[3] if len(literal) > 3 else "exact"
    if not isinstance(file, str) or not file:
        return compiler.wrong(node.args[0], "the file must be a literal text", hint=hint)
    if default and not isinstance(default[0], str):
        return compiler.wrong(node.args[2], "what is taken without an entry must be a literal text", hint=hint)
    if how not in MAPS:
        return compiler.wrong(node.args[3], "not a way to look up", expected=f"one of {', '.join(MAPS)}")
    key = _key(compiler, node.args[1])
    start, end = compiler.parsed.span(node.args[0])
    compiler.used_list(Use(file, start, end))
    args = (file, *(str(one) for one in default))
    return Typed(Convert(MAPS[str(how)], key.expression, args), Kind.TEXT, optional=not default)


def _key(compiler: Compiler, node: ast.expr) -> Typed:
    """What is looked up: something of the request that is no condition."""
    key = compiler.value(node)
    if key.kind is Kind.UNKNOWN:
        return key
    if key.is_literal or key.kind not in _KEYS:
        what = compiler.parsed.text(node)
        return compiler.wrong(node, f"`{what}` is the same for everyone, or a condition", hint="such as source or host")
    return key


_EXAMPLE = 'such as table("clients").http_err_rate > 5'
