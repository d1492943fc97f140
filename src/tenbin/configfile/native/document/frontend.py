"""Frontends: where to listen, and what happens to what arrives there."""

import re
from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema, model_validator

from tenbin.configfile.native import values
from tenbin.configfile.native.document.answers import Answers
from tenbin.configfile.native.document.base import Document, as_list, made, not_empty, one_of, required, setting
from tenbin.configfile.native.document.compression import Compression
from tenbin.configfile.native.document.limits import FrontendLimits
from tenbin.configfile.native.document.proxy import ProxyProtocol
from tenbin.configfile.native.document.route import BackendName, RouteDocument
from tenbin.configfile.native.document.rules import FrontendRules
from tenbin.configfile.native.document.timeouts import FrontendTimeouts
from tenbin.configfile.native.document.tls import ListenTls
from tenbin.configfile.native.document.types import (
    Account,
    Count,
    Flag,
    Limit,
    ListenAddress,
    ModeName,
    Networks,
    Text,
    number,
    words,
)
from tenbin.configfile.problem import mistake
from tenbin.model.frontend import SEGMENTS, AmbiguousPaths, Underscores

TLS_OF_ADDRESS = 'it belongs to an address: listen: {address: ":8443", tls: certs/}'

_FOREIGN = {
    "on": "it is `pass`",
    "off": "it is `drop`",
    "allow": "it is `pass`",
    "preserve": "it is `pass`",
    "delete": "it is `drop`",
    "reject": "it is `refuse`",
}
UnderscoresName = Annotated[str | None, *words("a rule for such headers", *Underscores, foreign=_FOREIGN)]
_FOREIGN_PATHS = {"reject": "it is `refuse`", "keep": "it is `pass`"}
AmbiguousPathsName = Annotated[str | None, *words("a rule for such paths", *AmbiguousPaths, foreign=_FOREIGN_PATHS)]


class HttpRulesDocument(Document):
    """What of a request is let through."""

    what: ClassVar[str] = "`http`"
    elsewhere: ClassVar[dict[str, str]] = {
        "underscores_in_headers": "it is `underscores: pass`",
        "headers_with_underscores_action": "it is `underscores`",
        "lenient": "it belongs to an address: `listen: {address: ..., lenient: true}`",
        "accept_invalid_http_request": "it is `lenient` of an address in `listen`",
    }

    trace: Flag = setting("Forwards TRACE; otherwise it is answered with 405.", shown=False)
    connect: Flag = setting(
        "Forwards CONNECT, and carries bytes both ways after the server's 2xx; otherwise it is answered with 405.",
        shown=False,
    )
    underscores: UnderscoresName = setting(
        "Headers with an underscore in their name: `drop` (and count), `pass`, or `refuse` the request with 400.",
        shown=Underscores.DROP.value,
    )
    ambiguous_paths: AmbiguousPathsName = setting(
        "Paths that servers read in more than one way, such as `/a/../b`: `pass` them on, or `refuse` with 400.",
        shown=AmbiguousPaths.PASS.value,
    )


