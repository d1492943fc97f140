"""Backends: servers, and how to choose, remember, check and retry them."""

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from tenbin.configfile.native.document.answers import Answers
from tenbin.configfile.native.document.balance import Balance
from tenbin.configfile.native.document.base import (
    Document,
    ListOrMapping,
    as_list,
    list_or_mapping,
    made,
    required,
    setting,
    whole,
)
from tenbin.configfile.native.document.check import Check
from tenbin.configfile.native.document.compression import Compression
from tenbin.configfile.native.document.limits import BackendLimits
from tenbin.configfile.native.document.persistence import PersistDocument, Sticks, UseServerDocument
from tenbin.configfile.native.document.protocol import ProtocolName
from tenbin.configfile.native.document.proxy import SendProxy
from tenbin.configfile.native.document.rules import BackendRules
from tenbin.configfile.native.document.server import Eject, Passive, Server
from tenbin.configfile.native.document.sticky import StickyDocument
from tenbin.configfile.native.document.timeouts import BackendTimeouts
from tenbin.configfile.native.document.tls import ServerTls
from tenbin.configfile.native.document.types import (
    Attempts,
    Count,
    Flag,
    Limit,
    ModeName,
    Percent,
    Statuses,
    Token,
    words,
)
from tenbin.model.tls import Protocol
from tenbin.model.values import Duration

ReuseName = Annotated[str | None, *words("a kind of reuse", "never", "safe", "always")]
OnDownName = Annotated[
    str | None,
    *words("what happens to connections", "keep", "close_connections", foreign={"close": "it is `close_connections`"}),
]


FAILURES = ("connect", "closed", "timeout", "junk")
_Failure = Annotated[str, *words("a failure", *FAILURES)]
Failures = Annotated[list[_Failure] | None, BeforeValidator(as_list, json_schema_input_type=_Failure | list[_Failure])]


def _redispatch(value: object) -> int:
    return int(value) if isinstance(value, bool) else whole(value, -1000, 1000)


Redispatch = Annotated[int | None, PlainValidator(_redispatch), WithJsonSchema({"type": ["boolean", "integer"]})]


class RetryDocument(Document):
    """When a request is tried again on another server."""

    what: ClassVar[str] = "`retry`"
    elsewhere: ClassVar[dict[str, str]] = {
        "on": "statuses stand in `on_status`, failures in `on_failure`",
        "retry_on": "statuses stand in `on_status`, failures in `on_failure`",
        "count": "it is `attempts`",
        "retries": "it is `attempts`",
    }

    attempts: Attempts = setting("Further tries after the first, 0 to 1000; 0 for none.", 1)
    on_status: Statuses = setting(
        "Answers that are tried again too, such as `[502, 503]`; only for requests that are idempotent."
    )
    on_failure: Failures = setting(
        "Failures that are tried again: `connect` (nothing was sent), `closed` (no answer came), `timeout`, `junk` (an "
        "answer that cannot be read).",
        shown="all four",
    )
    budget: Percent = setting("The largest share of requests that may be retries.", 20, shown="20%")
    redispatch: Redispatch = setting(
        "Which further tries go to another server: `1` each, `3` every third, `-1` the last; `false`: they stay.", 1
    )
    turn_around: Limit = setting(
        "The pause before the same server is tried again after it refused a connection.", Duration(0)
    )
    unsafe_methods: Flag = setting(
        "What is not idempotent, such as POST, is tried again too, even after a server has had it.", default=False
    )


def _short_retry(value: object) -> object:
    if value is False or value is None:
        return made(attempts=0)
    if isinstance(value, int):
        return made() if value is True else made(attempts=value)
    return value


class PoolDocument(Document):
    """Idle connections to servers, kept for the next request."""

    what: ClassVar[str] = "`pool`"

    reuse: ReuseName = setting(
        "`never`, `always`, or `safe`: the first request of a client goes on a fresh one if it cannot be repeated.",
        "safe",
    )
    max_idle: Count = setting("Idle connections kept for each server and thread.", 1000)
    idle_timeout: Limit = setting(
        "How long a connection stays idle before it is closed; 0s for no limit.", Duration(30_000)
    )


def _short_pool(value: object) -> object:
    return made(reuse="never") if value is False else made(reuse=value) if isinstance(value, str) else value


