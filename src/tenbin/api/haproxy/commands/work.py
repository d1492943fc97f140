"""Commands on work in progress: sessions, counters, waiting."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tenbin.api.haproxy.command import NOTICE, Command, Said
from tenbin.api.haproxy.commands.servers import named
from tenbin.model import Admin, Level, ServerId

if TYPE_CHECKING:
    from tenbin.api.haproxy.command import Call
    from tenbin.plan import wire

_STEP = 0.1


async def show_sess(call: Call) -> str:
    """`show sess [<id>|all]`."""
    found = await call.runtime.sessions()
    wanted = call.word(2)
    if wanted in {"", "all"}:
        return "".join(_line(session) for session in found)
    try:
        number = int(wanted, 16)
    except ValueError:
        number = -1
    matching = [session for session in found if session.number == number]
    if not matching:
        raise Said("Session not found.\n")
    return "".join(_line(session) for session in matching)


def _line(session: wire.Session) -> str:
    proto = "tcpv6" if session.source.startswith("[") else "tcpv4"
    return (
        f"{session.number:#x}: proto={proto} src={session.source} fe={session.frontend} "
        f"be={session.backend or '<NONE>'} srv={session.server or '<none>'} ts=00 epoch=0 age={session.age}s "
        f"calls={session.requests} rate=0 cpu=0 lat=0 rq[i={session.bytes_in}] rp[i={session.bytes_out}]\n"
    )


async def shutdown_sessions(call: Call) -> str:
    """`shutdown sessions server <backend>/<server>`."""
    backend, server = named(call, 3)
    await call.runtime.end_sessions(server=ServerId(backend.name, server.name))
    return ""


async def shutdown_session(call: Call) -> str:
    """`shutdown session <id>`."""
    if not call.word(2):
        raise Said("Session pointer expected (use 'show sess').\n")
    try:
        number = int(call.word(2), 16)
    except ValueError:
        number = 0
    if not number or not await call.runtime.end_sessions(session=number):
        raise Said("No such session (use 'show sess').\n")
    return ""


async def clear_counters(call: Call) -> str:
    """`clear counters [all]`: all needs more rights than the largest ones."""
    everything = call.word(2) == "all"
    call.need(Level.ADMIN if everything else Level.OPERATOR)
    await call.runtime.clear_counters(everything=everything)
    return ""


async def wait(call: Call) -> str:
    """`wait <delay> [srv-removable <backend>/<server>]`; seconds unless the delay has a unit."""
    from tenbin.api.haproxy.commands.seats import seconds_of

    seconds = seconds_of(call.word(1))
    if seconds is None:
        raise Said("Expects a duration in milliseconds.\n" if not call.word(1) else "Invalid duration.\n")
    if call.word(2) not in {"", "srv-removable"}:
        raise Said("Unsupported condition.\n")
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        if call.word(2) and await _removable(call):
            raise Said("Done.\n", NOTICE)
        # The clock is the loop's, as are the timeouts of connections.
        await asyncio.wait((asyncio.ensure_future(asyncio.Event().wait()),), timeout=min(_STEP, end - loop.time()))
    raise Said("Wait delay expired.\n" if call.word(2) else "Done.\n", NOTICE)


async def _removable(call: Call) -> bool:
    backend, server = named(call, 3)
    sight = await call.runtime.sight()
    name = ServerId(backend.name, server.name)
    found = next((one for here in sight.status.backends for one in here.servers if one.id == name), None)
    busy = found is not None and found.traffic is not None and found.traffic.current > 0
    return found is not None and found.admin is Admin.MAINT and not busy


COMMANDS = (
    Command(("show", "sess"), "show sess [id]", "what is in progress", Level.OPERATOR, show_sess),
    Command(("shutdown", "session"), "shutdown session [id]", "end one session", Level.ADMIN, shutdown_session),
    Command(
        ("shutdown", "sessions", "server"),
        "shutdown sessions server <bk>/<srv>",
        "end the sessions of a server",
        Level.ADMIN,
        shutdown_sessions,
    ),
    Command(("clear", "counters"), "clear counters [all]", "count anew", Level.OPERATOR, clear_counters),
    Command(("wait",), "wait <ms> [cond] [args...]", "wait, or until something is so", Level.USER, wait),
)
