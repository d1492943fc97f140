"""Answers of Tenbin's own, by status: what clients get in place of the built-in ones."""

from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema, model_validator

from tenbin.configfile.native.document.base import Document, made, one_of, setting, whole
from tenbin.configfile.native.document.types import HeaderName, HeaderTemplate, Status, Text
from tenbin.configfile.problem import Mistake, Problem, mistake


class AnswerDocument(Document):
    """What is answered."""

    what: ClassVar[str] = "an answer"
    elsewhere: ClassVar[dict[str, str]] = {
        "code": "it is `status`",
        "text": "it is `body`",
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

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        one_of(self, ("body", "file"), what="an answer")
        if self.status in (204, 205, 304) and (self.body or self.file):
            raise Mistake(Problem(f"an answer {self.status} has no body", key="body" if self.body else "file"))
        return self


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
Answers = dict[StatusKey, OwnAnswer] | None
