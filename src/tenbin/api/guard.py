"""What every request to the admin API must pass before a route sees it.

Owns the checks of Host, Origin, content type, token and pace, the bounds on bodies, and the headers on every answer. An
ASGI layer around the application, so that no route can forget it. Errors are JSON: `{"error": ..., "hint": ...}`.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from math import ceil
from traceback import format_exception
from typing import TYPE_CHECKING

from tenbin.api.origin import host_allowed, origin_allowed
from tenbin.api.pace import Pace, Rates
from tenbin.api.token import READS, Tokens, Verdict
from tenbin.api.watch import Watch
from tenbin.observe import sentences

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tenbin.observe.journal import Journal

BODY_LIMIT = 65_536

SECURITY_HEADERS = (
    (b"content-security-policy", b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what: see `tenbin.api.create_app`. `body_time`: seconds for a request's whole body."""

    tokens: Tokens
    trusted: bool
    hosts: tuple[str, ...]
    body_time: float
    rates: Rates


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error answer; `close` ends the connection, for the rest of the request cannot be trusted."""

    status: int
    error: str
    hint: str
    headers: tuple[tuple[bytes, bytes], ...] = ()
    close: bool = False


class Guard:
    """Lets requests through to `app` or answers them itself."""

    def __init__(self, app: ASGIApp, access: Access, journal: Journal | None) -> None:
        self._app = app
        self._access = access
        self._journal = journal
        self._pace = Pace(access.rates)
        self._watch = Watch(access.rates)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        headers = _headers(scope)
        refusal = self._hurried(scope) or refused(scope, headers, self._access) or self._unauthorized(scope, headers)
        if refusal is not None:
            await answer.refuse(refusal)
            return
        body = await _read(receive, headers, self._access.body_time)
        if body is None:
            return
        if isinstance(body, Refusal):
            await answer.refuse(body)
            return
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        try:
            await self._app(inner, _replay(body, receive), answer.send)
        except Exception as error:  # noqa: BLE001 - the last resort: a bug must not take the admin API down
            self._report(scope, error)
            await answer.refuse(Refusal(500, "internal error", "the journal has the details"))

    def _hurried(self, scope: Scope) -> Refusal | None:
        """Bound what one source may ask over TCP; the operator's socket stays free."""
        if self._access.trusted:
            return None
        wait = self._pace.too_many(_source(scope), asyncio.get_running_loop().time())
        if not wait:
            return None
        return _later(wait, "too many requests", "ask less often, or over the unix socket")

    def _unauthorized(self, scope: Scope, headers: dict[str, list[str]]) -> Refusal | None:
        tokens = self._access.tokens
        if self._access.trusted or tokens.open_to_all(scope["method"], scope["path"]):
            return None
        source, now = _source(scope), asyncio.get_running_loop().time()
        given = headers.get("authorization", [])
        verdict = tokens.judge(scope["method"], given)
        wait = self._pace.shut_out(source, now)
        if wait and given and verdict is not Verdict.NO_TOKEN_SET:
            # A right one is refused like a wrong one: otherwise guessing would go on.
            return _later(wait, "too many wrong tokens", "use the unix socket in the runtime directory")
        if verdict is Verdict.TOKEN_WRONG:
            count = self._pace.wrong_token(source, now)
            if self._journal is not None and (line := self._watch.remark(source, count, now)):
                self._journal.say(line)
        return _REFUSALS.get(verdict)

    def _report(self, scope: Scope, error: Exception) -> None:
        if self._journal is not None:
            where = f"{scope['method']} {scope['path']}"
            self._journal.say(sentences.internal_error(where, "".join(format_exception(error))))


def refused(scope: Scope, headers: dict[str, list[str]], access: Access) -> Refusal | None:
    """Decide by the head alone; pure."""
    if not access.trusted:
        local = scope["server"][0] if scope.get("server") else ""
        refusal = _misdirected(headers, local, access.hosts)
        if refusal is not None:
            return refusal
    if scope["method"] in READS:
        return None
    content_type = headers.get("content-type", [""])[0].partition(";")[0].strip().lower()
    if content_type != "application/json":
        return Refusal(415, "writes must be JSON", "send the header Content-Type: application/json")
    return None


def error_body(error: str, hint: str) -> bytes:
    """Return the one form of all errors."""
    return json.dumps({"error": error, "hint": hint}).encode()


def _misdirected(headers: dict[str, list[str]], local: str, configured: tuple[str, ...]) -> Refusal | None:
    hosts = headers.get("host", [])
    if len(hosts) > 1:
        return Refusal(400, "more than one Host header", "send one", close=True)
    if hosts and not host_allowed(hosts[0], local=local, configured=configured):
        hint = "use localhost or the address that it listens on, or name it in `hosts` under `admin`"
        return Refusal(403, "this Host is not served here", hint)
    for origin in headers.get("origin", []):
        if not origin_allowed(origin, local=local, configured=configured):
            return Refusal(403, "pages of another origin may not use this API", "call it from a program instead")
    return None


_CHALLENGE = ((b"www-authenticate", b'Bearer realm="tenbin"'),)
_SEND = "send the header Authorization: Bearer TOKEN"
_REFUSALS = {
    Verdict.NO_TOKEN_SET: Refusal(
        403,
        "no token is configured that would open this",
        "set a token under `admin` in the configuration, or use the unix socket in the runtime directory",
    ),
    Verdict.TOKEN_MISSING: Refusal(401, "a valid token is needed", _SEND, _CHALLENGE),
    Verdict.TOKEN_WRONG: Refusal(401, "a valid token is needed", _SEND, _CHALLENGE),
    Verdict.TOKEN_ONLY_READS: Refusal(403, "this token only reads", "use the one that is `token` under `admin`"),
}


def _later(wait: float, error: str, hint: str) -> Refusal:
    return Refusal(429, error, hint, ((b"retry-after", str(ceil(wait)).encode()),))


def _source(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


async def _read(receive: Receive, headers: dict[str, list[str]], seconds: float) -> bytes | Refusal | None:
    too_big = Refusal(413, f"the body is larger than {BODY_LIMIT} bytes", "send less")
    length = headers.get("content-length", ["0"])[0]
    if length.isascii() and length.isdigit() and int(length) > BODY_LIMIT:
        return too_big
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                body += message.get("body", b"")
                if len(body) > BODY_LIMIT:
                    return too_big
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        return Refusal(408, f"the body did not arrive within {seconds:g} seconds", "send it at once", close=True)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replayed() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


class _Answer:
    """Adds the security headers to whatever is answered, and knows whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._begun = True
            message = {**message, "headers": [*message.get("headers", []), *SECURITY_HEADERS]}
        await self._send(message)

    async def refuse(self, refusal: Refusal) -> None:
        if self._begun:
            return
        body = error_body(refusal.error, refusal.hint)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            *refusal.headers,
            *([(b"connection", b"close")] if refusal.close else []),
        ]
        await self.send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})
