"""The HTTP probe: one request on a connection of its own, judged by status and, if asked, body.

HTTP/1.1, or HTTP/2 where the server speaks it. Owns the request and the verdict; the answers' grammars are in `answer`
and `http2`. The verdict falls as early as it can: with the head when no body is expected, else when the text has come
or can no longer come.
"""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from tenbin.health.probe.answer import Answer
from tenbin.health.probe.asking import ask, h2_fields
from tenbin.health.result import CheckStatus, Outcome, printable
from tenbin.model import Protocol

if TYPE_CHECKING:
    from tenbin.health.probe.answer import Head
    from tenbin.health.probe.channel import Channel, Dialer
    from tenbin.health.probe.http2 import Exchange
    from tenbin.health.target import Target
    from tenbin.model import HttpCheck


async def probe(dialer: Dialer, target: Target, check: HttpCheck) -> Outcome:
    """Ask: L7OK, L7STS, L7RSP, L7TOUT, or what hindered the connection."""
    spoken = target.way.protocol

    async def judged(channel: Channel) -> Outcome:
        if spoken is Protocol.HTTP2 and channel.tls and channel.alpn != "h2":
            return Outcome(CheckStatus.L6RSP, None, "the server did not agree to HTTP/2 (ALPN h2)")
        if channel.alpn == "h2" or spoken is Protocol.HTTP2:
            exchange = _exchange(check, target)
            await channel.send(exchange.outgoing())
            return await _verdict(channel, exchange, check)
        await channel.send(_request(check, target.authority))
        return await _verdict(channel, Answer(bodiless=check.method == "HEAD"), check)

    return await ask(dialer, target, _ALPN[spoken], judged)


async def _verdict(channel: Channel, answer: Answer | Exchange, check: HttpCheck) -> Outcome:
    expected = check.body.encode()
    while True:
        data = await channel.receive()
        if data:
            answer.feed(data)
        else:
            answer.end()
        head = answer.head
        if head is not None:
            if not any(low <= head.status <= high for low, high in check.statuses):
                return Outcome(CheckStatus.L7STS, head.status, _status_text(head))
            if expected in answer.body:
                return Outcome(CheckStatus.L7OK, head.status, _status_text(head))
            if answer.done:
                return Outcome(CheckStatus.L7RSP, head.status, printable(f"body does not contain {check.body!r}"))
        if reply := answer.outgoing():
            await channel.send(reply)


def _status_text(head: Head) -> str:
    return printable(f"{head.status} {head.reason or _PHRASES.get(head.status, '')}")


@lru_cache(maxsize=16_384)
def _request(check: HttpCheck, authority: str) -> bytes:
    given = {name.lower() for name, _ in check.headers}
    ours = [("Host", authority), ("User-Agent", "tenbin-check"), ("Accept", "*/*"), ("Connection", "close")]
    if check.method in _WITH_BODY:
        ours.append(("Content-Length", "0"))
    fields = [*(field for field in ours if field[0].lower() not in given), *check.headers]
    lines = [f"{check.method} {check.path} HTTP/1.1", *(f"{name}: {text}" for name, text in fields)]
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def _exchange(check: HttpCheck, target: Target) -> Exchange:
    from tenbin.health.probe.http2 import Exchange

    fields = h2_fields(check.method, check.path, target, check.headers)
    given = {name for name, _ in fields}
    ours = [("accept", "*/*"), *([("content-length", "0")] if check.method in _WITH_BODY else ())]
    return Exchange([*fields, *(one for one in ours if one[0] not in given)], bodiless=check.method == "HEAD")


_ALPN = {Protocol.HTTP1: ("http/1.1",), Protocol.HTTP2: ("h2",), Protocol.AUTO: ("h2", "http/1.1")}
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
