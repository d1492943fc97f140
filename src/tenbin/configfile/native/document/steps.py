"""Checks that go step by step: connect, say something, look at what comes back."""

from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema, model_validator

from tenbin.configfile import tokens
from tenbin.configfile.native import values
from tenbin.configfile.native.document.base import Document, made, not_empty, one_of, required, setting
from tenbin.configfile.native.document.types import BodySize, Flag, HeaderValue, Host, Port, Text, Token, words
from tenbin.configfile.problem import Mistake, Problem, mistake

KINDS = ("connect", "request", "send", "expect", "set_variable", "unset_variable")
WAYS = ("str", "beg", "end", "sub", "reg")
PATTERNS = ("status", "rstatus", "string", "rstring", "binary", "rbinary", "hdr", "fhdr")

Way = Annotated[str | None, *words("a way to compare", *WAYS)]


def _hex(value: object) -> bytes:
    text = values.text(value)
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise mistake("not bytes", expected="two hexadecimal digits for each, such as 0d0a") from None


def _version(value: object) -> str:
    text = values.text(value)
    if not text.startswith("HTTP/") or not tokens.is_token(text.removeprefix("HTTP/")):
        raise mistake("not a version of HTTP", expected="such as HTTP/1.1")
    return text


Hex = Annotated[bytes | None, PlainValidator(_hex), WithJsonSchema({"type": "string"})]
VersionText = Annotated[str | None, PlainValidator(_version), WithJsonSchema({"type": "string", "pattern": "^HTTP/"})]


class ConnectDocument(Document):
    """Opens a connection; the first step does so by itself unless one says how."""

    what: ClassVar[str] = "`connect`"

    address: Host = setting("Another host than the check's.")
    port: Port = setting("Another port than the check's.")
    default: Flag = setting("As the server says, with its TLS and PROXY protocol.", default=False)
    tls: Flag = setting("With TLS.", default=False)
    sni: Text = setting("The name that is asked for.")
    alpn: Text = setting("The protocols that are offered, with commas between them.")
    send_proxy: Flag = setting("Begins with the PROXY protocol.", default=False)


class CheckRequestDocument(Document):
    """Sends a request."""

    what: ClassVar[str] = "`request`"
    elsewhere: ClassVar[dict[str, str]] = {"uri": "it is `target`", "path": "it is `target`", "data": "it is `body`"}

    method: Token = setting("The method.", "OPTIONS")
    target: Text = setting("The path and query.", "/")
    version: VersionText = setting("The version.", "HTTP/1.0")
    headers: dict[str, HeaderValue] | None = setting("Headers, as they are.")
    body: Text = setting("The body.")
    format: Flag = setting("Target, headers and body hold `%[sample]`.", default=False)


class SendDocument(Document):
    """Sends bytes."""

    what: ClassVar[str] = "`send`"

    text: Text = setting("A text.")
    hex: Hex = setting("Bytes in hexadecimal digits.")
    format: Flag = setting("The text holds `%[sample]`.", default=False)

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_of(self, ("text", "hex"), what="`send`", lacking="what to send")
        return self


class AwaitDocument(Document):
    """What must come back."""

    what: ClassVar[str] = "`expect`"

    look_at: Annotated[str | None, *words("what is looked at", *PATTERNS)] = setting(
        "What is looked at: `status` (`200-399`), `rstatus` (a regular expression), `string` and `rstring` (in what "
        "came), `binary` and `rbinary` (the same in hexadecimal digits), `hdr` and `fhdr` (a header).",
        "string",
    )
    pattern: Text = setting("What must be there.", "")
    absent: Flag = setting("It must not be there.", default=False)
    pattern_by: Way = setting("How a header's value is compared: `str`, `beg`, `end`, `sub`, `reg`.", "str")
    header: Text = setting("The header's name.")
    header_by: Way = setting("How the name is compared.", "str")
    at_least: BodySize = setting("So many bytes are waited for.", 0)
    ok_status: Text = setting("A code such as L7OKC for the log when it passes.")
    error_status: Text = setting("The same when it fails.")
    timeout_status: Text = setting("The same when nothing came in time.")
    on_success: Text = setting("A text for the log when it passes.")
    on_error: Text = setting("The same when it fails.")


def _bytes(value: object) -> object:
    return made(text=value) if isinstance(value, str) else value


def _pattern(value: object) -> object:
    return made(pattern=value) if isinstance(value, str) else value


def _true(value: object) -> object:
    return made() if value is True else value


class StepDocument(Document):
    """One step."""

    what: ClassVar[str] = "a step"

    connect: Annotated[
        ConnectDocument | None, BeforeValidator(_true, json_schema_input_type=ConnectDocument | bool)
    ] = setting("Opens a connection: `true`, or a mapping.")
    request: CheckRequestDocument | None = setting("Sends a request of HTTP.")
    send: Annotated[SendDocument | None, BeforeValidator(_bytes, json_schema_input_type=SendDocument | str)] = setting(
        "Sends bytes: a text, or a mapping."
    )
    expect: Annotated[AwaitDocument | None, BeforeValidator(_pattern, json_schema_input_type=AwaitDocument | str)] = (
        setting("Waits for an answer: a text that must be in it, or a mapping.")
    )
    set_variable: Text = setting("The name of a variable that gets `value`.")
    value: Text = setting("Its value, a text with `%[sample]`.")
    unset_variable: Text = setting("The name of a variable that is forgotten.")
    comment: Text = setting("What the log says of this step; alone, of all behind it that say nothing themselves.")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kind = one_of(self, KINDS, what="a step")
        if not kind and self.comment is None:
            raise Mistake(Problem("a step does nothing", expected=f"one of {', '.join(KINDS)}, comment"))
        if (self.value is not None) != (kind == "set_variable"):
            raise Mistake(Problem("`set_variable` and `value` belong together", key="value" if self.value else kind))
        return self


Script = Annotated[list[StepDocument] | None, BeforeValidator(not_empty("steps"))]

GREETINGS = ("pgsql", "mysql", "redis", "smtp", "ldap", "ssl_hello", "spop")
GreetingName = Annotated[
    str | None,
    *words(
        "a greeting",
        *GREETINGS,
        foreign={"postgres": "it is `pgsql`", "postgresql": "it is `pgsql`", "ssl": "it is `ssl_hello`"},
    ),
]


class GreetingDocument(Document):
    """Says hello in a server's own language, and waits for the right answer."""

    what: ClassVar[str] = "`greeting`"

    protocol: GreetingName = required("`pgsql`, `mysql`, `redis`, `smtp`, `ldap`, `ssl_hello` or `spop`.")
    user: Text = setting("The name to log in with, of `pgsql` and `mysql`.")
    domain: Text = setting("The name that `smtp` is told.")
    variant: Text = setting("`EHLO` or `HELO` of `smtp`, `pre-41` or `post-41` of `mysql`.")


def _greeting(value: object) -> object:
    return made(protocol=value) if isinstance(value, str) else value


Greeting = Annotated[
    GreetingDocument | None, BeforeValidator(_greeting, json_schema_input_type=GreetingDocument | GreetingName)
]
