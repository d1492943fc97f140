"""The HTTP probe: one HTTP/1.1 request on a connection of its own, judged by status and, if asked, body.

Owns the request's bytes and the verdict; the answer's grammar is in `answer`. The verdict falls as early as it can:
with the head when no body is expected, else when the text has come or can no longer come.
"""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING

from tenbin.health.probe.answer import Answer, GarbageError
from tenbin.health.probe.link import Link, NotConnectedError
from tenbin.health.result import CheckStatus, Outcome, printable

if TYPE_CHECKING:
    from tenbin.health.probe.answer import Head
    from tenbin.model import Address, HttpCheck


async def probe(where: Address, check: HttpCheck, within: float) -> Outcome:
    """Ask within so many seconds: L7OK, L7STS, L7RSP, L7TOUT, L4CON, L4TOUT or SOCKERR."""
    with Link(within) as link:
        try:
            await link.connect(where)
            await link.send(_request(check, where))
            return await _verdict(link, check)
        except NotConnectedError as failure:
            return failure.outcome
        except TimeoutError:
            return Outcome(CheckStatus.L7TOUT, None, "no answer in time")
        except GarbageError as failure:
            return Outcome(CheckStatus.L7RSP, None, str(failure))
        except OSError as failure:
            return Outcome(CheckStatus.L7RSP, None, (failure.strerror or str(failure)).lower())


async def _verdict(link: Link, check: HttpCheck) -> Outcome:
    answer = Answer(bodiless=check.method == "HEAD")
    expected = check.body.encode()
    while True:
        data = await link.receive()
        if data:
            answer.feed(data)
        else:
            answer.end()
        head = answer.head
        if head is None:
            continue
        if not any(low <= head.status <= high for low, high in check.statuses):
            return Outcome(CheckStatus.L7STS, head.status, _status_text(head))
        if expected in answer.body:
            return Outcome(CheckStatus.L7OK, head.status, _status_text(head))
        if answer.done:
            return Outcome(CheckStatus.L7RSP, head.status, printable(f"body does not contain {check.body!r}"))


def _status_text(head: Head) -> str:
    return printable(f"{head.status} {head.reason or _PHRASES.get(head.status, '')}")


@lru_cache(maxsize=16_384)
def _request(check: HttpCheck, where: Address) -> bytes:
    given = {name.lower() for name, _ in check.headers}
    ours = [("Host", str(where)), ("User-Agent", "tenbin-check"), ("Accept", "*/*"), ("Connection", "close")]
    if check.method in {"POST", "PUT", "PATCH"}:
        ours.append(("Content-Length", "0"))
    fields = [*(field for field in ours if field[0].lower() not in given), *check.headers]
    lines = [f"{check.method} {check.path} HTTP/1.1", *(f"{name}: {text}" for name, text in fields)]
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


_PHRASES = {status.value: status.phrase for status in HTTPStatus}
