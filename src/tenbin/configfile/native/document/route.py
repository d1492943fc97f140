"""Routes: a condition, edits of the messages, and what becomes of the request."""

from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema, model_validator

from tenbin.configfile import expression
from tenbin.configfile.expression import Compiled
from tenbin.configfile.native import values
from tenbin.configfile.native.document.base import Document, made, not_empty, one_of, required, setting, whole
from tenbin.configfile.native.document.server import Server
from tenbin.configfile.native.document.types import (
    AnswerTemplate,
    Condition,
    ErrorStatus,
    HeaderName,
    HeaderNames,
    HeaderTemplate,
    HeaderValue,
    Hosts,
    Paths,
    Status,
    Template,
    Text,
    UrlPath,
    words,
)
from tenbin.configfile.native.tree import Seq
from tenbin.configfile.problem import Mistake, Problem, mistake

ACTIONS = ("backend", "backends", "redirect", "respond", "deny")
TARGETS = ("location", "scheme", "prefix")
CODES = (301, 302, 303, 307, 308)


class RequestEdits(Document):
    """Changes of the request's headers."""

    what: ClassVar[str] = "`request`"
    elsewhere: ClassVar[dict[str, str]] = {
        "set": "it is `set_header`",
        "add": "it is `add_header`",
        "remove": "it is `remove_header`",
        "headers": "it is `set_header`",
        "set_headers": "it is `set_header`",
    }

    set_header: dict[HeaderName, HeaderTemplate] | None = setting(
        "Headers that replace those of the same name; values are texts with `{expression}`."
    )
    add_header: dict[HeaderName, HeaderTemplate] | None = setting("Headers that come beside those of the same name.")
    remove_header: HeaderNames = setting("Names of headers that are taken out.")


class ResponseEdits(RequestEdits):
    """Changes of the answer's headers; their values may also hold `{status}` and `{server}`."""

    what: ClassVar[str] = "`response`"

    set_header: dict[HeaderName, AnswerTemplate] | None = setting(
        "Headers that replace those of the same name; values may hold `{status}` and `{server}` too."
    )
    add_header: dict[HeaderName, AnswerTemplate] | None = setting("Headers that come beside those of the same name.")


def _code(value: object) -> int:
    if value in CODES and not isinstance(value, bool):
        return whole(value, 301, 308)
    raise mistake("not the status of a redirect", expected=f"one of {', '.join(map(str, CODES))}")


RedirectCode = Annotated[int | None, PlainValidator(_code), WithJsonSchema({"enum": list(CODES)})]


class RedirectDocument(Document):
    """Sends the client elsewhere."""

    what: ClassVar[str] = "`redirect`"
    elsewhere: ClassVar[dict[str, str]] = {
        "to": "it is `location`",
        "url": "it is `location`",
        "status": "it is `code`",
        "host": 'it is location: "https://example.org{url}"',
    }

    location: Template = setting("Where to, a text with `{expression}`, such as `https://example.org{url}`.")
    scheme: Annotated[str | None, *words("a scheme", "https", "http")] = setting(
        "The same host and URL under this scheme."
    )
    prefix: Template = setting("This text and then the URL of the request.")
    code: RedirectCode = setting("The status: 301, 302, 303, 307 or 308.", 302)

    headers: dict[HeaderName, HeaderTemplate] | None = setting("Headers of the answer; only of a redirect in `rules`.")

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        one_of(self, TARGETS, what="`redirect`", lacking="where to")
        return self


class RespondDocument(Document):
    """Answers without asking a server."""

    what: ClassVar[str] = "`respond`"
    elsewhere: ClassVar[dict[str, str]] = {
        "code": "it is `status`",
        "text": "it is `body`",
        "content": "it is `body`",
        "content_type": "it is `headers: {Content-Type: ...}`",
    }

    status: Status = setting("The status, 200 to 599.", 200)
    headers: dict[HeaderName, HeaderValue] | None = setting(
        "Headers, as they are. Content-Type is guessed unless given."
    )
    body: Text = setting("The body, as it is.")
    file: Text = setting("A file that holds the body; read with the configuration, at most 1m.")

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        one_of(self, ("body", "file"), what="`respond`")
        if self.status in (204, 205, 304) and (self.body or self.file):
            raise Mistake(Problem(f"an answer {self.status} has no body", key="body" if self.body else "file"))
        return self


class DenyDocument(Document):
    """Refuses the request."""

    what: ClassVar[str] = "`deny`"
    elsewhere: ClassVar[dict[str, str]] = {"code": "it is `status`", "body": "an answer with a body is `respond`"}

    status: ErrorStatus = setting("The status, 400 to 599.", 403)


