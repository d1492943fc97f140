"""Frontends: a `frontend` section, or the client side of a `listen` section."""

from __future__ import annotations

import socket
from itertools import count
from typing import TYPE_CHECKING

from tenbin.configfile import defaults
from tenbin.configfile.haproxy import phrases, values
from tenbin.configfile.haproxy.build.around import answers, buffered, compression, forward_rules, monitor, stats_rules
from tenbin.configfile.haproxy.values import Ports
from tenbin.model import (
    Act,
    Address,
    AmbiguousPaths,
    Deny,
    Duration,
    Frontend,
    FrontendLimits,
    HttpRules,
    Inherited,
    Listener,
    Mode,
    ProxyIn,
    ProxyLog,
    Route,
    Rule,
    Rules,
    SocketOptions,
    ToBackend,
    Underscores,
    UnixAddress,
    Verb,
)
from tenbin.model.expression import Fetch

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.build.around import Around
    from tenbin.configfile.haproxy.build.lines import Lines
    from tenbin.configfile.haproxy.draft import BindDraft, ProxyDraft
    from tenbin.model import LogPart

_LONGEST_TARGET = 32 << 10


def frontend(around: Around, draft: ProxyDraft, lines: Lines) -> Frontend:
    """Build one."""
    mode = Mode(draft.mode)
    timeouts = draft.timeouts
    client = timeouts.get("client", 0)
    header = timeouts.get("http-request", client)
    names = Underscores.REFUSE if draft.options.get("names-reject") else Underscores.PASS
    if draft.options.get("names-delete"):
        names = Underscores.DROP
    return Frontend(
        name=draft.name,
        mode=mode,
        listeners=_listeners(around, draft),
        routes=_routes(around, draft, lines),
        client=Duration(timeouts.get("tunnel", client) if mode is Mode.TCP else client),
        header=Duration(header),
        keep_alive=Duration(timeouts.get("http-keep-alive", header)),
        tunnel=Duration(timeouts.get("tunnel", client)),
        handshake=Duration(timeouts.get("client-hs", client) or defaults.HANDSHAKE.ms),
        limits=_limits(around, draft),
        http=HttpRules(True, True, names, AmbiguousPaths.PASS),
        trusted_proxies=(),
        forwarding=False,
        rules=_rules(around, draft, lines),
        answers=answers(around, draft),
        log=_log(around, draft, lines),
        unique_id=_parts(around, draft, lines, "unique_format"),
        tarpit=timeouts.get("tarpit", 0),
        number=draft.number,
        compression=compression(draft),
        client_fin=Duration(timeouts.get("client-fin", 0)),
    )


def _limits(around: Around, draft: ProxyDraft) -> FrontendLimits:
    return FrontendLimits(
        connections=draft.maxconn,
        head=around.settings.buffer - around.settings.rewrite,
        fields=around.settings.headers,
        target=min(_LONGEST_TARGET, around.settings.buffer),
        body=0,
        min_rate=0,
        per_source=None,
        streams=around.settings.streams,
        glitches=defaults.GLITCHES,
        handshakes=defaults.HANDSHAKES,
        session_rate=draft.rate,
    )


def _listeners(around: Around, draft: ProxyDraft) -> tuple[Listener, ...]:
    """One without an id gets the next number that is free; one with an id takes up a place, too."""
    taken = {bind.number for bind in draft.binds}
    made, following = [], 1
    for bind in draft.binds:
        following = next(number for number in count(following) if bind.number or number not in taken)
        made.append(_listener(around, draft, bind, bind.number or following))
        following += 1
    return tuple(made)


def _listener(around: Around, draft: ProxyDraft, bind: BindDraft, number: int) -> Listener:
    tls = around.files.listener(bind, draft)
    http2 = around.files.offers_http2(bind, bind.tls) if tls else bind.protocol != "h1"
    return Listener(
        address=_address(bind),
        lenient=False,
        position=bind.word.position,
        tls=tls,
        proxy_protocol=ProxyIn(()) if bind.proxy else None,
        http2=http2 and (draft.mode == "http" or draft.becomes_http),
        name=bind.name,
        number=number,
        options=_options(draft, bind),
    )


