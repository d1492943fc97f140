"""Which server a client gets before one is chosen: rules that name it, tables that remember it, whom nothing binds."""

from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, model_validator

from tenbin.configfile.native.document.base import Document, as_list, made, not_empty, one_of, required, setting
from tenbin.configfile.native.document.types import AnswerCondition, AnswerKey, Condition, Flag, Key, Template, Text
from tenbin.configfile.problem import Mistake, Problem


class UseServerDocument(Document):
    """Requests that go to a server by its name, if it can take them."""

    what: ClassVar[str] = "a rule of `use_server`"
    elsewhere: ClassVar[dict[str, str]] = {"if": "it is `when`", "name": "it is `server`"}

    server: Template = required("The server's name, a text with `{expression}`.")
    when: Condition = setting("A condition, a Python expression; always unless given.")


class PersistDocument(Document):
    """Requests for which what is remembered of a client counts more, or less, than usual."""

    what: ClassVar[str] = "a rule of `persist`"
    elsewhere: ClassVar[dict[str, str]] = {"if": "it is `when`", "ignore": "it is `force: false`"}

    force: Flag = setting(
        "`true`: clients stay with a server even when it is down. `false`: nothing that is remembered counts.",
        default=True,
    )
    when: Condition = setting("A condition, a Python expression; always unless given.")


class StickDocument(Document):
    """A table that remembers which server a client has had."""

    what: ClassVar[str] = "a rule of `stick`"
    elsewhere: ClassVar[dict[str, str]] = {"if": "it is `when`", "on": "it is `key`", "type": "it stands in `tables`"}

    key: Key = setting("What a client is known by, such as `source`.")
    answer_key: AnswerKey | None = setting(
        "The same of the server's answer, such as a cookie that it sets; it is only remembered."
    )
    table: Text = setting("A table of `tables`; the only one unless given.")
    when: AnswerCondition = setting("A condition, a Python expression; always unless given.")
    match: Flag = setting("The key is looked up before a server is chosen.", shown=True)
    store: Flag = setting("The server is remembered under the key.", default=True)

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        kind = one_of(self, ("key", "answer_key"), what="a rule of `stick`", lacking="by what a client is known")
        if kind == "answer_key" and self.match:
            raise Mistake(Problem("a key of an answer is known too late to be looked up", key="match"))
        if not self.store and (kind == "answer_key" or self.match is False):
            raise Mistake(Problem("a rule of `stick` neither looks up nor remembers", key="store"))
        return self


def _short(value: object) -> object:
    return made(key=value) if isinstance(value, str) else value


Stick = Annotated[StickDocument, BeforeValidator(_short, json_schema_input_type=StickDocument | str)]
Sticks = Annotated[
    list[Stick] | None,
    BeforeValidator(as_list, json_schema_input_type=Stick | list[Stick]),
    BeforeValidator(not_empty("rules of `stick`")),
]
