"""Rules: what is done with connections, requests and answers, rule by rule, in order."""

from typing import Annotated, ClassVar, Self

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema, model_validator

from tenbin.configfile.native import values
from tenbin.configfile.native.document.acts import (
    AnswerValue,
    CountDocument,
    EntryDocument,
    Normalize,
    Slot,
    TagDocument,
    TimeOrValue,
    TimeoutName,
    Value,
    WaitDocument,
)
from tenbin.configfile.native.document.answers import AnswerRuleAnswer, RuleAnswer
from tenbin.configfile.native.document.base import Document, as_list, made, one_of, required, setting
from tenbin.configfile.native.document.route import RedirectCode, RedirectDocument
from tenbin.configfile.native.document.route import _location as location
from tenbin.configfile.native.document.types import (
    AnswerCondition,
    AnswerTemplate,
    Condition,
    Flag,
    HeaderName,
    HeaderNames,
    HeaderTemplate,
    Key,
    Template,
    Text,
    Time,
    number,
    words,
)
from tenbin.configfile.problem import Mistake, Problem, mistake

SCOPES = ("proc", "sess", "txn", "req", "res")
CONDITIONS = {
    "exists": "ifexists",
    "not_exists": "ifnotexists",
    "empty": "ifempty",
    "not_empty": "ifnotempty",
    "set": "ifset",
    "not_set": "ifnotset",
    "greater": "ifgt",
    "less": "iflt",
}
"""When a variable is set, and what the model calls that."""
BESIDE = ("when", "only_if")
"""What stands beside the act of a rule."""
LEVELS = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "silent")


def _variable(value: object) -> str:
    """The name of a variable, which begins with how long it lives."""
    name = values.text(value)
    scope, dot, rest = name.partition(".")
    if scope not in SCOPES or not dot or not rest.replace("_", "").replace(".", "").isalnum():
        raise mistake("not the name of a variable", expected=f"{', '.join(SCOPES)}, a dot, and a name", hint="txn.user")
    return name


def _track(value: object) -> object:
    return made(key=value) if isinstance(value, str) else value


Variable = Annotated[str, PlainValidator(_variable), WithJsonSchema({"type": "string"})]
Ways = dict[Annotated[str, *words("a way to compare", "beg", "end", "sub", "reg")], str]
Conditions = Annotated[
    list[Annotated[str, *words("a condition of a variable", *CONDITIONS)]] | None,
    BeforeValidator(as_list, json_schema_input_type=str | list[str]),
]
Variables = Annotated[list[Variable] | None, BeforeValidator(as_list, json_schema_input_type=Variable | list[Variable])]


class PatternDocument(Document):
    """A regular expression and what stands in place of what it finds."""

    what: ClassVar[str] = "a replacement"
    elsewhere: ClassVar[dict[str, str]] = {"to": "it is `by`", "with": "it is `by`", "regex": "it is `pattern`"}

    pattern: Text = required("A regular expression, over the whole value.")
    by: Template = required("A text with `{expression}`, in which \\1 to \\9 are groups of the pattern.")


class TrackDocument(Document):
    """Counts under a key in a table, for as long as the connection or request lasts."""

    what: ClassVar[str] = "`track`"

    key: Key = required("What is counted under, such as `source`.")
    table: Text = setting("A table of `tables`; the only one unless given.")
    slot: Slot = setting("Which of twelve places, 0 to 11, `sc_conn_cur(0)` and the like ask for.", shown="the next")


class MapDocument(Document):
    """Changes an entry of a map, until the file is read again."""

    what: ClassVar[str] = "`set_map`"

    map: Text = required("The file of the map.")
    key: Template = required("The entry, a text with `{expression}`.")
    value: Template = required("What it stands for from now on.")


Track = Annotated[TrackDocument | None, BeforeValidator(_track, json_schema_input_type=TrackDocument | str)]
Redirect = Annotated[RedirectDocument | None, BeforeValidator(location, json_schema_input_type=RedirectDocument | str)]


class AnswerRedirectDocument(Document):
    """Sends the client elsewhere, whatever the server has answered."""

    what: ClassVar[str] = "`redirect`"

    location: AnswerTemplate | None = required("Where to, a text with `{expression}`.")
    code: RedirectCode = setting("The status: 301, 302, 303, 307 or 308.", 302)
    headers: dict[HeaderName, AnswerTemplate] | None = setting("Headers of the answer.")


AnswerRedirect = Annotated[
    AnswerRedirectDocument | None, BeforeValidator(location, json_schema_input_type=AnswerRedirectDocument | str)
]
Level = Annotated[str | None, *words("a level", *LEVELS)]


