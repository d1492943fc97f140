"""Rule sets: what is done with connections, requests and answers, rule by rule, in order.

A rule set ends at the first rule whose act is final. Which acts a phase knows is the data plane's table; the readers
refuse the others where they are written.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenbin.model.expression import Expression


class Verb(StrEnum):
    """What a rule does; each with the members of `Act` that it takes.

    Final ones end their rule set: ALLOW (this set only), REJECT, DENY, TARPIT, SILENT_DROP, SWITCH_MODE, CLOSE, RETURN,
    REDIRECT, AUTH, SERVICE.
    """

    ALLOW = "allow"
    REJECT = "reject"  # close without an answer
    DENY = "deny"  # answer
    TARPIT = "tarpit"  # answer, after the backend's or frontend's `tarpit` timeout
    SILENT_DROP = "silent_drop"  # close without telling the client
    EXPECT_PROXY = "expect_proxy"  # the connection begins with a PROXY header
    SWITCH_MODE = "switch_mode"  # the connection is one of HTTP; name: "" as it shows, "h1", "h2"
    CLOSE = "close"  # the server's connection; what it has said goes to the client
    RETURN = "return"  # answer
    REDIRECT = "redirect"  # value: Location; number: code; answer: None, or its headers (set-cookie)
    AUTH = "auth"  # name: realm
    SERVICE = "service"  # name: a backend of ours (statistics page, metrics); counted as intercepted
    SET_HEADER = "set_header"  # name, value
    ADD_HEADER = "add_header"  # name, value
    DEL_HEADER = "del_header"  # name, method: str beg end sub reg
    REPLACE_HEADER = "replace_header"  # name, pattern (regex over the whole value), value (with \1 .. \9 as `template`)
    REPLACE_VALUE = "replace_value"  # the same over each comma-separated value
    SET_METHOD = "set_method"  # value
    SET_PATH = "set_path"  # value; the query stays
    SET_PATHQ = "set_pathq"  # value; path and query
    SET_QUERY = "set_query"  # value
    SET_URI = "set_uri"  # value; the whole target
    REPLACE_PATH = "replace_path"  # pattern, template
    REPLACE_PATHQ = "replace_pathq"  # pattern, template
    REPLACE_URI = "replace_uri"  # pattern, template
    NORMALIZE_URI = "normalize_uri"  # name: the normalizer, number 1: strict / full
    SET_STATUS = "set_status"  # number, name: reason phrase
    SET_VAR = "set_var"  # name: scope.name, value; method: condition (ifexists ...)
    UNSET_VAR = "unset_var"  # name
    SET_SOURCE = "set_source"  # value: address
    SET_SOURCE_PORT = "set_source_port"  # value
    SET_DESTINATION = "set_destination"  # value: address
    SET_DESTINATION_PORT = "set_destination_port"  # value
    TRACK = "track"  # number: slot 0-11, name: table, value: key
    INC_GPC = "inc_gpc"  # number: slot, index: which; name: "" gpc array, "gpc0", "gpc1"
    ADD_GPC = "add_gpc"  # the same, value: how many
    SET_GPT = "set_gpt"  # number: slot, index: which; name "gpt0" or ""; value
    CAPTURE = "capture"  # value; number: length (new slot in order) or index: of a declared slot; name: request|answer
    SET_MAP = "set_map"  # name: list, value: key, to: value
    DEL_MAP = "del_map"  # name, value: key
    ADD_ACL = "add_acl"  # name, value: pattern
    DEL_ACL = "del_acl"  # name, value: pattern
    SET_TIMEOUT = "set_timeout"  # name: server tunnel client connect queue tarpit, value: milliseconds
    SET_LOG_LEVEL = "set_log_level"  # name: emerg .. debug, silent
    LIMIT_BANDWIDTH = "limit_bandwidth"  # bandwidth; value: another limit, to: another period
    SET_PRIORITY_CLASS = "set_priority_class"  # value
    SET_PRIORITY_OFFSET = "set_priority_offset"  # value: milliseconds
    WAIT_BODY = "wait_body"  # number: milliseconds, index: at least so many bytes (0: all or a full buffer)
    EARLY_HINT = "early_hint"  # name, value
    PAUSE = "pause"  # value: milliseconds
    DISABLE_RETRY = "disable_retry"
    SET_RETRIES = "set_retries"  # value


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of our own. `text`, if given, is evaluated for each; otherwise `body` is the same for all."""

    status: int
    reason: str = ""
    headers: tuple[tuple[str, Expression], ...] = ()
    body: bytes = b""
    text: Expression | None = None


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """How much of what a client sends (`is_up`), or else gets, goes on: `limit` bytes within `period` ms.

    With a `key`, streams share it through the rate of bytes in a `table`, whose period holds. Pieces are `least` bytes
    or more. A limit takes the place of one with the same `name`; others hold beside it.
    """

    name: str
    is_up: bool
    limit: int
    period: int
    least: int = 0
    table: str = ""
    key: Expression | None = None


@dataclass(frozen=True, slots=True)
class Act:
    r"""What is done; members that a verb does not take keep their defaults.

    `template` is a text expression in which `\1` to `\9` stand for groups of `pattern`, put in after evaluation.
    """

    verb: Verb
    name: str = ""
    value: Expression | None = None
    to: Expression | None = None
    pattern: str = ""
    ignore_case: bool = False
    template: Expression | None = None
    method: str = ""
    number: int = 0
    index: int = 0
    answer: Answer | None = None
    bandwidth: Bandwidth | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """When `when` holds (None: always), act. `position` is `file:line:column` in the configuration."""

    when: Expression | None
    act: Act
    position: str


@dataclass(frozen=True, slots=True)
class Rules:
    """The rule sets of a frontend or backend, by phase.

    `connection`: as accepted; `session`: after PROXY header and TLS; `content`: on the first bytes, within
    `inspect_delay`; `request`: on the head; `answer_content`, `answer`: of the server; `after`: on every answer,
    also our own. A backend has no `connection` and `session`.
    """

    connection: tuple[Rule, ...] = ()
    session: tuple[Rule, ...] = ()
    content: tuple[Rule, ...] = ()
    request: tuple[Rule, ...] = ()
    answer_content: tuple[Rule, ...] = ()
    answer: tuple[Rule, ...] = ()
    after: tuple[Rule, ...] = ()
    inspect_delay: int = 0
    answer_inspect_delay: int = 0
