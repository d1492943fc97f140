"""`show errors`: the last message of each proxy that could not be read, with the place at which it could not.

Owns how they are shown (management manual, 9.3). HAProxy's flags of a connection mean nothing here and are 0; its
states of a parser are told by where the message could not be read on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tenbin.api.haproxy import state
from tenbin.api.haproxy.command import Command, Said
from tenbin.api.haproxy.roster import proxies_of
from tenbin.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tenbin.api.haproxy.command import Call
    from tenbin.api.haproxy.port import Sight
    from tenbin.model import Proxy
    from tenbin.plan import wire

_BUFFER, _WRAP = 16_384, 16_336
_COLUMNS = 70
_NAMED = {ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r", 27: "\\e", ord(" "): " "}


async def show_errors(call: Call) -> str:
    """`show errors [<proxy>|-1] [request|response]`: of one proxy, also what went through it."""
    wanted, side = call.word(2), call.word(3)
    proxies = {proxy.name: proxy for proxy in proxies_of(call.runtime.state.config)}
    name = _asked(wanted, proxies) if wanted else ""
    sight = await call.runtime.sight()
    found = await call.runtime.refused()
    sides = {"request": ("request",), "response": ("answer",)}.get(side, ("request", "answer"))
    parts = [f"Total events captured on [{state.stamp(sight)}] : {found.count}\n"]
    order = list(proxies)
    kept = [one for one in found.messages if one.side in sides and name in ("", one.frontend, one.backend)]
    kept = [one for one in kept if _holder(one) in proxies]
    kept.sort(key=lambda one: (order.index(_holder(one)), one.side == "answer"))
    parts += [_shown(sight, one, proxies) for one in kept]
    return "".join(parts)


def _asked(wanted: str, proxies: dict[str, Proxy]) -> str:
    """The proxy that a name or a number means; "" for every one. As in HAProxy, a number need not be anyone's."""
    if wanted in proxies:
        return wanted
    number = int(wanted) if wanted.removeprefix("-").isdecimal() else 0
    if not number:
        raise Said("No such proxy.\n")
    return "" if number < 0 else next((one.name for one in proxies.values() if one.number == number), wanted)


def _holder(message: wire.RefusedMessage) -> str:
    """The proxy that keeps a message."""
    return message.frontend if message.side == "request" else message.backend


def _shown(sight: Sight, message: wire.RefusedMessage, proxies: dict[str, Proxy]) -> str:
    at = datetime.fromtimestamp(message.at / 1000, UTC).astimezone()
    stamp = f"{at:%d/%b/%Y:%H:%M:%S}.{at.microsecond // 1000:03}"
    front, back = (_proxy(name, proxies) for name in (message.frontend, message.backend))
    if message.side == "request":
        where = f"frontend {front}: invalid request\n  backend <NONE> (#-1), server <NONE> (#-1)"
    else:
        where = f"backend {back}: invalid response\n  frontend {front}, server {_server(sight, message)}"
    data = message.bytes.encode("latin-1")
    lines = [
        f" \n[{stamp}] {where}, event #{message.number}, src {message.source}",
        f"  buffer starts at 0 (including 0 out), {max(_BUFFER - message.length, 0)} free,",
        f"  len {message.length}, wraps at {_WRAP}, error at position {message.position}",
        "  H1 connection flags 0x00000000, H1 stream flags 0x00000000",
        f"  H1 msg state {_parser_state(data, message.position, message.side)}, H1 msg flags 0x00000000",
        "  H1 chunk len 0 bytes, H1 body len 0 bytes :",
        "  ",
    ]
    return "".join(f"{line}\n" for line in (*lines, *_dump(data)))


def _proxy(name: str, proxies: dict[str, Proxy]) -> str:
    return f"{name} (#{proxies[name].number if name in proxies else -1})"


def _server(sight: Sight, message: wire.RefusedMessage) -> str:
    backend = next((one for one in sight.config.backends if one.name == message.backend), None)
    servers = backend.servers if backend is not None else ()
    found = next((place for place, one in enumerate(servers, 1) if one.name == message.server), 0)
    return f"{message.server} (#{servers[found - 1].number or found})" if found else "<NONE> (#-1)"


def _parser_state(data: bytes, position: int, side: str) -> str:
    """What a parser reads at that place."""
    start = data.rfind(b"\n", 0, position) + 1
    before = data[start:position]
    if start:
        return "MSG_HDR_VAL(22)" if b":" in before else "MSG_HDR_NAME(17)"
    words = before.count(b" ")
    if side == "request":
        return ("MSG_RQMETH(2)", "MSG_RQURI(4)", "MSG_RQVER(6)")[min(words, 2)]
    return ("MSG_RPVER(10)", "MSG_RPCODE(12)", "MSG_RPREASON(14)")[min(words, 2)]


def _dump(data: bytes) -> Iterator[str]:
    """Each line of the message with the place of its first byte; `+` where it is a line that goes on."""
    place, goes_on = 0, False
    while place < len(data):
        text, start = "", place
        while place < len(data):
            shown = _character(data[place])
            if len(text) + len(shown) > _COLUMNS:
                break
            text += shown
            place += 1
            if data[place - 1] == ord("\n"):
                break
        yield f"  {start:05d}{'+' if goes_on else ' '} {text}"
        goes_on = data[place - 1] != ord("\n")


def _character(byte: int) -> str:
    if byte in _NAMED:
        return _NAMED[byte]
    if byte == ord("\\"):
        return "\\\\"
    return chr(byte) if 32 < byte < 127 else f"\\x{byte:02X}"


COMMANDS = (
    Command(
        ("show", "errors"),
        "show errors [<px>] [request|response]",
        "messages that could not be read",
        Level.USER,
        show_errors,
    ),
)