class StatusDocument(Document):
    """Another status for an answer."""

    what: ClassVar[str] = "`set_status`"

    status: Annotated[int | None, *number(100, 999)] = required("The status, 100 to 999.")
    reason: Text = setting("The words behind it; those of the standard unless given.")


AnswerStatus = Annotated[
    StatusDocument | None,
    BeforeValidator(
        lambda value: made(status=value) if isinstance(value, int) and not isinstance(value, bool) else value,
        json_schema_input_type=StatusDocument | int,
    ),
]


class _Rule(Document):
    """What all rules have in common: one act each."""

    what: ClassVar[str] = "a rule"
    elsewhere: ClassVar[dict[str, str]] = {
        "if": "it is `when`",
        "condition": "it is `when`",
        "accept": "it is `allow: true`",
        "backend": "where requests go is told by `routes`",
        "return": "it is `respond`",
        "del_header": "it is `remove_header`",
        "set_var": "it is `set_variable`",
        "rewrite": "it is `replace_path`",
    }

    @model_validator(mode="after")
    def _one_act(self) -> Self:
        acts = tuple(name for name in type(self).model_fields if name not in BESIDE)
        one_of(self, acts, what="a rule", lacking="what it does")
        return self


class _Remembering(_Rule):
    """What every rule may do: keep variables, and count in tables."""

    @model_validator(mode="after")
    def _only_variables(self) -> Self:
        if self.only_if and not (self.set_variable or self.set_variable_text):
            raise Mistake(Problem("`only_if` belongs to `set_variable`", key="only_if", hint="it is `when`"))
        return self

    when: Condition = setting("A condition, a Python expression; always unless given.")
    set_variable: dict[Variable, Value] | None = setting("Variables and expressions, such as `txn.user`.")
    set_variable_text: dict[Variable, HeaderTemplate] | None = setting(
        "Variables and texts with `{expression}` in them."
    )
    only_if: Conditions = setting(
        "When variables are set: if they are there already (`exists`) or not (`not_exists`), if the new value is "
        "nothing (`empty`), something (`not_empty`), known (`set`) or not (`not_set`), if what they hold is more "
        "(`greater`) or less (`less`) than it; all of a list."
    )
    unset_variable: Variables = setting("Names of variables that are forgotten.")
    count: CountDocument | None = setting("Counts in the entry that `track` has found.")
    tag: TagDocument | None = setting("Marks the entry that `track` has found.")


class ConnectionRule(_Remembering):
    """A rule on connections: as accepted, after TLS, or on their first bytes."""

    when: Condition = setting("A condition, a Python expression; always unless given.")
    allow: Flag = setting("Ends these rules: the connection goes on.")
    reject: Flag = setting("Closes the connection.")
    silent_drop: Flag = setting("Closes the connection without telling the client.")
    track: Track = setting("Counts the connection in a table.")
    set_source: Value | None = setting("The address that the client is taken to have, an expression.")
    set_source_port: Value | None = setting("The port that it is taken to have.")
    set_destination: Value | None = setting("The address that it is taken to have connected to.")
    set_destination_port: Value | None = setting("The port of that.")


class AnswerContentRule(_Remembering):
    """A rule on the first bytes that a server sends."""

    when: AnswerCondition = setting("A condition, a Python expression; always unless given.")
    allow: Flag = setting("Ends these rules: the bytes go on.")
    reject: Flag = setting("Closes the connection.")
    close: Flag = setting("Ends the connection to the server; the client gets what has come.")
    set_variable: dict[Variable, AnswerValue] | None = setting("Variables and expressions, such as `txn.greeting`.")


class _Headers(_Remembering):
    """What both kinds of messages have in common."""

    track: Track = setting("Counts in a table.")
    remove_header: HeaderNames = setting("Names of headers that are taken out.")
    replace_header: dict[HeaderName, PatternDocument] | None = setting("Headers whose values change by a pattern.")
    replace_value: dict[HeaderName, PatternDocument] | None = setting(
        "Headers each of whose values, between commas, change by a pattern."
    )
    remove_headers: Ways | None = setting("Headers that are taken out by their names: `beg`, `end`, `sub` or `reg`.")
    remove_from_map: EntryDocument | None = setting("Takes an entry out of a map.")
    add_to_list: EntryDocument | None = setting("Puts a pattern into a file of patterns.")
    remove_from_list: EntryDocument | None = setting("Takes a pattern out of a file of patterns.")
    set_map: MapDocument | None = setting("Changes an entry of a map.")
    log_level: Level = setting("The level of the line in the log; `silent` for none.")


