"""A server that is made at run time: `add server` with its settings.

Owns the keywords that Tenbin takes there; others are refused by name, so that nothing is left out unnoticed.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING

from tenbin.api.haproxy.command import Said
from tenbin.model import Address, Admin, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tenbin.model import Backend

_SWITCHES: dict[str, Callable[[Server], Server]] = {
    "check": lambda server: replace(server, unchecked=False),
    "no-check": lambda server: replace(server, unchecked=True),
    "backup": lambda server: replace(server, backup=True),
    "disabled": lambda server: server,
    "enabled": lambda server: replace(server, admin=Admin.READY),
}
_NUMBERS: dict[str, Callable[[Server, int], Server]] = {
    "weight": lambda server, value: replace(server, weight=value),
    "maxconn": lambda server, value: replace(server, max_connections=value),
    "maxqueue": lambda server, value: replace(server, max_queue=value),
    "minconn": lambda server, value: replace(server, min_connections=value),
    "id": lambda server, value: replace(server, number=value),
}
_CHECKED = {"inter", "fastinter", "downinter", "rise", "fall", "port"}


def newcomer(backend: Backend, name: str, words: tuple[str, ...]) -> Server:
    """Return the server that these words describe, in maintenance until it is enabled."""
    rest = iter(words)
    address = _address(next(rest, ""))
    server = Server(
        name=name,
        address=address,
        weight=1,
        backup=False,
        max_connections=0,
        max_queue=0,
        passive=None,
        cookie="",
        admin=Admin.MAINT,
        unchecked=True,
        number=_free(backend),
    )
    for word in rest:
        server = _with(server, word, rest)
    if not 0 <= server.weight <= 256:
        raise Said("'server' : 'weight' is out of range: 0 to 256.\n")
    return server


def _with(server: Server, word: str, rest: Iterator[str]) -> Server:
    if word in _SWITCHES:
        return _SWITCHES[word](server)
    if word in _NUMBERS:
        text = next(rest, "")
        if not text.isdigit():
            raise Said(f"'server' : '{word}' needs a number, not '{text}'.\n")
        return _NUMBERS[word](server, int(text))
    if word == "cookie":
        return replace(server, cookie=next(rest, ""))
    if word in _CHECKED:
        next(rest, "")
        return server
    raise Said(f"'server' : '{word}' is not supported for servers that are made at run time.\n")


def _address(text: str) -> Address:
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdigit() or not 0 < int(port) < 65_536:
        raise Said(f"'server' : '{text}' is not an address and a port.\n")
    try:
        literal = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        raise Said(f"'server' : '{host}' is not an address; names are not looked up at run time.\n") from None
    return Address(str(literal), int(port))


def _free(backend: Backend) -> int:
    """The lowest number that no other server has; those of the file may have none of their own."""
    taken = {server.number or place for place, server in enumerate(backend.servers, 1)}
    return next(number for number in range(1, len(taken) + 2) if number not in taken)
