"""Frontends: listeners, routes, and the client side's timeouts and limits with every default filled in."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.configfile.expression import Compiled
from tenbin.configfile.native.document import limits as bounds
from tenbin.configfile.native.document import timeouts as defaults
from tenbin.configfile.native.document.base import written
from tenbin.configfile.native.document.frontend import HttpRulesDocument, SocketDocument
from tenbin.configfile.native.document.limits import FrontendLimits as LimitsDocument
from tenbin.configfile.native.document.limits import Limits, PerSourceDocument
from tenbin.configfile.native.document.timeouts import FrontendTimeouts, Timeouts
from tenbin.configfile.native.resolve import tls
from tenbin.configfile.native.resolve.answers import Answers, answers, joined
from tenbin.configfile.native.resolve.compression import compression
from tenbin.configfile.native.resolve.context import first, given
from tenbin.configfile.native.resolve.routes import RouteResolver, catch_all
from tenbin.configfile.native.resolve.rules import RulesResolver
from tenbin.configfile.native.resolve.user import number
from tenbin.model.frontend import (
    AmbiguousPaths,
    Frontend,
    FrontendLimits,
    HttpRules,
    Listener,
    Mode,
    PerSource,
    SocketOptions,
    Underscores,
)
from tenbin.model.values import NO_TIME, Address, Inherited, Rate, UnixAddress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.native.document.frontend import FrontendDocument, ListenDocument
    from tenbin.configfile.native.document.root import RootDocument
    from tenbin.configfile.native.document.route import RouteDocument
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.resolve.plan import Plan
    from tenbin.configfile.native.tree import Path
    from tenbin.model.route import Route

SHORT_NAME = "main"
"""The frontend of the short form."""
SHORT_BACKEND = "default"
"""The backend of the short form's list of servers."""


