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

    `tcp`: known without a request; `http`: known with one. `answer`: known only when the server has answered. `shape`
    is what its text always looks like, for warnings about literals that can never be equal: "lower", "upper", "path",
    a key of `CLOSED` or "".
    """

    kind: Kind
    optional: bool = False
    tcp: bool = False
    http: bool = True
    answer: bool = False
    shape: str = ""


NAMES = {
    "path": Name(Kind.TEXT, shape="path"),
    "query": Name(Kind.TEXT, optional=True),
    "url": Name(Kind.TEXT, shape="path"),
    "method": Name(Kind.TEXT, shape="upper"),
    "host": Name(Kind.TEXT, shape="lower"),
    "scheme": Name(Kind.TEXT, shape="lower"),
    "http_version": Name(Kind.TEXT, shape="http_version"),
    "source": Name(Kind.ADDRESS, tcp=True),
    "source_port": Name(Kind.NUMBER, tcp=True),
    "port": Name(Kind.NUMBER, tcp=True),
    "tls": Name(Kind.TRUTH, tcp=True),
    "tls.version": Name(Kind.TEXT, optional=True, tcp=True, shape="tls.version"),
    "tls.sni": Name(Kind.TEXT, optional=True, tcp=True, shape="lower"),
    "tls.cipher": Name(Kind.TEXT, optional=True, tcp=True, shape="upper"),
    "tls.alpn": Name(Kind.TEXT, optional=True, tcp=True),
    "tls.resumed": Name(Kind.TRUTH, tcp=True),
    "tls.client.verified": Name(Kind.TRUTH, tcp=True),
    "tls.client.subject": Name(Kind.TEXT, optional=True, tcp=True),
    "tls.client.issuer": Name(Kind.TEXT, optional=True, tcp=True),
    "tls.client.name": Name(Kind.TEXT, optional=True, tcp=True),
    "tls.client.serial": Name(Kind.TEXT, optional=True, tcp=True, shape="lower"),
    "tls.client.fingerprint": Name(Kind.TEXT, optional=True, tcp=True, shape="lower"),
    "sni": Name(Kind.TEXT, optional=True, tcp=True, http=False, shape="lower"),
    "alpn": Name(Kind.TEXT, optional=True, tcp=True, http=False),
    "server": Name(Kind.TEXT, answer=True),
    "status": Name(Kind.NUMBER, answer=True),
}

TCP_NAMES = frozenset(name for name, about in NAMES.items() if about.tcp)
HTTP_NAMES = frozenset(name for name, about in NAMES.items() if about.http)

NAMESPACES = frozenset(name.partition(".")[0] for name in NAMES if "." in name)
"""Names that others begin with: what follows their dot is no method."""

CLOSED = {"http_version": ("1.0", "1.1", "2"), "tls.version": ("1.2", "1.3")}
"""Facts that have a few values only."""

CALLS = {"header": "header", "param": "query parameter", "cookie": "cookie"}
"""Facts that need a name, and what that is the name of. All are text and may be absent."""

FUNCTIONS = (*CALLS, "matches", "len", "rate", "table", "map", "fits")

METHODS = ("startswith", "endswith", "lower", "upper", "strip")

EXAMPLES = {
    "header": 'header("user-agent")',
    "param": 'param("page")',
    "cookie": 'cookie("session")',
    "matches": 'matches(path, "^/v[0-9]+/")',
    "len": "len(query)",
    "rate": 'rate(source, "10s") > 100',
    "table": 'table("clients").http_err_rate > 5',
    "map": 'map("hosts.map", host, "none") == "app"',
    "fits": 'fits(header("accept"), "sub -i", "html", "xml")',
}

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
    "ssl": "whether the client speaks TLS is `tls`",
    "https": "whether the client speaks TLS is `tls`",
    "server_name": "the name that the client asked for by TLS is `tls.sni`",
    "client_certificate": "it is `tls.client.verified`, `tls.client.subject` ...",
    "re": 'a regular expression is `matches(path, "...")`',
    "regex": 'a regular expression is `matches(path, "...")`',
    "true": "Python writes True",
    "false": "Python writes False",
    "null": "Python writes None",
}
"""What people write who come from elsewhere, and what it is called here."""

FOREIGN_FACTS = {
    "tls.client": "whether the client showed a good certificate is `tls.client.verified`",
    "tls.client.certificate": "whether the client showed a good certificate is `tls.client.verified`",
    "tls.client.cn": "the common name is `tls.client.name`",
    "tls.client.common_name": "the common name is `tls.client.name`",
    "tls.client.dn": "the distinguished name is `tls.client.subject`",
    "tls.server_name": "it is `tls.sni`",
    "tls.protocol": "that of TLS is `tls.version`, that of ALPN `tls.alpn`",
    "tls.suite": "it is `tls.cipher`",
}
"""The same for names with dots."""

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
