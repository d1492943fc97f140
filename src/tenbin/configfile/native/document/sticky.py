"""What keeps a client on its server."""

from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema, model_validator

from tenbin.configfile.native import values
from tenbin.configfile.native.document.base import Document, made, one_of, setting
from tenbin.configfile.native.document.types import Flag, Key, Limit, Positive, Text, Time, Token, words
from tenbin.configfile.native.tree import Map
from tenbin.configfile.problem import Mistake, Problem, mistake
from tenbin.model.backend import CookieMode
from tenbin.model.values import Duration

KINDS = ("cookie", "source", "header", "param", "key")
DEFAULT_ATTRIBUTES = ("Path=/", "HttpOnly", "SameSite=Lax")

_COOKIE_ONLY = (
    "plain", "attributes", "max_idle", "max_life", "mode", "indirect", "no_cache", "post_only", "preserve",
    "dynamic_key",
)  # fmt: skip
_TABLE_ONLY = ("expire", "size")

ModeOfCookie = Annotated[str | None, *words("what is done with the cookie", *CookieMode)]
OnDrain = Annotated[str | None, *words("what sticky clients do", "stay", "leave")]


def _attributes(value: object) -> tuple[str, ...]:
    """A list of attributes, or one text with semicolons between them."""
    expected = "a list such as [Path=/, Secure]"
    if isinstance(value, str):
        value = [part.strip() for part in value.split(";")]
    if not isinstance(value, list):
        raise mistake("not the attributes of a cookie", expected=expected)
    attributes = tuple(values.text(item) for item in value)
    for attribute in attributes:
        if not attribute or any(char < " " or char > "~" or char in ";," for char in attribute):
            raise mistake("not an attribute of a cookie", expected=expected)
    return attributes


Attributes = Annotated[
    tuple[str, ...] | None,
    PlainValidator(_attributes),
    WithJsonSchema({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}]}),
]


class SourceDocument(Document):
    """How long client addresses are remembered, and how many."""

    what: ClassVar[str] = "`source`"

    expire: Time = setting("How long an address is remembered after it was last seen.", Duration(1_800_000))
    size: Positive = setting("How many addresses are remembered.", 100_000)


def _source(value: object) -> object:
    if isinstance(value, Map):
        return value
    if value is True:
        return made()
    raise mistake(f"{values.describe(value)} instead of `source`", expected="true, or a mapping with expire, size")


class StickyDocument(Document):
    """By a cookie that Tenbin sets, or by something that the client brings and a table remembers."""

    what: ClassVar[str] = "`sticky`"
    elsewhere: ClassVar[dict[str, str]] = {
        "name": "the cookie's name is the value of `cookie`",
        "ttl": "it is `max_life` of a cookie, `expire` of anything else",
        "max_age": "it is `max_life`",
        "maxidle": "it is `max_idle`",
        "maxlife": "it is `max_life`",
        "secure": "it stands in `attributes`, beside those you keep: [Path=/, HttpOnly, SameSite=Lax, Secure]",
        "httponly": "it stands in `attributes`, and is there by default",
        "ip": "it is `source: true`",
    }

    cookie: Token = setting("The name of a cookie that Tenbin sets; its value is opaque and signed.")
    plain: Flag = setting(
        "The cookie's value is the server's name (or its `cookie`), for others to read.", default=False
    )
    attributes: Attributes = setting("The cookie's attributes.", shown="[Path=/, HttpOnly, SameSite=Lax]")
    max_idle: Limit = setting(
        "The cookie is worth nothing when it was not seen for so long; 0s for no limit.", Duration(0)
    )
    max_life: Limit = setting("The cookie is worth nothing after so long; 0s for no limit.", Duration(0))
    mode: ModeOfCookie = setting(
        "`insert` sets a cookie of Tenbin's own, `rewrite` and `prefix` change the server's, `read` only looks at it.",
        CookieMode.INSERT.value,
    )
    indirect: Flag = setting("The server never sees the cookie.", default=True)
    no_cache: Flag = setting("Answers that set the cookie may not be kept in shared caches.", default=False)
    post_only: Flag = setting("The cookie is only set in answers to POST.", default=False)
    preserve: Flag = setting("A cookie of this name that the server sets is left alone.", default=False)
    dynamic_key: Text = setting(
        "The cookie's values are made of this secret and of the server's address, in place of its name.", secret=True
    )
    source: Annotated[SourceDocument | None, BeforeValidator(_source, json_schema_input_type=SourceDocument | bool)] = (
        setting("`true`: by the client's address.")
    )
    header: Token = setting("By the value of this header.")
    param: Text = setting("By the value of this query parameter.")
    key: Key = setting("By the value of this expression.")
    expire: Time = setting("How long a value is remembered after it was last seen.", shown="30m")
    size: Positive = setting("How many values are remembered.", shown=100_000)
    on_drain: OnDrain = setting("Whether clients stay on their server while it drains.", "stay")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kind = one_of(self, KINDS, what="`sticky`", lacking="by what a client is known")
        foreign = _TABLE_ONLY if kind == "cookie" else _COOKIE_ONLY
        for key in foreign:
            if key in self.model_fields_set:
                others = "`cookie`" if kind != "cookie" else "`source`, `header`, `param` and `key`"
                hint = "the lives of a cookie are `max_idle` and `max_life`" if kind == "cookie" else ""
                raise Mistake(Problem(f"`{key}` belongs to {others}, and this is `{kind}`", key=key, hint=hint))
        return self
