"""The whole configuration: proxies in HAProxy's order, the process, and what only HAProxy's language asks for."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import resource
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.configfile import defaults
from tenbin.configfile.haproxy import phrases
from tenbin.configfile.haproxy.build import lines as replay
from tenbin.configfile.haproxy.build.around import Around
from tenbin.configfile.haproxy.build.backends import backend
from tenbin.configfile.haproxy.build.frontends import frontend
from tenbin.configfile.haproxy.build.tls import Files
from tenbin.configfile.haproxy.context import Scope
from tenbin.configfile.haproxy.values import Ports
from tenbin.model import (
    AccessLog,
    Compat,
    Config,
    Duration,
    Expression,
    GlobalLimits,
    Identity,
    LiveList,
    LogFormat,
    Mode,
    Proxy,
    Rates,
    ToBackend,
)

if TYPE_CHECKING:
    from tenbin.configfile.haproxy.build.lines import Lines
    from tenbin.configfile.haproxy.context import Reading
    from tenbin.configfile.haproxy.draft import ProxyDraft
    from tenbin.configfile.haproxy.lexer import Word
    from tenbin.configfile.haproxy.others import Others
    from tenbin.configfile.haproxy.proxies import Proxies
    from tenbin.configfile.haproxy.settings import Global
    from tenbin.model import UserList

_FIRST_NUMBER = 2
_OWN_DESCRIPTORS = 100


def build(reading: Reading, settings: Global, proxies: Proxies, others: Others, origin: str) -> Config:
    """Build the configuration; what is wrong is told to the reading."""
    drafts = proxies.found
    nameless = any(not isinstance(bind.place, Ports) for draft in drafts for bind in draft.binds)
    around = Around(reading, settings, Files(reading, settings), nameless)
    _number(reading, drafts)
    lines = _lines(reading, drafts)
    for unused in proxies.unused:
        replay.read(reading, unused, Scope(unused.name, "defaults", Mode(unused.mode)))
    _forward(drafts, lines)
    enabled = [(draft, one) for draft, one in zip(drafts, lines, strict=True) if not draft.disabled]
    frontends = tuple(frontend(around, draft, one) for draft, one in enabled if draft.is_frontend)
    backends = tuple(backend(around, draft, one) for draft, one in enabled if draft.is_backend)
    variables = _variables(reading, settings)
    user = _user(reading, settings)
    for one in lines:
        phrases.limits_fit(reading, one.scope)
    phrases.unresolved(reading)
    return Config(
        frontends=frontends,
        backends=backends,
        admin=None,
        threads=settings.threads or defaults.default_threads(),
        limits=GlobalLimits(
            settings.maxconn or _most_connections(),
            defaults.BUFFER,
            defaults.PENDING,
            defaults.MEMORY,
            Rates(settings.connection_rate, settings.session_rate, settings.handshake_rate),
        ),
        drain=Duration(settings.hard_stop_after) if settings.hard_stop_after else defaults.DRAIN,
        access_log=AccessLog("none", LogFormat.AUTO),
        runtime_directory=None,
        watch=False,
        origin=origin,
        user=user,
        watched=tuple(sorted({*around.files.watched, *reading.files})),
        tables=(*others.tables, *(table for one in lines for table in one.tables)),
        lists=(*reading.lists.values(), *(_credentials(one) for one in (*others.userlists, *around.userlists))),
        variables=variables,
        compat=_compat(around, drafts, others),
    )


def _number(reading: Reading, drafts: list[ProxyDraft]) -> None:
    """Each proxy has an id: the one it asks for, or the next that is free."""
    taken: dict[int, ProxyDraft] = {}
    for draft in drafts:
        if not draft.number:
            continue
        before = taken.setdefault(draft.number, draft)
        if before is not draft:
            message = f"custom id {draft.number} has already been used by {before.kind} {before.name}."
            reading.error(draft.head, message)
    following = _FIRST_NUMBER
    for draft in drafts:
        if draft.number:
            continue
        while following in taken:
            following += 1
        draft.number = following
        taken[following] = draft


def _lines(reading: Reading, drafts: list[ProxyDraft]) -> list[Lines]:
    """The lines of all proxies; every name must be known before the first of them is read."""
    scopes = [Scope(one.name, one.kind, Mode(one.mode), becomes_http=one.becomes_http) for one in drafts]
    for draft, scope in zip(drafts, scopes, strict=True):
        if draft.is_frontend:
            reading.frontends[draft.name] = scope
        if draft.is_backend:
            reading.backends[draft.name] = scope
            reading.servers[draft.name] = {one.name for one in draft.servers}
    made = []
    for draft, scope in zip(drafts, scopes, strict=True):
        one = replay.read(reading, draft, scope)
        for table in one.tables:
            reading.tables[table.name] = table
        made.append(one)
    return made


def _forward(drafts: list[ProxyDraft], lines: list[Lines]) -> None:
    """`option forwardfor` of a frontend counts for its requests where they go, unless the backend says it itself."""
    backends = {draft.name: draft for draft in drafts if draft.is_backend}
    for draft, one in zip(drafts, lines, strict=True):
        if draft.kind != "frontend" or not (draft.forward or draft.original):
            continue
        names = [route.action for route in one.routes if isinstance(route.action, ToBackend)]
        targets = {action.backend for action in names} | (
            {draft.default_backend.text} if draft.default_backend else set()
        )
        if any(action.name is not None for action in names):
            targets = set(backends)
        for name in targets & backends.keys():
            target = backends[name]
            if draft.forward and not target.forward:
                target.forward_of[draft.name] = draft.forward
            if draft.original and not target.original:
                target.original_of[draft.name] = draft.original


def _credentials(users: UserList) -> LiveList:
    """Users as the data plane looks them up: `plain:` or `crypt:` and the password, then the groups."""
    entries = tuple(
        (name, f"{'plain' if plain else 'crypt'}:{password}\n{','.join(groups)}")
        for name, password, plain, groups in users.users
    )
    stamp = hashlib.sha256(repr(entries).encode()).hexdigest()[:16]
    return LiveList(users.name, entries, is_map=True, stamp=stamp)


def _variables(reading: Reading, settings: Global) -> tuple[tuple[str, Expression], ...]:
    """`set-var` and `set-var-fmt` of the process."""
    scope = Scope("", "global")
    found = []
    for line in settings.variables:
        if len(line.words) < 3:
            reading.error(line, f"'{line.words[0].text}' expects a name and a value.")
            continue
        name = line.words[1]
        if not name.text.startswith("proc."):
            reading.error(name, f"'{line.words[0].text}': variable '{name.text}' is not of scope 'proc'.")
            continue
        if line.words[0].text == "set-var":
            value = phrases.sample(reading, scope, line.words[2:], phrases.NOWHERE)
        else:
            value = phrases.text_format(reading, scope, line.words[2], phrases.NOWHERE)
        if value is not None:
            found.append((name.text, value))
    return tuple(found)


def _user(reading: Reading, settings: Global) -> Identity | None:
    """Whom the data plane runs as; names that do not exist are told."""
    word = settings.user
    if word is None:
        return None
    try:
        account = pwd.getpwuid(int(word.text)) if word.text.isdigit() else pwd.getpwnam(word.text)
    except KeyError:
        if word.text.isdigit():
            gid = _group(reading, settings.group)
            return Identity(word.text, int(word.text), gid or 0, (gid or 0,), word.position)
        reading.error(word, f"cannot find user id for '{word.text}' (Success)")
        return None
    gid = _group(reading, settings.group)
    primary = account.pw_gid if gid is None else gid
    groups = tuple(sorted(set(os.getgrouplist(account.pw_name, primary))))
    if account.pw_uid == 0:
        return None
    return Identity(account.pw_name, account.pw_uid, primary, groups, word.position)


def _group(reading: Reading, word: Word | None) -> int | None:
    if word is None:
        return None
    try:
        return int(word.text) if word.text.isdigit() else grp.getgrnam(word.text).gr_gid
    except KeyError:
        reading.error(word, f"cannot find group id for '{word.text}' (Success)")
        return None


def _most_connections() -> int:
    """As many as the process may have open files for, two for each."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft in (resource.RLIM_INFINITY, -1):
        return defaults.CONNECTIONS
    return max(min((soft - _OWN_DESCRIPTORS) // 2, 1_000_000), 10)


def _compat(around: Around, drafts: list[ProxyDraft], others: Others) -> Compat:
    settings = around.settings
    sockets = tuple(replace(one, timeout=settings.socket_timeout) for one in settings.sockets)
    return Compat(
        version=around.reading.version,
        proxies=tuple(_proxy(settings, draft) for draft in drafts),
        sockets=sockets,
        pages=tuple(around.pages),
        userlists=(*others.userlists, *around.userlists),
        admin_rules=tuple(around.admin_rules),
        maxconn=settings.maxconn,
        node=settings.node,
        description=settings.description,
        pidfile=settings.pidfile,
        daemon=settings.daemon,
        master=settings.master,
        environment=tuple(sorted(around.reading.environment.items())),
        logs=tuple(settings.logs),
    )


def _proxy(settings: Global, draft: ProxyDraft) -> Proxy:
    return Proxy(
        name=draft.name,
        number=draft.number,
        has_frontend=draft.is_frontend,
        has_backend=draft.is_backend,
        mode=draft.mode,
        description=draft.description,
        disabled=draft.disabled,
        logs=(*(settings.logs if draft.log_global else ()), *draft.logs),
        log_tag=draft.log_tag or settings.log_tag or "haproxy",
        log_host=socket.gethostname() if settings.log_host == "-" else settings.log_host,
        log_checks=draft.options.get("log-health-checks", False),
    )
