"""Servers and what is noticed about them in passing."""

from typing import Annotated, ClassVar

from pydantic import BeforeValidator

from tenbin.configfile.native.document.base import Document, made, required, setting, switch
from tenbin.configfile.native.document.proxy import SendProxy
from tenbin.configfile.native.document.tls import ServerTls
from tenbin.configfile.native.document.types import (
    CookieValue,
    Count,
    Flag,
    Positive,
    ServerAddress,
    Share,
    Text,
    Time,
    Weight,
    words,
)
from tenbin.model.values import Duration

State = Annotated[
    str | None,
    *words(
        "a state",
        "ready",
        "drain",
        "maint",
        foreign={"maintenance": "it is `maint`", "down": "it is `maint`", "up": "it is `ready`"},
    ),
]


class PassiveDocument(Document):
    """`max_fails` failures within `fail_timeout` make a server unavailable for as long."""

    what: ClassVar[str] = "`passive`"
    elsewhere: ClassVar[dict[str, str]] = {"after": "consecutive failures are counted by `eject`"}

    max_fails: Positive = setting("Failures within `fail_timeout` that make a server unavailable.", 1)
    fail_timeout: Time = setting(
        "The time in which failures count, and for which the server is left out.", Duration(10_000)
    )


class EjectDocument(Document):
    """Servers that keep failing are left out for a time that grows."""

    what: ClassVar[str] = "`eject`"
    elsewhere: ClassVar[dict[str, str]] = {
        "max_fails": "failures in a time are counted by `passive`",
        "consecutive": "it is `after`",
    }

    after: Positive = setting("Consecutive failures that eject a server.", 5)
    base: Time = setting("How long the first ejection lasts; each further one lasts longer.", Duration(10_000))
    longest: Time = setting("The longest that an ejection lasts.", Duration(300_000))
    percent: Share = setting(
        "The largest share of a backend's servers that is ejected at once; never the last one.", 50, shown="50%"
    )


def _short_server(value: object) -> object:
    return made(address=value) if isinstance(value, str | int) and not isinstance(value, bool) else value


Passive = Annotated[PassiveDocument | None, BeforeValidator(switch, json_schema_input_type=PassiveDocument | bool)]
Eject = Annotated[EjectDocument | None, BeforeValidator(switch, json_schema_input_type=EjectDocument | bool)]


class ServerDocument(Document):
    """One server."""

    what: ClassVar[str] = "a server"
    elsewhere: ClassVar[dict[str, str]] = {
        "host": "host and port stand together in `address`",
        "port": "host and port stand together in `address`",
        "url": "host and port stand in `address`",
        "maxconn": "it is `max_connections`",
        "max_conns": "it is `max_connections`",
        "maxqueue": "it is `max_queue`",
        "max_fails": "it stands in `passive`",
        "fail_timeout": "it stands in `passive`",
        "check": "checks belong to the backend",
        "slow_start": "it belongs to the backend",
        "disabled": "it is `state: maint`",
        "admin": "it is `state`",
        "ssl": "it is `tls`",
        "sni": "it stands in `tls`",
        "verify": "it stands in `tls`",
        "protocol": "it belongs to the backend",
        "proxy_protocol": "it is `send_proxy`",
    }
    address: ServerAddress = required(
        "Host and port: `10.0.0.1:80`, `[::1]:80`, `name:80`; or `unix@/run/app.sock`. Names are looked up at "
        "run time, and again and again."
    )
    name: Text = setting("What the server is called; only in a list, where it is the address unless given.")
    weight: Weight = setting("Its share of the work beside the other servers; 0 for no new work.", 1)
    backup: Flag = setting("Gets work only while no other server can.", default=False)
    max_connections: Count = setting("Connections at once; further requests wait. 0 for no limit.", 0)
    max_queue: Count = setting("Requests that may wait for this server; 0 for no limit.", 0)
    passive: Passive = setting(
        "Leaves the server out after failures in passing; see below. `false`: not even as the backend says."
    )
    cookie: CookieValue = setting("Its value in a plain sticky cookie; the name unless given.")
    tls: ServerTls = setting("TLS towards this server; before what the backend says, `false` for none.")
    send_proxy: SendProxy = setting("Tells this server of the client; before what the backend says, `false` for not.")
    state: State = setting("`drain`: no new work. `maint`: no work, no checks. Can be changed at run time.", "ready")


Server = Annotated[ServerDocument, BeforeValidator(_short_server, json_schema_input_type=str | ServerDocument)]
"""A server; its address alone is the short form."""
