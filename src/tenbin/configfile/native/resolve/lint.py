"""What is allowed but hardly meant: routes that nothing reaches, backends that nothing uses, servers without work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.configfile.native.resolve import lint_tls
from tenbin.configfile.native.resolve.frontends import SHORT_NAME
from tenbin.model.backend import StickyCookie
from tenbin.model.expression import Const, Expression, Fetch, Match
from tenbin.model.frontend import Mode
from tenbin.model.route import ToBackend

if TYPE_CHECKING:
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path
    from tenbin.model.backend import Backend
    from tenbin.model.config import Config
    from tenbin.model.frontend import Frontend
    from tenbin.model.route import Route

_PATH = Fetch("path")


def check(config: Config, context: Context) -> None:
    """Note what is doubtful about a configuration."""
    reached: set[str] = set()
    for frontend in config.frontends:
        reached |= _routes(frontend, context)
    for backend in config.backends:
        _servers(backend, context)
        path = _backend_path(backend.name, context)
        if backend.name not in reached and path is not None:
            context.warning(path, f"no route leads to backend `{backend.name}`", key=True)


def _routes(frontend: Frontend, context: Context) -> set[str]:
    """Check the routes of one frontend and return the backends that they lead to."""
    short = frontend.name == SHORT_NAME and not context.tree.has(("frontends",))
    at: Path = () if short else ("frontends", frontend.name)
    if not frontend.routes:
        what = "the file has" if short else f"frontend `{frontend.name}` has"
        outcome = "every request is answered 404" if frontend.mode is Mode.HTTP else "every connection is closed"
        path: Path = ("listen",) if short else at
        context.warning(
            path, f"{what} no routes: {outcome}", hint="such as `backend: app`" if not short else "", key=True
        )
        return set()
    lint_tls.conditions(frontend, at, context)
    lint_tls.redirects(frontend, at, context)
    seen = _Seen()
    reached: set[str] = set()
    for index, route in enumerate(frontend.routes):
        earlier = seen.covers(route)
        implied = not context.tree.has((*at, "routes", index))
        if isinstance(route.action, ToBackend):
            reached |= set(context.known_backends) if route.action.name is not None else {route.action.backend}
        if earlier:
            path = ("backends",) if implied and short else (*at, "routes", index)
            message = f"nothing gets here: the route at {_line(earlier)} takes all of it"
            context.warning(path, message, hint="the first route that fits decides", key=implied)
        seen.add(route)
        if route.when == Const(False):
            context.warning((*at, "routes", index, "when"), "this route is never taken")
    return reached


class _Seen:
    """The routes before the one in question that decide about all that they match."""

    def __init__(self) -> None:
        self._all: Route | None = None
        self._conditions: dict[Expression, Route] = {}
        self._prefixes: dict[str, Route] = {}

    def add(self, route: Route) -> None:
        """Remember a route if it decides."""
        if route.action is None:
            return
        if route.when is None:
            self._all = self._all or route
            return
        self._conditions.setdefault(route.when, route)
        for prefix in _prefixes(route.when):
            self._prefixes.setdefault(prefix, route)

    def covers(self, route: Route) -> Route | None:
        """An earlier route that takes everything that this one could."""
        if self._all is not None:
            return self._all
        if route.when is None:
            return None
        if route.when in self._conditions:
            return self._conditions[route.when]
        prefixes = _prefixes(route.when)
        earlier = [self._shorter(prefix) for prefix in prefixes]
        return earlier[0] if earlier and all(earlier) else None

    def _shorter(self, prefix: str) -> Route | None:
        if not self._prefixes:
            return None
        ends = (end for end in range(1, len(prefix) + 1) if prefix[end - 1] == "/")
        return next((self._prefixes[prefix[:end]] for end in ends if prefix[:end] in self._prefixes), None)


def _prefixes(when: Expression) -> tuple[str, ...]:
    """The prefixes that a condition is all about; none when it asks for more."""
    if isinstance(when, Match) and when.method == "beg" and when.input == _PATH and not when.ignore_case:
        return when.patterns
    return ()


def _servers(backend: Backend, context: Context) -> None:
    path = _backend_path(backend.name, context)
    if path is None:
        return
    lint_tls.protocol(backend, path, context)
    if not backend.servers and not backend.rules.request:
        message = f"backend `{backend.name}` has no servers: every request for it is answered 503"
        context.warning(path, message, key=True)
    elif backend.servers and not any(server.weight for server in backend.servers):
        message = f"every server of backend `{backend.name}` has the weight 0: none gets new work"
        context.warning(path, message, key=True)
    first: dict[tuple[str, str | int], str] = {}
    plain = isinstance(backend.sticky, StickyCookie) and backend.sticky.plain
    for server in backend.servers:
        same: dict[str, tuple[str, str | int]] = {"address": (server.address.host, server.address.port)}
        if plain:
            same["cookie"] = ("cookie", server.cookie)
        for what, value in same.items():
            if (other := first.setdefault(value, server.name)) != server.name:
                message = f"servers `{other}` and `{server.name}` of backend `{backend.name}` have the same {what}"
                context.warning(path, message, key=True)


def _backend_path(name: str, context: Context) -> Path | None:
    """Where a backend stands: under its name, or the list of the short form; nowhere for those of a route."""
    if name in context.known_backends:
        return ("backends", name)
    if context.tree.is_list(("backends",)) and name.startswith("default"):
        return ("backends",)
    return None


def _line(route: Route) -> str:
    return ":".join(route.position.rsplit(":", 2)[1:])
