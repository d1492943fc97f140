"""Commands that only tell: statistics, process, servers, environment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tenbin.api.haproxy import forms, info, state
from tenbin.api.haproxy.command import Command, Said
from tenbin.api.haproxy.roster import proxies_of, roster, version_of
from tenbin.api.haproxy.rows import Scope, rows
from tenbin.model import Level

if TYPE_CHECKING:
    from tenbin.api.haproxy.command import Call

_FORMS = {"json", "typed", "desc", "up", "no-maint", "float"}


async def show_stat(call: Call) -> str:
    """`show stat [domain proxy] [<iid|name> <type> <sid>] [json|typed|up|no-maint|desc]`."""
    words = [word for word in call.words[2:] if word not in {"domain", "proxy"}]
    asked = {word for word in words if word in _FORMS}
    place = [word for word in words if word not in _FORMS]
    sight = await call.runtime.sight()
    scope = _scope(call, place, asked)
    version = version_of(sight.config)
    found = list(rows(sight, roster(sight), scope))
    if "json" in asked:
        return forms.as_json(found, version) + "\n"
    return forms.typed(found, version) if "typed" in asked else forms.csv(found, version)


def _scope(call: Call, place: list[str], asked: set[str]) -> Scope:
    proxies: frozenset[str] | None = None
    proxy, kinds, sid = -1, 7, -1
    if len(place) >= 3:
        try:
            kinds, sid = int(place[1]), int(place[2])
        except ValueError:
            kinds, sid = 7, -1
        if place[0].lstrip("-").isdigit():
            proxy = int(place[0]) or -1
        else:
            names = {entry.name for entry in proxies_of(call.runtime.state.config)}
            if place[0] not in names:
                raise Said("No such proxy.\n")
            proxies = frozenset({place[0]})
    private = call.seat.level is not Level.USER
    kinds = 7 if kinds < 0 else kinds
    return Scope(kinds, proxy, sid, proxies, up="up" in asked, no_maint="no-maint" in asked, private=private)


async def show_info(call: Call) -> str:
    """`show info [typed|json] [desc] [float]`."""
    found = info.items(await call.runtime.sight())
    asked = set(call.words[2:])
    if "json" in asked:
        return forms.info_json(found) + "\n"
    form = forms.info_typed if "typed" in asked else forms.info_text
    return form(found, described="desc" in asked)


async def show_servers_state(call: Call) -> str:
    """`show servers state [<backend>]`."""
    return state.servers_state(await call.runtime.sight(), _backend(call))


async def show_servers_conn(call: Call) -> str:
    """`show servers conn [<backend>]`."""
    return state.servers_conn(await call.runtime.sight(), _backend(call))


def _backend(call: Call) -> str:
    name = call.word(3)
    if name and not any(proxy.has_backend and proxy.name == name for proxy in proxies_of(call.runtime.state.config)):
        raise Said("Can't find backend.\n")
    return name


async def show_backend(call: Call) -> str:
    """`show backend`."""
    names = [proxy.name for proxy in proxies_of(call.runtime.state.config) if proxy.has_backend]
    return "".join(f"{name}\n" for name in ("# name", *names))


async def show_version(call: Call) -> str:
    """`show version`."""
    return info.version_text(version_of(call.runtime.state.config)) + "\n"


async def show_schema(_call: Call) -> str:
    """`show schema json`."""
    return forms.schema() + "\n"


async def show_env(call: Call) -> str:
    """`show env [<name>]`; what the file has set counts too."""
    compat = call.runtime.state.config.compat
    found = {**os.environ, **dict(compat.environment if compat is not None else ())}
    name = call.word(2)
    if name and name not in found:
        raise Said("Variable not found\n")
    return "".join(f"{key}={value}\n" for key, value in found.items() if name in ("", key))


async def show_activity(call: Call) -> str:
    """`show activity`: what of it Tenbin counts."""
    sight = await call.runtime.sight()
    process = sight.status.process
    if process is None:
        raise Said("The data plane does not answer.\n")
    threads = max(process.threads, 1)
    lines = [
        f"thread_id: 1 (1..{threads})",
        f"date_now: {sight.started + process.uptime:.6f}",
        f"cpust_ms_tot: {round(process.cpu * 1000)}",
        f"accepted: {process.connections_total}",
        f"accept_pauses: {process.accept_pauses}",
        f"descriptor_waits: {process.descriptor_waits}",
        f"idle_closed: {process.idle_closed}",
        f"memory_refused: {process.memory_refused}",
        f"panics: {process.panics}",
    ]
    return "".join(f"{line}\n" for line in lines)


async def show_resolvers(_call: Call) -> str:
    """`show resolvers`: names are looked up by the system."""
    return "Resolvers section default\n"


async def show_startup_logs(_call: Call) -> str:
    """`show startup-logs`: they are in the journal."""
    return ""


async def show_nothing(_call: Call) -> str:
    """Of what Tenbin never has any."""
    return ""


_USER, _OPERATOR = Level.USER, Level.OPERATOR
COMMANDS = (
    Command(
        ("show", "stat"), "show stat [desc|json|no-maint|typed|up]*", "figures of proxies and servers", _USER, show_stat
    ),
    Command(("show", "info"), "show info [desc|json|typed|float]*", "figures of the process", _USER, show_info),
    Command(
        ("show", "servers", "state"),
        "show servers state [<backend>]",
        "state of servers, for a file or another process",
        _USER,
        show_servers_state,
    ),
    Command(
        ("show", "servers", "conn"), "show servers conn [<backend>]", "connections to servers", _USER, show_servers_conn
    ),
    Command(("show", "backend"), "show backend", "names of the backends", _USER, show_backend),
    Command(("show", "version"), "show version", "version of this process", _USER, show_version),
    Command(("show", "schema", "json"), "show schema json", "schema of the JSON outputs", _USER, show_schema),
    Command(("show", "env"), "show env [var]", "environment of the process", _OPERATOR, show_env),
    Command(("show", "activity"), "show activity", "what the data plane has done", _OPERATOR, show_activity),
    Command(("show", "resolvers"), "show resolvers [id]", "lookups of names", _USER, show_resolvers),
    Command(("show", "startup-logs"), "show startup-logs", "what was said at the start", _USER, show_startup_logs),
    Command(("show", "peers"), "show peers [dict|-] [section]", "peers, of which there are none", _USER, show_nothing),
    Command(("show", "cache"), "show cache", "caches, of which there are none", _USER, show_nothing),
)