class RewriteDocument(Document):
    """Changes the beginning of the path that the server sees."""

    what: ClassVar[str] = "`rewrite`"
    elsewhere: ClassVar[dict[str, str]] = {"from": "it is `prefix`", "with": "it is `to`", "path": "it is `prefix`"}

    prefix: UrlPath = required("What the path must begin with, whole segments of it.")
    to: UrlPath = required("What stands there instead.")


def _location(value: object) -> object:
    return made(location=value) if isinstance(value, str) else value


def _status(value: object) -> object:
    if value is True:
        return made()
    return made(status=value) if isinstance(value, int) and not isinstance(value, bool) else value


def _servers(value: object) -> object:
    if isinstance(value, Seq):
        return not_empty("servers")(value)
    hint = "a backend by its name is `backend`" if isinstance(value, str) else ""
    raise mistake(f"{values.describe(value)} instead of servers", expected="a list of servers", hint=hint)


def _backend(value: object) -> str | Compiled:
    if isinstance(value, list):
        raise mistake("a list instead of a backend's name", expected="a name", hint="a list of servers is `backends`")
    name = values.text(value)
    return expression.text(name) if "{" in name else name


BackendName = Annotated[str | Compiled | None, PlainValidator(_backend), WithJsonSchema({"type": "string"})]


class RouteDocument(Document):
    """What becomes of the requests that meet all its conditions."""

    what: ClassVar[str] = "a route"
    elsewhere: ClassVar[dict[str, str]] = {
        "if": "it is `when`",
        "condition": "it is `when`",
        "match": "it is `when`",
        "path_prefix": "it is `prefix`",
        "hosts": "it is `host`",
        "paths": "it is `path`",
        "method": 'it is `when: method == "GET"`',
        "header": 'it is `when: header("x") == "..."`',
        "to": "it is `backend`",
        "server": "it is `backends`, a list",
        "servers": "it is `backends`",
        "use": "it is `backend`",
        "allow": "a route without an action lets the next ones decide",
        "reject": "it is `deny`",
        "return": "it is `respond`",
        "headers": "they stand in `request` or `response`, under `set_header`",
        "set_header": "it stands in `request` or `response`",
        "add_header": "it stands in `request` or `response`",
        "remove_header": "it stands in `request` or `response`",
        "limit": 'it is `when: rate(source, "10s") > 100, deny: 429`',
        "track": "it stands in `rules`",
        "balance": "name a backend under `backends` at the top, and choose its policy there",
    }
    later: ClassVar[dict[str, str]] = {"cache": "caching", "auth": "authentication"}

    when: Condition = setting(
        'A condition, a Python expression such as `path.startswith("/api/") and method == "GET"`.'
    )
    prefix: Paths = setting("Beginnings of the path: `/api/` all below it, `/api` also itself.")
    path: Paths = setting("Whole paths.")
    host: Hosts = setting("Hosts that are asked for; `*.example.org` for all names below it.")
    backend: BackendName = setting(
        "Balances over this backend: a name, or a text with `{expression}`; where no backend has the name that comes "
        "out, the request goes where the last route without a condition says."
    )
    backends: Annotated[list[Server] | None, BeforeValidator(_servers)] = setting(
        "Balances over these servers, without naming a backend."
    )
    redirect: Annotated[
        RedirectDocument | None, BeforeValidator(_location, json_schema_input_type=RedirectDocument | str)
    ] = setting("Sends the client elsewhere; a text is the location.")
    respond: Annotated[
        RespondDocument | None, BeforeValidator(_status, json_schema_input_type=RespondDocument | int)
    ] = setting("Answers without asking a server; a number is the status.")
    deny: Annotated[DenyDocument | None, BeforeValidator(_status, json_schema_input_type=DenyDocument | int | bool)] = (
        setting("Refuses the request; a number is the status, `true` means 403.")
    )
    request: RequestEdits | None = setting("Changes of the headers that the server gets.")
    response: ResponseEdits | None = setting("Changes of the headers that the client gets.")
    rewrite: RewriteDocument | None = setting("Changes the beginning of the path that the server sees.")
    strip_prefix: UrlPath = setting("Takes this off the path that the server sees.")

    @model_validator(mode="after")
    def _one_action(self) -> Self:
        action = one_of(self, ACTIONS, what="a route")
        rewriting = one_of(self, ("rewrite", "strip_prefix"), what="a route")
        if rewriting and action not in ("backend", "backends", ""):
            raise Mistake(Problem(f"`{rewriting}` changes what a server sees, and `{action}` asks none", key=rewriting))
        if not self.model_fields_set:
            raise mistake(
                "the route is empty", expected="a condition and an action", hint="such as {prefix: /api/, backend: app}"
            )
        return self