class FrontendResolver:
    """Resolves frontends one by one, and tells when two listen on the same address."""

    def __init__(self, context: Context, plan: Plan, root: RootDocument) -> None:
        self._context = context
        self._plan = plan
        self._timeouts = root.timeouts
        self._limits = root.limits
        self._trusted = root.trusted_proxies
        self._http = root.http
        self._answers_of_all = answers(context, root.answers, Mode.HTTP, ("answers",))
        self.listening: dict[str, str] = {}

    def full(self, name: str, document: FrontendDocument, path: Path) -> Frontend:
        """Resolve a frontend that stands at `path`."""
        mode = Mode(given(document.mode))
        self._context.memory.begin()
        routes = self._routes(document.routes or (), mode, path)
        if isinstance(document.backend, Compiled):
            hint = "write it as a route, and a last one without a condition for what has no backend"
            self._context.error((*path, "backend"), "this name is only known with each request", hint=hint)
        elif document.backend is not None:
            self._plan.use(document.backend, mode, (*path, "backend"))
            routes = (catch_all(document.backend, self._context.position((*path, "backend"), key=True)),)
        return self._frontend(name, mode, document.listen or (), routes, path, document)

    def short(self, root: RootDocument) -> Frontend:
        """Resolve the frontend that the top of the file describes."""
        mode = Mode(root.mode or Mode.HTTP)
        self._context.memory.begin()
        routes = self._routes(root.routes or (), mode, ())
        if isinstance(root.backends, list):
            name = self._plan.add(SHORT_BACKEND, root.backends, ("backends",))
            self._plan.use(name, mode, ("backends",))
            routes = (*routes, catch_all(name, self._context.position(("backends",), key=True)))
        elif root.routes is None and isinstance(root.backends, dict) and len(root.backends) == 1:
            # One backend and nowhere else to go.
            (name,) = root.backends
            self._plan.use(name, mode, ("backends", name))
            routes = (catch_all(name, self._context.position(("backends", name), key=True)),)
        return self._frontend(SHORT_NAME, mode, root.listen or (), routes, ("listen",), None)

    def _routes(self, documents: Sequence[RouteDocument], mode: Mode, path: Path) -> tuple[Route, ...]:
        resolver = RouteResolver(self._context, self._plan, mode)
        return tuple(
            resolver.route(document, (*path, "routes", index), index + 1) for index, document in enumerate(documents)
        )

    def _frontend(
        self,
        name: str,
        mode: Mode,
        listen: Sequence[ListenDocument],
        routes: tuple[Route, ...],
        path: Path,
        document: FrontendDocument | None,
    ) -> Frontend:
        shared = self._timeouts or Timeouts()
        own = (document and document.timeouts) or FrontendTimeouts()
        tunnel = first(own.tunnel, shared.tunnel, defaults.TUNNEL)
        trusted = document.trusted_proxies if document and document.trusted_proxies is not None else self._trusted
        rules_document = document.rules if document else None
        rules = RulesResolver(self._context, mode).rules(rules_document, (*path, "rules"))
        return Frontend(
            name=name,
            mode=mode,
            rules=self._context.memory.tracked(rules, mode, path),
            listeners=self._listeners(listen, path if document is None else (*path, "listen"), mode),
            routes=routes,
            client=first(own.client, shared.client, tunnel if mode is Mode.TCP else defaults.CLIENT),
            header=first(own.header, shared.header, defaults.HEADER),
            keep_alive=first(own.keep_alive, shared.keep_alive, defaults.KEEP_ALIVE),
            tunnel=tunnel,
            client_fin=first(own.client_fin, shared.client_fin, NO_TIME),
            handshake=first(own.handshake, shared.handshake, defaults.HANDSHAKE),
            limits=self._own_limits(document.limits if document else None, mode, (*path, "limits")),
            http=_http(document.http if document else None, self._http),
            trusted_proxies=tuple(trusted or ()),
            answers=self._answers(document, mode, path),
            tarpit=_tarpit(own, shared),
            forwarding=document is None or given(document.forwarding),
            compression=compression(
                self._context, document.compression if document else None, mode, (*path, "compression")
            ),
        )

    def _answers(self, document: FrontendDocument | None, mode: Mode, path: Path) -> Answers:
        own = answers(self._context, document.answers, mode, (*path, "answers")) if document else ()
        return own if mode is Mode.TCP else joined(own, self._answers_of_all)

    def _own_limits(self, own: LimitsDocument | None, mode: Mode, path: Path) -> FrontendLimits:
        if mode is Mode.TCP and own and own.per_source and own.per_source.requests:
            place = (*path, "per_source", "requests")
            self._context.error(place, "there are no requests in mode tcp", hint="limit `connections`", key=True)
        return _limits(own or LimitsDocument(), self._limits or Limits(), mode)

    def _listeners(self, documents: Sequence[ListenDocument], path: Path, mode: Mode) -> tuple[Listener, ...]:
        listeners = []
        for index, document in enumerate(documents):
            address = document.address or UnixAddress("")  # it is required
            place = (*path, index, "address")
            position = self._context.position(place)
            before = self.listening.setdefault(str(address), position)
            if before != position:
                message = f"{address} is listened on twice"
                self._context.error(place, message, hint=f"the first time is at {before}")
            if mode is Mode.TCP and document.http2 is not None:
                message = "`http2` needs requests, and this frontend balances connections"
                self._context.error((*path, index, "http2"), message, hint="remove it", key=True)
            listener = Listener(
                address=self._socket(address, document, (*path, index)),
                lenient=given(document.lenient),
                position=position,
                tls=tls.listener_tls(self._context, document.tls, (*path, index, "tls"), mode),
                proxy_protocol=tls.proxy_in(document.proxy_protocol),
                http2=first(document.http2, mode is Mode.HTTP),
                options=self._options(address, document.socket, (*path, index, "socket")),
            )
            listeners.append(listener)
        return tuple(listeners)

    def _socket(
        self, address: Address | UnixAddress | Inherited, document: ListenDocument, path: Path
    ) -> Address | UnixAddress | Inherited:
        """A unix socket belongs to somebody."""
        if isinstance(address, UnixAddress):
            uid = number(self._context, "user", document.user, (*path, "user"))
            gid = number(self._context, "group", document.group, (*path, "group"))
            return replace(address, mode=document.socket_mode or 0, uid=uid, gid=gid)
        for key in ("socket_mode", "user", "group"):
            if getattr(document, key) is not None:
                self._context.error((*path, key), f"`{key}` belongs to unix sockets", hint="remove it", key=True)
        return address

    def _options(
        self, address: Address | UnixAddress | Inherited, document: SocketDocument | None, path: Path
    ) -> SocketOptions:
        if document is None:
            return SocketOptions()
        said = [key for key in SocketDocument.model_fields if getattr(document, key)]
        if isinstance(address, UnixAddress) and (of_tcp := [key for key in said if key != "backlog"]):
            for key in of_tcp:
                self._context.error((*path, key), f"`{key}` belongs to TCP", hint="remove it", key=True)
        elif document.dual_stack and ":" not in address.host:
            hint = f"write `[::]:{address.port}`" if address.port else "remove it"
            self._context.error((*path, "dual_stack"), "`dual_stack` belongs to IPv6", hint=hint, key=True)
        return SocketOptions(
            backlog=document.backlog or 0,
            defer_accept=given(document.defer_accept),
            fast_open=given(document.fast_open),
            user_timeout=document.user_timeout or NO_TIME,
            max_segment=document.max_segment or 0,
            interface=document.interface or "",
            dual_stack=given(document.dual_stack),
            transparent=given(document.transparent),
        )


