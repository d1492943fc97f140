"""Limits: at the top for all, and closer by for a frontend or backend."""

from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator

from tenbin.configfile import defaults
from tenbin.configfile.native.document.base import Document, setting
from tenbin.configfile.native.document.types import (
    BodySize,
    BufferSize,
    ByteRate,
    Count,
    Entries,
    Fields,
    HeadSize,
    MemorySize,
    Positive,
    Prefix,
    RateOrOff,
    Streams,
    TargetSize,
    shown_size,
)

CONNECTIONS = defaults.CONNECTIONS
PENDING = defaults.PENDING
BUFFER = defaults.BUFFER
HEAD = 32 << 10
HEADER_FIELDS = 100
TARGET = 8 << 10
BODY = 0
MIN_RATE = 100
MEMORY = defaults.MEMORY
IPV6_PREFIX = 64
ENTRIES = 100_000
STREAMS = 100
GLITCHES = defaults.GLITCHES
HANDSHAKES = defaults.HANDSHAKES

_OF_CLIENTS = "it limits clients: it stands in `limits` at the top or of a frontend"
_OF_ALL = "it stands in `limits` at the top"
_TOP = dict.fromkeys(("pending", "memory", "buffer", "rates"), _OF_ALL)
_NAMES = {
    "maxconn": "it is `connections`",
    "max_connections": "it is `connections`",
    "headers": "the size of a head is `head`, the number of its headers `fields`",
    "max_body_size": "it is `body`",
    "rate_limit": "it is `connection_rate`",
    "maxconnrate": "it is `connections` in `rates`",
}


class PerSourceDocument(Document):
    """Limits of each client's address."""

    what: ClassVar[str] = "`per_source`"
    instead: ClassVar[str] = "a mapping"
    elsewhere: ClassVar[dict[str, str]] = {
        "rate": "it is `requests`",
        "requests_per_second": "it is `requests: 10/s`",
        "max_connections": "it is `connections`",
        "maxconn": "it is `connections`",
        "size": "it is `entries`",
        "prefix": "it is `ipv6_prefix`",
    }

    connections: Count = setting(
        "Connections at once from one address; more are answered with 429 and closed. 0 for no limit.", shown=0
    )
    requests: RateOrOff = setting(
        "Requests of one address in a time, such as `10/s`, `100/10s`, `600/1m`; more are answered with 429. "
        "`false` for no limit.",
        shown=False,
    )
    ipv6_prefix: Prefix = setting(
        "IPv6 addresses that have so many bits in common count as one, 1 to 128.", shown=IPV6_PREFIX
    )
    entries: Entries = setting(
        "Addresses that are remembered at most; then the one without connections that was idle longest is forgotten.",
        shown=ENTRIES,
    )


PerSource = Annotated[
    PerSourceDocument | None,
    BeforeValidator(
        lambda value: None if value is False else value, json_schema_input_type=PerSourceDocument | Literal[False]
    ),
]


class RatesDocument(Document):
    """What may begin in a second, over all frontends; further ones wait."""

    what: ClassVar[str] = "`rates`"
    elsewhere: ClassVar[dict[str, str]] = {
        "maxconnrate": "it is `connections`",
        "maxsessrate": "it is `sessions`",
        "maxsslrate": "it is `handshakes`",
        "requests": "clients are limited one by one, by `per_source`",
    }

    connections: Count = setting("Connections that are accepted; 0 for no limit.", shown=0)
    sessions: Count = setting("Connections that are served, after their limits; 0 for no limit.", shown=0)
    handshakes: Count = setting("Handshakes of TLS; 0 for no limit.", shown=0)


class BackendLimits(Document):
    """Limits of the server side."""

    what: ClassVar[str] = "`limits` of a backend"
    elsewhere: ClassVar[dict[str, str]] = {
        "connections": "it is `max_connections` of each server",
        "maxconn": "it is `max_connections` of each server",
        "queue": "it is `max_queue`",
        **dict.fromkeys(("body", "target", "min_rate", "per_source", "streams", "glitches", "handshakes"), _OF_CLIENTS),
        "connection_rate": _OF_CLIENTS,
        **_TOP,
    }

    head: HeadSize = setting(
        "The largest head of an answer, 1k to 1m; more is answered with 502.", shown=shown_size(HEAD)
    )
    fields: Fields = setting(
        "The most headers of an answer, 1 to 10000; more are answered with 502.", shown=HEADER_FIELDS
    )


class FrontendLimits(Document):
    """Limits of the client side."""

    what: ClassVar[str] = "`limits` of a frontend"
    elsewhere: ClassVar[dict[str, str]] = {**_NAMES, **_TOP}

    connections: Count = setting("Clients at once on this frontend; 0 for the global limit alone.", shown=0)
    head: HeadSize = setting(
        "The largest head of a request, 1k to 1m; more is answered with 431.", shown=shown_size(HEAD)
    )
    fields: Fields = setting(
        "The most headers of a request, 1 to 10000; more are answered with 431.", shown=HEADER_FIELDS
    )
    target: TargetSize = setting(
        "The longest target of a request, 64 bytes to 1m; more is answered with 414.", shown=shown_size(TARGET)
    )
    body: BodySize = setting("The largest body of a request; more is answered with 413. 0 for no limit.", shown=BODY)
    min_rate: ByteRate = setting(
        "Bytes a second that a client sends or takes at least while it is waited for, over each `timeouts.client`; "
        "slower bodies are answered with 408, slower readers closed. 0 for no limit.",
        shown=MIN_RATE,
    )
    streams: Streams = setting("Requests of one HTTP/2 connection at once.", shown=STREAMS)
    glitches: Streams = setting(
        "Frames of HTTP/2 that no client has a need for (resets, empty frames ...) before the connection is ended.",
        shown=GLITCHES,
    )
    handshakes: Count = setting(
        "TLS handshakes at once on each address; further clients wait for theirs. 0 for no limit.", shown=HANDSHAKES
    )
    per_source: PerSource = setting("Limits of each client's address; `false` for none.", shown=False)
    connection_rate: Count = setting(
        "Connections that begin in a second on each frontend; further ones wait. 0 for no limit.", shown=0
    )


class Limits(FrontendLimits):
    """Global limits, and those of all frontends that do not set their own."""

    what: ClassVar[str] = "`limits`"
    elsewhere: ClassVar[dict[str, str]] = _NAMES

    connections: Positive = setting(
        "Clients at once over all frontends; further ones wait to be accepted.", shown=CONNECTIONS
    )
    buffer: BufferSize = setting(
        "The memory for each direction of an exchange, 4k to 1m; an idle connection holds none.",
        shown=shown_size(BUFFER),
    )
    pending: Positive = setting("Connections that the system holds until they are accepted.", shown=PENDING)
    memory: MemorySize = setting(
        "Memory in use above which no new work is taken: a size, or a percentage of what the control group or the "
        "machine has; requests are answered with 503. 0 for no limit.",
        shown="95%",
    )
    rates: RatesDocument | None = setting("What may begin in a second, over all frontends; no limits unless given.")
