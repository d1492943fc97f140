"""The whole file: its short form, its full form, and the settings of the process."""

from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema, model_validator

from tenbin.configfile import expression
from tenbin.configfile.expression import Compiled
from tenbin.configfile.native import values
from tenbin.configfile.native.document.answers import Answers
from tenbin.configfile.native.document.backend import BackendDocument, Sticky
from tenbin.configfile.native.document.balance import Balance
from tenbin.configfile.native.document.base import (
    Document,
    ListOrMapping,
    list_or_mapping,
    made,
    not_empty,
    one_of,
    setting,
)
from tenbin.configfile.native.document.check import HealthCheck
from tenbin.configfile.native.document.frontend import TLS_OF_ADDRESS, FrontendDocument, HttpRulesDocument, Listens
from tenbin.configfile.native.document.limits import Limits
from tenbin.configfile.native.document.route import RouteDocument
from tenbin.configfile.native.document.server import Server
from tenbin.configfile.native.document.table import TableDocument
from tenbin.configfile.native.document.timeouts import Timeouts
from tenbin.configfile.native.document.types import (
    Account,
    AdminAddress,
    Flag,
    Hosts,
    ModeName,
    Networks,
    Secret,
    Text,
    Threads,
    words,
)
from tenbin.configfile.native.tree import Seq
from tenbin.configfile.problem import Mistake, Problem, mistake
from tenbin.model.expression import Const

SHORT_FORM = ("listen", "mode", "algorithm", "health_check", "sticky", "routes")
DEFAULT_ADMIN = "127.0.0.1:8404"


class AdminDocument(Document):
    """The HTTP API: status, metrics and, with a token, changes."""

    what: ClassVar[str] = "`admin`"
    elsewhere: ClassVar[dict[str, str]] = {
        "listen": "it is `address`",
        "port": 'it is `address: "127.0.0.1:8404"`',
        "password": "it is `token`",
        "host": "it is `hosts`, a list of names",
        "server_name": "it is `hosts`, a list of names",
    }

    address: AdminAddress = setting("Where to listen.", shown=DEFAULT_ADMIN)
    token: Secret = setting("What a change over TCP must carry; without one TCP can only read.", secret=True)
    token_file: Text = setting("A file that holds the token, which only Tenbin's user may read.")
    read_token: Secret = setting("What reading over TCP must carry, unless it carries `token`.", secret=True)
    read_token_file: Text = setting("A file that holds the read token.")
    hosts: Hosts = setting(
        "Names by which it is called besides `localhost` and IP addresses, such as `[lb, lb.example.org]`."
    )

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        one_of(self, ("token", "token_file"), what="`admin`")
        one_of(self, ("read_token", "read_token_file"), what="`admin`")
        return self


class LogDocument(Document):
    """Where requests are logged."""

    what: ClassVar[str] = "`log`"
    elsewhere: ClassVar[dict[str, str]] = {
        "target": "it is `access`",
        "file": "it is `access`",
        "level": "access logs have no level",
    }

    access: Text = setting("`stdout`, `none`, or the path of a file.", "stdout")
    format: Annotated[str | None, *words("a format", "auto", "human", "json", foreign={"text": "it is `human`"})] = (
        setting("`human`, `json`, or `auto`: human on a terminal, JSON otherwise.", "auto")
    )


def _admin(value: object) -> object:
    if value is False:
        return None
    return made(address=value) if isinstance(value, str | int) and not isinstance(value, bool) else value


def _log(value: object) -> object:
    return (
        made(access="none")
        if value is False or value is None
        else made(access=value)
        if isinstance(value, str)
        else value
    )


def _named(value: object) -> object:
    if isinstance(value, Seq):
        hint = "each has its name as a key: `web: {listen: ...}`"
        raise mistake("a list instead of frontends", expected="a mapping of names to frontends", hint=hint)
    return not_empty("frontends")(value)


def _process_variable(value: object) -> str:
    """The name of a variable of the process."""
    name = values.text(value)
    if not name.startswith("proc.") or not name[5:].replace("_", "").replace(".", "").isalnum():
        raise mistake("not the name of a variable of the process", expected="proc, a dot, and a name", hint="proc.site")
    return name


def _process_value(value: object) -> Compiled:
    """A number, a truth, or a text with expressions in it."""
    if isinstance(value, bool | int):
        return Compiled(Const(value))
    return expression.text(values.text(value))


ProcessVariable = Annotated[str, PlainValidator(_process_variable), WithJsonSchema({"type": "string"})]
ProcessValue = Annotated[
    Compiled, PlainValidator(_process_value), WithJsonSchema({"type": ["string", "integer", "boolean"]})
]
Admin = Annotated[
    AdminDocument | None, BeforeValidator(_admin, json_schema_input_type=AdminDocument | str | bool | None)
]
Log = Annotated[LogDocument, BeforeValidator(_log, json_schema_input_type=LogDocument | str | bool)]


