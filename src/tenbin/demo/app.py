"""The demo application's endpoints: a request in, an answer out.

Owns what the endpoints say; how bytes travel is `tenbin.demo.http`, how connections live is `tenbin.demo.backend`.
"""

from __future__ import annotations

import json
import math
import os
import resource
import socket
from typing import TYPE_CHECKING

from tenbin.demo.http import Answer, Request, RequestError, json_answer
from tenbin.demo.sessions import COOKIE, Sessions, session_id
from tenbin.demo.websocket import handshake

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tenbin.clock import Clock

    Result = Answer | Awaitable[Answer]
    Handler = Callable[[Request], Result]

_BLOCK = bytes(range(32, 127)) * 690
_GIB = 1024**3


class App:
    """One named server of the demo. `shutting_down` makes it refuse everything that is new."""

    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.shutting_down = False
        self.requests = 0
        self._clock = clock
        self._started = clock.now()
        self._sessions = Sessions(name)
        self._host = socket.gethostname()
        self._handlers: dict[str, dict[str, Handler]] = {
            "/health": {"GET": self._health},
            "/api/whoami": {"GET": self._whoami},
            "/api/secure": {"GET": self._secure},
            "/api/session": {"GET": self._session, "POST": self._session},
            "/api/long-operation": {"POST": self._long_operation},
            "/api/fast": {"GET": self._fast},
            "/api/slow": {"GET": self._slow},
            "/api/error": {"GET": self._error},
            "/api/load-test": {"GET": self._load_test},
            "/ws": {"GET": handshake},
            "/stream": {"GET": self._stream},
            "/bytes": {"GET": self._bytes},
        }

    def handle(self, request: Request) -> Result:
        """Return the answer, or an awaitable of it when it takes time."""
        self.requests += 1
        path = request.path
        if self.shutting_down:
            return json_answer({"status": "shutting_down", "server": self.name}, 503)
        if path == "/echo":
            return self._echo(request)
        methods = self._handlers.get(path)
        if methods is None:
            return json_answer({"error": "not found", "server": self.name, "path": path}, 404)
        handler = methods.get("GET" if request.method == "HEAD" else request.method)
        if handler is None:
            allowed = ", ".join(methods)
            return json_answer({"error": "method not allowed", "server": self.name}, 405, (("Allow", allowed),))
        return handler(request)

    def _identity(self) -> dict[str, object]:
        return {"server": self.name, "container": self.name}

    def _health(self, _request: Request) -> Answer:
        memory = {"maxRssKiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}
        uptime = round(self._clock.now() - self._started, 3)
        return json_answer({"status": "healthy", **self._identity(), "uptime": uptime, "memory": memory})

    def _whoami(self, request: Request) -> Answer:
        about = {"pid": os.getpid(), "hostname": self._host, "timestamp": self._clock.wall().isoformat()}
        return json_answer({**self._identity(), **about, "headers": dict(request.headers)})

    def _secure(self, request: Request) -> Answer:
        told = {"protocol": request.header("x-forwarded-proto"), "tls_version": request.header("x-tls-version")}
        return json_answer({**self._identity(), **told})

    def _session(self, request: Request) -> Answer:
        body = _json_object(request) if request.method == "POST" else {}
        wanted = session_id(request.header("cookie"), request.header("x-session-id"))
        session = self._sessions.visit(wanted, self._clock.wall().isoformat())
        session.client = body.get("clientId", session.client)
        value = {
            **self._identity(),
            "sessionId": session.id,
            "visits": session.visits,
            "requestCount": session.visits,
            "clientId": session.client,
            "created": session.created,
        }
        cookie = f"{COOKIE}={session.id}; Path=/; HttpOnly; SameSite=Lax"
        return json_answer(value, headers=(("Set-Cookie", cookie), ("X-Session-Id", session.id)))

    async def _long_operation(self, request: Request) -> Answer:
        duration = _json_object(request).get("duration", 5000)
        if isinstance(duration, bool) or not isinstance(duration, int | float) or not 0 <= duration <= 3_600_000:
            raise RequestError(400, "duration must be milliseconds from 0 to 3600000")
        await self._clock.sleep(duration / 1000)
        return json_answer({**self._identity(), "duration": duration, "completed": True})

    def _fast(self, _request: Request) -> Answer:
        return json_answer({**self._identity(), "type": "fast"})

    async def _slow(self, _request: Request) -> Answer:
        await self._clock.sleep(0.5 + self._clock.jitter(0.1))
        return json_answer({**self._identity(), "type": "slow"})

    def _error(self, _request: Request) -> Answer:
        return json_answer({"error": "Simulated error", **self._identity()}, 500)

    def _load_test(self, request: Request) -> Answer:
        iterations = request.number("iterations", 1000, 10_000_000)
        result = math.fsum(math.sqrt(i) for i in range(iterations))
        return json_answer({**self._identity(), "result": result, "processingTime": iterations})

    def _stream(self, request: Request) -> Answer:
        chunks, size = request.number("chunks", 10, 100_000), request.number("bytes", 64, 1_000_000)
        pause = request.number("pause", 5, 60_000) / 1000
        return Answer(200, (("Content-Type", "text/plain"),), stream=self._chunks(chunks, size, pause))

    async def _chunks(self, chunks: int, size: int, pause: float) -> AsyncIterator[bytes]:
        for i in range(chunks):
            if i:
                await self._clock.sleep(pause)
            yield (f"{self.name} chunk {i} ".encode() + _BLOCK * (size // len(_BLOCK) + 1))[:size]

    def _bytes(self, request: Request) -> Answer:
        n = request.number("n", 1024, 16 * _GIB)
        headers = (("Content-Type", "application/octet-stream"),)
        if n <= len(_BLOCK):
            return Answer(200, headers, _BLOCK[:n])
        return Answer(200, headers, stream=_blocks(n), length=n)

    def _echo(self, request: Request) -> Answer:
        return json_answer(
            {
                **self._identity(),
                "method": request.method,
                "target": request.target,
                "path": request.path,
                "version": f"HTTP/1.{request.minor}",
                "headers": [list(pair) for pair in request.headers],
                "body": request.body.decode("latin-1"),
            }
        )


async def _blocks(n: int) -> AsyncIterator[bytes]:
    while n > 0:
        yield _BLOCK[:n]
        n -= len(_BLOCK)


def _json_object(request: Request) -> dict[str, object]:
    if not request.body:
        return {}
    try:
        value = json.loads(request.body)
    except ValueError as error:
        raise RequestError(400, f"the body is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise RequestError(400, "the body must be a JSON object")
    return value