def _mode(value: object) -> int:
    """Rights in octal digits."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else values.text(value)
    if not re.fullmatch(r"0?[0-7]{3}", text) or not int(text, 8):
        raise mistake("not the rights of a file", expected="three octal digits in quotes", hint='such as "660"')
    return int(text, 8)


SocketMode = Annotated[int | None, PlainValidator(_mode), WithJsonSchema({"type": ["string", "integer"]})]


class SocketDocument(Document):
    """What is asked of the kernel for an address."""

    what: ClassVar[str] = "`socket`"
    elsewhere: ClassVar[dict[str, str]] = {
        "tcp_ut": "it is `user_timeout`",
        "mss": "it is `max_segment`",
        "tfo": "it is `fast_open`",
        "fastopen": "it is `fast_open`",
        "deferred": "it is `defer_accept`",
        "ipv6only": "it is `dual_stack: false`, which holds unless `true` is given",
        "v6only": "it is `dual_stack: false`, which holds unless `true` is given",
        "v4v6": "it is `dual_stack`",
        "mode": "it is `socket_mode`, beside `socket`",
        "reuseport": "each thread has a socket of its own anyway",
    }

    backlog: Count = setting("Connections that may wait to be accepted; as `limits.pending` says unless given.", 0)
    defer_accept: Flag = setting("A connection is accepted once the client has sent something.", default=False)
    fast_open: Flag = setting(
        "TCP Fast Open: first bytes may come with the first packet, if `net.ipv4.tcp_fastopen` has bit 2.",
        default=False,
    )
    user_timeout: Limit = setting("Ends connections whose client does not acknowledge what was sent for so long.")
    max_segment: Annotated[int | None, *number(SEGMENTS.start, SEGMENTS.stop - 1)] = setting(
        "The longest segment that clients are asked to send, in bytes."
    )
    interface: Text = setting("Takes only what comes in at this network interface.")
    dual_stack: Flag = setting("`[::]` takes IPv4, too. Only a restart changes it.", default=False)
    transparent: Flag = setting(
        "The address need not be of this machine, and connections to others may be led here; needs CAP_NET_RAW.",
        default=False,
    )


class ListenDocument(Document):
    """One address to listen on."""

    what: ClassVar[str] = "`listen`"
    elsewhere: ClassVar[dict[str, str]] = {
        "port": 'it stands in `address`: ":8080"',
        "host": 'it stands in `address`: "127.0.0.1:8080"',
        "ssl": "it is `tls`",
        "certificates": "they stand in `tls`",
        "certificate": "it stands in `tls`",
        "hsts": "it stands in `tls`",
        "alpn": "HTTP/2 is `http2`",
        "h2": "it is `http2`",
        "accept_proxy": "it is `proxy_protocol`",
        "proxy": "it is `proxy_protocol`",
        "send_proxy": "it belongs to a backend or server",
        **dict.fromkeys(
            ("backlog", "defer_accept", "fast_open", "user_timeout", "interface", "dual_stack", "transparent"),
            "it stands in `socket`",
        ),
    }

    address: ListenAddress = required(
        "Where to listen: `:8080` on every interface (IPv4), `127.0.0.1:8080`, `[::]:8080`, `unix@/run/app.sock`, "
        "or `fd@3`, a socket that was open before the start."
    )
    socket_mode: SocketMode = setting('Who may connect to a unix socket, such as `"660"`; all unless given.')
    user: Account = setting("Whose the unix socket is: a name or a number.")
    group: Account = setting("The group of the unix socket.")
    lenient: Flag = setting("Takes heads whose lines end with a bare line feed.", default=False)
    tls: ListenTls = setting("Certificates: a path, a list of paths, or a mapping; no TLS unless given.")
    http2: Flag = setting(
        "Speaks HTTP/2 too: by ALPN, or by prior knowledge where there is no TLS.",
        shown="`true`; in mode tcp it cannot be given",
    )
    proxy_protocol: ProxyProtocol = setting(
        "`true`: every connection begins with the PROXY protocol. `{from: [...]}`: those of these networks do."
    )
    socket: SocketDocument | None = setting("What is asked of the kernel for this address; see below.")


def _short(value: object) -> object:
    return made(address=value) if isinstance(value, str | int) and not isinstance(value, bool) else value


Listen = Annotated[ListenDocument, BeforeValidator(_short, json_schema_input_type=str | ListenDocument)]
Listens = Annotated[
    list[Listen] | None,
    BeforeValidator(as_list, json_schema_input_type=Listen | list[Listen]),
    BeforeValidator(not_empty("addresses to listen on")),
]


class FrontendDocument(Document):
    """Where to listen, and the routes of what arrives there."""

    what: ClassVar[str] = "a frontend"
    elsewhere: ClassVar[dict[str, str]] = {
        "bind": "it is `listen`",
        "address": "it is `listen`",
        "port": 'it is `listen: ":8080"`',
        "default_backend": "it is `backend`, or a last route without a condition",
        "use_backend": "it is `routes`",
        "backends": "name them under `backends` at the top, and refer to them in `routes`",
        "timeout": "they are `timeouts`",
        "maxconn": "it is `limits: {connections: ...}`",
        "max_connections": "it is `limits: {connections: ...}`",
        **dict.fromkeys(("tls", "ssl", "certificates"), TLS_OF_ADDRESS),
        **dict.fromkeys(("http2", "proxy_protocol"), "it belongs to an address in `listen`"),
    }
    listen: Listens = required("Where to listen: an address, a mapping, or a list of both.")
    mode: ModeName = setting("`http` routes requests, `tcp` connections.", "http")
    rules: FrontendRules | None = setting("What is done with connections, requests and answers, before the routes.")
    routes: list[RouteDocument] | None = setting("Routes in their order; the first that fits decides.")
    backend: BackendName = setting("In place of routes: everything goes to this backend.")
    timeouts: FrontendTimeouts | None = setting("Timeouts of the client side, before those at the top.")
    limits: FrontendLimits | None = setting("Limits of the client side, before those at the top.")
    http: HttpRulesDocument | None = setting("What of a request is let through, before what the top says.")
    compression: Compression = setting("Compresses answers for clients that ask for it: `true`, or a mapping.")
    answers: Answers = setting(
        "Answers of Tenbin's own by status, in place of the built-in ones; before those at the top."
    )
    forwarding: Flag = setting("Sets X-Forwarded-For, -Proto, -Host, -Port, X-Real-IP and Forwarded.", default=True)
    trusted_proxies: Networks = setting("Whose X-Forwarded-* headers are believed, before those at the top.")

    @model_validator(mode="after")
    def _routes_or_backend(self) -> Self:
        one_of(self, ("routes", "backend"), what="a frontend")
        return self
