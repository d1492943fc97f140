"""Config + Overlay → Snapshot: what the operator wrote and what holds at run time, as the data plane takes it.

Pure and total: every configuration that the reader lets pass compiles, without a look at files, time or the network.
Which changes may go as a patch is decided in `tenbin.plan.delta`.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tenbin import model
from tenbin.plan import wire
from tenbin.plan.expression import expression, optional
from tenbin.plan.fullness import full_connections
from tenbin.plan.rules import answers, line, live_list, log, rules
from tenbin.plan.services import with_services
from tenbin.plan.stick import stick, tables
from tenbin.plan.tls import listener_tls, proxy_in, proxy_out, server_tls
from tenbin.state.overlay import wanted_of

if TYPE_CHECKING:
    from tenbin.state import Overlay, ServerOverlay, State


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a snapshot depends on besides the state.

    `secret` (hex, 32 bytes) signs sticky cookies; `terminal`: somebody reads the log on a terminal; `threads` is
    the number that the running data plane has, which is fixed for its life (0: as configured); `pid` is the process
    that operators know, for lines of syslog; `pages` the directory with the sockets of our own pages.
    """

    secret: str = field(repr=False)
    terminal: bool = False
    threads: int = 0
    pid: int = 0
    pages: str = ""


_REFUSED = 256
"""Proxies of which the last message that could not be read is kept: 16 KiB each at most."""

BLANK = Surroundings(secret="0" * 64)
"""For printing: the snapshot without its secret."""


def compile_snapshot(state: State, around: Surroundings) -> wire.Snapshot:
    """Compile the whole."""
    config = with_services(state.config, around.pages)
    full = full_connections(config)
    return wire.Snapshot(
        generation=state.generation,
        threads=around.threads or config.threads,
        limits=wire.Limits(
            connections=config.limits.connections,
            buffer=config.limits.buffer,
            memory=config.limits.memory.size,
            memory_percent=config.limits.memory.percent,
            rates=wire.Rates(
                connections=config.limits.rates.connections,
                sessions=config.limits.rates.sessions,
                handshakes=config.limits.rates.handshakes,
            ),
            # What a stranger sent is kept only for those who expect HAProxy's `show errors`.
            refused=_REFUSED if config.compat is not None else 0,
        ),
        access_log=_access_log(config.access_log, around),
        secret=around.secret,
        listeners=tuple(
            _listener(listener, frontend) for frontend in config.frontends for listener in frontend.listeners
        ),
        frontends=tuple(_frontend(frontend, around) for frontend in config.frontends),
        backends=tuple(_backend(backend, state.overlay, full[backend.name]) for backend in config.backends),
        tables=tables(config),
        lists=tuple(live_list(one) for one in config.lists),
        variables=tuple((name, expression(value)) for name, value in config.variables),
    )


def listen_address(listener: model.Listener) -> str:
    """Return the name of a listener's sockets, such as `ip:port`; `localhost` is 127.0.0.1 on every machine."""
    address = listener.address
    return str(model.Address("127.0.0.1", address.port) if address.host == "localhost" else address)


def effective_weight(server: model.Server, entry: ServerOverlay) -> int:
    """Return the weight in force."""
    return server.weight if entry.weight is None else entry.weight


def effective_limit(server: model.Server, entry: ServerOverlay) -> int:
    """Return the limit of connections in force."""
    return server.max_connections if entry.max_connections is None else entry.max_connections


def effective_admin(server: model.Server, entry: ServerOverlay) -> model.Admin:
    """Return the admin state in force; a server that its check finds to be stopping drains."""
    admin = wanted_of(server, entry)
    return model.Admin.DRAIN if entry.stopping and admin is model.Admin.READY else admin


def _access_log(log: model.AccessLog, around: Surroundings) -> wire.AccessLog:
    human = log.format is model.LogFormat.HUMAN or (
        log.format is model.LogFormat.AUTO and log.target == "stdout" and around.terminal
    )
    return wire.AccessLog(target=log.target, format="human" if human else "json")


def _listener(listener: model.Listener, frontend: model.Frontend) -> wire.Listener:
    return wire.Listener(
        address=listen_address(listener),
        frontend=frontend.name,
        lenient=listener.lenient,
        tls=listener_tls(listener.tls, frontend) if listener.tls else None,
        proxy=proxy_in(listener.proxy_protocol) if listener.proxy_protocol else None,
        http2=listener.http2,
        name=listener.name,
        number=listener.number,
    )


