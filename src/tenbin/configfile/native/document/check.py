"""Active checks: what is asked of a server and how often."""

import re
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema, model_validator

from tenbin.configfile import tokens
from tenbin.configfile.native import values
from tenbin.configfile.native.document.base import Document, made, one_of, setting, whole, written
from tenbin.configfile.native.document.observe import Observe
from tenbin.configfile.native.document.protocol import ProtocolName
from tenbin.configfile.native.document.proxy import SendProxy
from tenbin.configfile.native.document.steps import GREETINGS, Greeting, Script
from tenbin.configfile.native.document.tls import ServerTls
from tenbin.configfile.native.document.types import (
    Flag,
    HeaderValue,
    Host,
    Jitter,
    Port,
    Small,
    Text,
    Time,
    Token,
    UrlPath,
    path,
)
from tenbin.configfile.native.tree import Map
from tenbin.configfile.problem import Mistake, Problem, mistake
from tenbin.configfile.suggest import did_you_mean

PROBES = ("tcp", "http", "grpc", "exec", "python", "script", "greeting")

_RANGE = re.compile(r"([1-9][0-9]{2})\s*-\s*([1-9][0-9]{2})")
_PYTHON = re.compile(r"(?P<file>.+\.py):(?P<function>[A-Za-z_]\w*)")
_SERVICE = re.compile(r"[!-~]{1,256}")
_SHORT = ("tcp", "http", "grpc")
_METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH")

Statuses = tuple[tuple[int, int], ...]
Request = tuple[str, str]


def _request(value: object) -> Request:
    """`GET /health`, `/health`, or `true` for `GET /`."""
    if value is True:
        return "GET", "/"
    if not isinstance(value, str):
        raise mistake(f"{values.describe(value)} instead of a request", expected="such as GET /health")
    method, blank, target = value.strip().rpartition(" ")
    method = method.strip() if blank else "GET"
    if "://" in target:
        raise mistake(
            "a check asks for a path, not for a URL",
            expected="such as GET /health",
            hint="where to ask are `address` and `port`",
        )
    if not target.startswith("/"):
        raise mistake(
            "not a request",
            expected="such as GET /health",
            hint=f"write GET /{target}" if not blank and target not in _METHODS else "",
        )
    if not tokens.is_token(method):
        raise mistake(f"`{method}` is not a method", expected="such as GET /health")
    if method != method.upper() or (method not in _METHODS and did_you_mean(method, _METHODS)):
        raise mistake(
            f"`{method}` is not a method of HTTP", expected="such as GET /health", hint=did_you_mean(method, _METHODS)
        )
    if any(char <= " " or char >= "\x7f" for char in target):
        raise mistake("a path holds no blanks or letters beyond ASCII", expected="such as GET /health")
    return method, target


def _statuses(value: object) -> Statuses:
    """`200`, `"200-399"`, or a list of both."""
    items = value if isinstance(value, list) else [value]
    if not items:
        raise mistake("there are no statuses", expected="such as 200 or 200-399")
    return tuple(_status_range(item) for item in items)


def _status_range(value: object) -> tuple[int, int]:
    if isinstance(value, int) and not isinstance(value, bool):
        return whole(value, 100, 599), value
    if isinstance(value, str):
        if value.isascii() and value.isdigit():
            return _status_range(int(value[:9]))
        if match := _RANGE.fullmatch(value):
            low, high = int(match[1]), int(match[2])
            if low <= high <= 599:
                return low, high
    hint = ""
    if isinstance(value, str) and re.fullmatch(r"[1-5](xx|XX)", value):
        hint = f"write {value[0]}00-{value[0]}99"
    raise mistake("not a status", expected="such as 200, 200-399 or [200, 204]", hint=hint)


class ExpectDocument(Document):
    """What an answer must be to pass."""

    what: ClassVar[str] = "`expect`"

    status: Annotated[
        Statuses | None, PlainValidator(_statuses), WithJsonSchema({"type": ["integer", "string", "array"]})
    ] = setting("Statuses that pass: one, a range, or a list of both.", shown="200-399")
    body: Text = setting("A text that the first 64 KiB of the body must hold.")


def _short_expect(value: object) -> object:
    return value if isinstance(value, Map) else made(status=value)


def _exec(value: object) -> tuple[str, ...]:
    expected = "a list of the program and its arguments"
    if isinstance(value, str):
        raise mistake("no shell takes a command apart", expected=expected, hint=f"write {_as_list(value)}")
    if not isinstance(value, list) or not value:
        raise mistake("not a command", expected=expected)
    return tuple(
        str(item) if isinstance(item, int) and not isinstance(item, bool) else values.text(item) for item in value
    )


