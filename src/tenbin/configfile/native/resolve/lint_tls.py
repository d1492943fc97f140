"""What is allowed but hardly meant of TLS: conditions that ask for what no listener can tell, protocols without TLS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.model.expression import All, Any, Compare, Concat, Const, Convert, Expression, Fetch, Match, Not
from tenbin.model.frontend import Mode
from tenbin.model.route import Redirect
from tenbin.model.tls import Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path
    from tenbin.model.backend import Backend
    from tenbin.model.frontend import Frontend

_PASSING = ("sni", "alpn")
_HTTPS = 443
_SAME_BY_TLS = {"host", "path", "url", "query", "method"}
"""Facts about a request that a redirect to HTTPS leaves as they are."""


def conditions(frontend: Frontend, at: Path, context: Context) -> None:
    """Note conditions of a frontend, whose routes stand below `at`, that none of its listeners can answer."""
    secured = [listener.tls is not None for listener in frontend.listeners]
    # A proxy before this one may tell of TLS, too.
    told = any(secured) or any(listener.proxy_protocol for listener in frontend.listeners)
    for index, route in enumerate(frontend.routes):
        path = (*at, "routes", index, "when")
        if route.when is None or not context.tree.has(path):
            continue
        facts = {fetch.name for fetch in _fetches(route.when)}
        unknown = sorted(name for name in facts if name.partition(".")[0] == "tls")
        if unknown and not told:
            hint = f"of TLS that passes by it is `{_passing(unknown)}`" if frontend.mode is Mode.TCP else ""
            hint = hint or 'an address with TLS is {address: ":8443", tls: certs/}'
            context.warning(path, f"no listener of this frontend has TLS: `{unknown[0]}` tells nothing", hint=hint)
        passing = sorted(facts.intersection(_PASSING))
        if passing and all(secured):
            message = f"every listener of this frontend ends TLS itself: `{passing[0]}` tells nothing"
            context.warning(path, message, hint=f"it is `tls.{passing[0]}`")


def redirects(frontend: Frontend, at: Path, context: Context) -> None:
    """Note redirects to HTTPS that requests by HTTPS take too, so that no client ever arrives."""
    if not any(listener.tls is not None and listener.address.port == _HTTPS for listener in frontend.listeners):
        return
    for index, route in enumerate(frontend.routes):
        path = (*at, "routes", index, "redirect")
        if not isinstance(route.action, Redirect) or not context.tree.has((*path, "scheme")):
            continue
        facts = {fetch.name for fetch in _fetches(route.when)} if route.when is not None else set()
        if facts <= _SAME_BY_TLS and _begins_with(route.action.location, "https://"):
            message = "requests by HTTPS are sent to where they came from"
            context.warning(path, message, hint="`when: not tls`", key=True)


def protocol(backend: Backend, path: Path, context: Context) -> None:
    """Note a protocol that is never negotiated."""
    if backend.protocol is Protocol.AUTO and not any(server.tls for server in backend.servers):
        message = "without TLS nothing is negotiated: these servers are asked by HTTP/1.1"
        hint = "`tls: true`, or `protocol: http2` for servers that expect it"
        context.warning((*path, "protocol"), message, hint=hint, key=True)


def _begins_with(text: Expression, begin: str) -> bool:
    return isinstance(text, Concat) and isinstance(first := text.of[0], Const) and first.value == begin


def _passing(names: list[str]) -> str:
    return "alpn" if "tls.alpn" in names else "sni"


def _fetches(node: Expression) -> Iterator[Fetch]:
    match node:
        case Fetch():
            yield node
        case Convert(input=inner) | Match(input=inner) | Not(input=inner):
            yield from _fetches(inner)
        case Compare(left=left, right=right):
            yield from _fetches(left)
            yield from _fetches(right)
        case All(of=of) | Any(of=of) | Concat(of=of):
            for one in of:
                yield from _fetches(one)
