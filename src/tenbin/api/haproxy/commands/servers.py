"""Commands on servers: states, weights, addresses, checks, new ones (management manual, 9.3).

What they change holds until the next reload, as in HAProxy.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.api.haproxy.command import INFO, Command, Said
from tenbin.api.haproxy.roster import version_of
from tenbin.model import Address, Admin, Health, Level, Server, ServerId
from tenbin.plan.compile import effective_weight

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenbin.api.haproxy.command import Call
    from tenbin.model import AgentCheck, Backend, Check

_USAGE = (
    "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | check-addr | "
    "check-port | fqdn | health | ssl | state | weight\n"
)
_STATES = {"ready": Admin.READY, "drain": Admin.DRAIN, "maint": Admin.MAINT}
_BY = " by 'stats socket command'\n"


def named(call: Call, place: int, *, newline: bool = True) -> tuple[Backend, Server]:
    """Return the server that a word names; `newline`: whether complaints end with one of their own."""
    end = "\n" if newline else ""
    backend_name, separator, server_name = call.word(place).partition("/")
    if not separator or not server_name:
        raise Said(f"Require 'backend/server'.{end}")
    backend = next((one for one in call.runtime.state.config.backends if one.name == backend_name), None)
    if backend is None:
        raise Said(("No such backend." if call.words[:2] == ("set", "server") else "No such server.") + end)
    server = next((one for one in backend.servers if one.name == server_name), None)
    if server is None:
        raise Said(f"No such server.{end}")
    return backend, server


async def set_server(call: Call) -> str:
    """`set server <backend>/<server> <what> ...`."""
    backend, server = named(call, 2)
    change = _CHANGES.get(call.word(3))
    if change is None:
        raise Said(_USAGE)
    await change(call, backend, server)
    return ""


async def _set_state(call: Call, backend: Backend, server: Server) -> None:
    wanted = _STATES.get(call.word(4))
    if wanted is None:
        raise Said("'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n")
    await call.runtime.set_server(ServerId(backend.name, server.name), admin=wanted)


async def _set_weight(call: Call, backend: Backend, server: Server) -> None:
    await _weigh(call, backend, server, call.word(4))


async def _weigh(call: Call, backend: Backend, server: Server, text: str) -> None:
    """An absolute weight, or a part of the one in the file."""
    digits, percent = text.removesuffix("%"), text.endswith("%")
    if not digits.isdigit():
        raise Said("Empty weight string empty or preceded by garbage")
    weight = int(digits)
    if percent:
        if not 0 <= weight <= 256 * 100:
            raise Said("Relative weight must be positive.\n")
        weight = server.weight * weight // 100
    elif weight > 256:
        raise Said("Absolute weight can only be between 0 and 256 inclusive.\n")
    if str(backend.balance.policy) == "static_rr" and weight not in (0, server.weight):
        raise Said("Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.\n")
    await call.runtime.set_server(ServerId(backend.name, server.name), weight=min(weight, 256))


async def _set_health(call: Call, backend: Backend, server: Server) -> None:
    wanted = {"up": Health.UP, "down": Health.DOWN, "stopping": Health.UP}.get(call.word(4))
    if wanted is None:
        raise Said("'set server <srv> health' expects 'up', 'stopping', or 'down'.\n")
    if server.track is not None:
        raise Said("cannot change health on a tracking server.\n")
    name = ServerId(backend.name, server.name)
    await call.runtime.set_health(name, wanted, stopping=call.word(4) == "stopping")


async def _set_address(call: Call, backend: Backend, server: Server) -> None:
    """`addr <ip> [port <port>]`."""
    text = call.word(4)
    if not text:
        raise Said("set server <b>/<s> addr requires an address and optionally a port.\n")
    try:
        host = str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        raise Said(f"Invalid addr '{text}'{_BY}") from None
    entry = call.runtime.state.overlay.of(ServerId(backend.name, server.name))
    before = entry.address or server.address
    if not isinstance(before, Address):
        raise Said("Cannot change the address of a server on a unix socket.\n")
    same = host == before.host
    changed = "no need to change the addr" if same else f"IP changed from '{before.host}' to '{host}'"
    port, told = before.port, ""
    if call.word(5) == "port":
        port, told = _port(call.word(6), before.port, changed)
    if (host, port) != (before.host, before.port):
        name = ServerId(backend.name, server.name)
        await call.runtime.change_server(name, lambda one: replace(one, address=Address(host, port)))
    raise Said(changed + told + _BY, INFO)


def _port(text: str, before: int, changed: str) -> tuple[int, str]:
    """A port, or one that is so much more or less; `changed` is what was said so far."""
    digits = text.lstrip("+-")
    if not digits.isdigit():
        raise Said(f"{changed}, problem converting port '{text}' to an int{_BY}")
    port = int(text) + (before if text[0] in "+-" else 0)
    if not 1 <= port <= 65_535:
        raise Said(f"{changed}, provided port is not valid{_BY}")
    if port == before:
        return port, ", no need to change the port"
    return port, f", port changed from '{before}' to '{port}'"


async def _set_check_port(call: Call, backend: Backend, server: Server) -> None:
    check = _check_of(backend, server)
    if check is None:
        raise Said("health checks are not enabled on this server\n".removesuffix("\n"))
    text = call.word(4)
    if not text.isdigit() or not 0 < int(text) < 65_536:
        raise Said("provided port is not valid.\n")
    await _recheck(call, backend, server, replace(check, port=int(text)))


async def _set_check_address(call: Call, backend: Backend, server: Server) -> None:
    """`check-addr <ip> [port <port>]`."""
    check = _check_of(backend, server)
    if check is None:
        raise Said("Health checks are not enabled on this server.\n")
    try:
        check = replace(check, host=str(ipaddress.ip_address(call.word(4))))
    except ValueError:
        raise Said(f"Invalid addr '{call.word(4)}'{_BY}") from None
    if call.word(5) == "port":
        check = replace(check, port=_port(call.word(6), check.port, "check address changed")[0])
    await _recheck(call, backend, server, check)


async def _set_name(call: Call, backend: Backend, server: Server) -> None:
    """`fqdn <name>`."""
    if not isinstance(server.address, Address) or server.address.is_literal:
        raise Said("set server <b>/<s> fqdn failed because no resolution is configured.\n")
    if not call.word(4):
        raise Said("set server <b>/<s> fqdn requires a FQDN.\n")
    address = Address(call.word(4), server.address.port)
    name = ServerId(backend.name, server.name)
    await call.runtime.change_server(name, lambda one: replace(one, address=address))


async def _set_agent(call: Call, backend: Backend, server: Server) -> None:
    if call.word(4) not in {"up", "down"}:
        raise Said("'set server <srv> agent' expects 'up' or 'down'.\n")
    _agent_of(server, "agent checks are not enabled on this server.\n")
    health = Health.UP if call.word(4) == "up" else Health.DOWN
    await call.runtime.set_agent(ServerId(backend.name, server.name), health)


async def _set_agent_part(call: Call, backend: Backend, server: Server) -> None:
    agent = _agent_of(server, "agent checks are not enabled on this server.\n")
    what, text = call.word(3), call.word(4)
    if what == "agent-port":
        if not text.isdigit() or not 0 < int(text) < 65_536:
            raise Said("provided port is not valid.\n")
        changed = replace(agent, port=int(text))
    elif what == "agent-addr":
        changed = replace(agent, host=text)
    else:
        changed = replace(agent, send=text)
    await _reagent(call, backend, server, changed)


async def _set_tls(call: Call, backend: Backend, server: Server) -> None:
    """`ssl on|off`: what the file has can be put back, but nothing be made of nothing."""
    if call.word(4) not in {"on", "off"}:
        raise Said("'set server <srv> ssl' expects 'on' or 'off'.\n")
    if (call.word(4) == "on") != (server.tls is not None):
        if server.tls is None:
            raise Said("'set server <srv> ssl' cannot be set. default-server should define ssl settings.\n")
        await call.runtime.change_server(ServerId(backend.name, server.name), lambda one: replace(one, tls=None))


_CHANGES: dict[str, Callable[[Call, Backend, Server], Awaitable[None]]] = {
    "state": _set_state,
    "weight": _set_weight,
    "health": _set_health,
    "addr": _set_address,
    "check-port": _set_check_port,
    "check-addr": _set_check_address,
    "fqdn": _set_name,
    "agent": _set_agent,
    "agent-addr": _set_agent_part,
    "agent-port": _set_agent_part,
    "agent-send": _set_agent_part,
    "ssl": _set_tls,
}


async def set_weight(call: Call) -> str:
    """`set weight <backend>/<server> <weight>`."""
    backend, server = named(call, 2)
    await _weigh(call, backend, server, call.word(3))
    return ""


async def get_weight(call: Call) -> str:
    """`get weight <backend>/<server>`."""
    backend, server = named(call, 2)
    weight = effective_weight(server, call.runtime.state.overlay.of(ServerId(backend.name, server.name)))
    return f"{weight} (initial {server.weight})\n"


async def enable_server(call: Call) -> str:
    """`enable server <backend>/<server>`."""
    return await _administer(call, Admin.READY)


async def disable_server(call: Call) -> str:
    """`disable server <backend>/<server>`."""
    return await _administer(call, Admin.MAINT)


async def _administer(call: Call, admin: Admin) -> str:
    backend, server = named(call, 2)
    await call.runtime.set_server(ServerId(backend.name, server.name), admin=admin)
    return ""


async def enable_health(call: Call) -> str:
    """`enable health <backend>/<server>`."""
    backend, server = named(call, 2)
    if _configured(call, backend, server) is None:
        raise Said("Health check was not configured on this server, cannot enable.\n")
    await call.runtime.change_server(ServerId(backend.name, server.name), lambda one: replace(one, unchecked=False))
    return ""


async def disable_health(call: Call) -> str:
    """`disable health <backend>/<server>`."""
    backend, server = named(call, 2)
    await call.runtime.change_server(ServerId(backend.name, server.name), lambda one: replace(one, unchecked=True))
    return ""


async def enable_agent(call: Call) -> str:
    """`enable agent <backend>/<server>`."""
    backend, server = named(call, 2)
    agent = _agent_of(server, "Agent was not configured on this server, cannot enable.\n")
    await _reagent(call, backend, server, replace(agent, enabled=True))
    return ""


async def disable_agent(call: Call) -> str:
    """`disable agent <backend>/<server>`."""
    backend, server = named(call, 2)
    if server.agent is not None:
        await _reagent(call, backend, server, replace(server.agent, enabled=False))
    return ""


async def set_maxconn_server(call: Call) -> str:
    """`set maxconn server <backend>/<server> <count>`."""
    backend, server = named(call, 3)
    text = call.word(4)
    if not text.isdigit():
        raise Said("Require a value.\n" if not text else "Must be a positive integer.\n")
    limit = int(text)
    name = ServerId(backend.name, server.name)
    await call.runtime.change_server(name, lambda one: replace(one, max_connections=limit))
    return ""


def _check_of(backend: Backend, server: Server) -> Check | None:
    return None if server.unchecked else server.check or backend.check


def _configured(call: Call, backend: Backend, server: Server) -> Check | None:
    """The check that the file has for a server, or the command that made it."""
    of = next((one for one in call.runtime.file.backends if one.name == backend.name), None)
    before = next((one for one in of.servers if one.name == server.name), None) if of is not None else None
    if before is None:
        return server.check
    return None if before.unchecked else server.check or backend.check


async def _recheck(call: Call, backend: Backend, server: Server, check: Check) -> None:
    name = ServerId(backend.name, server.name)
    await call.runtime.change_server(name, lambda one: replace(one, check=check))


async def _reagent(call: Call, backend: Backend, server: Server, agent: AgentCheck) -> None:
    name = ServerId(backend.name, server.name)
    await call.runtime.change_server(name, lambda one: replace(one, agent=agent))


def _agent_of(server: Server, complaint: str) -> AgentCheck:
    if server.agent is None:
        raise Said(complaint)
    return server.agent


async def add_server(call: Call) -> str:
    """`add server <backend>/<server> [<address>] [<settings>]`: it begins in maintenance."""
    from tenbin.api.haproxy.commands.newcomer import newcomer

    name, separator, server_name = call.word(2).partition("/")
    if not separator or not server_name:
        raise Said("Require 'backend/server'.")
    backend = next((one for one in call.runtime.state.config.backends if one.name == name), None)
    if backend is None:
        raise Said("No such backend.")
    config = call.runtime.state.config
    server = newcomer(config, backend, (server_name, *call.words[3:]), version_of(config))
    await call.runtime.amend(
        lambda config: replace(
            config,
            backends=tuple(
                replace(one, servers=(*one.servers, server)) if one.name == name else one for one in config.backends
            ),
        )
    )
    raise Said("New server registered.\n", INFO)


async def del_server(call: Call) -> str:
    """`del server <backend>/<server>`: of one in maintenance that nothing refers to and nobody uses."""
    if call.word(2).partition("/")[0] not in {
        one.name for one in call.runtime.state.config.backends
    } and "/" in call.word(2):
        raise Said("No such backend.")
    backend, server = named(call, 2, newline=False)
    name = ServerId(backend.name, server.name)
    config = call.runtime.state.config
    referred = any(one.track == name for other in config.backends for one in other.servers)
    if referred or backend.use_server:
        raise Said("This server cannot be removed at runtime due to other configuration elements pointing to it.")
    if (call.runtime.state.overlay.of(name).admin or server.admin) is not Admin.MAINT:
        raise Said("Only servers in maintenance mode can be deleted.")
    sight = await call.runtime.sight()
    status = next((one for here in sight.status.backends for one in here.servers if one.id == name), None)
    if status is not None and status.traffic is not None and status.traffic.current:
        raise Said("Server still has connections attached to it, cannot remove it.")
    await call.runtime.amend(
        lambda now: replace(
            now,
            backends=tuple(
                replace(one, servers=tuple(entry for entry in one.servers if entry.name != server.name))
                if one.name == backend.name
                else one
                for one in now.backends
            ),
        )
    )
    raise Said("Server deleted." + ("\n" if version_of(config) >= (3, 0) else ""), INFO)


_ADMIN, _USER = Level.ADMIN, Level.USER
COMMANDS = (
    Command(
        ("set", "server"),
        "set server <bk>/<srv> [opts]",
        "change a server's state, weight, address or check",
        _ADMIN,
        set_server,
    ),
    Command(("set", "weight"), "set weight <bk>/<srv>  (DEPRECATED)", "change a server's weight", _ADMIN, set_weight),
    Command(("get", "weight"), "get weight <bk>/<srv>", "a server's weight now and in the file", _USER, get_weight),
    Command(("enable", "server"), "enable server  (DEPRECATED)", "end a server's maintenance", _ADMIN, enable_server),
    Command(
        ("disable", "server"), "disable server (DEPRECATED)", "put a server into maintenance", _ADMIN, disable_server
    ),
    Command(("enable", "health"), "enable health", "check a server again", _ADMIN, enable_health),
    Command(("disable", "health"), "disable health", "stop checking a server", _ADMIN, disable_health),
    Command(("enable", "agent"), "enable agent", "ask a server's agent again", _ADMIN, enable_agent),
    Command(("disable", "agent"), "disable agent", "stop asking a server's agent", _ADMIN, disable_agent),
    Command(
        ("set", "maxconn", "server"),
        "set maxconn server <bk>/<srv>",
        "change how many connections a server gets",
        _ADMIN,
        set_maxconn_server,
    ),
    Command(("add", "server"), "add server <bk>/<srv>", "make a new server", _ADMIN, add_server),
    Command(("del", "server"), "del server <bk>/<srv>", "remove a server", _ADMIN, del_server),
)
