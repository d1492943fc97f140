"""Greetings of protocols that are neither HTTP nor plain TCP: what is said first, and which answer is a good one.

Owns the first words of each protocol, judged in HAProxy's words. A login is never completed.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from tenbin.health.probe.asking import ask
from tenbin.health.probe.tcp import probe as connect
from tenbin.health.result import CheckStatus, Outcome, printable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tenbin.health.probe.channel import Channel, Dialer
    from tenbin.health.target import Target
    from tenbin.model import ProtocolCheck

    Greeting = Callable[["Talk", ProtocolCheck], Awaitable[Outcome]]


async def probe(dialer: Dialer, target: Target, check: ProtocolCheck) -> Outcome:
    """Greet: L7OK, L7STS, L7RSP, L7TOUT, for TLS L6OK, L6RSP, L6TOUT, or what hindered the connection."""
    greeting = _GREETINGS.get(check.protocol)
    if greeting is None:
        return await connect(dialer, target)
    silence = CheckStatus.L6TOUT if check.protocol == "ssl_hello" else CheckStatus.L7TOUT
    nothing = _EMPTY.get(check.protocol, CheckStatus.L7RSP)
    step = _STEPS.get(check.protocol, 2)

    async def judged(channel: Channel) -> Outcome:
        try:
            return await greeting(Talk(channel), check)
        except TimeoutError:
            return Outcome(silence)
        except _EmptyError:
            return Outcome(nothing, None, f"TCPCHK got an empty response at step {step}")
        except OSError as failure:
            return Outcome(CheckStatus.L7RSP, None, failure.strerror or str(failure))

    return await ask(dialer, target, (), judged)


class _EmptyError(Exception):
    """The server closed without a word."""


class Talk:
    """A channel whose bytes are read in pieces."""

    def __init__(self, channel: Channel) -> None:
        self.send = channel.send
        self._receive = channel.receive
        self._data = b""

    async def least(self, size: int) -> bytes:
        """Return so many bytes or more, fewer when the server closes."""
        while len(self._data) < size and (more := await self._receive()):
            self._data += more
        if not self._data:
            raise _EmptyError
        return self._data

    async def line(self) -> bytes:
        """Return the next line without its end; what came before the server closed counts as one."""
        while b"\n" not in self._data and (more := await self._receive()):
            self._data += more
        if not self._data:
            raise _EmptyError
        line, _, self._data = self._data.partition(b"\n")
        return line.rstrip(b"\r")


async def _redis(talk: Talk, _: ProtocolCheck) -> Outcome:
    await talk.send(b"*1\r\n$4\r\nPING\r\n")
    line = await talk.line()
    if line == b"+PONG":
        return Outcome(CheckStatus.L7OK, 0, "Redis server is ok")
    return Outcome(CheckStatus.L7STS, 0, _text(line))


async def _smtp(talk: Talk, check: ProtocolCheck) -> Outcome:
    outcome = await _smtp_reply(talk)
    for words in (f"{check.variant or 'HELO'} {check.domain or 'localhost'}", "QUIT"):
        if not outcome.status.passed:
            break
        await talk.send(f"{words}\r\n".encode())
        outcome = await _smtp_reply(talk)
    return outcome


async def _smtp_reply(talk: Talk) -> Outcome:
    line = await talk.line()
    while re.match(rb"[0-9]{3}-", line):
        line = await talk.line()
    if not re.match(rb"[0-9]{3}(?: |$)", line):
        return Outcome(CheckStatus.L7RSP, None, _text(line))
    status = CheckStatus.L7OK if line.startswith(b"2") else CheckStatus.L7STS
    return Outcome(status, int(line[:3]), _text(line[4:]))


async def _ssl_hello(talk: Talk, _: ProtocolCheck) -> Outcome:
    """TLS before its time: the oldest hello of SSL 3, to which any TLS answers, be it with an alert."""
    suites = struct.pack(">39H", *range(1, 0x1C), *range(0x2F, 0x3B))
    hello = b"\x03\x00" + bytes(32) + b"\x00" + struct.pack(">H", len(suites)) + suites + b"\x01\x00"
    message = b"\x01\x00" + struct.pack(">H", len(hello)) + hello
    await talk.send(b"\x16\x03\x00" + struct.pack(">H", len(message)) + message)
    answer = await talk.least(5)
    return Outcome(CheckStatus.L6OK if answer[:1] in (b"\x15", b"\x16") else CheckStatus.L6RSP)


async def _pgsql(talk: Talk, check: ProtocolCheck) -> Outcome:
    words = b"\x00\x03\x00\x00user\x00" + check.user.encode() + b"\x00\x00"
    await talk.send(struct.pack(">I", len(words) + 4) + words)
    answer = await talk.least(9)
    if answer.startswith(b"E"):
        return Outcome(CheckStatus.L7RSP, None, _text(answer[6:].partition(b"\0")[0]))
    if len(answer) >= _PG_HEAD and answer.startswith(b"R\0\0\0") and answer[8] in _PG_WAYS:
        return Outcome(CheckStatus.L7OK, 0, "PostgreSQL server is ok")
    return Outcome(CheckStatus.L7STS, 0, "PostgreSQL unknown error")


async def _mysql(talk: Talk, check: ProtocolCheck) -> Outcome:
    greeting = await talk.least(_MYSQL_HEAD)
    size = int.from_bytes(greeting[:3], "little") + 4
    greeting = (await talk.least(size))[:size]
    if greeting[4:5] == b"\xff":
        return Outcome(CheckStatus.L7STS, int.from_bytes(greeting[5:7], "little"), _text(greeting[7:]))
    version = _text(greeting[5:].partition(b"\0")[0])
    if not check.user:
        return Outcome(CheckStatus.L7OK, 0)
    # Protocol 4.1, no password: whoever may log in without one is told so, anybody else is refused by name.
    words = struct.pack("<IIB23x", _MYSQL_41, 1 << 24, 33) + check.user.encode() + b"\0\0"
    await talk.send(len(words).to_bytes(3, "little") + b"\x01" + words)
    answer = (await talk.least(size + _MYSQL_HEAD + 2))[size:]
    if answer[4:5] == b"\xff":
        return Outcome(CheckStatus.L7STS, int.from_bytes(answer[5:7], "little"), _text(answer[7:]))
    return Outcome(CheckStatus.L7OK, 0, version)


async def _ldap(talk: Talk, _: ProtocolCheck) -> Outcome:
    await talk.send(bytes.fromhex("300c020101600702010304008000"))
    answer = await talk.least(14)
    if not answer.startswith(b"\x30"):
        return Outcome(CheckStatus.L7RSP, None, "Not LDAPv3 protocol")
    body = answer[6:] if answer[1] & 0x80 else answer[2:]
    if not body.startswith(b"\x02\x01\x01\x61") or len(body) < len(_LDAP_HEAD):
        return Outcome(CheckStatus.L7RSP, None, "Not LDAPv3 protocol")
    code = body[body.index(b"\x0a\x01") + 2] if b"\x0a\x01" in body else 1
    if code:
        return Outcome(CheckStatus.L7STS, code, "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9")
    return Outcome(CheckStatus.L7OK, 0)


def _text(data: bytes) -> str:
    return printable(data.decode(errors="replace").partition("\n")[0].rstrip("\r\0"))


_PG_HEAD = 9
# Logins that a server may ask for; any of them shows that it serves.
_PG_WAYS = frozenset({0, 2, 3, 4, 5, 6, 7, 9, 10})
_MYSQL_HEAD = 5
_MYSQL_41 = 0x0000_8200 | 1
_LDAP_HEAD = b"\x02\x01\x01\x61\x07"
_EMPTY = {"redis": CheckStatus.L7STS, "ssl_hello": CheckStatus.L6RSP}
"""What it is called that a server closed without a word, where that is not L7RSP."""
_STEPS = {"pgsql": 3}
_GREETINGS: dict[str, Greeting] = {
    "redis": _redis,
    "smtp": _smtp,
    "ssl_hello": _ssl_hello,
    "pgsql": _pgsql,
    "mysql": _mysql,
    "ldap": _ldap,
}
