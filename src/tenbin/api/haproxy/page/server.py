"""Serves the pages and Prometheus' figures on sockets that only the data plane connects to.

Owns the sockets and what a request becomes: a page, an export, an action, or a refusal. How slow clients are bounded is
the business of `tenbin.api.bounded`; the data plane stands between them and us.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from tenbin.api.bounded import make_server
from tenbin.api.haproxy import exporter, forms
from tenbin.api.haproxy.page import actions, ask, html
from tenbin.api.haproxy.page.places import bind
from tenbin.api.haproxy.roster import roster, version_of
from tenbin.api.haproxy.rows import Scope as Rows
from tenbin.api.haproxy.rows import rows
from tenbin.api.server import Limits
from tenbin.errors import BindError
from tenbin.plan.services import ALLOWED, METRICS, services, socket_name

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

    from tenbin.api.bounded import BoundedServer
    from tenbin.api.haproxy.port import Runtime, Sight
    from tenbin.model import Config, StatsPage

BODY = 16_384
_LIMITS = Limits(clients=256)
_POLICY = "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


class Pages:
    """The pages' sockets, one for each service."""

    def __init__(self, runtime: Runtime, directory: Path, bound: dict[str, socket.socket]) -> None:
        self._runtime = runtime
        self._directory = directory
        self._bound = bound
        self._running: dict[str, tuple[BoundedServer, asyncio.Task[None]]] = {}

    async def move(self, config: Config) -> list[BindError]:
        """Serve the pages of this configuration; what a page shows is looked up with each request."""
        wanted = {socket_name(place): name for place, name in enumerate(services(config))}
        problems = []
        for name in wanted:
            if name not in self._running:
                try:
                    await self._open(name)
                except OSError as error:
                    problems.append(BindError(f"the statistics page cannot be served: {error.strerror}"))
        return problems

    async def close(self) -> None:
        """Serve no more."""
        for server, task in self._running.values():
            server.should_exit = True
            server.abort()
            task.cancel()
        for name in self._running:
            with suppress(OSError):
                (self._directory / name).unlink()
        self._running.clear()

    async def _open(self, name: str) -> None:
        listening = self._bound.pop(name, None) or bind(self._directory / name)
        place = int("".join(letter for letter in name if letter.isdigit()))
        server = make_server(Service(self._runtime, place), _LIMITS)
        await server.begin(listening)
        self._running[name] = (server, asyncio.create_task(server.run_until_told(listening), name=f"tenbin-{name}"))


class Service:
    """One service as an application; `place` is its number in the configuration in force."""

    def __init__(self, runtime: Runtime, place: int) -> None:
        self._runtime = runtime
        self._place = place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        names = services(self._runtime.state.config)
        name = names[self._place] if self._place < len(names) else ""
        if name == METRICS:
            text = exporter.render(await self._runtime.sight(), scope["query_string"].decode("latin-1"))
            await answer(send, 200, text, exporter.CONTENT_TYPE)
            return
        compat = self._runtime.state.config.compat
        found = [page for page in compat.pages if page.service == name] if compat is not None else []
        if found:
            await self._page(found[0], scope, receive, send)
        else:
            await answer(send, 404, "not found\n", "text/plain")

    async def _page(self, page: StatsPage, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if not ask.logged_in(page, headers):
            realm = page.realm.replace("\\", "\\\\").replace('"', '\\"') or "HAProxy Statistics"
            challenge = ("www-authenticate", f'Basic realm="{realm}"')
            await answer(
                send, 401, "You need a valid user and password to access this content.\n", "text/plain", challenge
            )
            return
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
        asked = ask.understood(page, path, scope["query_string"].decode("latin-1"))
        admin = page.admin and headers.get(ALLOWED) == "1"
        if scope["method"] == "POST":
            outcome = await self._act(page, headers, receive, admin=admin)
            await answer(send, 303, "", "text/plain", ("location", asked.link(page.uri, f"st={outcome}")))
        elif scope["method"] in {"GET", "HEAD"}:
            await self._show(page, asked, send, admin=admin)
        else:
            await answer(send, 405, "GET or POST\n", "text/plain", ("allow", "GET, HEAD, POST"))

    async def _act(self, page: StatsPage, headers: dict[str, str], receive: Receive, *, admin: bool) -> str:
        del page
        if not admin or not ask.from_the_page(headers):
            return "DENY"
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > BODY:
                return "EXCD"
        try:
            found = ask.fields(body)
        except ValueError:
            return "ERRP"
        return await actions.carry_out(self._runtime, found)

    async def _show(self, page: StatsPage, asked: ask.Ask, send: Send, *, admin: bool) -> None:
        if asked.form == "json-schema":
            await answer(send, 200, forms.schema(), "application/json")
            return
        sight = await self._runtime.sight()
        scope = _rows(page, asked)
        refresh = [("refresh", str(page.refresh))] if page.refresh and asked.refresh else []
        version = version_of(sight.config)
        found = rows(sight, roster(sight), scope)
        if asked.form == "html":
            nonce = secrets.token_urlsafe(12)
            text = _html(page, asked, sight, scope, nonce, admin=admin)
            policy = f"default-src 'none'; style-src 'nonce-{nonce}'; {_POLICY}"
            await answer(send, 200, text, "text/html; charset=utf-8", ("content-security-policy", policy), *refresh)
        elif asked.form == "json":
            await answer(send, 200, forms.as_json(found, version), "application/json", *refresh)
        else:
            form = forms.typed if asked.form == "typed" else forms.csv
            await answer(send, 200, form(found, version), "text/plain", *refresh)


def _rows(page: StatsPage, asked: ask.Ask) -> Rows:
    names = frozenset(page.proxy if name == "." else name for name in page.scope) or None
    return Rows(
        proxies=names, part=asked.part, up=asked.up, no_maint=asked.no_maint, private=page.legends or page.admin
    )


def _html(page: StatsPage, asked: ask.Ask, sight: Sight, scope: Rows, nonce: str, *, admin: bool) -> str:
    entries = roster(sight)
    shown = ((entry, list(rows(sight, (entry,), scope))) for entry in entries if scope.takes(entry))
    return html.render(page, asked, sight, shown, nonce, admin=admin)


async def answer(send: Send, status: int, text: str, kind: str, *headers: tuple[str, str]) -> None:
    """Send a whole answer."""
    body = text.encode("utf-8", "replace")
    fields = [
        ("content-type", kind),
        ("content-length", str(len(body))),
        ("cache-control", "no-cache"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        *headers,
    ]
    encoded = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in fields]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
