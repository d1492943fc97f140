"""Servers and what is noticed about them in passing."""

from typing import Annotated, ClassVar

from pydantic import BeforeValidator

from tenbin.configfile.native.document.base import Document, made, required, setting, switch
from tenbin.configfile.native.document.check import Check
from tenbin.configfile.native.document.proxy import SendProxy
from tenbin.configfile.native.document.tls import ServerTls
from tenbin.configfile.native.document.types import (
    CookieValue,
    Count,
    Flag,
    Host,
    Limit,
    Networks,
    Port,
    Positive,
    ServerAddress,
    Share,
    Text,
    Time,
    Weight,
    words,
)
from tenbin.model.server import Initial
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


InitialName = Annotated[
    str | None,
    *words(
        "a state before the first check",
        *Initial,
        foreign={"fully-up": "it is `fully_up`", "fully-down": "it is `fully_down`"},
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


class AgentDocument(Document):
    """An agent beside a server."""

    what: ClassVar[str] = "`agent`"
    elsewhere: ClassVar[dict[str, str]] = {"inter": "it is `every`", "host": "it is `address`"}

    port: Port = required("Its port.")
    address: Host = setting("Its host; that of the server unless given.")
    every: Time = setting("The interval between questions.", Duration(2_000))
    send: Text = setting("What is sent to it first.")
    enabled: Flag = setting("`false`: nobody asks until it is enabled at run time.", default=True)


def _agent(value: object) -> object:
    return made(port=value) if isinstance(value, int) and not isinstance(value, bool) else value


Agent = Annotated[AgentDocument | None, BeforeValidator(_agent, json_schema_input_type=AgentDocument | int)]


class ResolveDocument(Document):
    """Which address of a name is taken."""

    what: ClassVar[str] = "`resolve`"
    elsewhere: ClassVar[dict[str, str]] = {"ipv4": "it is `prefer: ipv4`", "ipv6": "it is `prefer: ipv6`"}

    prefer: Annotated[str | None, *words("a version of IP", "ipv4", "ipv6")] = setting(
        "Takes an address of this version, `ipv4` or `ipv6`, if there is one; in the system's order unless given."
    )
    networks: Networks = setting("Takes an address in one of these networks, if the name has one.")
    fallback: Host = setting("The IP address that is used while the name has none.")


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
        "minconn": "it is `min_connections`",
        "fullconn": "it is `full_connections`",
        "slowstart": "it is `slow_start`",
        "redir": "it is `redirect`",
        "agent_check": "it is `agent`",
        "disabled": "it is `state: maint`",
        "admin": "it is `state`",
        "ssl": "it is `tls`",
        "sni": "it stands in `tls`",
        "verify": "it stands in `tls`",
        "protocol": "it belongs to the backend",
        "proxy_protocol": "it is `send_proxy`",
        "observe": "it stands in `check`",
        "tcp_ut": "it is `user_timeout`",
        "init_state": "it is `initial`",
        "on_marked_down": "it is `end_when_down`",
        "on_marked_up": "it is `end_backups_when_up`",
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
    cookie: CookieValue = setting('Its value in a plain sticky cookie; the name unless given. `""`: it binds nobody.')
    tls: ServerTls = setting("TLS towards this server; before what the backend says, `false` for none.")
    send_proxy: SendProxy = setting("Tells this server of the client; before what the backend says, `false` for not.")
    check: Check = setting("How this server is checked, in place of what the backend says; `false` for not at all.")
    agent: Agent = setting("An agent beside the server that tells its state and weight; a number is its port.")
    track: Text = setting("Its health is that of another server, `server` or `backend/server`, in place of a check.")
    min_connections: Count = setting(
        "`max_connections` moves with the load of the backend, from this on; 0 for a limit that stays.", 0
    )
    full_connections: Count = setting(
        "The backend's connections at which `max_connections` is reached; 0 for a tenth of what its frontends admit.", 0
    )
    slow_start: Limit = setting("The time to its full weight and limit; before what the backend says.")
    source: Text = setting("The local address that connections come from.")
    redirect: Text = setting(
        "GET and HEAD are sent to this server by a redirect to this prefix, such as `http://a.test`."
    )
    end_when_down: Flag = setting(
        "What is in progress with it ends when it goes down or into maintenance, whatever `on_down` says.",
        default=False,
    )
    end_backups_when_up: Flag = setting(
        "What is in progress with the backup servers ends when it comes up.", default=False
    )
    user_timeout: Limit = setting("Ends connections whose server does not acknowledge what was sent for so long.")
    max_reuse: Count = setting("Requests that a connection carries after its first; no limit unless given.")
    resolve: ResolveDocument | None = setting("Which address of its name is taken; see below.")
    initial: InitialName = setting(
        "How it counts until it is checked: `up` or `down` until a first check says otherwise, `fully_up` or "
        "`fully_down` until as many as `fall` and `rise` do.",
        "up",
    )
    id: Positive = setting("Its number in statistics and in hashes that ask for it; by order unless given.")
    state: State = setting("`drain`: no new work. `maint`: no work, no checks. Can be changed at run time.", "ready")


Server = Annotated[ServerDocument, BeforeValidator(_short_server, json_schema_input_type=str | ServerDocument)]
"""A server; its address alone is the short form."""
