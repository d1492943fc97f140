"""Timeouts: at the top for all, and closer by for a frontend or backend."""

from typing import ClassVar

from tenbin.configfile import defaults
from tenbin.configfile.native.document.base import Document, setting
from tenbin.configfile.native.document.types import Limit, Time
from tenbin.model.values import Duration

CONNECT = Duration(5_000)
CLIENT = Duration(30_000)
SERVER = Duration(30_000)
HEADER = Duration(10_000)
HANDSHAKE = defaults.HANDSHAKE
QUEUE = Duration(5_000)
KEEP_ALIVE = Duration(60_000)
TUNNEL = Duration(3_600_000)
DRAIN = defaults.DRAIN
CHECK_EVERY = Duration(2_000)
CHECK_TIMEOUT_CAP = Duration(2_000)

_OF_BACKENDS = "it is a timeout of backends"
_OF_FRONTENDS = "it is a timeout of frontends"
_TARPIT = "How long the answer of a rule with `tarpit` is kept back."
_OF_ALL = "it stands in `timeouts` at the top"
_HTTP_NAMES = {
    "http_request": "it is `header`",
    "http_keep_alive": "it is `keep_alive`",
    "read": "it is `client` or `server`",
    "idle": "it is `keep_alive`",
}


class BackendTimeouts(Document):
    """Timeouts of the server side."""

    what: ClassVar[str] = "`timeouts` of a backend"
    elsewhere: ClassVar[dict[str, str]] = {
        **_HTTP_NAMES,
        "client": _OF_FRONTENDS,
        "header": _OF_FRONTENDS,
        "handshake": _OF_FRONTENDS,
        "keep_alive": _OF_FRONTENDS,
        "client_fin": _OF_FRONTENDS,
        "drain": _OF_ALL,
    }

    connect: Limit = setting("Until a server takes a connection; 0s for no limit.", shown=CONNECT)
    server: Limit = setting(
        "A server sends or takes nothing for so long; 0s for no limit. In mode tcp the default is that of `tunnel`.",
        shown=SERVER,
    )
    queue: Limit = setting("How long a request waits for a free server; 0s for no limit.", shown=QUEUE)
    tunnel: Limit = setting("Nothing passes either way after an upgrade; 0s for no limit.", shown=TUNNEL)
    tarpit: Time = setting(_TARPIT, shown="`connect`")
    server_fin: Time = setting(
        "The same after the client's end: for so long the server may be silent.", shown="as before that end"
    )
    check: Time = setting("How long a check may take.", shown="the check's `every`, at most 2s")


class FrontendTimeouts(Document):
    """Timeouts of the client side."""

    what: ClassVar[str] = "`timeouts` of a frontend"
    elsewhere: ClassVar[dict[str, str]] = {
        **_HTTP_NAMES,
        "connect": _OF_BACKENDS,
        "server": _OF_BACKENDS,
        "queue": _OF_BACKENDS,
        "check": _OF_BACKENDS,
        "server_fin": _OF_BACKENDS,
        "drain": _OF_ALL,
    }

    client: Limit = setting(
        "A client sends or takes nothing for so long; 0s for no limit. In mode tcp the default is that of `tunnel`.",
        shown=CLIENT,
    )
    header: Limit = setting(
        "Until the head of a request is whole, from its first byte or, on a new connection, from its start; 0s for no "
        "limit.",
        shown=HEADER,
    )
    handshake: Time = setting("Until a client's TLS handshake has ended.", shown=HANDSHAKE)
    keep_alive: Limit = setting("Until the next request begins; 0s for no limit.", shown=KEEP_ALIVE)
    tunnel: Limit = setting("Nothing passes either way after an upgrade; 0s for no limit.", shown=TUNNEL)
    tarpit: Time = setting(_TARPIT, shown="`connect`")
    client_fin: Time = setting(
        "The same after the server's end: for so long the client may be silent.", shown="as before that end"
    )


class Timeouts(FrontendTimeouts, BackendTimeouts):
    """All timeouts, where nothing closer by says otherwise."""

    what: ClassVar[str] = "`timeouts`"
    elsewhere: ClassVar[dict[str, str]] = _HTTP_NAMES

    drain: Limit = setting("How long a graceful stop waits for work to end; 0s for not at all.", shown=DRAIN)