def _frontend(frontend: model.Frontend, around: Surroundings) -> wire.Frontend:
    limits = frontend.limits
    return wire.Frontend(
        name=frontend.name,
        mode=frontend.mode.value,
        timeouts=wire.FrontendTimeouts(
            client=frontend.client.ms,
            header=frontend.header.ms,
            keep_alive=frontend.keep_alive.ms,
            tunnel=frontend.tunnel.ms,
            client_fin=frontend.client_fin.ms,
        ),
        limits=wire.FrontendLimits(
            connections=limits.connections,
            head=limits.head,
            fields=limits.fields,
            target=limits.target,
            body=limits.body,
            min_rate=limits.min_rate,
            per_source=_per_source(limits.per_source) if limits.per_source else None,
            streams=limits.streams,
            glitches=limits.glitches,
            session_rate=limits.session_rate,
        ),
        http=wire.HttpRules(
            trace=frontend.http.trace,
            connect=frontend.http.connect,
            underscores=frontend.http.underscores.value,
            ambiguous_paths=frontend.http.ambiguous_paths.value,
        ),
        trusted_proxies=frontend.trusted_proxies,
        forwarding=frontend.forwarding,
        routes=tuple(_route(route) for route in frontend.routes),
        rules=rules(frontend.rules),
        answers=answers(frontend.answers),
        log=log(frontend.log, around.pid) if frontend.log else None,
        unique_id=line(frontend.unique_id),
        tarpit=frontend.tarpit,
        number=frontend.number,
        compression=_compression(frontend.compression),
    )


def _per_source(limits: model.PerSource) -> wire.PerSource:
    rate = limits.requests
    return wire.PerSource(
        connections=limits.connections,
        requests=rate.count if rate else 0,
        window=rate.window.ms if rate else 0,
        ipv6_prefix=limits.ipv6_prefix,
        entries=limits.entries,
    )


def _route(route: model.Route) -> wire.Route:
    return wire.Route(
        when=optional(route.when),
        request=tuple(_edit(edit) for edit in route.request),
        answer=tuple(_edit(edit) for edit in route.answer),
        rewrite=wire.Rewrite(prefix=route.rewrite.prefix, to=route.rewrite.to) if route.rewrite else None,
        action=_action(route.action) if route.action else None,
        position=route.position,
    )


def _edit(edit: model.HeaderEdit) -> wire.HeaderEdit:
    value = None if edit.verb is model.HeaderVerb.REMOVE else expression(edit.value)
    return wire.HeaderEdit(verb=edit.verb.value, name=edit.name, value=value)


def _action(action: model.Action) -> wire.Action:
    match action:
        case model.ToBackend(backend, name):
            return wire.ToBackend(backend=backend, name=optional(name))
        case model.Redirect(location, code):
            return wire.Redirect(location=expression(location), code=code)
        case model.Respond(status, headers, body):
            return wire.Respond(status=status, headers=headers, body=b64encode(body).decode())
        case model.Deny(status):
            return wire.Deny(status=status)


def _backend(backend: model.Backend, overlay: Overlay, full: int) -> wire.Backend:
    return wire.Backend(
        name=backend.name,
        mode=backend.mode.value,
        balance=_balance(backend.balance),
        sticky=_sticky(backend.sticky) if isinstance(backend.sticky, model.StickyCookie) else None,
        drain_sticky=backend.drain_sticky,
        timeouts=wire.BackendTimeouts(
            connect=backend.connect.ms,
            server=backend.server.ms,
            queue=backend.queue.ms,
            tunnel=backend.tunnel.ms,
            server_fin=backend.server_fin.ms,
        ),
        max_queue=backend.max_queue,
        retry=_retry(backend.retry),
        pool=wire.Pool(
            reuse=backend.pool.reuse.value,
            max_idle=backend.pool.max_idle,
            idle_timeout=backend.pool.idle_timeout.ms,
        ),
        limits=wire.BackendLimits(head=backend.limits.head, fields=backend.limits.fields),
        protocol=backend.protocol.value,
        eject=_eject(backend.eject) if backend.eject else None,
        slow_start=backend.slow_start.ms,
        close_on_down=backend.on_down is model.OnDown.CLOSE_CONNECTIONS,
        rules=rules(backend.rules),
        answers=answers(backend.answers),
        stick=stick(backend),
        use_server=tuple(
            wire.UseServer(server=expression(one.server), when=optional(one.when)) for one in backend.use_server
        ),
        persist=tuple(wire.PersistRule(force=one.force, when=optional(one.when)) for one in backend.persist),
        persist_down=backend.persist_down,
        all_backups=backend.all_backups,
        abort_on_close=backend.abort_on_close,
        send_name=backend.send_name,
        tarpit=backend.tarpit,
        number=backend.number,
        compression=_compression(backend.compression),
        servers=tuple(
            _server(backend, server, overlay.of(model.ServerId(backend.name, server.name)), full)
            for server in backend.servers
        ),
    )


