"""The narrow types of a document's values: how each is parsed, and how the JSON Schema describes it."""

from typing import Annotated, get_args

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from tenbin.configfile import expression, tokens
from tenbin.configfile.expression import Compiled
from tenbin.configfile.native import values
from tenbin.configfile.native.document.base import as_list, choice, flag, not_empty, whole
from tenbin.configfile.native.tree import Map
from tenbin.configfile.problem import mistake
from tenbin.model.expression import Const
from tenbin.model.values import Address, Duration, Inherited, MemoryLimit, Rate, UnixAddress

_FOREVER = 2**31 - 1

# Texts and numbers -----------------------------------------------------------------------------------------------

Text = Annotated[str | None, PlainValidator(values.text), WithJsonSchema({"type": "string"})]
Flag = Annotated[bool | None, PlainValidator(flag), WithJsonSchema({"type": "boolean"})]


def _secret(value: object) -> str:
    """A token. What is wrong with it is told without showing it."""
    hidden = "something that is not shown"
    if not isinstance(value, str):
        raise mistake(f"{values.describe(value)} instead of a token", expected="a text in quotes", found=hidden)
    if len(value) < 16:
        hint = "such as what `openssl rand -hex 32` prints"
        raise mistake(
            "the token can be guessed", expected="at least 16 visible characters", found="a shorter one", hint=hint
        )
    if not value.isascii() or not value.isprintable():
        raise mistake("not a token", expected="visible ASCII characters", found=hidden)
    return value


Secret = Annotated[str | None, PlainValidator(_secret), WithJsonSchema({"type": "string"})]


