"""Commands on frontends and on the process: states, limits, rates."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.api.haproxy.command import Command, Said
from tenbin.model import Level

if TYPE_CHECKING:
    from tenbin.api.haproxy.command import Call
    from tenbin.model import Config, Frontend

_MOST = (1 << 32) - 1
_RATES = (
    "'set rate-limit' only supports :\n"
    "   - 'connections global' to set the per-process maximum connection rate\n"
    "   - 'sessions global' to set the per-process maximum session rate\n"
    "   - 'ssl-sessions global' to set the per-process maximum SSL session rate\n"
    "   - 'http-compression global' to set the per-process maximum compression speed in kB/s\n"
)


async def enable_frontend(call: Call) -> str:
    """`enable frontend <name>`."""
    state = await _state(call)
    if state == "STOP":
        raise Said("Frontend was previously shut down, cannot enable.\n")
    if state == "OPEN":
        raise Said("All sockets are already enabled.\n")
    await call.runtime.set_frontend(_frontend(call, 2).name, "OPEN")
    return ""


async def disable_frontend(call: Call) -> str:
    """`disable frontend <name>`: it can be enabled again."""
    state = await _state(call)
    if state == "STOP":
        raise Said("Frontend was previously shut down, cannot disable.\n")
    if state == "PAUSED":
        raise Said("All sockets are already disabled.\n")
    await call.runtime.set_frontend(_frontend(call, 2).name, "PAUSED")
    return ""


async def shutdown_frontend(call: Call) -> str:
    """`shutdown frontend <name>`: until the next reload."""
    if await _state(call) == "STOP":
        raise Said("Frontend was already shut down.\n")
    await call.runtime.set_frontend(_frontend(call, 2).name, "STOP")
    return ""


async def set_maxconn_frontend(call: Call) -> str:
    """`set maxconn frontend <name> <count>`."""
    name = _frontend(call, 3).name
    if not call.word(4):
        raise Said("Integer value expected.\n")
    if not call.word(4)[:1].isdigit():
        raise Said("Value out of range.\n")
    limit = _leading(call.word(4))

    def change(config: Config) -> Config:
        changed = (
            replace(one, limits=replace(one.limits, connections=limit)) if one.name == name else one
            for one in config.frontends
        )
        return replace(config, frontends=tuple(changed))

    await call.runtime.amend(change)
    return ""


async def set_maxconn_global(call: Call) -> str:
    """`set maxconn global <count>`."""
    if not call.word(3):
        raise Said("Expects an integer value.\n")
    limit = _leading(call.word(3))
    most = _hard_maxconn(call)
    if limit > most:
        raise Said("Value out of range.\n")
    # As in HAProxy, 0 is the limit that the process began with.
    limit = limit or most

    def change(config: Config) -> Config:
        compat = replace(config.compat, maxconn=limit) if config.compat is not None else None
        return replace(config, compat=compat, limits=replace(config.limits, connections=limit))

    await call.runtime.amend(change)
    return ""


async def set_rate_limit(call: Call) -> str:
    """`set rate-limit <what> global <value>`."""
    what = call.word(2)
    if what not in {"connections", "sessions", "ssl-sessions", "http-compression"} or call.word(3) != "global":
        raise Said(_RATES)
    if not call.word(4):
        raise Said("Expects an integer value.\n")
    limit = _leading(call.word(4))
    if what == "http-compression":
        if limit:
            raise Said("Tenbin does not limit how much is compressed.\n")
        return ""
    rate = {"connections": "connections", "sessions": "sessions", "ssl-sessions": "handshakes"}[what]

    def change(config: Config) -> Config:
        limits = replace(config.limits, rates=replace(config.limits.rates, **{rate: limit}))
        return replace(config, limits=limits)

    await call.runtime.amend(change)
    return ""


def _leading(text: str) -> int:
    """The number that a text begins with, as C takes it; without one, 0."""
    found = re.match(r"\s*\+?\d+", text)
    return min(int(found[0]), _MOST) if found else 0


def _hard_maxconn(call: Call) -> int:
    """What the file says."""
    file = call.runtime.file
    return (file.compat.maxconn if file.compat is not None else 0) or file.limits.connections


def _frontend(call: Call, place: int) -> Frontend:
    found = next((one for one in call.runtime.state.config.frontends if one.name == call.word(place)), None)
    if found is None:
        raise Said("No such frontend.\n" if call.word(place) else "A frontend name is expected.\n")
    return found


async def _state(call: Call) -> str:
    name = _frontend(call, 2).name
    return (await call.runtime.sight()).frontends.get(name, "OPEN")


_ADMIN = Level.ADMIN
COMMANDS = (
    Command(
        ("enable", "frontend"), "enable frontend <frontend>", "let a frontend listen again", _ADMIN, enable_frontend
    ),
    Command(
        ("disable", "frontend"), "disable frontend <frontend>", "let a frontend not listen", _ADMIN, disable_frontend
    ),
    Command(
        ("shutdown", "frontend"), "shutdown frontend <frontend>", "stop a frontend for good", _ADMIN, shutdown_frontend
    ),
    Command(
        ("set", "maxconn", "frontend"),
        "set maxconn frontend <frontend> <value>",
        "change a frontend's limit of connections",
        _ADMIN,
        set_maxconn_frontend,
    ),
    Command(
        ("set", "maxconn", "global"),
        "set maxconn global <value>",
        "change the process's limit of connections",
        _ADMIN,
        set_maxconn_global,
    ),
    Command(
        ("set", "rate-limit"), "set rate-limit <setting> <value>", "change a limit of a rate", _ADMIN, set_rate_limit
    ),
)