def _options(draft: ProxyDraft, bind: BindDraft) -> SocketOptions:
    """Where there is no TCP only the queue has a length."""
    backlog = bind.backlog or draft.backlog
    if isinstance(bind.place, UnixAddress):
        return SocketOptions(backlog=backlog)
    return SocketOptions(
        backlog=backlog,
        defer_accept=bind.defer_accept,
        fast_open=bind.fast_open,
        user_timeout=Duration(bind.user_timeout),
        max_segment=bind.max_segment,
        interface=bind.interface,
        dual_stack=bool(bind.dual_stack) and isinstance(bind.place, Ports) and ":" in bind.place.host,
        transparent=bind.transparent,
    )


def _address(bind: BindDraft) -> Address | UnixAddress | Inherited:
    place = bind.place
    if isinstance(place, Ports):
        return values.address(place)
    if isinstance(place, UnixAddress):
        return UnixAddress(place.path, place.abstract, bind.mode, bind.uid, bind.gid)
    return place


def _routes(around: Around, draft: ProxyDraft, lines: Lines) -> tuple[Route, ...]:
    """The switching rules, then the default backend; a `listen` section is its own; nothing else is a 503."""
    routes = list(lines.routes)
    position = draft.head.position
    if draft.default_backend is not None:
        routes.append(phrases.default_backend(around.reading, lines.scope, draft.default_backend))
    elif draft.kind == "listen":
        routes.append(Route(None, (), (), None, ToBackend(draft.name), position))
    else:
        routes.append(Route(None, (), (), None, Deny(503), position))
    return tuple(routes)


def _rules(around: Around, draft: ProxyDraft, lines: Lines) -> Rules:
    request = lines.of("request")
    if lines.scope.reads_requests:
        stats = stats_rules(around, draft, lines.scope)
        forwarded = forward_rules(around, draft, lines.scope) if draft.kind == "listen" else ()
        named = _named(draft)
        request = (
            *(monitor(around, draft, lines) if draft.mode == "http" else ()),
            *buffered(draft),
            *request,
            *stats,
            *lines.redirects,
            *forwarded,
            *named,
        )
    return Rules(
        connection=lines.of("connection"),
        session=lines.of("session"),
        content=lines.of("content"),
        request=request,
        answer=lines.of("answer"),
        after=lines.of("after"),
        inspect_delay=draft.inspect_delay,
    )


def _named(draft: ProxyDraft) -> tuple[Rule, ...]:
    """`unique-id-header`."""
    if not draft.unique_header or draft.unique_format is None:
        return ()
    return (Rule(None, Act(Verb.ADD_HEADER, draft.unique_header, Fetch("unique-id")), draft.head.position),)


def _log(around: Around, draft: ProxyDraft, lines: Lines) -> ProxyLog:
    settings = around.settings
    targets = (*(settings.logs if draft.log_global else ()), *draft.logs)
    host = settings.log_host
    return ProxyLog(
        targets=targets,
        format=_format(around, draft, lines) if targets else (),
        error=_parts(around, draft, lines, "error_format") if targets else (),
        structured=_parts(around, draft, lines, "structured_format") if targets else (),
        tag=draft.log_tag or settings.log_tag or "haproxy",
        host=socket.gethostname() if host == "-" else host,
        null=not draft.options.get("dontlognull", False),
        normal=not draft.options.get("dontlog-normal", False),
        early=draft.options.get("logasap", False),
        raise_errors=draft.options.get("log-separate-errors", False),
        captures=tuple(lines.scope.captures),
        cookie=lines.cookie[0],
        cookie_length=lines.cookie[1],
    )


def _format(around: Around, draft: ProxyDraft, lines: Lines) -> tuple[LogPart, ...]:
    word = draft.log_format
    if word is None:
        return ()  # a line says that somebody has come
    style = phrases.FORMATS
    if draft.mode == "tcp" and word.text in (style["httplog"], style["httpslog"], style["clf"]):
        who = f"{draft.kind} '{draft.name}'"
        message = f"'option httplog' not usable with {who} (needs 'mode http'). Falling back to 'option tcplog'."
        around.reading.warning(word, message)
        return phrases.standard_format(around.reading, lines.scope, "tcplog")
    return phrases.log_format(around.reading, lines.scope, word) or ()


def _parts(around: Around, draft: ProxyDraft, lines: Lines, attribute: str) -> tuple[LogPart, ...]:
    word = getattr(draft, attribute)
    return () if word is None else phrases.log_format(around.reading, lines.scope, word) or ()