def _tarpit(own: FrontendTimeouts, shared: Timeouts) -> int:
    time = own.tarpit or shared.tarpit
    return time.ms if time else 0


def _http(own: HttpRulesDocument | None, shared: HttpRulesDocument | None) -> HttpRules:
    own, shared = own or HttpRulesDocument(), shared or HttpRulesDocument()
    return HttpRules(
        trace=first(own.trace, shared.trace, False),
        connect=first(own.connect, shared.connect, False),
        underscores=Underscores(first(own.underscores, shared.underscores, Underscores.DROP.value)),
        ambiguous_paths=AmbiguousPaths(first(own.ambiguous_paths, shared.ambiguous_paths, AmbiguousPaths.PASS.value)),
    )


def _limits(own: LimitsDocument, shared: Limits, mode: Mode) -> FrontendLimits:
    return FrontendLimits(
        connections=own.connections or 0,
        head=first(own.head, shared.head, bounds.HEAD),
        fields=first(own.fields, shared.fields, bounds.HEADER_FIELDS),
        target=first(own.target, shared.target, bounds.TARGET),
        body=first(own.body, shared.body, bounds.BODY),
        min_rate=first(own.min_rate, shared.min_rate, bounds.MIN_RATE),
        per_source=_per_source(own, shared, mode),
        streams=first(own.streams, shared.streams, bounds.STREAMS),
        glitches=first(own.glitches, shared.glitches, bounds.GLITCHES),
        handshakes=first(own.handshakes, shared.handshakes, bounds.HANDSHAKES),
        session_rate=first(own.connection_rate, shared.connection_rate, 0),
    )


def _per_source(own: LimitsDocument, shared: Limits, mode: Mode) -> PerSource | None:
    """None when nothing is limited, also when a frontend has switched off what holds for the others."""
    if written(own, "per_source") and own.per_source is None:
        return None
    near, far = own.per_source or PerSourceDocument(), shared.per_source or PerSourceDocument()
    rate = first(near.requests, far.requests, False)
    limits = PerSource(
        connections=first(near.connections, far.connections, 0),
        requests=rate if isinstance(rate, Rate) and mode is Mode.HTTP else None,
        ipv6_prefix=first(near.ipv6_prefix, far.ipv6_prefix, bounds.IPV6_PREFIX),
        entries=first(near.entries, far.entries, bounds.ENTRIES),
    )
    return limits if limits.connections or limits.requests else None