class RootDocument(Document):
    """A configuration of Tenbin."""

    what: ClassVar[str] = "the file"
    instead: ClassVar[str] = "keys and values"
    elsewhere: ClassVar[dict[str, str]] = {
        "frontend": "it is `frontends`, a mapping of names to frontends",
        "backend": "it is `backends`",
        "servers": "it is `backends`, a list of servers",
        "upstream": "it is `backends`",
        "upstreams": "it is `backends`",
        "balance": "at the top it is `algorithm`",
        "check": "at the top it is `health_check`",
        "port": 'it is `listen: ":8080"`',
        "bind": "it is `listen`",
        "workers": "it is `threads`",
        "worker_processes": "it is `threads`",
        "global": "its settings stand at the top",
        "defaults": "timeouts and limits stand at the top",
        "timeout": "they are `timeouts`",
        "maxconn": "it is `limits: {connections: ...}`",
        "drain": "it stands in `timeouts`",
        "stats": "it is `admin`",
        "metrics": "it is part of `admin`",
        "logging": "it is `log`",
        **dict.fromkeys(("tls", "ssl", "certificates"), TLS_OF_ADDRESS),
        **dict.fromkeys(("http2", "proxy_protocol"), "it belongs to an address in `listen`"),
    }
    later: ClassVar[dict[str, str]] = {
        "resolvers": "discovery",
        "discovery": "discovery",
    }

    listen: Listens = setting("Short form: where to listen.")
    mode: ModeName = setting("Short form: `http` balances requests, `tcp` connections.", shown="http")
    algorithm: Balance = setting("Short form: the policy of all servers.", shown="round_robin")
    health_check: HealthCheck = setting(
        "Short form: how all servers are checked; a text is the path. None unless given."
    )
    sticky: Sticky = setting("Short form: what keeps a client on its server; none unless given.")
    routes: list[RouteDocument] | None = setting(
        "Short form: routes in their order, before everything goes to the servers of `backends`."
    )
    frontends: Annotated[dict[str, FrontendDocument] | None, BeforeValidator(_named)] = setting(
        "Full form: names and frontends."
    )
    backends: Annotated[ListOrMapping[Server, BackendDocument], list_or_mapping("backends")] | None = setting(
        "Short form: a list of servers. Full form: names and backends."
    )
    tables: dict[str, TableDocument] | None = setting("What is remembered of clients: names and tables.")
    variables: dict[ProcessVariable, ProcessValue] | None = setting(
        "Variables of the process, such as `proc.site`: numbers, `true`, `false`, or texts with `{expression}`; set at "
        'the start, and read by `var("proc.site")`.'
    )
    answers: Answers = setting("Answers of Tenbin's own by status, where no frontend says otherwise.")
    admin: Admin = setting("The HTTP API's address, or a mapping; `null` for none.", shown=DEFAULT_ADMIN)
    threads: Threads = setting("Threads of the data plane, 1 to 64.", shown="one for each core")
    timeouts: Timeouts | None = setting("Timeouts, where no frontend or backend says otherwise.")
    limits: Limits | None = setting("Limits, where no frontend says otherwise.")
    log: Log | None = setting("Where requests are logged: `stdout`, `none`, a file, or a mapping.", shown="stdout")
    http: HttpRulesDocument | None = setting("What of a request is let through, where no frontend says otherwise.")
    trusted_proxies: Networks = setting(
        "Networks whose X-Forwarded-* headers are believed; of all others they are dropped."
    )
    user: Account = setting(
        "Whom the data plane runs as when root starts Tenbin: a name or a number; as who starts it unless given."
    )
    group: Account = setting("The group that it runs with; the user's own group unless given.")
    runtime_directory: Text = setting(
        "Where sockets and state are kept; TENBIN_RUNTIME_DIR, or one in /run or $XDG_RUNTIME_DIR, unless given."
    )
    watch: Flag = setting("Reloads when the file changes.", default=False)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.frontends is not None:
            for key in SHORT_FORM:
                if key in self.model_fields_set:
                    hint = "with `frontends` it stands in a frontend or backend"
                    raise Mistake(
                        Problem(f"`{key}` is the short form, and `frontends` the full one", key=key, hint=hint)
                    )
            if isinstance(self.backends, list):
                hint = "such as `backends: {app: {servers: [...]}}`"
                raise Mistake(
                    Problem(
                        "with `frontends`, backends have names",
                        expected="a mapping of names to backends",
                        key="backends",
                        hint=hint,
                    )
                )
        elif self.listen is None:
            raise Mistake(
                Problem(
                    "nothing says where to listen", expected="`listen` or `frontends`", hint='such as listen: ":8080"'
                )
            )
        return self