def _as_list(command: str) -> str:
    return "[" + ", ".join(f'"{word}"' for word in command.split()[:6]) + "]"


def _python(value: object) -> tuple[str, str]:
    if not isinstance(value, str) or not (match := _PYTHON.fullmatch(value)):
        raise mistake("not a function in a file", expected="such as checks.py:check")
    return match["file"], match["function"]


def _tcp(value: object) -> bool:
    if value is not True:
        raise mistake("a TCP check has no parameters", expected="true")
    return True


def _grpc(value: object) -> str:
    """A service's name; `true` and "" are the whole server."""
    if value is True or value == "":
        return ""
    name = values.text(value)
    if not _SERVICE.fullmatch(name):
        raise mistake("not the name of a service", expected='such as shop.Cart, or "" for the whole server')
    return name


def _switched(value: object) -> object:
    """A check in short: `tcp`, `http`, `grpc`, `GET /health`; `false` for none."""
    if value is False or value is None:
        return None
    if value in _SHORT:
        return made(**{str(value): True})
    if isinstance(value, str):
        if "/" in value:
            return made(http=value)
        hint = did_you_mean(value, _SHORT)
        raise mistake("not a check", expected="tcp, http, grpc, a request such as GET /health, or a mapping", hint=hint)
    return value


Expect = Annotated[
    ExpectDocument | None,
    BeforeValidator(_short_expect, json_schema_input_type=ExpectDocument | int | str | list[int | str]),
]
HttpRequest = Annotated[
    Request | None,
    PlainValidator(_request),
    WithJsonSchema({"type": ["string", "boolean"], "examples": ["GET /health"]}),
]
Command = Annotated[
    tuple[str, ...] | None,
    PlainValidator(_exec),
    WithJsonSchema({"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1}),
]
Function = Annotated[
    tuple[str, str] | None, PlainValidator(_python), WithJsonSchema({"type": "string", "examples": ["checks.py:check"]})
]
Service = Annotated[
    str | None, PlainValidator(_grpc), WithJsonSchema({"type": ["string", "boolean"], "examples": ["shop.Cart"]})
]
Tcp = Annotated[bool | None, PlainValidator(_tcp), WithJsonSchema({"const": True})]


_AS_SERVER = "as requests to the server, unless the check has a `port` or an `address`"
# Whoever connects by itself is not told how.
_WHO_CONNECTS = ("tcp", "http", "grpc", "script", "greeting")
_ONLY = {
    "expect": ("http",),
    "headers": ("http", "grpc"),
    "protocol": ("http", "script"),
    "tls": _WHO_CONNECTS,
    "send_proxy": _WHO_CONNECTS,
    "drain_on_404": ("script",),
    "send_state": ("script",),
    "search_path": ("exec",),
    "places": ("exec",),
}


_CALLED = {"tcp": "TCP", "http": "HTTP", "grpc": "gRPC"}


def _check_kinds(probes: tuple[str, ...]) -> str:
    if probes == ("http",):
        return "an HTTP check"
    if len(probes) == 1:
        return f"a check by `{probes[0]}`"
    *others, last = (_CALLED.get(one, f"`{one}`") for one in probes)
    return f"{', '.join(others)} and {last} checks"


class Pace(Document):
    """What all checks have: how often, how many, how long."""

    rise: Small = setting("Passes in a row that bring a server up.", 2)
    fall: Small = setting("Failures in a row that take a server down.", 3)
    timeout: Time = setting("How long a check may take.", shown="`timeouts.check`, or `every`, at most 2s")
    fast: Time = setting("The interval while a server is between up and down.", shown="`every`")
    down: Time = setting("The interval while a server is down.", shown="`every`")
    jitter: Jitter = setting(
        "How much an interval varies, 0% to 50%, so that checks do not come all at once.", 5, shown="5%"
    )
    port: Port = setting("Another port than the server's own.")
    address: Host = setting("Another host than the server's own.")
    expect: Expect = setting(
        "Answers that pass: a status, a range, a list of both, or `{status, body}`.", shown="200-399"
    )
    headers: dict[Token, HeaderValue] | None = setting("Headers to send; Host is the server's address unless given.")


class CheckDocument(Pace):
    """A probe and its pace."""

    what: ClassVar[str] = "`check`"
    elsewhere: ClassVar[dict[str, str]] = {
        "interval": "it is `every`",
        "inter": "it is `every`",
        "fastinter": "it is `fast`",
        "downinter": "it is `down`",
        "path": "it stands after the method: `http: GET /health`",
        "method": "it stands before the path: `http: GET /health`",
        "uri": "it stands after the method: `http: GET /health`",
        "host": "the header is `headers: {Host: ...}`, another host to ask is `address`",
        "status": "it is `expect`",
        "body": "it is `expect: {body: ...}`",
        "healthy_threshold": "it is `rise`",
        "unhealthy_threshold": "it is `fall`",
        "retries": "it is `fall`",
        "command": "it is `exec`",
        "service": "it is `grpc`",
        "ssl": "it is `tls`",
        "sni": "it stands in `tls`",
        "verify": "it stands in `tls`",
        "proxy_protocol": "it is `send_proxy`",
        "http2": "it is protocol: http2",
        "postgres": "it is greeting: pgsql",
        **{one: f"it is greeting: {one}" for one in GREETINGS},
        "steps": "they are `script`",
    }

    tcp: Tcp = setting("`true`: passes when a connection opens.")
    http: HttpRequest = setting("The request to send: `GET /health`, or the path alone.")
    grpc: Service = setting("The service that gRPC's health service is asked for; `true` for the whole server.")
    exec: Command = setting("The program to run and its arguments; passes when it ends with 0.")
    python: Function = setting("The file and the coroutine function that checks a server: `checks.py:check`.")
    script: Script = setting('Steps that are all to succeed, such as `[{send: "QUIT"}, {expect: "bye"}]`.')
    greeting: Greeting = setting("Says hello in a server's own language: `pgsql`, `mysql`, `redis` ..., or a mapping.")
    drain_on_404: Flag = setting("A server that answers 404 is up, but gets no new work.", default=False)
    send_state: Flag = setting("The server is told its state in a header, X-Haproxy-Server-State.", default=False)
    search_path: Text = setting("PATH of the program of `exec`; Tenbin's own unless given.")
    places: Flag = setting(
        "The program of `exec` gets the proxy's and the server's address and port as its arguments.", default=False
    )
    every: Time = setting("The interval between checks.", shown="2s")
    tls: ServerTls = setting("TLS for checks: `true`, `false`, or a mapping as that of a server.", shown=_AS_SERVER)
    send_proxy: SendProxy = setting("The PROXY protocol for checks: `v1`, `v2` or `false`.", shown=_AS_SERVER)
    protocol: ProtocolName = setting("What an HTTP check speaks: `http1`, `http2` or `auto`.", shown=_AS_SERVER)
    observe: Observe = setting("Requests watch the servers, too: `connections`, `answers`, or a mapping; else not.")

    @model_validator(mode="after")
    def _one_probe(self) -> Self:
        probe = one_of(self, PROBES, what="`check`", lacking="what to do")
        for key, probes in _ONLY.items():
            if probe not in probes and written(self, key) and getattr(self, key) is not None:
                message = f"`{key}` belongs to {_check_kinds(probes)}, and this one is {probe}"
                raise Mistake(Problem(message, key=key))
        return self


class HealthCheckDocument(Pace):
    """The short form's check of all servers; without a path a connection must open."""

    what: ClassVar[str] = "`health_check`"
    elsewhere: ClassVar[dict[str, str]] = {
        "every": "here it is `interval`",
        "http": "here it is `path`",
        "uri": "it is `path`",
        "url": "it is `path`",
        "retries": "it is `fall`",
    }

    interval: Time = setting("The interval between checks.", shown="2s")
    path: UrlPath = setting("The path to ask for; without one a check only opens a connection.")
    method: Token = setting("The method to ask with.", "GET")

    @model_validator(mode="after")
    def _needs_path(self) -> Self:
        for key in ("method", "expect", "headers"):
            if self.path is None and key in self.model_fields_set:
                raise Mistake(Problem(f"`{key}` needs a `path` to ask for", hint="such as path: /health", key=key))
        return self


def _health_check(value: object) -> object:
    if isinstance(value, str):
        return made(path=path(value))
    return made() if value is True else None if value is False else value


Check = Annotated[CheckDocument | None, BeforeValidator(_switched, json_schema_input_type=CheckDocument | str | bool)]
HealthCheck = Annotated[
    HealthCheckDocument | None, BeforeValidator(_health_check, json_schema_input_type=HealthCheckDocument | str | bool)
]
