"""Answers of Tenbin's own, by status: what clients get in place of the built-in ones."""

from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema, model_validator

from tenbin.configfile import expression
from tenbin.configfile.expression import Compiled
from tenbin.configfile.native import values
from tenbin.configfile.native.document.base import Document, made, one_of, setting, whole
from tenbin.configfile.native.document.types import AnswerTemplate, HeaderName, HeaderTemplate, Status, Text
from tenbin.configfile.problem import Mistake, Problem, mistake


def _body(value: object) -> Compiled:
    return expression.text(values.text(value))


def _answer_body(value: object) -> Compiled:
    return expression.text(values.text(value), answer=True)


BodyTemplate = Annotated[Compiled | None, PlainValidator(_body), WithJsonSchema({"type": "string"})]
AnswerBodyTemplate = Annotated[Compiled | None, PlainValidator(_answer_body), WithJsonSchema({"type": "string"})]


class AnswerDocument(Document):
    """What is answered."""

    what: ClassVar[str] = "an answer"
    elsewhere: ClassVar[dict[str, str]] = {
        "code": "it is `status`",
        "content": "it is `body`",
        "content_type": "it is `headers: {Content-Type: ...}`",
    }

    status: Status = setting("Another status than the one that it stands for, 200 to 599.")
    reason: Text = setting("The words behind the status; those of the standard unless given.")
    headers: dict[HeaderName, HeaderTemplate] | None = setting(
        'Headers; values are texts with `{expression}`. Content-Type is guessed unless given; `""` sends none.'
    )
    body: Text = setting("The body, as it is.")
    file: Text = setting("A file that holds the body; read with the configuration, at most 1m.")
    text: BodyTemplate = setting("The body, a text with `{expression}`.")

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        one_of(self, ("body", "file", "text"), what="an answer")
        if self.status in (204, 205, 304) and (self.body or self.file or self.text):
            key = next(key for key in ("body", "file", "text") if getattr(self, key))
            raise Mistake(Problem(f"an answer {self.status} has no body", key=key))
        return self


class RuleAnswerDocument(AnswerDocument):
    """What a rule on requests answers."""

    status: Status = setting("The status, 200 to 599.", shown="`200` of `respond`, `403` of `deny` and `tarpit`")


class AnswerRuleAnswerDocument(RuleAnswerDocument):
    """What a rule on answers gives in their place."""

    headers: dict[HeaderName, AnswerTemplate] | None = setting(
        'Headers; values are texts with `{expression}`. Content-Type is guessed unless given; `""` sends none.'
    )
    text: AnswerBodyTemplate = setting("The body, a text with `{expression}`.")


def _number(value: object) -> object:
    """A status alone, and `true` for the usual one."""
    if value is True:
        return made()
    return made(status=value) if isinstance(value, int) and not isinstance(value, bool) else value


def _status(value: object) -> str:
    """The status as it is a key of the file, which only has texts there."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        whole(int(value[:9]), 200, 599)
        return value
    raise mistake("not a status", expected="a whole number from 200 to 599")


def _short(value: object) -> object:
    return made(file=value) if isinstance(value, str) else value


StatusKey = Annotated[str, PlainValidator(_status), WithJsonSchema({"type": "string", "pattern": "^[2-5][0-9][0-9]$"})]
OwnAnswer = Annotated[AnswerDocument, BeforeValidator(_short, json_schema_input_type=AnswerDocument | str)]
RuleAnswer = Annotated[
    RuleAnswerDocument | None, BeforeValidator(_number, json_schema_input_type=RuleAnswerDocument | int | bool)
]
AnswerRuleAnswer = Annotated[
    AnswerRuleAnswerDocument | None,
    BeforeValidator(_number, json_schema_input_type=AnswerRuleAnswerDocument | int | bool),
]
Answers = dict[StatusKey, OwnAnswer] | None
