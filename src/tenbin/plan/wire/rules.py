"""Rule sets, own answers, stick tables, live lists and log lines on the wire.

Owns the shapes; `tenbin.model.rules`, `tenbin.model.table` and `tenbin.model.logs` say what they mean.
"""

from typing import Literal

from tenbin.plan.wire.expression import Expr, Wire


class Answer(Wire):
    """`body` is base64; `text`, if given, takes its place."""

    status: int
    reason: str = ""
    headers: tuple[tuple[str, Expr], ...] = ()
    body: str = ""
    text: Expr | None = None


class Bandwidth(Wire):
    """See `tenbin.model.Bandwidth`."""

    name: str
    is_up: bool
    bytes: int
    period: int = 0
    least: int = 0
    table: str = ""
    key: Expr | None = None


class Act(Wire):
    """See `tenbin.model.Verb` for who takes what."""

    verb: str
    name: str = ""
    value: Expr | None = None
    to: Expr | None = None
    pattern: str = ""
    ignore_case: bool = False
    template: Expr | None = None
    method: str = ""
    number: int = 0
    index: int = 0
    answer: Answer | None = None
    bandwidth: Bandwidth | None = None


class Rule(Wire):
    """`when` None: always."""

    when: Expr | None = None
    act: Act
    position: str = ""


class Rules(Wire):
    """See `tenbin.model.Rules`."""

    connection: tuple[Rule, ...] = ()
    session: tuple[Rule, ...] = ()
    content: tuple[Rule, ...] = ()
    request: tuple[Rule, ...] = ()
    answer_content: tuple[Rule, ...] = ()
    answer: tuple[Rule, ...] = ()
    after: tuple[Rule, ...] = ()
    inspect_delay: int = 0
    answer_inspect_delay: int = 0


class Stored(Wire):
    """See `tenbin.model.Stored`."""

    name: str
    period: int = 0
    count: int = 0


class Table(Wire):
    """See `tenbin.model.Table`."""

    name: str
    key: Literal["ip", "ipv6", "integer", "string", "binary"]
    length: int
    size: int
    expire: int
    keep: bool = False
    stored: tuple[Stored, ...] = ()
    by_address: bool = False


class StickRule(Wire):
    """See `tenbin.model.StickRule`."""

    match: bool
    store: bool
    answer: bool
    key: Expr
    table: str
    when: Expr | None = None


class LiveList(Wire):
    """See `tenbin.model.LiveList`."""

    name: str
    entries: tuple[tuple[str, str], ...]
    is_map: bool
    stamp: str = ""


class LogTarget(Wire):
    """See `tenbin.model.LogTarget`."""

    address: str
    envelope: Literal["rfc3164", "rfc5424", "local", "priority", "short", "timed", "iso", "raw"]
    facility: int
    level: int
    least: int
    length: int
    sample: int = 0
    ranges: tuple[tuple[int, int], ...] = ()


class LogPart(Wire):
    """See `tenbin.model.LogPart`."""

    value: Expr
    quote: bool = False
    escape: bool = False
    hex: bool = False
    dash: bool = True
    key: str = ""


class Capture(Wire):
    """See `tenbin.model.Capture`."""

    answer: bool
    header: str
    length: int


class ProxyLog(Wire):
    """See `tenbin.model.ProxyLog`; `pid` stands in syslog lines."""

    targets: tuple[LogTarget, ...] = ()
    format: tuple[LogPart, ...] = ()
    error: tuple[LogPart, ...] = ()
    structured: tuple[LogPart, ...] = ()
    tag: str = "tenbin"
    host: str = ""
    pid: int = 0
    null: bool = True
    normal: bool = True
    early: bool = False
    raise_errors: bool = False
    captures: tuple[Capture, ...] = ()
    cookie: str = ""
    cookie_length: int = 0
