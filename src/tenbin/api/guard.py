"""What every request to the admin API must pass before a route sees it.

Owns the checks of Host, Origin, content type and token, the bounds on bodies, and the headers on every answer. An
ASGI layer around the application, so that no route can forget it. Errors are JSON: `{"error": ..., "hint": ...}`.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from dataclasses import dataclass
from traceback import format_exception
from typing import TYPE_CHECKING

from tenbin.api.origin import host_allowed, origin_allowed
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

    token: str
    trusted: bool
    host: str
    body_time: float


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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        headers = _headers(scope)
        refusal = refused(scope, headers, self._access)
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

    def _report(self, scope: Scope, error: Exception) -> None:
        if self._journal is not None:
            where = f"{scope['method']} {scope['path']}"
            self._journal.say(sentences.internal_error(where, "".join(format_exception(error))))


def refused(scope: Scope, headers: dict[str, list[str]], access: Access) -> Refusal | None:
    """Decide by the head alone; pure."""
    if not access.trusted:
        local = scope["server"][0] if scope.get("server") else ""
        refusal = _misdirected(headers, local, access.host)
        if refusal is not None:
            return refusal
    if scope["method"] in {"GET", "HEAD", "OPTIONS"}:
        return None
    content_type = headers.get("content-type", [""])[0].partition(";")[0].strip().lower()
    if content_type != "application/json":
        return Refusal(415, "writes must be JSON", "send the header Content-Type: application/json")
    return None if access.trusted else _unauthorized(headers.get("authorization", []), access.token)


def error_body(error: str, hint: str) -> bytes:
    """Return the one form of all errors."""
    return json.dumps({"error": error, "hint": hint}).encode()


def _misdirected(headers: dict[str, list[str]], local: str, configured: str) -> Refusal | None:
    hosts = headers.get("host", [])
    if len(hosts) > 1:
        return Refusal(400, "more than one Host header", "send one", close=True)
    if hosts and not host_allowed(hosts[0], local=local, configured=configured):
        hint = "use localhost or the address that it listens on, or configure `admin` with this name"
        return Refusal(403, "this Host is not served here", hint)
    for origin in headers.get("origin", []):
        if not origin_allowed(origin, local=local, configured=configured):
            return Refusal(403, "pages of another origin may not use this API", "call it from a program instead")
    return None


def _unauthorized(authorization: list[str], token: str) -> Refusal | None:
    if not token:
        hint = "set a token under `admin` in the configuration, or use the unix socket in the runtime directory"
        return Refusal(403, "this address is read-only, for no token is configured", hint)
    scheme, _, given = authorization[0].partition(" ") if len(authorization) == 1 else ("", "", "")
    right = hmac.compare_digest(given.strip().encode(), token.encode())
    if scheme.lower() == "bearer" and right:
        return None
    challenge = ((b"www-authenticate", b'Bearer realm="tenbin"'),)
    return Refusal(401, "a valid token is needed", "send the header Authorization: Bearer TOKEN", challenge)


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
