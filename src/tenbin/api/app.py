"""The application behind the admin API: its routes and what errors look like.

Owns paths, the shapes of requests and answers, and the mapping from errors to statuses. Decides nothing: reads come
from `Operations.status`, writes go to `Operations`. Who may call is decided by `tenbin.api.guard` before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Body, FastAPI, Query, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

import tenbin
from tenbin.api import page
from tenbin.api.guard import Access, Guard, error_body
from tenbin.errors import ConfigError, DataplaneError, TenbinError, UnknownObjectError
from tenbin.model import Admin, ServerId
from tenbin.observe import jsonform, prometheus, sentences
from tenbin.observe.journal import KEPT
from tenbin.observe.status import Status

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tenbin.api.operations import Operations
    from tenbin.observe.journal import Journal


_TEXTS = {"chain_text", "key_text"}
_HIDDEN: Any = {
    "listeners": {"__all__": {"tls": {"certificates": {"__all__": _TEXTS}}}},
    "backends": {"__all__": {"servers": {"__all__": {"tls": {"certificate": _TEXTS}}}}},
}
"""What of a snapshot nobody is shown: certificates and keys that were given at run time."""


class ServerChange(BaseModel):
    """What to change of a server; what is left out stays."""

    model_config = ConfigDict(extra="forbid", strict=True)

    weight: Annotated[int | None, Field(ge=0, le=256)] = None
    admin: Annotated[Admin | None, Field(strict=False)] = None


class StopRequest(BaseModel):
    """`now`: without waiting for work in progress."""

    model_config = ConfigDict(extra="forbid", strict=True)

    now: bool = False


class Done(BaseModel):
    """What was done, in a sentence."""

    result: str


class Reloaded(BaseModel):
    """How a reload went; `problems` are the diagnostics of a refused file."""

    ok: bool
    generation: int
    summary: str
    problems: str


class Failed(BaseModel):
    """Any error."""

    error: str
    hint: str


def make_app(operations: Operations, *, access: Access, journal: Journal | None) -> FastAPI:
    """Make the application for one address."""
    errors: dict[int | str, dict[str, type[Failed]]] = {
        status: {"model": Failed} for status in (400, 401, 403, 404, 408, 413, 415, 422, 503)
    }
    app = FastAPI(
        title="Tenbin admin API",
        version=tenbin.__version__,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses=errors,
    )
    _add_reads(app, _Reads(operations, journal))
    _add_writes(app, _Writes(operations, journal))
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(RequestValidationError, _on_bad_request)
    app.add_exception_handler(TenbinError, _on_known_error)
    app.add_middleware(Guard, access=access, journal=journal)
    return app


def _add_reads(app: FastAPI, reads: _Reads) -> None:
    app.add_api_route("/", reads.front_page, response_class=HTMLResponse, include_in_schema=False)
    app.add_api_route("/healthz", reads.healthz, response_model=Done, summary="The process lives")
    app.add_api_route("/readyz", reads.readyz, response_model=Done, summary="It serves traffic")
    app.add_api_route("/metrics", reads.metrics, response_class=Response, summary="Figures for Prometheus")
    app.add_api_route("/api/v1/status", reads.status, response_model=Status, summary="Everything that is known")
    app.add_api_route("/api/v1/snapshot", reads.snapshot, response_model=None, summary="What the data plane was told")
    app.add_api_route("/api/v1/events", reads.events, response_model=None, summary="The last events, oldest first")


def _add_writes(app: FastAPI, writes: _Writes) -> None:
    token = [Security(HTTPBearer(auto_error=False))]
    for path, endpoint, method, model, status in (
        ("/api/v1/reload", writes.reload, "POST", Reloaded, 200),
        ("/api/v1/stop", writes.stop, "POST", Done, 202),
        ("/api/v1/upgrade", writes.upgrade, "POST", Done, 202),
        ("/api/v1/servers/{backend}/{server}", writes.set_server, "PATCH", Done, 200),
    ):
        app.add_api_route(
            path, endpoint, methods=[method], response_model=model, status_code=status, dependencies=token
        )


class _Reads:
    def __init__(self, operations: Operations, journal: Journal | None) -> None:
        self._operations = operations
        self._journal = journal

    async def front_page(self) -> HTMLResponse:
        return HTMLResponse(page.render(await self._operations.status(), ready=self._operations.ready()))

    async def healthz(self) -> Done:
        return Done(result="alive")

    async def readyz(self) -> Response:
        if self._operations.ready():
            return JSONResponse({"result": "ready"})
        hint = "no snapshot is applied yet, or the data plane is not attached; see /api/v1/events"
        return Response(error_body("not ready", hint), 503, media_type="application/json")

    async def metrics(self) -> Response:
        text = prometheus.render(await self._operations.status()) + await self._operations.compat_metrics()
        return Response(text, headers={"content-type": prometheus.CONTENT_TYPE})

    async def status(self) -> Response:
        return Response(jsonform.dump(await self._operations.status()), media_type="application/json")

    async def snapshot(self) -> Response:
        blanked = self._operations.snapshot().model_copy(update={"secret": ""})
        return Response(blanked.model_dump_json(exclude=_HIDDEN), media_type="application/json")

    async def events(
        self, after: Annotated[int, Query(ge=0)] = 0, limit: Annotated[int, Query(ge=1, le=KEPT)] = KEPT
    ) -> Response:
        entries = self._journal.entries(after=after, limit=limit) if self._journal else ()
        return Response(jsonform.dump_entries(entries), media_type="application/json")


class _Writes:
    def __init__(self, operations: Operations, journal: Journal | None) -> None:
        self._operations = operations
        self._journal = journal

    async def reload(self, request: Request) -> Response:
        report = await self._operations.reload()
        outcome = f"generation {report.generation}" if report.ok else "refused"
        self._audit(request, "reload", outcome)
        answer = Reloaded(ok=report.ok, generation=report.generation, summary=report.summary, problems=report.problems)
        if report.ok:
            return JSONResponse(answer.model_dump())
        error = {"error": "the configuration cannot be used", "hint": "nothing was changed; see `problems`"}
        return JSONResponse({**error, **answer.model_dump()}, 422)

    async def stop(self, request: Request, body: Annotated[StopRequest | None, Body()] = None) -> Done:
        now = body.now if body else False
        outcome = "stopping now" if now else "stopping when work in progress has ended"
        await self._operations.stop(now=now)
        self._audit(request, "stop", outcome)
        return Done(result=outcome)

    async def upgrade(self, request: Request) -> Done:
        return await self._told(request, "upgrade", self._operations.upgrade())

    async def set_server(self, request: Request, backend: str, server: str, change: ServerChange) -> Done:
        if change.weight is None and change.admin is None:
            raise HTTPException(422, "nothing to change: give `weight`, `admin` or both")
        name = ServerId(backend, server)
        told = self._operations.set_server(name, weight=change.weight, admin=change.admin)
        return await self._told(request, f"set server {name}", told)

    async def _told(self, request: Request, action: str, doing: Awaitable[str]) -> Done:
        sentence = await doing
        self._audit(request, action, sentence)
        return Done(result=sentence)

    def _audit(self, request: Request, action: str, outcome: str) -> None:
        if self._journal is not None:
            client = f"{request.client.host}" if request.client else "the unix socket"
            self._journal.say(sentences.admin_request(client, action, outcome))


async def _on_http_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    hint = "GET / lists what there is" if error.status_code in {404, 405} else ""
    return Response(
        error_body(error.detail, hint),
        error.status_code,
        headers=dict(error.headers or {}),
        media_type="application/json",
    )


async def _on_bad_request(_request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    problems = error.errors()
    status = 400 if any(problem["type"] == "json_invalid" for problem in problems) else 422
    told = "; ".join(f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in problems)
    return Response(error_body(told, "see /api/v1/openapi.json"), status, media_type="application/json")


async def _on_known_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, TenbinError):
        raise error
    status = 409
    for kind, code in ((UnknownObjectError, 404), (ConfigError, 422), (DataplaneError, 503)):
        if isinstance(error, kind):
            status = code
    return Response(error_body(error.message, error.hint), status, media_type="application/json")