def _account(value: object) -> str:
    """The name or number of a user or group."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32 - 1:
        return str(value)
    if isinstance(value, str) and value:
        return value
    raise mistake("neither a name nor a number", expected="a name such as www-data, or a number")


Account = Annotated[str | None, PlainValidator(_account), WithJsonSchema({"type": ["string", "integer"]})]


def number(low: int, high: int = _FOREVER) -> tuple[PlainValidator, WithJsonSchema]:
    """A whole number in a range."""
    schema: dict[str, object] = {"type": "integer", "minimum": low}
    if high < _FOREVER:
        schema["maximum"] = high
    return PlainValidator(lambda value: whole(value, low, high)), WithJsonSchema(schema)


Count = Annotated[int | None, *number(0)]
Positive = Annotated[int | None, *number(1)]
Weight = Annotated[int | None, *number(0, 256)]
Port = Annotated[int | None, *number(1, 65535)]
Small = Annotated[int | None, *number(1, 1000)]
Attempts = Annotated[int | None, *number(0, 1000)]
Threads = Annotated[int | None, *number(1, 64)]
Status = Annotated[int | None, *number(200, 599)]
ErrorStatus = Annotated[int | None, *number(400, 599)]
Streams = Annotated[int | None, *number(1, 65_535)]
Fields = Annotated[int | None, *number(1, 10_000)]


def _percent(low: int, high: int) -> tuple[PlainValidator, WithJsonSchema]:
    def parse(value: object) -> int:
        found = values.percent(value)
        if not low <= found <= high:
            raise mistake("the percentage is out of range", expected=f"{low}% to {high}%")
        return found

    pattern = {"type": "string", "pattern": "^[0-9]+ *%$"}
    return PlainValidator(parse), WithJsonSchema(
        {"anyOf": [pattern, {"type": "integer", "minimum": low, "maximum": high}]}
    )


Percent = Annotated[int | None, *_percent(0, 100)]
Share = Annotated[int | None, *_percent(1, 100)]
Jitter = Annotated[int | None, *_percent(0, 50)]


def _load_factor(value: object) -> int:
    found = 0 if value in (0, False) else values.percent(value)
    if found and not 100 <= found <= 10_000:
        raise mistake("the percentage is out of range", expected="100% to 10000%, or 0 for no bound")
    return found


Bound = Annotated[
    int | None,
    PlainValidator(_load_factor),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": "^[0-9]+ *%$"}, {"type": "integer"}]}),
]

# Durations and sizes ---------------------------------------------------------------------------------------------

DURATION_SCHEMA = {
    "type": "string",
    "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$",
    "examples": ["250ms", "2s", "1h"],
}
SIZE_SCHEMA = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+[kmgKMG]$"}]}


def _positive_duration(value: object) -> Duration:
    found = values.duration(value)
    if not found.ms:
        raise mistake("this duration cannot be zero", expected="a duration such as 250ms, 2s or 1h")
    return found


def _size(low: int, high: int) -> tuple[PlainValidator, WithJsonSchema]:
    def parse(value: object) -> int:
        found = values.size(value)
        if not low <= found <= high:
            raise mistake("the size is out of range", expected=f"{shown_size(low)} to {shown_size(high)}")
        return found

    return PlainValidator(parse), WithJsonSchema(SIZE_SCHEMA)


def shown_size(size: int) -> str:
    """A size as it is written in a file."""
    for unit, factor in (("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)


Time = Annotated[Duration | None, PlainValidator(_positive_duration), WithJsonSchema(DURATION_SCHEMA)]
"""Longer than zero."""
Limit = Annotated[Duration | None, PlainValidator(values.duration), WithJsonSchema(DURATION_SCHEMA)]
"""Zero means no limit."""
HeadSize = Annotated[int | None, *_size(1 << 10, 1 << 20)]
BufferSize = Annotated[int | None, *_size(4 << 10, 1 << 20)]
TargetSize = Annotated[int | None, *_size(64, 1 << 20)]
BodySize = Annotated[int | None, *_size(0, 1 << 50)]


def _byte_rate(value: object) -> object:
    if isinstance(value, str) and "/" in value:
        hint = f"write {value.partition('/')[0]}"
        raise mistake("not a size", expected="bytes a second such as 100 or 1k", hint=hint)
    return value


ByteRate = Annotated[BodySize, BeforeValidator(_byte_rate)]


def _memory(value: object) -> MemoryLimit:
    if isinstance(value, str) and value.rstrip().endswith("%"):
        found = values.percent(value)
        if not 1 <= found <= 100:
            raise mistake("the percentage is out of range", expected="1% to 100%, or 0 for no limit")
        return MemoryLimit(size=0, percent=found)
    size = values.size(value)
    if 0 < size < 1 << 20:
        raise mistake("the size is out of range", expected="1m or more, a percentage, or 0 for no limit")
    return MemoryLimit(size=size, percent=0)


MemorySize = Annotated[
    MemoryLimit | None,
    PlainValidator(_memory),
    WithJsonSchema({"anyOf": [*SIZE_SCHEMA["anyOf"], {"type": "string", "pattern": "^[0-9]+ *%$"}]}),
]


def _rate(value: object) -> Rate | bool:
    return False if value is False else values.rate(value)


RateOrOff = Annotated[
    Rate | bool | None,
    PlainValidator(_rate),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": "^[0-9]+ ?/ ?[0-9.]*(ms|s|m|h|d)+$", "examples": ["10/s", "100/10s"]},
                {"const": False},
            ]
        }
    ),
]
"""`false` means no limit."""
Prefix = Annotated[int | None, *number(1, 128)]
Entries = Annotated[int | None, *number(1, 10_000_000)]

# Addresses -------------------------------------------------------------------------------------------------------

AdminAddress = Annotated[
    Address | None,
    PlainValidator(values.admin_address),
    WithJsonSchema({"type": "string", "examples": [":9180", "127.0.0.1:9180"]}),
]
ListenAddress = Annotated[
    Address | UnixAddress | Inherited | None,
    PlainValidator(values.listen_address),
    WithJsonSchema(
        {"type": "string", "examples": [":8080", "127.0.0.1:8080", "[::]:8080", "unix@/run/app.sock", "fd@3"]}
    ),
]
ServerAddress = Annotated[
    Address | UnixAddress,
    PlainValidator(values.server_address),
    WithJsonSchema({"type": "string", "examples": ["10.0.0.1:8080", "app.internal:8080", "unix@/run/app.sock"]}),
]
Host = Annotated[str | None, PlainValidator(values.host), WithJsonSchema({"type": "string"})]
Network = Annotated[str, PlainValidator(values.network), WithJsonSchema({"type": "string", "examples": ["10.0.0.0/8"]})]
HostPattern = Annotated[
    str,
    PlainValidator(values.host_pattern),
    WithJsonSchema({"type": "string", "examples": ["example.org", "*.example.org"]}),
]

# HTTP ------------------------------------------------------------------------------------------------------------

_FRAMING = frozenset(
    ("connection", "content-length", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")
)


def header_name(value: object) -> str:
    """The name of a header that may be edited: messages are framed by Tenbin alone."""
    name = values.text(value)
    if not tokens.is_token(name):
        raise mistake("not the name of a header", expected="letters, digits and -_.")
    if name.lower() in _FRAMING:
        raise mistake(f"`{name}` frames the message, which only Tenbin does")
    return name


def header_value(value: object) -> str:
    """The literal value of a header."""
    found = str(value) if isinstance(value, int) and not isinstance(value, bool) else values.text(value)
    if not tokens.is_field_value(found):
        raise mistake("a header holds no line ends or control characters", expected="one line of text")
    return found.strip(" \t")


def token(value: object) -> str:
    """The name of a cookie, header or method."""
    found = values.text(value)
    if not tokens.is_token(found):
        raise mistake("not a name that HTTP allows", expected="letters, digits and -_.")
    return found


def path(value: object) -> str:
    """A path or the beginning of one."""
    found = values.text(value)
    if not found.startswith("/"):
        raise mistake("a path begins with a slash", expected="such as /api/", hint=_with_slash(found))
    for char in found:
        if char in "?#" or char <= " " or char == "\x7f":
            hint = 'the query is tested with `when: param("x") == "..."`' if char == "?" else ""
            raise mistake(f"a path holds no {char!r}", expected="a path such as /api/", hint=hint)
    return found


def _with_slash(found: str) -> str:
    if "://" in found:
        return "the host is tested with `host`"
    return f"write /{found}" if found else ""


def _cookie_value(value: object) -> str:
    found = values.text(value)
    if found and not tokens.is_cookie_value(found):
        raise mistake(
            "not the value of a cookie", expected="visible characters without blanks, quotes, commas, ; and \\"
        )
    return found


_STRING = WithJsonSchema({"type": "string"})

Token = Annotated[str | None, PlainValidator(token), _STRING]
HeaderName = Annotated[str, PlainValidator(header_name), _STRING]
HeaderValue = Annotated[str, PlainValidator(header_value), WithJsonSchema({"type": ["string", "integer"]})]
UrlPath = Annotated[str | None, PlainValidator(path), WithJsonSchema({"type": "string", "pattern": "^/"})]
CookieValue = Annotated[str | None, PlainValidator(_cookie_value), _STRING]

_PathText = Annotated[str, PlainValidator(path), WithJsonSchema({"type": "string", "pattern": "^/"})]

Paths = Annotated[
    list[_PathText] | None,
    BeforeValidator(as_list, json_schema_input_type=_PathText | list[_PathText]),
    BeforeValidator(not_empty("paths")),
]
Hosts = Annotated[
    list[HostPattern] | None,
    BeforeValidator(as_list, json_schema_input_type=HostPattern | list[HostPattern]),
    BeforeValidator(not_empty("hosts")),
]
RetryStatus = Annotated[int, *number(400, 599)]
Statuses = Annotated[
    list[RetryStatus] | None, BeforeValidator(as_list, json_schema_input_type=RetryStatus | list[RetryStatus])
]
HeaderNames = Annotated[
    list[HeaderName] | None, BeforeValidator(as_list, json_schema_input_type=HeaderName | list[HeaderName])
]
Networks = Annotated[list[Network] | None, BeforeValidator(as_list, json_schema_input_type=Network | list[Network])]

# Expressions -----------------------------------------------------------------------------------------------------


def _condition(value: object, *, answer: bool = False) -> Compiled:
    if isinstance(value, bool):
        return Compiled(Const(value))
    if not isinstance(value, str):
        hint = "put it in single quotes" if isinstance(value, Map | list) else ""
        expected = 'a condition such as path.startswith("/api/")'
        raise mistake(f"{values.describe(value)} instead of a condition", expected=expected, hint=hint)
    return expression.condition(value, answer=answer)


def _answer_condition(value: object) -> Compiled:
    return _condition(value, answer=True)


def _key(value: object) -> Compiled:
    return expression.key(values.text(value))


def _template(value: object) -> Compiled:
    return expression.text(header_value(value))


def _answer_key(value: object) -> Compiled:
    return expression.key(values.text(value), answer=True)


def _answer_template(value: object) -> Compiled:
    return expression.text(header_value(value), answer=True)


Condition = Annotated[
    Compiled | None,
    PlainValidator(_condition),
    WithJsonSchema({"type": ["string", "boolean"], "examples": ['path.startswith("/api/")']}),
]
AnswerCondition = Annotated[Compiled | None, PlainValidator(_answer_condition), *get_args(Condition)[2:]]
AnswerKey = Annotated[Compiled, PlainValidator(_answer_key), WithJsonSchema({"type": "string"})]
Key = Annotated[
    Compiled | None, PlainValidator(_key), WithJsonSchema({"type": "string", "examples": ['header("x-user")']})
]
Template = Annotated[Compiled | None, PlainValidator(_template), WithJsonSchema({"type": "string"})]
HeaderTemplate = Annotated[Compiled, PlainValidator(_template), WithJsonSchema({"type": ["string", "integer"]})]
AnswerTemplate = Annotated[Compiled, PlainValidator(_answer_template), WithJsonSchema({"type": ["string", "integer"]})]


def words(what: str, *options: str, foreign: dict[str, str] | None = None) -> tuple[PlainValidator, WithJsonSchema]:
    """One of a few words."""
    return (
        PlainValidator(lambda value: choice(value, options, what, foreign)),
        WithJsonSchema({"enum": list(options)}),
    )


ModeName = Annotated[str | None, *words("a mode", "http", "tcp")]
