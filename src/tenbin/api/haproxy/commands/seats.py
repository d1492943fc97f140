"""Commands that change what the connection itself may and does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenbin.api.haproxy.command import INFO, RANK, Command, Goodbye, Said
from tenbin.model import Address, Level

if TYPE_CHECKING:
    from tenbin.api.haproxy.command import Call, Table

HELP: list[Table] = []
"""The whole table, once there is one."""


async def show_help(call: Call) -> str:
    """`help [<command>]`."""
    return HELP[0].help(call.words[1:], call.seat.level)


async def prompt(call: Call) -> str:
    """`prompt [n|i|p]`: toggle, or without, or with."""
    wanted = call.word(1)
    call.seat.interactive = {"n": False, "i": True, "p": True}.get(wanted, not call.seat.interactive)
    return ""


async def leave(_call: Call) -> str:
    """`quit`."""
    raise Goodbye


async def operator(call: Call) -> str:
    """`operator`: give rights up."""
    call.seat.level = min(call.seat.level, Level.OPERATOR, key=RANK.__getitem__)
    return ""


async def user(call: Call) -> str:
    """`user`: give rights up."""
    call.seat.level = Level.USER
    return ""


async def show_level(call: Call) -> str:
    """`show cli level`."""
    return f"{call.seat.level}\n"


async def show_sockets(call: Call) -> str:
    """`show cli sockets`."""
    compat = call.runtime.state.config.compat
    lines = ["# socket lvl processes"]
    for place in compat.sockets if compat is not None else ():
        address = place.address
        text = str(address)
        if isinstance(address, Address):
            text = f"ipv{6 if ':' in address.host else 4}@{address}"
        lines.append(f"{text} {place.level} all")
    return "".join(f"{line}\n" for line in lines)


async def set_timeout(call: Call) -> str:
    """`set timeout cli <delay>`: seconds unless it has a unit."""
    if call.word(2) != "cli":
        raise Said("'set timeout' only supports 'cli'.\n")
    seconds = seconds_of(call.word(3))
    if seconds is None:
        raise Said("Invalid timeout value.\n")
    call.seat.timeout = seconds
    return ""


def seconds_of(text: str) -> float | None:
    """Return the seconds of a delay, which may have a unit; None where it is none."""
    units = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
    digits = text.rstrip("umshd")
    factor = units.get(text[len(digits) :], None if digits != text else 1.0)
    if not digits.isdigit() or factor is None or not 0 < int(digits) * factor < 2**31 / 1000:
        return None
    return int(digits) * factor


async def set_severity(call: Call) -> str:
    """`set severity-output none|number|string`."""
    if call.word(2) not in {"none", "number", "string"}:
        raise Said("one of 'none', 'number', 'string' is a required argument\n")
    call.seat.severity = call.word(2)
    return ""


async def expert(call: Call) -> str:
    """`expert-mode [on|off]`."""
    return _mode(call, "expert", "expert-mode")


async def experimental(call: Call) -> str:
    """`experimental-mode [on|off]`."""
    return _mode(call, "experimental", "experimental-mode")


def _mode(call: Call, attribute: str, name: str) -> str:
    wanted = call.word(1)
    if not wanted:
        state = "ON" if getattr(call.seat, attribute) else "OFF"
        raise Said(f"{name} is {state}\n", INFO)
    setattr(call.seat, attribute, wanted == "on")
    return ""


_USER, _OPERATOR, _ADMIN = Level.USER, Level.OPERATOR, Level.ADMIN
COMMANDS = (
    Command(("help",), "help [<command>]", "list matching or all commands", _USER, show_help),
    Command(("prompt",), "prompt", "toggle interactive mode with prompt", _USER, prompt),
    Command(("quit",), "quit", "disconnect", _USER, leave),
    Command(("operator",), "operator", "lower this connection's level to operator", _USER, operator),
    Command(("user",), "user", "lower this connection's level to user", _USER, user),
    Command(("show", "cli", "level"), "show cli level", "level of this connection", _USER, show_level),
    Command(("show", "cli", "sockets"), "show cli sockets", "where these commands are taken", _USER, show_sockets),
    Command(("set", "timeout"), "set timeout [cli] <delay>", "when this connection is closed", _USER, set_timeout),
    Command(
        ("set", "severity-output"),
        "set severity-output [none|number|string]",
        "severities before answers",
        _USER,
        set_severity,
    ),
    Command(("expert-mode",), "expert-mode [on|off]", "commands that only experts should give", _ADMIN, expert),
    Command(("experimental-mode",), "experimental-mode [on|off]", "commands that may change", _ADMIN, experimental),
)