def _compression(one: model.Compression | None) -> wire.Compression | None:
    if one is None:
        return None
    return wire.Compression(
        algorithms=tuple(coding.value for coding in one.algorithms),
        types=one.types,
        min_size=one.min_size,
        offload=one.offload,
    )


def _retry(retry: model.Retry) -> wire.Retry:
    return wire.Retry(
        attempts=retry.attempts,
        statuses=retry.statuses,
        budget=retry.budget,
        redispatch=retry.redispatch,
        turn_around=retry.turn_around,
        after=retry.after,
        unsafe_methods=retry.unsafe_methods,
    )


def _balance(balance: model.Balance) -> wire.Balance:
    return wire.Balance(
        policy=balance.policy.value,
        draws=balance.draws,
        ip_form=balance.ip_form.value,
        key=optional(balance.key),
        method=balance.method.value,
        load_factor=balance.load_factor,
        decay=balance.decay.ms,
        error_penalty=balance.error_penalty.ms,
        function=balance.function.value,
        avalanche=balance.avalanche,
        form=balance.form.value,
        name=balance.name,
        whole=balance.whole,
        length=balance.length,
        depth=balance.depth,
        path_only=balance.path_only,
        check_post=balance.check_post,
        domain_only=balance.domain_only,
    )


def _sticky(sticky: model.StickyCookie) -> wire.StickyCookie:
    return wire.StickyCookie(
        name=sticky.name,
        plain=sticky.plain,
        attributes="".join(f"; {attribute}" for attribute in sticky.attributes),
        max_idle=sticky.max_idle.ms,
        max_life=sticky.max_life.ms,
        mode=sticky.mode.value,
        indirect=sticky.indirect,
        no_cache=sticky.no_cache,
        post_only=sticky.post_only,
        preserve=sticky.preserve,
        dynamic_key=sticky.dynamic_key,
    )


def _eject(eject: model.Eject) -> wire.Eject:
    return wire.Eject(
        consecutive=eject.consecutive, base=eject.base.ms, longest=eject.longest.ms, percent=eject.percent
    )


def _server(backend: model.Backend, server: model.Server, entry: ServerOverlay, full: int) -> wire.Server:
    passive, check = server.passive, backend.check_of(server)
    observe = check.observe if check is not None else None
    return wire.Server(
        name=server.name,
        address=server_address(server, entry),
        weight=effective_weight(server, entry),
        backup=server.backup,
        max_connections=effective_limit(server, entry),
        max_queue=server.max_queue,
        passive=wire.Passive(max_fails=passive.max_fails, fail_timeout=passive.fail_timeout.ms) if passive else None,
        cookie=server.cookie,
        tls=server_tls(server.tls) if server.tls else None,
        proxy=proxy_out(server.send_proxy) if server.send_proxy else None,
        admin=effective_admin(server, entry).value,
        health=entry.health.value,
        number=server.number,
        source=server.source,
        slow_start=server.slow_start,
        redirect=server.redirect,
        min_connections=server.min_connections,
        full_connections=(server.full_connections or full) if server.min_connections else 0,
        watch=wire.Watch(layer=observe.layer, errors=observe.errors) if observe is not None else None,
        end_when_down=server.end_when_down,
        end_backups_when_up=server.end_backups_when_up,
        user_timeout=server.user_timeout.ms,
        max_reuse=server.max_reuse,
    )


def literal_address(server: model.Server, entry: ServerOverlay) -> model.Address | model.UnixAddress | None:
    """Return where a server is; None while its name is not resolved and nothing stands in for it."""
    if entry.address is None and server.lookup.fallback:
        return model.Address(server.lookup.fallback, server.address.port)
    return entry.address or (server.address if server.address.is_literal else None)


def server_address(server: model.Server, entry: ServerOverlay) -> str | None:
    """Return the literal address that connections go to; None while the name is not resolved."""
    address = literal_address(server, entry)
    return None if address is None else str(address)
