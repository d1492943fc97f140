"""A configuration in compact text: what differs from the usual, so that golden files show what their input is about."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from tenbin.model import (
    Address,
    All,
    Any,
    AsServer,
    Compare,
    Concat,
    Const,
    Convert,
    Duration,
    Fetch,
    Initial,
    Lookup,
    Match,
    Not,
    SocketOptions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenbin.model import Config

EXPRESSIONS = All | Any | Compare | Concat | Const | Convert | Fetch | Match | Not
SKIPPED = {"position", "positions", "origin", "stamp"}
ALWAYS = {"name", "listeners", "routes", "servers"}
NOTHING = ((), None, False, 0, "", AsServer.AS_SERVER, SocketOptions())
QUIET = (("user_timeout", Duration(0)), ("max_reuse", -1), ("initial", Initial.UP), ("lookup", Lookup()))


def compact(config: Config, usual: Config | None = None) -> str:
    """One line for each field, part or route; of frontends, backends and settings only what is not as usual."""
    lines: list[str] = []
    for kind in ("frontends", "backends"):
        for one in getattr(config, kind):
            lines.append(kind[:-1])
            lines.extend(f"  {line}" for line in differences(one, getattr(usual, kind)[0] if usual else None))
    lines.extend(line for line in differences(config, usual) if not line.startswith(("frontend ", "backend ")))
    return "\n".join(lines)


def differences(value: object, usual: object) -> Iterator[str]:
    for field in fields(value):  # type: ignore[arg-type]  # only dataclasses come here
        held = getattr(value, field.name)
        if field.name in SKIPPED or (field.name not in ALWAYS and usual and held == getattr(usual, field.name)):
            continue
        if isinstance(held, tuple) and held and is_dataclass(held[0]):
            yield from (f"{field.name.removesuffix('s')} {plain(item)}" for item in held)
        else:
            yield f"{field.name} {plain(held)}"


def plain(value: object) -> str:
    if isinstance(value, EXPRESSIONS):
        return expression(value)
    if isinstance(value, Address | Duration | Path):
        return str(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return f"[{', '.join(plain(item) for item in value)}]"
    if is_dataclass(value):
        held = ((field.name, getattr(value, field.name)) for field in fields(value) if field.name not in SKIPPED)
        inside = ", ".join(
            f"{name}={plain(item)}" for name, item in held if item not in NOTHING and (name, item) not in QUIET
        )
        return f"{type(value).__name__}({inside})"
    return repr(value)


def expression(tree: EXPRESSIONS) -> str:
    match tree:
        case Const(value):
            return repr(value)
        case Fetch(name, args):
            return f"{name}({', '.join(map(repr, args))})" if args else name
        case Convert(name, inner, args):
            return f"{name}({', '.join([expression(inner), *map(repr, args)])})"
        case Match(method, inner, patterns, ignore_case):
            return f"({expression(inner)} {method}{' -i' * ignore_case} {' | '.join(map(repr, patterns))})"
        case Compare(cmp, left, right):
            return f"({expression(left)} {cmp} {expression(right)})"
        case Not(inner):
            return f"not {expression(inner)}"
    words = {All: " and ", Any: " or ", Concat: " + "}
    return f"({words[type(tree)].join(expression(one) for one in tree.of)})"
