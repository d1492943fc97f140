"""What a route's `when`, `prefix`, `path` and `host` come to as one expression."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.model.expression import All, Any, Const, Expression, Fetch, Match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.native.document.route import RouteDocument

_HOST = Fetch("host")
_PATH = Fetch("path")


def condition(route: RouteDocument) -> Expression | None:
    """Return the expression of all that a route asks for, or None when it asks for nothing."""
    parts: list[Expression] = []
    if route.host:
        parts.append(_host(route.host))
    if route.path:
        parts.append(Match("eq", _PATH, tuple(route.path)))
    if route.prefix and "/" not in route.prefix:
        parts.append(_prefix(route.prefix))
    if route.when is not None:
        when = route.when.expression
        parts.extend(when.of if isinstance(when, All) else () if when == Const(True) else (when,))
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _host(patterns: Sequence[str]) -> Expression:
    exact = tuple(pattern for pattern in patterns if not pattern.startswith("*."))
    below = tuple(pattern[1:] for pattern in patterns if pattern.startswith("*."))
    return _either([Match("eq", _HOST, exact)] * bool(exact) + [Match("end", _HOST, below)] * bool(below))


def _prefix(prefixes: Sequence[str]) -> Expression:
    """`/api/` is what the path begins with; `/api` is that and the path `/api` itself, but not `/apix`."""
    whole = tuple(prefix for prefix in prefixes if not prefix.endswith("/"))
    beginnings = tuple(prefix if prefix.endswith("/") else f"{prefix}/" for prefix in prefixes)
    return _either([Match("eq", _PATH, whole)] * bool(whole) + [Match("beg", _PATH, beginnings)])


def _either(parts: Sequence[Expression]) -> Expression:
    return parts[0] if len(parts) == 1 else Any(tuple(parts))