class RequestRule(_Headers):
    """A rule on requests."""

    when: Condition = setting("A condition, a Python expression; always unless given.")
    allow: Flag = setting("Ends these rules: the routes decide.")
    reject: Flag = setting("Closes the connection without an answer.")
    silent_drop: Flag = setting("Closes the connection without telling the client.")
    deny: RuleAnswer = setting("Refuses the request; a number is the status, `true` means 403.")
    tarpit: RuleAnswer = setting("The same, but keeps the client waiting before.")
    respond: RuleAnswer = setting("Answers without asking a server; a number is the status.")
    redirect: Redirect = setting("Sends the client elsewhere; a text is the location.")
    set_header: dict[HeaderName, HeaderTemplate] | None = setting("Headers that replace those of the same name.")
    add_header: dict[HeaderName, HeaderTemplate] | None = setting("Headers beside those of the same name.")
    set_path: Template = setting("The path that the server sees, a text with `{expression}`.")
    set_query: Template = setting("The query that the server sees.")
    set_method: Template = setting("The method that the server sees.")
    set_url: Template = setting("The path and query that the server sees.")
    set_uri: Template = setting("The whole target that the server sees.")
    replace_path: PatternDocument | None = setting("Changes the path by a pattern.")
    replace_url: PatternDocument | None = setting("Changes path and query by a pattern.")
    replace_uri: PatternDocument | None = setting("Changes the whole target by a pattern.")
    normalize: Normalize = setting("Brings the target into one form, such as `path-merge-slashes`.")
    set_source: Value | None = setting("The address that the client is taken to have, an expression.")
    set_source_port: Value | None = setting("The port that it is taken to have.")
    set_destination: Value | None = setting("The address that it is taken to have connected to.")
    set_destination_port: Value | None = setting("The port of that.")
    set_timeout: dict[TimeoutName, TimeOrValue] | None = setting(
        "Timeouts of this request: times, or expressions that give milliseconds."
    )
    set_retries: Value | None = setting("Further tries of this request, a number or an expression.")
    disable_retry: Flag = setting("This request is not tried again once a server has had it.")
    priority_class: Value | None = setting("Requests that wait go by this number, the lowest first.")
    priority_offset: Value | None = setting("So many milliseconds later they seem to have come.")
    wait_for_body: WaitDocument | None = setting("Waits for the body, so that rules can look at it.")
    early_hint: dict[HeaderName, HeaderTemplate] | None = setting("Headers that are sent before the answer, as 103.")
    pause: Time = setting("Waits so long.")


class AnswerRule(_Headers):
    """A rule on answers; expressions know `status` and `server`."""

    when: AnswerCondition = setting("A condition on the answer, a Python expression such as `status >= 500`.")
    allow: Flag = setting("Ends these rules.")
    deny: AnswerRuleAnswer = setting("Answers this instead of what the server did; a number is the status.")
    respond: AnswerRuleAnswer = setting("Answers this instead of what the server did.")
    set_header: dict[HeaderName, AnswerTemplate] | None = setting("Headers that replace those of the same name.")
    add_header: dict[HeaderName, AnswerTemplate] | None = setting("Headers beside those of the same name.")
    redirect: AnswerRedirect = setting("Sends the client elsewhere instead; a text is the location.")
    set_status: AnswerStatus = setting("The status that the client gets: a number, or a mapping.")
    set_variable: dict[Variable, AnswerValue] | None = setting("Variables and expressions, such as `txn.slow`.")
    set_variable_text: dict[Variable, AnswerTemplate] | None = setting(
        "Variables and texts with `{expression}` in them."
    )


class BackendRules(Document):
    """The rules of a backend, by when they hold."""

    what: ClassVar[str] = "`rules`"
    elsewhere: ClassVar[dict[str, str]] = {
        "http_request": "it is `request`",
        "http_response": "it is `answer`",
        "response": "it is `answer`",
        "tcp_response": "it is `answer_content`",
        "tcp_request": "it is `content`",
        **dict.fromkeys(("connection", "session"), "only a frontend has them"),
    }

    content: list[ConnectionRule] | None = setting("On the first bytes of each connection.")
    inspect_delay: Time = setting("So long the first bytes are waited for.")
    request: list[RequestRule] | None = setting("On the head of each request.")
    answer: list[AnswerRule] | None = setting("On the head of each answer of a server.")
    after: list[AnswerRule] | None = setting("On each answer, also of Tenbin's own.")
    answer_content: list[AnswerContentRule] | None = setting("On the first bytes that a server sends.")
    answer_inspect_delay: Time = setting("So long these bytes are waited for.")


class FrontendRules(BackendRules):
    """The rules of a frontend, by when they hold."""

    elsewhere: ClassVar[dict[str, str]] = {
        **BackendRules.elsewhere,
        "tcp_request": "it is `connection`, `session` or `content`",
    }

    connection: list[ConnectionRule] | None = setting("On each connection as it is accepted.")
    session: list[ConnectionRule] | None = setting("On each connection after PROXY header and TLS.")
