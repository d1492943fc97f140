"""Servers of a backend."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.configfile.haproxy import values
from tenbin.configfile.haproxy.build import checks
from tenbin.configfile.haproxy.values import Ports
from tenbin.configfile.suggest import did_you_mean
from tenbin.model import Address, Admin, Duration, Inherited, Initial, Lookup, SendProxy, Server, ServerId, UnixAddress

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.build.around import Around
    from tenbin.configfile.haproxy.context import Scope
    from tenbin.configfile.haproxy.draft import ProxyDraft, ServerDraft
    from tenbin.configfile.haproxy.lexer import Word
    from tenbin.model import Check


def servers(around: Around, draft: ProxyDraft, common: Check | None, scope: Scope) -> tuple[Server, ...]:
    """All servers of a backend; `common` is the check that most of them have."""
    made = []
    taken: dict[int, str] = {}
    for one in draft.servers:
        server = _server(around, draft, one, (common, scope))
        if server is None:
            continue
        before = taken.setdefault(server.number, server.name) if server.number else server.name
        if before != server.name and one.word:
            message = f"custom id {server.number} for server {server.name} has already been used by {before}."
            around.reading.error(one.word, message)
        made.append(server)
    return _numbered(made)


def _server(
    around: Around, draft: ProxyDraft, one: ServerDraft, inherited: tuple[Check | None, Scope]
) -> Server | None:
    word, (common, scope) = one.word, inherited
    address = _address(around, draft, one)
    if word is None or address is None:
        return None
    who = f"'server {draft.name}/{one.name}' :"
    if one.agent and not one.agent_port:
        message = f"{who} server {one.name} does not have agent port. Agent check has been disabled."
        around.reading.error(word, message, "give it with `agent-port`")
    tls = around.files.server(one.tls, who, word, scope=scope) if one.tls.on else None
    check = checks.check(draft, one, around.files, around.settings)
    if one.observe == "layer7" and draft.mode != "http":
        around.reading.error(word, f"{who} 'layer7' can only be used in http proxies.")
    if one.resolvers and one.resolvers not in around.reading.resolvers:
        hint = did_you_mean(one.resolvers, around.reading.resolvers)
        around.reading.error(word, f"{who} unable to find required resolvers '{one.resolvers}'", hint)
    return Server(
        name=one.name,
        address=address,
        weight=one.weight,
        backup=one.backup,
        # Alone, or as the greater one, `minconn` is a limit that stays.
        max_connections=max(one.maxconn, one.minconn),
        max_queue=one.maxqueue,
        passive=None,
        cookie=one.cookie,
        admin=Admin.MAINT if one.disabled else Admin.READY,
        tls=tls,
        send_proxy=SendProxy(one.proxy_version, one.proxy_tls) if one.proxy_version else None,
        number=one.number,
        track=_track(around, draft, one),
        source=one.source or draft.source,
        slow_start=one.slow_start,
        redirect=one.redirect,
        check=None if check == common else check,
        unchecked=check is None,
        agent=checks.agent(one),
        min_connections=one.minconn if one.minconn < one.maxconn else 0,
        full_connections=draft.fullconn,
        end_when_down=one.close_on_down,
        end_backups_when_up=one.close_on_up,
        user_timeout=Duration(one.user_timeout),
        max_reuse=one.max_reuse,
        initial=_initial(around, one, check),
        lookup=_lookup(around, one, named=not address.is_literal),
        resolve_position=word.position,
    )


def _address(around: Around, draft: ProxyDraft, one: ServerDraft) -> Address | UnixAddress | None:
    place = one.place
    if place is None or isinstance(place, Inherited):
        return None
    if not isinstance(place, Ports):
        return place
    if place.low and not place.relative:
        return values.address(place)
    # The port is that which the client has connected to, and something.
    ports = {bind.place.low for bind in draft.binds if isinstance(bind.place, Ports)}
    if draft.kind == "listen" and len(ports) == 1:
        return values.address(place, ports.pop() + place.low)
    if one.word:
        message = f"'server {draft.name}/{one.name}' : the port is that of the client's connection, which is not done."
        around.reading.refused(one.word, message, "name the port")
    return None


def _lookup(around: Around, one: ServerDraft, *, named: bool) -> Lookup:
    """What `init-addr` says is tried in order: an address behind `none` is never used."""
    if not named:
        return Lookup()
    tried = one.first[: one.first.index("none")] if "none" in one.first else one.first
    fallback = next((text for text in tried if text not in ("last", "libc")), "")
    if one.first_word is not None:
        if not fallback and "none" not in one.first:
            around.reading.approximated(one.first_word, "a name that does not resolve never stops a start")
        elif "libc" not in one.first and not one.resolvers:
            around.reading.approximated(one.first_word, "the name is looked up all the same")
    return Lookup({"ipv4": 4, "ipv6": 6}.get(one.prefer, 0), one.networks, fallback)


def _initial(around: Around, one: ServerDraft, check: Check | None) -> Initial:
    if one.initial_word is not None and (check is None or one.track is not None):
        around.reading.ignored(one.initial_word, "`init-state`: no check would ever change it")
        return Initial.UP
    return Initial(one.initial.replace("-", "_")) if one.initial else Initial.UP


def _track(around: Around, draft: ProxyDraft, one: ServerDraft) -> ServerId | None:
    if one.track is None:
        return None
    backend, _, name = one.track.text.rpartition("/")
    backend = backend or draft.name
    known = around.reading.servers.get(backend)
    if known is None:
        hint = did_you_mean(backend, around.reading.servers)
        _lost(around, one.track, f"unable to find required proxy '{backend}' for tracking.", hint)
    elif name not in known:
        _lost(around, one.track, f"unable to find required server '{name}' for tracking.", did_you_mean(name, known))
    elif one.check:
        _lost(around, one.track, "a server cannot be checked and track another one.", "remove `check`")
    return ServerId(backend, name)


def _lost(around: Around, word: Word, message: str, hint: str) -> None:
    around.reading.error(word, message, hint)


def _numbered(made: list[Server]) -> tuple[Server, ...]:
    """A server without an id gets the next free one; one with an id takes up a place, too."""
    taken = {server.number for server in made if server.number}
    numbered, following = [], 1
    for server in made:
        if server.number:
            numbered.append(server)
        else:
            while following in taken:
                following += 1
            taken.add(following)
            numbered.append(replace(server, number=following))
        following += 1
    return tuple(numbered)
