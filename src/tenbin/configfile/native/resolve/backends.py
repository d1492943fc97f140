"""Backends with every default filled in, and what cannot be in their mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenbin.configfile.native.document import limits as bounds
from tenbin.configfile.native.document import timeouts as defaults
from tenbin.configfile.native.document.backend import FAILURES, BackendDocument, PoolDocument, RetryDocument
from tenbin.configfile.native.document.balance import EwmaDocument, HashDocument, IpHashDocument, RandomDocument
from tenbin.configfile.native.document.base import written
from tenbin.configfile.native.document.limits import BackendLimits as LimitsDocument
from tenbin.configfile.native.document.server import EjectDocument
from tenbin.configfile.native.document.sticky import DEFAULT_ATTRIBUTES, KINDS, SourceDocument, StickyDocument
from tenbin.configfile.native.document.timeouts import BackendTimeouts
from tenbin.configfile.native.resolve import checks
from tenbin.configfile.native.resolve.answers import answers
from tenbin.configfile.native.resolve.compression import compression
from tenbin.configfile.native.resolve.context import first, given
from tenbin.configfile.native.resolve.persistence import Persistence
from tenbin.configfile.native.resolve.routes import check_names
from tenbin.configfile.native.resolve.rules import RulesResolver
from tenbin.configfile.native.resolve.servers import Inherited, servers
from tenbin.configfile.native.resolve.tls import send_proxy, server_tls
from tenbin.model.backend import (
    Backend,
    BackendLimits,
    CookieMode,
    OnDown,
    Pool,
    Retry,
    Reuse,
    Sticky,
    StickyCookie,
    StickyKey,
    StickySource,
)
from tenbin.model.balance import Balance, HashFunction, HashKey, HashMethod, IpHashForm, Policy
from tenbin.model.expression import Fetch
from tenbin.model.frontend import Mode
from tenbin.model.server import Eject, Server
from tenbin.model.tls import Protocol
from tenbin.model.values import NO_TIME, Duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenbin.configfile.native.document.balance import BalanceDocument
    from tenbin.configfile.native.document.check import HealthCheckDocument
    from tenbin.configfile.native.document.server import ServerDocument
    from tenbin.configfile.native.document.timeouts import Timeouts
    from tenbin.configfile.native.resolve.context import Context
    from tenbin.configfile.native.tree import Path
    from tenbin.model.check import Check

_POLICIES = tuple(Policy)
_NEED_REQUESTS = ("cookie", "header", "param")


@dataclass(frozen=True)
class Shared:
    """What the top of the file says for all backends."""

    timeouts: Timeouts
    balance: BalanceDocument | None
    health_check: HealthCheckDocument | None
    sticky: StickyDocument | None


class BackendResolver:
    """Resolves backends one by one."""

    def __init__(self, context: Context, shared: Shared) -> None:
        self._context = context
        self._shared = shared

    def anonymous(self, name: str, documents: Sequence[ServerDocument], path: Path, mode: Mode) -> Backend:
        """Resolve a list of servers that stands at `path` as a backend with the shared settings."""
        document = BackendDocument.model_construct(servers=documents)
        return self._backend(name, document, path[:-1], path, mode)

    def named(self, name: str, document: BackendDocument, path: Path, mode: Mode) -> Backend:
        """Resolve a backend that stands at `path`."""
        if mode is Mode.TCP:
            self._check_tcp(document, path)
        return self._backend(name, document, path, (*path, "servers"), mode)

    def _backend(self, name: str, document: BackendDocument, path: Path, servers_at: Path, mode: Mode) -> Backend:
        shared = self._shared.timeouts
        own = document.timeouts or BackendTimeouts()
        tunnel = first(own.tunnel, shared.tunnel, defaults.TUNNEL)
        sticky = document.sticky if written(document, "sticky") else self._shared.sticky
        sticky_at = (*path, "sticky") if document.sticky else ("sticky",)
        balance = document.balance or self._shared.balance
        balance_at = (*path, "balance") if document.balance else ("algorithm",)
        inherited = self._inherited(name, (document, path), own.check or shared.check, mode)
        found = servers(self._context, document.servers, inherited, servers_at)
        bound = Persistence(self._context, mode, path)
        self._context.memory.begin()
        rules = RulesResolver(self._context, mode).rules(document.rules, (*path, "rules"))
        return Backend(
            name=name,
            mode=mode,
            rules=self._context.memory.tracked(rules, mode, path),
            balance=self._balance(balance, balance_at, mode),
            servers=found,
            sticky=self._sticky(sticky, sticky_at, mode) if sticky else None,
            drain_sticky=sticky is None or sticky.on_drain == "stay",
            check=self._check(document, path, own, found),
            connect=first(own.connect, shared.connect, defaults.CONNECT),
            server=first(own.server, shared.server, tunnel if mode is Mode.TCP else defaults.SERVER),
            queue=first(own.queue, shared.queue, defaults.QUEUE),
            tunnel=tunnel,
            server_fin=first(own.server_fin, shared.server_fin, NO_TIME),
            max_queue=given(document.max_queue),
            retry=_retry(document.retry or RetryDocument()),
            pool=_pool(document.pool or PoolDocument()),
            limits=_limits(document.limits or LimitsDocument()),
            eject=_eject(document),
            slow_start=given(document.slow_start),
            on_down=OnDown(given(document.on_down)),
            protocol=Protocol(given(document.protocol)),
            compression=compression(self._context, document.compression, mode, (*path, "compression")),
            answers=answers(self._context, document.answers, mode, (*path, "answers")),
            stick=bound.stick(document),
            use_server=bound.use_server(document),
            persist=bound.persist(document),
            persist_down=given(document.persist_down),
            all_backups=given(document.all_backups),
            abort_on_close=given(document.abort_on_close),
            send_name=document.server_name_header or "",
            tarpit=(own.tarpit or shared.tarpit or Duration(0)).ms,
        )

    def _inherited(
        self, name: str, stated: tuple[BackendDocument, Path], timeout: Duration | None, mode: Mode
    ) -> Inherited:
        document, path = stated
        tls = server_tls(self._context, document.tls, (*path, "tls"), mode)
        return Inherited(name, document.passive, tls, send_proxy(document.send_proxy), timeout, mode)

    def _check(
        self, document: BackendDocument, path: Path, own: BackendTimeouts, found: Sequence[Server]
    ) -> Check | None:
        timeout = own.check or self._shared.timeouts.check
        if written(document, "check"):
            check_at = (*path, "check")
            if document.check is None:
                return None
            has_tls = any(server.tls for server in found)
            return checks.check(self._context, document.check, timeout, check_at, has_tls=has_tls)
        shared = self._shared.health_check
        return checks.health_check(shared, timeout) if shared else None

    def _balance(self, document: BalanceDocument | None, path: Path, mode: Mode) -> Balance:
        name = next(
            (name for name in _POLICIES if document and getattr(document, name) is not None), Policy.ROUND_ROBIN
        )
        drawn = (document and document.random) or RandomDocument()
        hashed = document.hash if document else None
        ip_hash = (document and document.ip_hash) or IpHashDocument()
        ewma = (document and document.peak_ewma) or EwmaDocument()
        if hashed is not None and hashed.key is not None:
            key_at = (*path, "hash", "key")
            self._context.doubts(key_at, hashed.key)
            check_names(self._context, key_at, hashed.key, mode)
        said = hashed or HashDocument.model_construct()
        return Balance(
            policy=Policy(name),
            draws=given(drawn.draws),
            ip_form=IpHashForm(given(ip_hash.form)),
            key=said.key.expression if said.key else None,
            method=HashMethod(given(said.method)),
            load_factor=given(said.load_factor),
            decay=given(ewma.decay),
            error_penalty=given(ewma.error_penalty),
            function=HashFunction(given(said.function)),
            avalanche=given(said.avalanche),
            form=HashKey(given(said.form)),
            name=said.name or "",
            whole=given(said.whole),
            length=given(said.length),
            depth=given(said.depth),
            path_only=given(said.path_only),
            check_post=given(said.check_post),
            domain_only=given(said.domain_only),
        )

    def _sticky(self, document: StickyDocument, path: Path, mode: Mode) -> Sticky:
        kind = next(kind for kind in KINDS if getattr(document, kind) is not None)
        if mode is Mode.TCP and kind in _NEED_REQUESTS:
            message = f"`{kind}` needs requests, and in mode tcp there are connections"
            self._context.error((*path, kind), message, hint="a client is known by `source: true`", key=True)
        remembered = SourceDocument()
        source = document.source or remembered
        expire = first(document.expire, source.expire, remembered.expire)
        size = first(document.size, source.size, remembered.size)
        if document.cookie is not None:
            return StickyCookie(
                name=document.cookie,
                plain=given(document.plain),
                attributes=DEFAULT_ATTRIBUTES if document.attributes is None else document.attributes,
                max_idle=given(document.max_idle),
                max_life=given(document.max_life),
                mode=CookieMode(given(document.mode)),
                indirect=given(document.indirect),
                no_cache=given(document.no_cache),
                post_only=given(document.post_only),
                preserve=given(document.preserve),
                dynamic_key=document.dynamic_key or "",
            )
        if document.key is not None:
            check_names(self._context, (*path, "key"), document.key, mode)
            self._context.doubts((*path, "key"), document.key)
            return StickyKey(document.key.expression, expire, size)
        if document.source is not None:
            return StickySource(expire, size)
        name = document.header.lower() if document.header else document.param
        return StickyKey(Fetch(kind, (name,)), expire, size)

    def _check_tcp(self, document: BackendDocument, path: Path) -> None:
        if written(document, "protocol"):
            message = "`protocol` is that of requests, and in mode tcp there are connections"
            self._context.error((*path, "protocol"), message, hint="remove it", key=True)
        if document.pool is not None:
            message = "`pool` keeps connections between requests, and in mode tcp there are none"
            self._context.error((*path, "pool"), message, hint="remove it", key=True)
        if document.limits is not None:
            message = "`limits` of a backend are for answers, and in mode tcp there are none"
            self._context.error((*path, "limits"), message, hint="remove it", key=True)
        if document.check is not None and document.check.observe is not None and document.check.observe.on == "answers":
            message = "`answers` are those to requests, and in mode tcp there are none"
            self._context.error((*path, "check", "observe"), message, hint="watch `connections`")
        if document.retry is not None and document.retry.on_status:
            message = "`on_status` needs answers, and in mode tcp there are connections"
            self._context.error((*path, "retry", "on_status"), message, hint="remove it", key=True)


def _retry(document: RetryDocument) -> Retry:
    return Retry(
        attempts=given(document.attempts),
        statuses=tuple(document.on_status or ()),
        budget=given(document.budget),
        redispatch=given(document.redispatch),
        turn_around=given(document.turn_around).ms,
        after=FAILURES if document.on_failure is None else tuple(document.on_failure),
        unsafe_methods=given(document.unsafe_methods),
    )


def _limits(document: LimitsDocument) -> BackendLimits:
    return BackendLimits(first(document.head, bounds.HEAD), first(document.fields, bounds.HEADER_FIELDS))


def _pool(document: PoolDocument) -> Pool:
    return Pool(Reuse(given(document.reuse)), given(document.max_idle), given(document.idle_timeout))


def _eject(document: BackendDocument) -> Eject | None:
    """On unless it was switched off."""
    eject = document.eject if "eject" in document.model_fields_set else EjectDocument()
    if eject is None:
        return None
    base = given(eject.base)
    return Eject(given(eject.after), base, max(base, given(eject.longest)), given(eject.percent))
