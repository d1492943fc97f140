"""What rules do beyond headers and answers: addresses, targets, times, counters of tables, live lists."""

from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema, model_validator

from tenbin.configfile import expression
from tenbin.configfile.expression import Compiled
from tenbin.configfile.native import values
from tenbin.configfile.native.document.base import Document, made, required, setting, whole
from tenbin.configfile.native.document.types import BodySize, Flag, Template, Text, Time, words
from tenbin.configfile.problem import Mistake, Problem
from tenbin.model.expression import Const

_SLOTS = {"type": "integer", "minimum": 0, "maximum": 11}
_ANY = {"type": ["string", "integer", "boolean"], "examples": ['header("x-user")']}
_TIMED = {"type": "string", "examples": ["5s", 'var("txn.patience")']}
TIMEOUTS = ("server", "tunnel", "client", "connect", "queue", "tarpit")
NORMALIZERS = {
    "fragment-encode": "",
    "fragment-strip": "",
    "path-merge-slashes": "",
    "path-strip-dot": "",
    "path-strip-dotdot": "full",
    "percent-decode-unreserved": "strict",
    "percent-to-uppercase": "strict",
    "query-sort-by-name": "",
}
"""What brings a URI into one form, and the word that makes it go further."""


def _constant_or(value: object, *, answer: bool) -> Compiled:
    """A number, a truth, or an expression, which may be a literal."""
    if isinstance(value, bool | int):
        return Compiled(Const(value))
    return expression.key(values.text(value), answer=answer, literal=True)


def _time_or(value: object) -> Compiled:
    """A time, or an expression that gives milliseconds."""
    if isinstance(value, str) and value[:1].isdigit():
        return Compiled(Const(values.duration(value).ms))
    return _constant_or(value, answer=False)


Slot = Annotated[int | None, PlainValidator(lambda value: whole(value, 0, 11)), WithJsonSchema(_SLOTS)]
Place = Annotated[
    int | None,
    PlainValidator(lambda value: whole(value, 0, 99)),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": 99}),
]
Value = Annotated[Compiled, PlainValidator(lambda value: _constant_or(value, answer=False)), WithJsonSchema(_ANY)]
AnswerValue = Annotated[Compiled, PlainValidator(lambda value: _constant_or(value, answer=True)), WithJsonSchema(_ANY)]
TimeOrValue = Annotated[Compiled, PlainValidator(_time_or), WithJsonSchema(_TIMED)]
TimeoutName = Annotated[str, *words("a timeout", *TIMEOUTS)]


class WaitDocument(Document):
    """Waits for the body of a request, so that rules can look at it."""

    what: ClassVar[str] = "`wait_for_body`"

    time: Time = required("So long at most.")
    at_least: BodySize = setting("So many bytes are enough; 0 for all, or a full buffer.", 0)


class NormalizeDocument(Document):
    """Brings the target of a request into one form."""

    what: ClassVar[str] = "`normalize`"

    by: Annotated[str | None, *words("a way to normalize", *NORMALIZERS)] = required("How.")
    full: Flag = setting("`path-strip-dotdot` also takes leading `..` off.", default=False)
    strict: Flag = setting("The two of `percent-` refuse what is not encoded as it should be.", default=False)

    @model_validator(mode="after")
    def _option(self) -> Self:
        for key in ("full", "strict"):
            if getattr(self, key) and NORMALIZERS.get(self.by or "", key) != key:
                raise Mistake(Problem(f"`{self.by}` knows no `{key}`", key=key))
        return self


class CountDocument(Document):
    """Counts in the entry that a rule with `track` has found."""

    what: ClassVar[str] = "`count`"

    slot: Slot = setting("Which `track` it is, 0 to 11.", 0)
    counter: Annotated[str | None, *words("a counter", "gpc", "gpc0", "gpc1")] = setting(
        "Which counter: `gpc0`, `gpc1`, or `gpc`, of which there are several.", "gpc0"
    )
    index: Place = setting("Which one of several.", 0)
    by: Value | None = setting("How many: a number, or an expression.", shown=1)


class TagDocument(Document):
    """Marks the entry that a rule with `track` has found."""

    what: ClassVar[str] = "`tag`"

    slot: Slot = setting("Which `track` it is, 0 to 11.", 0)
    counter: Annotated[str | None, *words("a tag", "gpt", "gpt0")] = setting(
        "Which tag: `gpt0`, or `gpt`, of which there are several.", "gpt0"
    )
    index: Place = setting("Which one of several.", 0)
    value: Value | None = required("A number, or an expression.")


class EntryDocument(Document):
    """An entry of a list, until the file is read again."""

    what: ClassVar[str] = "an entry of a list"

    list: Text = required("The file of the list.")
    key: Template = required("The entry, a text with `{expression}`.")


def _by(value: object) -> object:
    return made(by=value) if isinstance(value, str) else value


Normalize = Annotated[NormalizeDocument | None, BeforeValidator(_by, json_schema_input_type=NormalizeDocument | str)]
