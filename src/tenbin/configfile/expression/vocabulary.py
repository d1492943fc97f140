"""The words of a condition: what can be asked of a request, and what can be done with the answer.

The names and what they yield are those of the data plane's table of fetches and converters.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What an expression yields, as a message calls it. `UNKNOWN`: it has been reported as wrong already."""

    TEXT = "text"
    NUMBER = "a number"
    ADDRESS = "an IP address"
    TRUTH = "true or false"
    NOTHING = "None"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Name:
    """A fact about the request. `optional`: it can be absent or empty, so that its truth means something.

    `tcp`: known without a request. `answer`: known only when the server has answered. `shape` is what its text always
    looks like, for warnings about literals that can never be equal: "lower", "upper", "path" or "".
    """

    kind: Kind
    optional: bool = False
    tcp: bool = False
    answer: bool = False
    shape: str = ""


NAMES = {
    "path": Name(Kind.TEXT, shape="path"),
    "query": Name(Kind.TEXT, optional=True),
    "url": Name(Kind.TEXT, shape="path"),
    "method": Name(Kind.TEXT, shape="upper"),
    "host": Name(Kind.TEXT, shape="lower"),
    "scheme": Name(Kind.TEXT, shape="lower"),
    "http_version": Name(Kind.TEXT),
    "source": Name(Kind.ADDRESS, tcp=True),
    "source_port": Name(Kind.NUMBER, tcp=True),
    "port": Name(Kind.NUMBER, tcp=True),
    "server": Name(Kind.TEXT, answer=True),
    "status": Name(Kind.NUMBER, answer=True),
}

TCP_NAMES = frozenset(name for name, about in NAMES.items() if about.tcp)

CALLS = {"header": "header", "param": "query parameter", "cookie": "cookie"}
"""Facts that need a name, and what that is the name of. All are text and may be absent."""

FUNCTIONS = (*CALLS, "matches", "len")

METHODS = ("startswith", "endswith", "lower", "upper", "strip")

EXAMPLES = {
    "header": 'header("user-agent")',
    "param": 'param("page")',
    "cookie": 'cookie("session")',
    "matches": 'matches(path, "^/v[0-9]+/")',
    "len": "len(query)",
}

LATER = {
    "tls": "TLS",
    "sni": "TLS",
    "client_certificate": "TLS",
    "alpn": "TLS",
    "rate": "stick tables",
    "count": "stick tables",
    "table": "stick tables",
}
"""Names that a later version knows, and what they come with."""

FOREIGN = {
    "request": "write `path`, `method`, `header(...)` without anything before it",
    "req": "write `path`, `method`, `header(...)` without anything before it",
    "headers": 'one header is `header("name")`',
    "cookies": 'one cookie is `cookie("name")`',
    "params": 'one query parameter is `param("name")`',
    "args": 'one query parameter is `param("name")`',
    "uri": "the path with its query is `url`, the path alone `path`",
    "src": "the client's address is `source`",
    "ip": "the client's address is `source`",
    "client_ip": "the client's address is `source`",
    "remote_addr": "the client's address is `source`",
    "hostname": "the host that was asked for is `host`",
    "dst_port": "the port that was connected to is `port`",
    "hdr": 'one header is `header("name")`',
    "re": 'a regular expression is `matches(path, "...")`',
    "regex": 'a regular expression is `matches(path, "...")`',
    "true": "Python writes True",
    "false": "Python writes False",
    "null": "Python writes None",
}
"""What people write who come from elsewhere, and what it is called here."""

FOREIGN_METHODS = {
    "contains": 'a part of a text is `"part" in {0}`',
    "find": 'a part of a text is `"part" in {0}`',
    "index": 'a part of a text is `"part" in {0}`',
    "includes": 'a part of a text is `"part" in {0}`',
    "match": 'a regular expression is `matches({0}, "...")`',
    "search": 'a regular expression is `matches({0}, "...")`',
    "matches": 'a regular expression is `matches({0}, "...")`',
    "fullmatch": 'a regular expression is `matches({0}, "^...$")`',
    "beginswith": "it is `{0}.startswith(...)`",
    "begins_with": "it is `{0}.startswith(...)`",
    "has_prefix": "it is `{0}.startswith(...)`",
    "has_suffix": "it is `{0}.endswith(...)`",
    "starts_with": "it is `{0}.startswith(...)`",
    "ends_with": "it is `{0}.endswith(...)`",
    "casefold": "it is `{0}.lower()`",
    "tolower": "it is `{0}.lower()`",
    "trim": "it is `{0}.strip()`",
}