Retry = Annotated[
    RetryDocument | None, BeforeValidator(_short_retry, json_schema_input_type=RetryDocument | bool | int)
]
Pool = Annotated[
    PoolDocument | None, BeforeValidator(_short_pool, json_schema_input_type=PoolDocument | ReuseName | bool)
]
Sticky = Annotated[
    StickyDocument | None,
    BeforeValidator(lambda value: None if value is False else value, json_schema_input_type=StickyDocument | bool),
]
Servers = Annotated[ListOrMapping[Server, Server], list_or_mapping("servers", may_be_empty=True)]


class BackendDocument(Document):
    """A group of servers."""

    what: ClassVar[str] = "a backend"
    elsewhere: ClassVar[dict[str, str]] = {
        "algorithm": "in a backend it is `balance`",
        "policy": "it is `balance`",
        "health_check": "in a backend it is `check`",
        "healthcheck": "it is `check`",
        "checks": "it is `check`",
        "stickiness": "it is `sticky`",
        "cookie": "it stands in `sticky`",
        "retries": "it is `retry`",
        "timeout": "they are `timeouts`",
        "slowstart": "it is `slow_start`",
        "connect": "it stands in `timeouts`",
        "max_connections": "it belongs to each server",
        "max_fails": "it stands in `passive`",
        "routes": "routes belong to a frontend",
        "address": "it belongs to a server, under `servers`",
        "ssl": "it is `tls`",
        "sni": "it stands in `tls`",
        "verify": "it stands in `tls`",
        "http2": "it is protocol: http2",
        "h2": "it is protocol: http2",
        "grpc": "it is protocol: http2",
        "proxy_protocol": "it is `send_proxy`",
        "gzip": "it is `compression`",
    }
    later: ClassVar[dict[str, str]] = {"discover": "discovery"}

    servers: Servers = required(
        "The servers: names and what they are, or a list; each an address or a mapping. `[]` for none."
    )
    mode: ModeName = setting(
        "`http` balances requests, `tcp` connections; that of the frontends that use it unless given."
    )
    balance: Balance = setting("How a server is chosen: a policy, or one with its parameters.", shown="round_robin")
    sticky: Sticky = setting("What keeps a client on its server; none unless given.")
    check: Check = setting("How servers are checked; not at all unless given.")
    rules: BackendRules | None = setting("What is done with requests and answers of this backend.")
    retry: Retry = setting("When a request is tried again on another server; `false` for never.")
    pool: Pool = setting("Idle connections that are kept; `never` or `false` for none.")
    tls: ServerTls = setting("TLS towards the servers: `true`, or a mapping; none unless given.")
    protocol: ProtocolName = setting(
        "What servers are asked by: `http1`, `http2` (by ALPN; without TLS by prior knowledge), or `auto`: what each "
        "one chooses by ALPN.",
        Protocol.HTTP1.value,
    )
    send_proxy: SendProxy = setting("Tells servers of the client by the PROXY protocol: `v1`, `v2`, or a mapping.")
    compression: Compression = setting("Compresses answers, before what the frontend says: `true`, or a mapping.")
    passive: Passive = setting("Leaves servers out after failures in passing; none unless given.")
    eject: Eject = setting("Leaves servers out that keep failing; `false` for never.", shown=True)
    timeouts: BackendTimeouts | None = setting("Timeouts of the server side, before those at the top.")
    limits: BackendLimits | None = setting("Limits for what servers answer.")
    max_queue: Count = setting("Requests that may wait for any server; 0 for no limit.", 0)
    slow_start: Limit = setting(
        "The time in which a server that came up gets to its full weight and limit; 0s for at once.", Duration(0)
    )
    stick: Sticks = setting("Tables that remember which server a client has had; in the order in which they are asked.")
    use_server: list[UseServerDocument] | None = setting(
        "Requests that go to a server by its name; the first that fits."
    )
    persist: list[PersistDocument] | None = setting(
        "Requests for which what is remembered of clients counts more, or not at all; the first that fits."
    )
    persist_down: Flag = setting("Clients stay with a server that is down, as long as they are bound.", default=False)
    all_backups: Flag = setting("All backup servers share the work, instead of the first of them.", default=False)
    abort_on_close: Flag = setting("A client that closes while it waits in the queue gives its place up.", default=True)
    server_name_header: Token = setting("Servers are told their name in this header.")
    answers: Answers = setting("Answers of Tenbin's own by status, before those of the frontend.")
    on_down: OnDownName = setting(
        "What happens to the connections of a server that goes down. `close_connections`: they end, and requests that "
        "wait there for an answer go to another server, or get 502.",
        "keep",
    )
